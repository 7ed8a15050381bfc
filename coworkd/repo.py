"""The only door to git: GitPython is imported here and nowhere else, and not before the first command.

What it promises: argument lists and never a shell, a timeout on everything, no inherited `GIT_*` but the user's
identity and configuration files, no hooks, no automatic gc, English messages. What it must never do: touch the user's
index, stash, configuration or checked-out branch by itself; every caller says what it wants in plain git words.

One `Repo` belongs to one thread (it keeps a `cat-file` process open) and is closed by whoever opened it.
"""

from __future__ import annotations

import functools
import os
import re
import subprocess
import tempfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Self

from coworkd.errors import NotAWorkspaceError, RepoError

if TYPE_CHECKING:
    from git.cmd import Git

MINIMUM_GIT = (2, 38)
"""The first release with `merge-tree --write-tree`."""
TIMEOUT = 60.0
"""Seconds a git command may take unless its caller knows better."""

_KEPT = re.compile(
    r"GIT_(AUTHOR|COMMITTER)_(NAME|EMAIL)|GIT_CONFIG_(GLOBAL|SYSTEM|NOSYSTEM)|GIT_EXEC_PATH|GIT_CEILING_DIRECTORIES"
)
_QUIET = (
    *("-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0", "-c", "maintenance.auto=false"),
    *("-c", "core.warnAmbiguousRefs=false", "-c", "core.filesRefLockTimeout=5000", "-c", "core.packedRefsTimeout=5000"),
)
_SEALED = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
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
class GitResult:
    """What a command answered; `out` is as git wrote it, final newline included."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        """Standard output as text without surrounding white space; bytes that are not UTF-8 survive as surrogates."""
        return os.fsdecode(self.out).strip()

    @property
    def fields(self) -> list[str]:
        """The NUL-terminated fields of a `-z` output."""
        return [os.fsdecode(item) for item in self.out.split(b"\0")[:-1]]


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
    _lookup: _Lookup | None = field(default=None, init=False)
    _author: Mapping[str, str] | None = field(default=None, init=False)

    @classmethod
    def open(cls, path: Path) -> Repo:
        """The repository whose worktree holds `path`.

        Raises NotAWorkspaceError outside a repository, RepoError for one without a worktree or when git itself is
        missing or older than `MINIMUM_GIT`.
        """
        check_git()
        return _discover(path)

    @classmethod
    def sealed(cls, work: Path, object_format: str) -> Repo:
        """The repository in `work/.git` alone, whatever `work` says, blind to the user's and the system's settings."""
        git_dir = work / ".git"
        env = {**_SEALED, "GIT_DIR": str(git_dir), "GIT_WORK_TREE": str(work), "GIT_OPTIONAL_LOCKS": "0"}
        return cls(root=work, git_dir=git_dir, common_dir=git_dir, object_format=object_format, env=env)

    def with_env(self, extra: Mapping[str, str]) -> Repo:
        """The same repository seen with other settings: a second index, a quarantine for objects."""
        return Repo(
            root=self.root,
            git_dir=self.git_dir,
            common_dir=self.common_dir,
            object_format=self.object_format,
            env={**self.env, **extra},
        )

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
        result = _execute(self._argv(args, settings), settings, stdin, timeout)
        if check and result.code != 0:
            raise RepoError(f"git {args[0]} failed in {self.root}: {result.err.strip() or f'exit {result.code}'}")
        return result

    def _argv(self, args: tuple[str, ...], settings: Mapping[str, str]) -> list[str]:
        # -C, not the working directory alone: where the root has vanished git must fail, not run somewhere else.
        return [*_without_inherited(settings), "git", "-C", str(self.root), *_QUIET, *args]

    def resolve(self, expression: str) -> str | None:
        """The object id an expression such as `HEAD:path` or `refs/x^{tree}` names, or None; no process is started."""
        if not expression or "\n" in expression or "\0" in expression:
            return None
        for _ in range(2):
            if self._lookup is None:
                question = ("cat-file", "--batch-check=%(objectname)")
                self._lookup = _Lookup.start(self._argv(question, self.env), self.env)
            with suppress(OSError):
                return self._lookup.ask(expression)
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


@dataclass(slots=True, eq=False)
class _Lookup:
    """One `cat-file --batch-check` kept open: a question costs a tenth of a millisecond instead of a process."""

    process: Git.AutoInterrupt
    questions: IO[bytes]
    answers: IO[bytes]

    @classmethod
    def start(cls, argv: list[str], env: Mapping[str, str]) -> _Lookup:
        process = _git().execute(argv, istream=subprocess.PIPE, as_process=True, env=env)
        return cls(process, process.stdin, process.stdout)

    def ask(self, expression: str) -> str | None:
        self.questions.write(os.fsencode(expression) + b"\n")
        self.questions.flush()
        line = self.answers.readline()
        if not line.endswith(b"\n"):
            raise BrokenPipeError("cat-file ended")
        answer = line.rstrip(b"\n")
        return None if answer.endswith((b" missing", b" ambiguous")) else answer.decode("ascii")

    def stop(self) -> None:
        with suppress(OSError):
            self.questions.close()
        del self.process


def check_git() -> str:
    """The version of git found here; RepoError when it is missing or too old, with what to do."""
    return _checked_version()


@functools.cache
def _checked_version() -> str:
    text = _execute(["git", "version"], {}, b"", TIMEOUT).text
    found = re.search(r"(\d+)\.(\d+)[.\d]*", text)
    if found is None or (int(found[1]), int(found[2])) < MINIMUM_GIT:
        needed = ".".join(map(str, MINIMUM_GIT))
        raise RepoError(f"{text} is too old: install git {needed} or newer and put it first on PATH")
    return found[0]


_QUESTIONS = ("--is-bare-repository", "--is-inside-work-tree", "--absolute-git-dir", "--git-common-dir")


def _discover(path: Path) -> Repo:
    argv = [*_without_inherited({}), "git", "-C", str(path), "rev-parse", "--path-format=absolute", *_QUESTIONS]
    found = _execute([*argv, "--show-object-format"], {}, b"", TIMEOUT)
    if found.code != 0:
        if "dubious ownership" in found.err or "safe.directory" in found.err:
            raise RepoError(found.err.strip())
        raise NotAWorkspaceError(f"not a git repository: {path} (run `git init` there, or go to one)")
    bare, inside, git_dir, common_dir, object_format = os.fsdecode(found.out).splitlines()
    if bare == "true" or inside != "true":
        raise RepoError(f"{git_dir} has no worktree here: coworkd needs a checkout (`git worktree add` makes one)")
    top = _execute([*argv[: -len(_QUESTIONS)], "--show-toplevel"], {}, b"", TIMEOUT)
    root = Path(os.fsdecode(top.out).removesuffix("\n"))
    return Repo(root=root, git_dir=Path(git_dir), common_dir=Path(common_dir).resolve(), object_format=object_format)


def _execute(argv: list[str], env: Mapping[str, str], stdin: bytes, timeout: float) -> GitResult:
    with tempfile.TemporaryFile() if stdin else open(os.devnull, "rb") as source:
        if stdin:
            source.write(stdin)
            source.seek(0)
        code, out, err = _git().execute(
            argv,
            istream=source,
            with_extended_output=True,
            with_exceptions=False,
            stdout_as_string=False,
            strip_newline_in_stdout=False,
            kill_after_timeout=timeout,
            env={"GIT_TERMINAL_PROMPT": "0", **env},
        )
    if code < 0 and err.startswith("Timeout:"):
        raise RepoError(f"git did not finish within {timeout:g} s: {' '.join(argv[-3:])}")
    return GitResult(code=code, out=out, err=err)


def _without_inherited(own: Mapping[str, str]) -> list[str]:
    # GitPython can add to the environment but not take away, so the rare case of a daemon started from inside a git
    # hook is left to env(1).
    strangers = sorted(n for n in os.environ if n.startswith("GIT_") and not _KEPT.fullmatch(n) and n not in own)
    strangers = [name for name in strangers if not name.startswith("GIT_PYTHON_")]
    return ["env", *(word for name in strangers for word in ("-u", name))] if strangers else []


def _git() -> Git:
    try:
        from git.cmd import Git
    except ImportError as missing:
        raise RepoError(
            f"git was not found or does not answer: install git 2.38 or newer and put it on PATH ({missing})"
        ) from missing
    return Git()
