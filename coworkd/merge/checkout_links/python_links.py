"""What of a Python installation leads into a checkout: `.pth` files, editable finders, links among its packages."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

from coworkd.merge.checkout_links.checkouts import Checkouts

_MAX_BYTES = 2_000_000
_SHEBANG = re.compile(rb"^#!\s*(\S+)(?:[ \t]+(?:-S[ \t]+)?(\S+))?")
_LONG_SHEBANG = re.compile(rb"""^'''exec'\s+["']?([^"'\n]+?)["']?\s+"\$0""", re.MULTILINE)
"""How pip writes an interpreter whose path is too long, or has a space, for the first line."""
_VERSION = re.compile(r"python(\d+\.\d+)$")


def python_link(interpreter: str, checkouts: Checkouts) -> tuple[str, str]:
    """What leads from the packages of this interpreter into a checkout: (file, where to); ("", "") if nothing."""
    return next((found for folder in site_folders(interpreter) for found in _links(folder, checkouts)), ("", ""))


def script_interpreter(path: str) -> tuple[str, ...]:
    """The words after a script's `#!`; empty for a program that is no script."""
    try:
        with open(path, "rb") as file:
            head = file.read(2000)
    except OSError:
        return ()
    found = _SHEBANG.match(head)
    if found is None:
        return ()
    if found[1].endswith(b"/sh") and (longer := _LONG_SHEBANG.search(head)):
        return (os.fsdecode(longer[1]),)
    return tuple(os.fsdecode(word) for word in found.groups() if word is not None)


def is_environment(interpreter: str) -> bool:
    """Whether it is that of a virtual environment."""
    return (Path(interpreter).parent.parent / "pyvenv.cfg").is_file()


def site_folders(interpreter: str) -> list[Path]:
    """The folders with packages that an interpreter has, as its own layout says."""
    home = Path(interpreter).parent.parent
    settings = home / "pyvenv.cfg"
    if not settings.is_file():
        return _package_folders(os.path.realpath(interpreter))
    text = settings.read_text(errors="replace")
    own = [*home.glob("lib/python*/site-packages"), *home.glob("lib64/python*/site-packages")]
    if re.search(r"^include-system-site-packages\s*=\s*true", text, re.MULTILINE | re.IGNORECASE):
        base = re.search(r"^home\s*=\s*(.+?)\s*$", text, re.MULTILINE)
        version = re.search(r"^version(?:_info)?\s*=\s*(\d+\.\d+)", text, re.MULTILINE)
        if base is not None and version is not None:
            own += _package_folders(os.path.realpath(Path(base[1]) / f"python{version[1]}"))
    return list(dict.fromkeys(Path(os.path.realpath(folder)) for folder in own))


def _package_folders(real: str) -> list[Path]:
    """Of an interpreter that is no virtual environment."""
    found = _VERSION.search(os.path.basename(real))
    prefix = Path(real).parent.parent
    names = [f"python{found[1]}"] if found else [path.name for path in prefix.glob("lib/python3.*")]
    folders = [prefix / "lib" / name / kind for name in names for kind in ("site-packages", "dist-packages")]
    folders.append(prefix / "lib" / "python3" / "dist-packages")
    if str(prefix) == "/usr":
        folders += [
            Path("/usr/local/lib") / name / kind for name in names for kind in ("dist-packages", "site-packages")
        ]
    return [folder for folder in folders if folder.is_dir()]


def _links(folder: Path, checkouts: Checkouts) -> Iterator[tuple[str, str]]:
    if checkouts.root_of(str(folder)):
        yield str(folder), os.path.realpath(folder)
        return
    for entry in sorted(os.scandir(folder), key=lambda entry: entry.name) if folder.is_dir() else ():
        if entry.is_symlink() and checkouts.root_of(entry.path):
            yield entry.path, os.path.realpath(entry.path)
        elif entry.name.endswith(".dist-info"):
            yield from _checkouts_named_in(Path(entry.path, "direct_url.json"), checkouts)
        elif entry.name.endswith(".pth"):
            yield from _path_lines(Path(entry.path), checkouts)
        elif entry.name.endswith(".egg-link") or ("editable" in entry.name and entry.name.endswith(".py")):
            yield from _checkouts_named_in(Path(entry.path), checkouts)


def _path_lines(file: Path, checkouts: Checkouts) -> Iterator[tuple[str, str]]:
    for line in _read_text(file).splitlines():
        if line.startswith(("import ", "import\t")):
            if root := checkouts.named_in(line):
                yield str(file), root
        elif line.strip() and not line.startswith("#") and checkouts.root_of(path := str(file.parent / line.strip())):
            yield str(file), os.path.realpath(path)


def _checkouts_named_in(file: Path, checkouts: Checkouts) -> Iterator[tuple[str, str]]:
    if root := checkouts.named_in(_read_text(file)):
        yield str(file), root


def _read_text(file: Path) -> str:
    try:
        return file.read_bytes()[:_MAX_BYTES].decode("utf-8", "surrogateescape")
    except OSError:
        return ""
