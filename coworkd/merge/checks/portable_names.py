"""Names that cannot stand beside each other, or at all, on the file system of another person. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

from coworkd.core.text_formats import shorten_middle

_RESERVED = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|(?:com|lpt)[0-9\u00b9\u00b2\u00b3])(?:[ .].*)?", re.IGNORECASE
)


def name_findings(added: Iterable[str], everything: Iterable[str]) -> tuple[str, ...]:
    """What is wrong with the paths that a change adds, in words; `everything`: all paths of the tree with them."""
    new = sorted(set(added))
    twins = _twins(new, everything) if new else {}
    return tuple(text for path in new for text in _findings(path, twins.get(path, "")))


def _findings(path: str, twin: str) -> Iterator[str]:
    if twin:
        both = f"{_escape_name(path)} and {_escape_name(twin)}"
        yield f"{both} are one name on file systems that ignore case or normalise Unicode"
    for part in path.split("/"):
        if _RESERVED.fullmatch(part):
            yield f"{_escape_name(path)}: `{_escape_name(part)}` is a reserved name on Windows"
        elif part.endswith((".", " ")):
            yield f"{_escape_name(path)}: a name that ends with a dot or space loses it on Windows"


def _twins(new: list[str], everything: Iterable[str]) -> dict[str, str]:
    """Added path -> another path, or folder of one, that becomes the same."""
    known: dict[str, set[str]] = {}
    for path in everything:
        for name in _with_folders(path):
            known.setdefault(folded(name), set()).add(name)
    found: dict[str, str] = {}
    for path in new:
        for name in _with_folders(path):
            others = known.get(folded(name), set()) - {name}
            if others:
                found[path] = min(others)
                break
    return found


def _with_folders(path: str) -> Iterator[str]:
    """Outermost first: where folders collide, that is what is to be told."""
    yield from (path[: match.start()] for match in re.finditer("/", path))
    yield path


def folded(name: str) -> str:
    """Equal for names that some file system takes for one."""
    whole = unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
    return "/".join(part.rstrip(". ") or part for part in whole.split("/"))


def _escape_name(name: str) -> str:
    """With marks and letters that look alike told apart."""
    plain = name if name.isascii() else name.encode("unicode_escape", "backslashreplace").decode("ascii")
    return shorten_middle(plain, 120)
