"""A repository as callers hold it: one for each thread, since it keeps a `cat-file` process open; its opener closes
it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from coworkd.core.errors import NotAWorkspaceError, RepoError
from coworkd.system.git.runner import SETTING_COUNT, TIMEOUT, GitResult, Lookup, check_git, cleaned, execute

_QUIET = (
    *("-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0", "-c", "maintenance.auto=false"),
    *("-c", "core.warnAmbiguousRefs=false", "-c", "core.filesRefLockTimeout=5000", "-c", "core.packedRefsTimeout=5000"),
)
_SEALED = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    SETTING_COUNT: "0",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_GRAFT_FILE": os.devnull,
    "GIT_NO_REPLACE_OBJECTS": "1",
}
"""Added for repositories that an agent can write: nothing of the user's configuration, no object in disguise."""
_STAND_IN = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "coworkd"), ("EMAIL", "coworkd@localhost.invalid"))
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Head:
    """Where HEAD stands: `branch` is a full ref name or None (detached), `commit` is None on an unborn branch."""

    branch: str | None
    commit: str | None


@dataclass(slots=True, kw_only=True, eq=False)
class Repo:
    """A repository with a worktree, for one thread."""

    root: Path
    """Top of the worktree."""
    git_dir: Path
    common_dir: Path
    """Equal to `git_dir` but in a linked worktree."""
    object_format: str
    """`sha1` or `sha256`."""
    env: Mapping[str, str] = field(default_factory=dict[str, str])
    """Added to the clean environment of every command."""
    wrap: tuple[str, ...] = ()
    """What stands in front of every command: the sandbox it runs in."""
    _lookup: Lookup | None = field(default=None, init=False)
    _author: Mapping[str, str] | None = field(default=None, init=False)

    @classmethod
    def open(cls, path: Path) -> Repo:
        """The repository whose worktree holds `path`.

        Raises NotAWorkspaceError outside a repository, RepoError for one without a worktree or when git itself is
        missing or too old.
        """
        check_git()
        return _discover(path)

    @classmethod
    def sealed(cls, work: Path, object_format: str, wrap: tuple[str, ...] = ()) -> Repo:
        """The repository in `work/.git` alone, whatever `work` says, blind to the user's and the system's settings."""
        git_dir = work / ".git"
        env = {**_SEALED, "GIT_DIR": str(git_dir), "GIT_WORK_TREE": str(work), "GIT_OPTIONAL_LOCKS": "0"}
        return cls(root=work, git_dir=git_dir, common_dir=git_dir, object_format=object_format, env=env, wrap=wrap)

    def with_env(self, extra: Mapping[str, str]) -> Repo:
        """The same repository seen with other settings: a second index, a quarantine for objects."""
        return Repo(
            root=self.root,
            git_dir=self.git_dir,
            common_dir=self.common_dir,
            object_format=self.object_format,
            env={**self.env, **extra},
            wrap=self.wrap,
        )

    def see_with(self, env: Mapping[str, str]) -> None:
        """From now on every command runs with this added to the clean environment."""
        self.close()
        self.env = env

    def run(
        self,
        *args: str,
        stdin: bytes = b"",
        check: bool = True,
        timeout: float = TIMEOUT,
        env: Mapping[str, str] | None = None,
    ) -> GitResult:
        """Run `git ARGS` at the root and wait for it.

        Raises RepoError when it takes longer than `timeout` seconds, and with `check` when it exits other than 0.
        """
        settings = {**self.env, **(env or {})}
        result = execute(self._argv(args, settings), settings, stdin, timeout)
        if check and result.code != 0:
            raise RepoError(f"git {args[0]} failed in {self.root}: {result.err.strip() or f'exit {result.code}'}")
        return result

    def _argv(self, args: tuple[str, ...], settings: Mapping[str, str]) -> list[str]:
        # -C, not the working directory alone: where the root has vanished git must fail, not run somewhere else.
        return [*cleaned(settings), *self.wrap, "git", "-C", str(self.root), *_QUIET, *args]

    def resolve(self, expression: str) -> str | None:
        """The object id an expression such as `HEAD:path` or `refs/x^{tree}` names, or None; no process is started."""
        return self.resolve_all([expression])[0]

    def resolve_all(self, expressions: Sequence[str]) -> list[str | None]:
        """`resolve` for many at once, which costs a third of asking one by one."""
        askable = [e for e in expressions if e and "\n" not in e and "\0" not in e]
        answers = dict(zip(askable, self._looked_up(askable), strict=True)) if askable else {}
        return [answers.get(expression) for expression in expressions]

    def _looked_up(self, expressions: Sequence[str]) -> list[str | None]:
        for _ in range(2):
            if self._lookup is None:
                question = ("cat-file", "--batch-check=%(objectname)")
                self._lookup = Lookup.start(self._argv(question, self.env), self.env)
            with suppress(OSError):
                return self._lookup.ask(expressions)
            self.close()
        raise RepoError(f"git cat-file does not answer in {self.root}; run `git fsck` there")

    def commit(self, name: str) -> str | None:
        """The commit a ref or id names, or None when there is no such thing."""
        return self.resolve(f"{name}^{{commit}}")

    def tree_of(self, commit: str) -> str:
        """The tree id of a commit; RepoError when there is none."""
        tree = self.resolve(f"{commit}^{{tree}}")
        if tree is None:
            raise RepoError(f"{commit} is not a commit in {self.root}")
        return tree

    def blob(self, object_id: str) -> bytes:
        """The bytes of a blob."""
        return self.run("cat-file", "blob", object_id).out

    def is_ancestor(self, old: str, new: str) -> bool:
        """Whether `new` contains `old`; a commit contains itself."""
        result = self.run("merge-base", "--is-ancestor", old, new, check=False)
        if result.code not in (0, 1):
            raise RepoError(f"cannot compare {old} and {new}: {result.err.strip()}")
        return result.code == 0

    def head(self) -> Head:
        """Where HEAD stands now."""
        name = self.run("symbolic-ref", "-q", "HEAD", check=False).text
        return Head(branch=name or None, commit=self.commit("HEAD"))

    def author(self) -> Mapping[str, str]:
        """Environment for commits in the user's name: empty where git knows who that is, else a stand-in."""
        if self._author is None:
            known = self.run("-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT", check=False)
            self._author = {} if known.code == 0 else _STAND_IN
        return self._author

    def setting(self, name: str) -> str:
        """One value of git's configuration, or an empty string."""
        return self.run("config", "--get", name, check=False).text

    def close(self) -> None:
        """End the lookup process; the Repo may be used again afterwards."""
        if self._lookup is not None:
            self._lookup.stop()
            self._lookup = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


