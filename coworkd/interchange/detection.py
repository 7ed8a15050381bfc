"""Which format a path is in, seen from its content; and its sources."""

from __future__ import annotations

from pathlib import Path

from coworkd.core.errors import DocumentError, RefusedSourceError
from coworkd.interchange.formats.backlog import read_backlog
from coworkd.interchange.formats.beads import read_beads
from coworkd.interchange.formats.github import read_github
from coworkd.interchange.formats.openspec import BOX, read_change
from coworkd.interchange.formats.prd import read_prd
from coworkd.interchange.formats.speckit import TASK, read_feature
from coworkd.interchange.formats.taskmaster import read_taskmaster
from coworkd.interchange.items import ParsedSource, SourceKind
from coworkd.interchange.located_json import JsonObject, read_json

MAX_BYTES = 64_000_000
_KNOWN_PLACES = ("backlog", ".beads/issues.jsonl", ".taskmaster/tasks/tasks.json", "openspec", "specs", "prd.json")


def read_sources(path: Path, kind: SourceKind | None = None) -> list[ParsedSource]:
    """All sources at a path. Raises `RefusedSourceError` for what is none, or of another kind than `kind`."""
    if not path.exists():
        raise RefusedSourceError(f"{path}: no such file or folder")
    sources = _in_folder(path, kind) if path.is_dir() else _in_file(path, kind)
    if not any(source.items or source.skipped for source in sources):
        raise RefusedSourceError(f"{path}: there is nothing to import in it")
    found = sources[0].kind
    if kind is not None and found is not kind:
        raise RefusedSourceError(f"{path} is {found}, not {kind}; leave out `--as`")
    return sources


def known_backlog(root: Path) -> Path | None:
    """A backlog of a known tool in a repository, at the place where that tool keeps it."""
    for name in _KNOWN_PLACES:
        place = root / name
        try:
            if place.exists() and read_sources(place):
                return Path(name)
        except (RefusedSourceError, OSError):
            continue
    return None


def _in_folder(folder: Path, kind: SourceKind | None) -> list[ParsedSource]:
    if (folder / "SKILL.md").is_file():
        raise RefusedSourceError(f"{folder} is a skill, not tasks: lay the folder under `.cowork/skills/`")
    if kind is SourceKind.BACKLOG or ((folder / "tasks").is_dir() and any((folder / "tasks").glob("*.md"))):
        return read_backlog(folder)
    if (folder / "changes").is_dir():
        changes = [*folder.glob("changes/*/tasks.md"), *folder.glob("changes/archive/*/tasks.md")]
        return [read_change(path) for path in sorted(changes, key=lambda path: (len(path.parts), path))]
    for name in ("issues.jsonl", ".beads/issues.jsonl", "tasks/tasks.json", "tasks.md", "prd.json"):
        if (folder / name).is_file():
            return _in_file(folder / name, kind)
    if features := sorted(folder.glob("*/tasks.md")):
        return [source for path in features for source in _in_file(path, kind)]
    raise RefusedSourceError(f"{folder}: there is no backlog of a known tool in it; name its file or folder")


def _in_file(path: Path, kind: SourceKind | None) -> list[ParsedSource]:
    if path.stat().st_size > MAX_BYTES:
        raise RefusedSourceError(f"{path} has more than {MAX_BYTES // 1_000_000} MB")
    if path.name == "SKILL.md":
        raise RefusedSourceError(f"{path} is a skill, not tasks: lay its folder under `.cowork/skills/`")
    if path.suffix == ".jsonl":
        return read_beads(path)
    if path.suffix == ".json":
        return _in_json(path)
    if path.suffix == ".md":
        return [_in_list(path, kind)]
    raise RefusedSourceError(f"{path} is in no format that can be imported")


def _in_list(path: Path, kind: SourceKind | None) -> ParsedSource:
    lines = path.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    if kind is SourceKind.SPECKIT or (kind is None and any(TASK.match(line) for line in lines)):
        return read_feature(path)
    is_change = "changes" in path.resolve().parts[-4:-1] or any(BOX.match(line) for line in lines)
    if kind is SourceKind.OPENSPEC or is_change:
        return read_change(path)
    raise RefusedSourceError(f"{path}: there is no list of tasks in it")


def _in_json(path: Path) -> list[ParsedSource]:
    try:
        found = read_json(path.read_text(encoding="utf-8-sig", errors="replace"))
    except DocumentError as error:
        raise RefusedSourceError(f"{path}:{error.line}: {error.message}; nothing of it was imported") from error
    if isinstance(found, list):
        if any(isinstance(one, JsonObject) and "number" in one.values for one in found):
            return read_github(path, found)
    elif isinstance(found, JsonObject):
        if isinstance(found.values.get("userStories"), list):
            return read_prd(path, found)
        sources = read_taskmaster(path, found)
        if any(source.items for source in sources):
            return sources
    raise RefusedSourceError(
        f"{path} holds no tasks: neither `userStories` (prd.json), nor tags with `tasks` (task-master), nor issues of"
        " `gh issue list --json`"
    )
