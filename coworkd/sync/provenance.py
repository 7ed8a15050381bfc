"""Typed here, or came by git.

Bytes are foreign when, at first sight, the object database already holds them as a blob and no commit made in this
repository put them there. Foreign text is shown and starts nothing.
"""

from __future__ import annotations

from coworkd.repo import Repo
from coworkd.repo.origin import committed_here, known_blob


class Provenance:
    """Answers for one repository; the folder is given as its path within the repository."""

    def __init__(self, repo: Repo, folder: str = ".cowork") -> None:
        self._repo = repo
        self._folder = folder

    def pulled(self, path: str, data: bytes) -> bool:
        """Whether these bytes, seen for the first time, came into the working tree through git."""
        within = f"{self._folder}/{path}"
        blob = known_blob(self._repo, data, within)
        return blob is not None and not committed_here(self._repo, blob, within)
