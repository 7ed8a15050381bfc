"""Packs of a repository: how many there are, and joining the small ones.

Each import of a run's work adds a pack, and git opens the index of every pack for each object that it looks for: with
600 packs a process that reads one commit takes six times as long. Git joins packs by itself only when its user runs a
command like `git commit`.
"""

from __future__ import annotations

from coworkd.system.git.repository import Repo

_TIMEOUT = 600.0


def count_packs(repo: Repo) -> int:
    """The packs in the repository's own store that may be joined: those without a keep file."""
    names = [file.name for file in (repo.common_dir / "objects" / "pack").glob("pack-*")]
    kept = {name.removesuffix(".keep") for name in names if name.endswith(".keep")}
    return sum(name.endswith(".idx") and name.removesuffix(".idx") not in kept for name in names)


def join_packs(repo: Repo) -> bool:
    """Join small packs, so that each that is left has at least twice the objects of the next smaller; drop no object.

    False where the repository is not to be packed: `gc.auto` is 0, or objects are fetched only when they are needed.
    """
    on_demand = any(name.endswith((".promisor", ".partialclone")) for name in repo.settings())
    if on_demand or _gc_is_off(repo):
        return False
    repo.run("repack", "--geometric=2", "-d", "-l", "-q", "--no-write-bitmap-index", timeout=_TIMEOUT)
    return True


def _gc_is_off(repo: Repo) -> bool:
    """Whether the user has turned `gc --auto` off, which coworkd's own commands always do."""
    lines = repo.run("config", "--get-all", "--show-scope", "gc.auto", check=False).lines
    values = [value for scope, _, value in (line.partition("\t") for line in lines) if scope != "command"]
    return values[-1:] == ["0"]
