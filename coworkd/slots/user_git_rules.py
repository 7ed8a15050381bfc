"""The user's own rules for git, beside those of the repository: what is ignored and converted, in a slot too.

git reads them from `.git/info` and from the files that `core.excludesFile` and `core.attributesFile` name, by default
in `$XDG_CONFIG_HOME/git`. Filters are programs, which no slot runs: a commit that needs one is refused.
"""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from coworkd.system import paths_and_settings
from coworkd.system.git import Repo
from coworkd.system.git.trees import TreeEntry

ATTRIBUTES, EXCLUDES = "attributes", "ignore"
"""Files of the user's own, as git names them in its folder."""

_SETTINGS = {ATTRIBUTES: "core.attributesFile", EXCLUDES: "core.excludesFile"}
_BOM = b"\xef\xbb\xbf"
_FILTER = re.compile(rb"^[^#\n]*\sfilter=(\S+)", re.MULTILINE)


def user_file(repo: Repo, name: str) -> Path:
    """The user's own file of attributes or of what is ignored; it need not exist."""
    setting = repo.settings().get(_SETTINGS[name].lower())
    if setting is None:
        return paths_and_settings.git_home() / name
    if setting.startswith(("~", "%(", ":(")):
        # Folders that git knows best.
        setting = repo.run("config", "--type=path", "-z", "--get", _SETTINGS[name]).fields[0]
    return repo.root / setting  # git reads a relative path from the top of the worktree, too


def read_rules(file: Path) -> bytes:
    """The bytes of a file of rules, to be appended to others; empty when it cannot be read, as for git."""
    try:
        found = file.read_bytes().removeprefix(_BOM) if file.is_file() else b""
    except OSError:
        return b""
    return found if not found or found.endswith(b"\n") else found + b"\n"


def ignore_rules(repo: Repo) -> bytes:
    """What is ignored here beside the repository's own `.gitignore` files: no submission may contain it."""
    # The later rule wins, for git too.
    return read_rules(user_file(repo, EXCLUDES)) + read_rules(repo.common_dir / "info" / "exclude")


# ---- filters


def filter_reason(repo: Repo, commit: str, entries: Sequence[TreeEntry]) -> str:
    """Why a worktree of `commit` would show files otherwise than the user's checkout does; empty when it would not.

    The repository's own attributes count by what they name: they are about files to come as well. The user's own, which
    are for all repositories, count where a file of the commit matches.
    """
    settings = repo.settings()
    for place, rules in _repository_rules(repo, entries):
        for name in _active_filters(rules, settings):
            return f"{place} sends files through {_unsupported_reason(name)}"
    user_rules = user_file(repo, ATTRIBUTES)
    for name in _active_filters(read_rules(user_rules), settings):
        for path in _filtered_files(repo, commit, entries, name):
            return f"{user_rules} sends `{path}` through {_unsupported_reason(name)}"
    return ""


def _repository_rules(repo: Repo, entries: Iterable[TreeEntry]) -> Iterator[tuple[str, bytes]]:
    for entry in entries:
        if entry.path == ".gitattributes" or entry.path.endswith("/.gitattributes"):
            yield entry.path, repo.blob(entry.object_id)
    yield ".git/info/attributes", read_rules(repo.common_dir / "info" / "attributes")


def _active_filters(rules: bytes, settings: Mapping[str, str]) -> list[str]:
    """The filters named in a file of attributes that make the files of a checkout others than those that are stored."""
    named = dict.fromkeys(os.fsdecode(found) for found in _FILTER.findall(rules))
    return [
        name
        for name in named
        if name in ("lfs", "git-crypt")
        or settings.get(f"filter.{name}.smudge", "cat") != "cat"
        or f"filter.{name}.process" in settings
    ]


def _filtered_files(repo: Repo, commit: str, entries: Iterable[TreeEntry], name: str) -> Iterator[str]:
    """The files of a commit that git sends through a filter."""
    with tempfile.TemporaryDirectory() as scratch:
        env = {"GIT_INDEX_FILE": str(Path(scratch, "index"))}
        repo.run("read-tree", commit, env=env)
        paths = os.fsencode("".join(f"{entry.path}\0" for entry in entries))
        command = ("check-attr", "--cached", "--stdin", "-z", "filter")
        fields = repo.run(*command, stdin=paths, env=env).fields
    for path, _, value in zip(*[iter(fields)] * 3, strict=True):
        if value == name:
            yield path


def _unsupported_reason(name: str) -> str:
    return (
        f"the filter {name!r}, which slots do not support: agents would see its stored form (for Git LFS, pointers)"
        " instead of the files"
    )
