"""Which blobs git holds at which paths now: in its index, and at the tip of every ref.

Answers questions about the user's repository and changes nothing. Many files are asked about at once: a process for
each would cost more than all else that is done with one.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress

from coworkd.system.git.repository import Repo

_PSEUDO_REFS = ("HEAD", "ORIG_HEAD", "MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "REBASE_HEAD")
_STASH_PARENTS = ("", "^2", "^3")
"""A stash is a commit; its parents hold the index, and the files that were not tracked."""


class Tips:
    """Asks one repository about the files below one folder; remembers the index for as long as it stays the same."""

    def __init__(self, repo: Repo, folder: str) -> None:
        self._repo = repo
        self._folder = folder
        self._index: frozenset[tuple[str, str]] = frozenset()
        self._index_stat: tuple[int, int, int] | None = None

    def hold(self, blobs: Mapping[str, str]) -> frozenset[str]:
        """Those of these paths, relative to the root, at which the index or a tip holds this very blob."""
        index = self._indexed()
        found = {path for path, blob in blobs.items() if (path, blob) in index}
        return frozenset(found | self._at_tips({path: blob for path, blob in blobs.items() if path not in found}))

    def _indexed(self) -> frozenset[tuple[str, str]]:
        """Path and blob of everything in the index below the folder, each side of a conflict included."""
        try:
            stat = os.stat(self._repo.git_dir / "index")
        except OSError:
            return frozenset()
        now = (stat.st_mtime_ns, stat.st_size, stat.st_ino)
        if now != self._index_stat:
            lines = self._repo.run("ls-files", "-s", "-z", "--", f"{self._folder}/").fields
            entries = (line.split("\t", 1) for line in lines)
            self._index = frozenset((path, about.split(" ")[1]) for about, path in entries)
            self._index_stat = now
        return self._index

    def _at_tips(self, blobs: Mapping[str, str]) -> set[str]:
        if not blobs:
            return set()
        # Most tips have the same folder: each is asked once.
        folders = self._repo.resolve_all([f"{tip}:{self._folder}" for tip in self._tips()])
        trees = sorted({tree for tree in folders if tree})
        asked = [(path, tree) for path in blobs for tree in trees]
        answers = self._repo.resolve_all([f"{tree}:{self._inside(path)}" for path, tree in asked])
        found = {path for (path, _), blob in zip(asked, answers, strict=True) if blob == blobs[path]}
        return found | {path for path in blobs if "\n" in path and self._listed(path, blobs[path], trees)}

    def _tips(self) -> list[str]:
        """Commits, or names of commits; a name that there is not is no commit either."""
        repo = self._repo
        refs = repo.run("for-each-ref", "--format=%(objectname)").text.split()
        fetched = {word for folder in (repo.git_dir, repo.common_dir) for word in _first_words(folder / "FETCH_HEAD")}
        stashes = {f"{commit}{which}" for commit in self._stashes() for which in _STASH_PARENTS}
        return list(dict.fromkeys([*refs, *_PSEUDO_REFS, *sorted(fetched), *sorted(stashes)]))

    def _stashes(self) -> list[str]:
        with suppress(OSError):
            lines = (self._repo.common_dir / "logs" / "refs" / "stash").read_bytes().splitlines()
            return [line.split(b" ")[1].decode() for line in lines if line.count(b" ") > 1]
        return []

    def _inside(self, path: str) -> str:
        return path.removeprefix(f"{self._folder}/")

    def _listed(self, path: str, blob: str, trees: Iterable[str]) -> bool:
        """For names that cannot be asked about in a line."""
        asked = ("--literal-pathspecs", "ls-tree", "-z")
        entries = (field for tree in trees for field in self._repo.run(*asked, tree, "--", self._inside(path)).fields)
        return any(field.split("\t", 1)[0].endswith(f" {blob}") for field in entries)


def _first_words(file: os.PathLike[str]) -> list[str]:
    with suppress(OSError), open(file, encoding="ascii", errors="replace") as lines:
        return [line.split("\t", 1)[0].strip() for line in lines if line.strip()]
    return []
