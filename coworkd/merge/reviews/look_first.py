"""Where in a change a reader looks first: what is dangerous, what checks it, what is gone, and where most of it is.

Pure.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from coworkd.merge.checks.test_cases import is_test_path
from coworkd.merge.git.change_summary import ChangeSummary, FileChange

MAX_SPOTS = 5
"""More than that is no beginning."""
LARGE_SHARE = 0.2
"""The part of the lines that were changed by hand from which on a file is one to begin with."""
_CODE = frozenset(
    {".py", ".pyi", ".js", ".jsx", ".ts", ".tsx", ".mjs", ".cjs", ".vue", ".svelte", ".rs", ".go", ".java", ".kt"}
    | {".rb", ".php", ".c", ".cc", ".cpp", ".h", ".hpp", ".cs", ".swift", ".scala", ".ex", ".exs", ".sh"}
)
_GENERATED = (
    *("package-lock.json", "yarn.lock", "pnpm-lock.yaml", "poetry.lock", "uv.lock", "cargo.lock", "go.sum"),
    *("composer.lock", "gemfile.lock", ".min.js", ".min.css", ".snap", ".map"),
)
"""How the names of files end that programs write."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Spot:
    """A file to look at, and why."""

    path: str
    why: str


def look_first(change: ChangeSummary) -> tuple[Spot, ...]:
    """At most `MAX_SPOTS` files, the gravest first; none where there is only one file, which is no choice."""
    if len(change.files) < 2:
        return ()
    found: dict[str, str] = {}
    for spot in (*_risky(change), *_named_by_findings(change), *_deleted(change.files), *_large(change)):
        found.setdefault(spot.path, spot.why)
    return tuple(Spot(path=path, why=why) for path, why in list(found.items())[:MAX_SPOTS])


def lacks_tests(change: ChangeSummary) -> bool:
    """Whether code is changed, and no test along with it."""
    paths = [file.path for file in change.files if file.status != "D"]
    return any(posixpath.splitext(path)[1] in _CODE for path in paths) and not any(map(is_test_path, paths))


def _risky(change: ChangeSummary) -> Iterator[Spot]:
    for risk in change.risks:
        yield Spot(path=risk.path, why=str(risk.tag))


def _named_by_findings(change: ChangeSummary) -> Iterator[Spot]:
    """Findings begin with the file that they are about."""
    for finding in change.findings:
        path = next((f.path for f in change.files if finding.what.startswith((f"{f.path} ", f"{f.path}:"))), "")
        if path:
            yield Spot(path=path, why=finding.what[len(path) :].lstrip(": "))


def _deleted(files: Sequence[FileChange]) -> Iterator[Spot]:
    gone = [file for file in files if file.status == "D"]
    yield from (Spot(path=file.path, why="is deleted") for file in sorted(gone, key=lambda f: -lines_in(f))[:2])


def _large(change: ChangeSummary) -> Iterator[Spot]:
    """Written by hand, and with much of the change."""
    every = change.insertions + change.deletions
    own = [file for file in change.files if not file.path.casefold().endswith(_GENERATED)]
    by_hand = sum(map(lines_in, own))
    for file in sorted(own, key=lambda f: (is_test_path(f.path), -lines_in(f))):
        if lines_in(file) >= LARGE_SHARE * max(by_hand, 1):
            yield Spot(path=file.path, why=f"{lines_in(file)} of the {every} changed lines")


def lines_in(file: FileChange) -> int:
    """How many lines of a file were added or removed; 0: it is binary."""
    return (file.added or 0) + (file.removed or 0)
