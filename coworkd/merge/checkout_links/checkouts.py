"""The user's checkouts of a repository, and the search path without them."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from coworkd.system.git import Repo
from coworkd.system.git.file_versions import settled_version
from coworkd.system.sandbox.policy import contains


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkouts:
    """All worktrees of a repository, as whole paths without links, and as people spell them."""

    roots: tuple[str, ...]
    spellings: tuple[tuple[str, str], ...]
    """(how a path to it may be written, root), the longest first."""
    exempt: str = ""
    """A folder of ours; what lies in it is not the user's, wherever it is."""

    @classmethod
    def of(cls, repo: Repo, exempt: Path) -> Checkouts:
        """The worktree that the workspace is in, and all others that are there."""
        fields = os.fsdecode(_listing(repo)).split("\0")
        listed = [field.removeprefix("worktree ") for field in fields if field.startswith("worktree ")]
        bare = any(field == "bare" for field in fields)
        folders = [str(repo.root), *(listed[1:] if bare else listed)]
        return cls.at([folder for folder in folders if os.path.isdir(folder)], exempt)

    @classmethod
    def at(cls, folders: list[str], exempt: Path) -> Checkouts:
        spelt = {folder.rstrip("/"): os.path.realpath(folder) for folder in folders}
        spelt |= {root: root for root in spelt.values()}
        order = sorted((item for item in spelt.items() if item[0]), key=lambda item: (-len(item[0]), item[0]))
        return cls(roots=tuple(dict.fromkeys(spelt.values())), spellings=tuple(order), exempt=os.path.realpath(exempt))

    def root_of(self, path: str) -> str:
        """The checkout that a path leads into, through links too; empty: none."""
        real = os.path.realpath(path)
        if self.exempt and contains(self.exempt, real):
            return ""
        return max((root for root in self.roots if contains(root, real)), key=len, default="")

    def named_in(self, text: str) -> str:
        """The checkout whose path stands in a text, as a path or a URL; empty: none."""
        for version in (text, unquote(text)) if "%" in text else (text,):
            for spelling, root in self.spellings:
                for found in re.finditer(rf"(?:(?<=file://)|(?<![\w./~-])){re.escape(spelling)}(?![\w.-])", version):
                    if not self._is_exempt(version[found.start() :]):
                        return root
        return ""

    def _is_exempt(self, rest: str) -> bool:
        return bool(self.exempt) and rest.startswith(self.exempt)


def _listing(repo: Repo) -> bytes:
    """What git says of the worktrees; from memory while its files about them are the same."""

    def listed() -> bytes:
        return repo.run("worktree", "list", "--porcelain", "-z").out

    folder = repo.common_dir / "worktrees"
    places = sorted(folder.glob("*/gitdir")) if folder.is_dir() else []
    version = settled_version((folder, *places, repo.common_dir / "config"))
    return listed() if version is None else repo.remember(f"worktrees {places} {version}", listed)


def path_outside(search: str, checkouts: Checkouts) -> str:
    """A search path without the folders in a checkout. Relative ones stay: they count from where a command runs."""
    kept = [entry for entry in search.split(os.pathsep) if not os.path.isabs(entry) or not checkouts.root_of(entry)]
    return os.pathsep.join(kept) if any(kept) else os.defpath


def find_program(name: str, search: str, folder: Path) -> str:
    """Where a command that is written in `folder` finds a program; empty: nowhere. Links are not followed."""
    if "/" in name:
        path = str(folder / name)
        return path if os.path.isfile(path) else ""
    whole = os.pathsep.join(os.path.join(folder, entry) for entry in search.split(os.pathsep))
    return shutil.which(name, path=whole) or ""
