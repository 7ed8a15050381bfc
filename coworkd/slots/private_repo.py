"""A repository that an agent may do anything to, and on which the host still runs git safely.

    FOLDER/work/          the worktree, with a `.git` directory of its own
    FOLDER/master/        what that `.git` must look like; nothing in here is ever read from `work`

An agent can write every byte under `work`. Before each git command of ours the configuration, the ignore, attribute and
sparse rules, the alternates and the shallow list are put back from `master`, everything by which git could be sent
elsewhere (links, `commondir`, `config.worktree`, replace refs) is taken out, and hooks, the user's and the system's
settings are switched off. So the only programs git starts are its own. What looks at the worktree or the index runs in
the sandbox nevertheless, where there is one: those are the parts of git that read what an agent wrote.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Collection, Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from coworkd.core.errors import RepoError
from coworkd.slots.tree_paths import is_reserved
from coworkd.system.durable_files import replace_file
from coworkd.system.git import TIMEOUT, GitResult, Repo
from coworkd.system.git.object_stores import object_stores, stores_named
from coworkd.system.sandbox.launch import prefix
from coworkd.system.sandbox.policy import UNCONFINED, Confinement, SandboxCapabilities

CHECKOUT_TIMEOUT = 600.0
"""Seconds for git to fill or clean a worktree."""
SPARSE = "/*\n!/.[cC][oO][wW][oO][rR][kK]\n!/.[cC][oO][wW][oO][rR][kK]/\n"

_PLACES = {
    "config": "config",
    "exclude": "info/exclude",
    "attributes": "info/attributes",
    "user-attributes": "info/user-attributes",
    "sparse-checkout": "info/sparse-checkout",
    "alternates": "objects/info/alternates",
    "shallow": "shallow",
}
"""File in `master` -> its place in `.git`; one that `master` lacks must not exist there either."""
_FOLDERS = ("", "info", "objects", "objects/info", "objects/pack", "refs")
_INTRUDERS = (
    *("commondir", "config.worktree", "info/grafts", "refs/replace"),
    *("objects/info/commit-graph", "objects/info/commit-graphs"),
)


_ON_FILES = frozenset({"clean", "ls-files", "merge", "read-tree", "reset", "update-index", "write-tree"})
"""Commands that read the worktree or an index."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PrivateRepo:
    """One such repository; the value names a place, the files are its state."""

    folder: Path
    object_format: str
    means: SandboxCapabilities = UNCONFINED
    """What git is confined with while it looks at the worktree."""

    @property
    def work(self) -> Path:
        return self.folder / "work"

    @property
    def git_dir(self) -> Path:
        return self.work / ".git"

    @property
    def master(self) -> Path:
        return self.folder / "master"

    @property
    def indexes(self) -> Path:
        """Where indexes of ours lie, beside that of the agent."""
        folder = self.folder / "indexes"
        folder.mkdir(exist_ok=True)
        return folder

    @contextmanager
    def reading(self) -> Generator[Repo]:
        """The repository put in order, for reading objects and refs until the end of the `with`.

        The git that reads has its configuration from now; other commands are run by `run`.
        """
        self.restore()
        with Repo.isolated(self.work, self.object_format) as git:
            yield git

    def run(
        self,
        *args: str,
        stdin: bytes = b"",
        check: bool = True,
        timeout: float = TIMEOUT,
        env: Mapping[str, str] | None = None,
    ) -> GitResult:
        """Put the repository in order and run one git command there; see `Repo.run`."""
        self.restore()
        repo = Repo.isolated(self.work, self.object_format, self._wrap() if args[0] in _ON_FILES else ())
        return repo.run(*args, stdin=stdin, check=check, timeout=timeout, env=env)

    def _wrap(self) -> tuple[str, ...]:
        lent = stores_named((self.master / "alternates").read_bytes())
        stores = tuple(store for objects in lent for store in object_stores(Path(objects)))
        held = Confinement(
            means=self.means, run="", workdir=str(self.work), writable=(str(self.work), str(self.indexes)),
            readable=stores,
        )  # fmt: skip
        return prefix(held)

    def head_line(self) -> str:
        """What `HEAD` holds: `ref: ` and the full name of a branch, or an id; empty when it cannot be read."""
        with suppress(OSError, ValueError):
            return (self.git_dir / "HEAD").read_text("utf-8").strip()
        return ""

    def begin(self, files: Mapping[str, bytes], head: str) -> None:
        """Start an empty `.git`: `files` become `master`, HEAD names the branch (full name) or commit in `head`.

        Objects, refs, reflogs and stash of an earlier life go; the worktree and what git knew about it stay.
        """
        _empty_folder(self.git_dir, (*_FOLDERS, "refs/heads"))
        self._write_master(files)
        for folder in (*_FOLDERS, "refs/heads"):
            (self.git_dir / folder).mkdir(parents=True, exist_ok=True)
        self.point_head(head)
        if (self.master / "index").exists():
            # With its time stamp: git re-reads files that changed in the very moment the index was written.
            shutil.copy2(self.master / "index", self.git_dir / "index")
        self.restore()

    def begin_untouched(self, files: Mapping[str, bytes], head: str) -> None:
        """As `begin`, where nothing has been done since the last one but a checkout: most of it is there."""
        for folder in ("refs", "logs"):
            _unlink_files(self.git_dir / folder)
        self._write_master(files)
        self.point_head(head)
        self.restore()

    def _write_master(self, files: Mapping[str, bytes]) -> None:
        for name in _PLACES:
            if name in files:
                _put(files[name], self.master / name)
            else:
                (self.master / name).unlink(missing_ok=True)

    def point_head(self, head: str) -> None:
        _write(self.git_dir / "HEAD", os.fsencode(f"ref: {head}\n" if head.startswith("refs/") else f"{head}\n"))

    def check_out(self, commit: str, *, clean: bool, ignored: bool) -> None:
        """Make the worktree exactly `commit` without `.cowork/`, at the branch or detached HEAD it stands on.

        `clean` removes files that are not part of it; those that are ignored only with `ignored`.
        """
        for entry in os.scandir(self.work) if clean else ():
            if is_reserved(entry.name):
                _remove(Path(entry.path))
        self.run("reset", "--hard", "--quiet", commit, timeout=CHECKOUT_TIMEOUT)
        if clean:
            self.run("clean", "-ffdxq" if ignored else "-ffdq", timeout=CHECKOUT_TIMEOUT)
        shutil.copy2(self.git_dir / "index", self.master / "index")

    def restore(self) -> None:
        """Put `.git` back in order; RepoError when it is not a directory of its own any more."""
        for folder in (self.work, *(self.git_dir / name for name in _FOLDERS)):
            if not _is_real_folder(folder):
                raise RepoError(f"{folder} was replaced or removed")
        for name in _INTRUDERS:
            _remove(self.git_dir / name)
        # A link among the refs would have us write another repository's.
        for folder, nested in ((self.git_dir, False), (self.git_dir / "refs", True), (self.git_dir / "logs", True)):
            _unlink_links(folder, nested=nested)
        for name, place in _PLACES.items():
            _put_back(self.master / name, self.git_dir / place)

    def unlock(self) -> None:
        """Remove lock files that a killed git left behind. Only when nothing runs here any more."""
        for folder, _, names in os.walk(self.git_dir):
            for name in names:
                if name.endswith(".lock"):
                    (Path(folder) / name).unlink(missing_ok=True)

    def tracked_changes(self) -> list[str]:
        """Tracked files that are not as the last checkout left them, judged by our own index, not by the one there."""
        index = self.indexes / "judge"
        shutil.copy2(self.master / "index", index)
        changed = self.run("ls-files", "-z", "--modified", "--deleted", env={"GIT_INDEX_FILE": str(index)})
        return sorted(set(changed.fields))


