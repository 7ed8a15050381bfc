"""The files of one commit, read as they are asked for. Blocking: for jobs."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Mapping
from dataclasses import dataclass, field

from coworkd.system.git import Repo
from coworkd.system.git.trees import files_of

_LINK, _GITLINK = "120000", "160000"
_MAX_LINKS = 8


@dataclass(slots=True, kw_only=True)
class CommitTree:
    """The files of one commit; texts are read when they are asked for."""

    repo: Repo
    commit: str
    paths: Mapping[str, tuple[str, str]]
    """Path -> mode and object id."""
    _texts: dict[str, str | None] = field(default_factory=dict[str, str | None], init=False)

    @classmethod
    def read(cls, repo: Repo, commit: str) -> CommitTree:
        paths = {entry.path: (entry.mode, entry.object_id) for entry in files_of(repo, commit)}
        return cls(repo=repo, commit=commit, paths=paths)

    def text(self, path: str) -> str | None:
        """What a file says, that a link leads to included; None: there is no such file."""
        target = self.target(path)
        if target not in self._texts:
            mode, object_id = self.paths.get(target, (_GITLINK, ""))
            known = mode not in (_LINK, _GITLINK)
            self._texts[target] = self.repo.blob(object_id).decode("utf-8", "replace") if known else None
        return self._texts[target]

    def target(self, path: str) -> str:
        """The file that a path leads to; itself but for links."""
        for _ in range(_MAX_LINKS):
            mode, object_id = self.paths.get(path, ("", ""))
            if mode != _LINK:
                break
            goal = os.fsdecode(self.repo.blob(object_id))
            path = posixpath.normpath(posixpath.join(posixpath.dirname(path), goal))
        return path