_PLACES = ("--show-toplevel", "--absolute-git-dir", "--git-common-dir")


def _discover(path: Path) -> Repo:
    bare, inside, object_format = _told(path, "--is-bare-repository", "--is-inside-work-tree", "--show-object-format")
    if bare == "true" or inside != "true":
        git_dir = _told(path, "--absolute-git-dir")[0]
        raise RepoError(f"{git_dir} has no worktree here: coworkd needs a checkout (`git worktree add` makes one)")
    places = _told(path, *_PLACES)
    if len(places) != len(_PLACES):
        # git ends each place by a line break, and one of these has a line break in its name.
        places = ["\n".join(_told(path, question)) for question in _PLACES]
    root, git_dir, common_dir = map(Path, places)
    return Repo(root=root, git_dir=git_dir, common_dir=common_dir.resolve(), object_format=object_format)


def _told(path: Path, *questions: str) -> list[str]:
    """The lines of git's answers about the repository that holds `path`."""
    argv = [*cleaned({}), "git", "-C", str(path), "rev-parse", "--path-format=absolute", *questions]
    found = execute(argv, {}, b"", TIMEOUT)
    if found.code != 0:
        if "not a git repository" in found.err:
            raise NotAWorkspaceError(f"not a git repository: {path} (run `git init` there, or go to one)")
        raise RepoError(found.err.strip() or f"git rev-parse failed in {path}: exit {found.code}")
    # Not `splitlines`: a name may hold what other programs take for the end of a line.
    return os.fsdecode(found.out).removesuffix("\n").split("\n")
