"""The port to what git knows, on the user's repository.

Bytes are foreign when, at first sight, the object database already holds them as a blob and no commit made in this
repository put them there. Foreign text is shown and starts nothing.
"""

from __future__ import annotations

from coworkd.repo import Repo
from coworkd.repo.origin import committed_here, heads_since, index_lists, known_blob
from coworkd.repo.refs import operation_under_way


class RepoHistory:
    """Answers for one repository; `folder` is the workspace's path within it."""

    def __init__(self, repo: Repo, folder: str = ".cowork") -> None:
        self._repo = repo
        self._folder = folder

    def head(self) -> str:
        return self._repo.commit("HEAD") or ""

    def stash(self) -> str:
        return self._repo.commit("refs/stash") or ""

    def operation(self) -> str:
        return operation_under_way(self._repo)

    def index_lists(self, path: str) -> bool:
        return bool(index_lists(self._repo, [self._within(path)]))

    def last_with(self, path: str, since: str) -> str:
        within = self._within(path)
        heads = heads_since(self._repo, since) if since else []
        return next((commit for commit in heads if self._repo.resolve(f"{commit}:{within}")), "")

    def descends(self, new: str, old: str) -> bool:
        return self._repo.is_ancestor(old, new)

    def brought(self, path: str, data: bytes) -> bool:
        within = self._within(path)
        blob = known_blob(self._repo, data, within)
        return blob is not None and not committed_here(self._repo, blob, within)

    def _within(self, path: str) -> str:
        return f"{self._folder}/{path}"