def _is_real_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _empty_folder(folder: Path, kept: Collection[str], inside: str = "") -> None:
    """Remove everything in `folder` but the (relative) folders in `kept`, which end empty."""
    if not _is_real_folder(folder):
        _remove(folder)
        return
    for entry in list(os.scandir(folder)):
        name = f"{inside}{entry.name}"
        if name in kept and entry.is_dir(follow_symlinks=False):
            _empty_folder(Path(entry.path), kept, f"{name}/")
        else:
            _remove(Path(entry.path))


def _unlink_files(folder: Path) -> None:
    """Folders stay: to git, empty ones are none, and the next refs are in the same."""
    for inside, _, names in os.walk(folder):
        for name in names:
            os.unlink(os.path.join(inside, name))


def _unlink_links(folder: Path, *, nested: bool) -> None:
    for entry in os.scandir(folder) if folder.exists() else ():
        if entry.is_symlink():
            os.unlink(entry.path)
        elif nested and entry.is_dir():
            _unlink_links(Path(entry.path), nested=True)


def _put_back(master: Path, place: Path) -> None:
    if not master.exists():
        _remove(place)
        return
    _put(master.read_bytes(), place)


def _put(content: bytes, place: Path) -> None:
    """Have a file hold this; one that does is left alone."""
    with suppress(OSError):
        if place.is_file() and not place.is_symlink() and place.read_bytes() == content:
            return
    if _is_real_folder(place):
        shutil.rmtree(place)
    _write(place, content)


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, content)


def _remove(path: Path) -> None:
    if _is_real_folder(path):
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
