"""Caches of package managers: filled by set-up on commits of the integration branch, copied for every run.

    STATE/caches/TOOL             the shared cache
    STATE/caches/fill/            the repository, home and temporary folder in which set-up fills it
    STATE/caches/filled.key       what it was last filled for

Nothing that an agent wrote runs where the shared cache can be written: it is filled by the set-up commands of the
settings alone, on a commit that has landed, in a repository and a home that nothing else uses. A run, and a
verification, get a copy that they may change, and that is gone with the next one: npm and pip do not read a cache that
they cannot write. Large files in the copy are links to the shared ones, which the sandbox shows read-only; without a
sandbox everything is copied, so that no tool writes through a link by accident.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from coworkd.core.model import CacheTool, Check, SandboxLevel
from coworkd.slots.command_runner import CommandContext, carry_out
from coworkd.slots.private_repo import PrivateRepo
from coworkd.slots.repo_template import CommitIdentity, master_files, setup_key, survey
from coworkd.slots.setup_commands import copy_files
from coworkd.system.git import Repo
from coworkd.system.sandbox.policy import UNCONFINED
from coworkd.system.work_environment import cache_folder, cache_variables

_IDENTITY = CommitIdentity(name="coworkd set-up", email="set-up@agents.invalid")


@dataclass(frozen=True, slots=True)
class _Part:
    """A folder of a tool's cache that is worth keeping."""

    path: str
    linked: bool = False
    """Its files are never changed in place, but replaced: a link does."""
    whole: int = 0
    """How deep in it the folders are that are never changed once they are there; 0: none is known to be."""


_PARTS = {
    # npm writes an index entry before it believes it, and appends to it.
    CacheTool.NPM: (_Part("_cacache/content-v2", linked=True), _Part("_cacache/index-v5")),
    CacheTool.PIP: (_Part("http-v2", linked=True), _Part("http", linked=True), _Part("wheels", linked=True)),
    CacheTool.CARGO: (
        _Part("registry/index"),
        _Part("registry/cache", linked=True),
        _Part("registry/src", linked=True, whole=2),
        _Part("git/db", linked=True, whole=1),
        _Part("git/checkouts", linked=True, whole=2),
    ),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheFill:
    """What fills the shared caches."""

    tools: frozenset[CacheTool]
    commit: str
    """One of the integration branch: nothing that an agent alone wrote."""
    setup: tuple[str, ...]
    copy: tuple[str, ...]


def fill_folder(state: Path) -> Path:
    """Where set-up works that fills the shared caches: `repo/work` is its checkout."""
    return cache_folder(state) / "fill"


def shared_caches(state: Path, tools: Iterable[CacheTool]) -> tuple[Path, ...]:
    """The shared caches of these tools, which are made where they are missing."""
    folders = tuple(cache_folder(state) / tool for tool in sorted(tools))
    for folder in folders:
        folder.mkdir(parents=True, exist_ok=True)
    return folders


def fill_caches(repo: Repo, state: Path, fill: CacheFill, context: CommandContext) -> Check | None:
    """Run set-up with the shared caches, unless they were filled for the same; the check that is red.

    One call at a time. `context` is for `fill_folder`, and lets the shared caches be written.
    """
    key_file = cache_folder(state) / "filled.key"
    key = f"{setup_key(survey(repo, fill.commit), fill.setup)} {' '.join(sorted(fill.tools))}"
    if not fill.setup or (key_file.exists() and key_file.read_text() == key):
        return None
    means = context.confinement.means if context.confinement else UNCONFINED
    private = PrivateRepo(folder=fill_folder(state) / "repo", object_format=repo.object_format, means=means)
    recycled = private.work.exists()
    private.begin(master_files(repo, _IDENTITY), fill.commit)
    private.check_out(fill.commit, clean=recycled, ignored=True)
    copy_files(repo.root, private, fill.copy)
    variables = cache_variables(cache_folder(state), fill.tools)
    checks = carry_out(fill.setup, private.work, replace(context, env={**context.env, **variables}))
    if not checks[-1].green:
        return checks[-1]
    key_file.write_text(key)
    return None


def copy_caches(state: Path, folder: Path, tools: Collection[CacheTool], level: SandboxLevel) -> None:
    """Give a slot or gate its own copies of the shared caches, and take away those that it had."""
    copies = cache_folder(folder)
    shutil.rmtree(copies, ignore_errors=True)
    for tool in tools:
        (copies / tool).mkdir(parents=True, exist_ok=True)
        for part in _PARTS[tool]:
            linked = part.linked and level is not SandboxLevel.NONE
            _copy_part(cache_folder(state) / tool / part.path, copies / tool / part.path, part, linked=linked)


def _copy_part(source: Path, target: Path, part: _Part, *, linked: bool) -> None:
    place = os.symlink if linked else shutil.copyfile
    for path, is_folder in _entries(str(source), part.whole if linked else 0):
        to = f"{target}{path[len(str(source)) :]}"
        if is_folder:
            os.makedirs(to, exist_ok=True)
            continue
        with suppress(FileNotFoundError):  # set-up replaces files meanwhile
            place(path, to)


def _entries(folder: str, whole: int, depth: int = 0) -> Iterator[tuple[str, bool]]:
    """Folders, each before what is in it, and files; a folder at the depth `whole` counts as a file.

    Links are left out: where they lead to is not known here.
    """
    if not os.path.isdir(folder) or os.path.islink(folder):
        return
    yield folder, True
    with os.scandir(folder) as entries:
        listed = sorted(entries, key=lambda entry: entry.name)
    for entry in listed:
        if entry.is_dir(follow_symlinks=False) and depth + 1 != whole:
            yield from _entries(entry.path, whole, depth + 1)
        elif not entry.is_symlink():
            yield entry.path, False
