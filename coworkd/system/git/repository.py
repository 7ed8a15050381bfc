"""A repository as callers hold it: one for each thread, since it keeps a `cat-file` process open; its opener closes
it.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Self, TypeVar

from coworkd.core.errors import RepoError
from coworkd.system.git import commit_graph
from coworkd.system.git.commit_graph import FarHistoryError
from coworkd.system.git.object_reader import CAT_FILE_COMMAND, CachedGitState, ObjectInfo, ObjectReader
from coworkd.system.git.objects import CommitObject, ObjectMemory, TreeItem, is_commit, parse_commit, parse_tree
from coworkd.system.git.other_parents import other_parents
from coworkd.system.git.places import RepoPlaces, find_places
from coworkd.system.git.ref_writer import UPDATE_REF_COMMAND, RefWriter
from coworkd.system.git.runner import (
    SETTING_COUNT,
    TIMEOUT,
    GitResult,
    InteractiveGit,
    check_git,
    execute,
    start_interactive,
    without_git_variables,
)
from coworkd.system.git.settings_files import settings_version
from coworkd.system.writer_thread import refuse_to_wait

T = TypeVar("T")

_SAFE_SETTINGS = (
    *("-c", "core.hooksPath=/dev/null", "-c", "gc.auto=0", "-c", "maintenance.auto=false"),
    *("-c", "core.warnAmbiguousRefs=false", "-c", "core.filesRefLockTimeout=5000", "-c", "core.packedRefsTimeout=5000"),
)
_NO_OUTSIDE_SETTINGS = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    SETTING_COUNT: "0",
    "GIT_ATTR_NOSYSTEM": "1",
    "GIT_GRAFT_FILE": os.devnull,
    "GIT_NO_REPLACE_OBJECTS": "1",
}
"""Added for repositories that an agent can write: nothing of the user's configuration, no object in disguise."""
_WALK_TIMEOUT = 600.0
_PLACEHOLDER_IDENTITY = {
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
    memory: ObjectMemory = field(default_factory=ObjectMemory)
    """Commits and trees that were read, for every Repo of the same repository that it is handed to."""
    answers: ObjectMemory = field(default_factory=ObjectMemory)
    """What was found out and does not change, apart from the objects, which are many."""
    _reader: ObjectReader | None = field(default=None, init=False)
    _ref_writer: RefWriter | None = field(default=None, init=False)
    _author: Mapping[str, str] | None = field(default=None, init=False)
    _settings: Mapping[str, str] | None = field(default=None, init=False)

    @classmethod
    def open(cls, path: Path) -> Repo:
        """The repository whose worktree holds `path`.

        Raises NotAWorkspaceError outside a repository, RepoError for one without a worktree or when git itself is
        missing or too old.
        """
        check_git()
        return cls.at(find_places(path))

    @classmethod
    def at(cls, places: RepoPlaces, like: Repo | None = None) -> Repo:
        """The repository that was found there; it remembers together with another Repo of it."""
        return cls(
            root=places.root, git_dir=places.git_dir, common_dir=places.common_dir,
            object_format=places.object_format,
            memory=like.memory if like else ObjectMemory(), answers=like.answers if like else ObjectMemory(),
        )  # fmt: skip

    @classmethod
    def isolated(cls, work: Path, object_format: str, wrap: tuple[str, ...] = ()) -> Repo:
        """The repository in `work/.git` alone, whatever `work` says, blind to the user's and the system's settings."""
        git_dir = work / ".git"
        env = {**_NO_OUTSIDE_SETTINGS, "GIT_DIR": str(git_dir), "GIT_WORK_TREE": str(work), "GIT_OPTIONAL_LOCKS": "0"}
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
            memory=self.memory,
            answers=self.answers,
        )

    def add_environment(self, env: Mapping[str, str]) -> None:
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

    def start(self, *args: str) -> InteractiveGit:
        """Start `git ARGS` at the root, which stays and is asked one question after the other."""
        return start_interactive(self._argv(args, self.env), self.env)

    def _argv(self, args: tuple[str, ...], settings: Mapping[str, str]) -> list[str]:
        # -C, not the working directory alone: where the root has vanished git must fail, not run somewhere else.
        return [*without_git_variables(settings), *self.wrap, "git", "-C", str(self.root), *_SAFE_SETTINGS, *args]

    # ---- objects, read by a process that stays

    def resolve(self, expression: str) -> str | None:
        """The object id an expression such as `HEAD:path` or `refs/x^{tree}` names, or None; no process is started."""
        return self.resolve_all([expression])[0]

    def resolve_all(self, expressions: Sequence[str]) -> list[str | None]:
        """`resolve` for many at once, which costs a third of asking one by one."""
        return [info.object_id if info else None for info in self.infos(expressions)]

    def infos(self, expressions: Sequence[str]) -> list[ObjectInfo | None]:
        """Id, kind and size of what each expression names, or None."""
        names = {expression: self._on_one_line(expression) for expression in expressions}
        askable = [name for name in names.values() if name]
        answers = dict(zip(askable, self._read(lambda r: r.infos(askable)), strict=True)) if askable else {}
        return [answers.get(names[expression]) for expression in expressions]

    def _on_one_line(self, expression: str) -> str:
        """What the reader can be asked for this expression: one that has a line break is named by its object id."""
        if "\0" in expression or "\n" not in expression:
            return "" if "\0" in expression else expression
        return self.run("rev-parse", "--verify", "--quiet", expression, check=False).text.strip()

    def _read(self, question: Callable[[ObjectReader], T]) -> T:
        refuse_to_wait("git cat-file")
        if self._reader is not None and not self._reader.is_current(self.common_dir):
            self.close()
        for _ in range(2):
            if self._reader is None:
                seen = CachedGitState.of(self.common_dir)
                self._reader = ObjectReader.start(self._argv(CAT_FILE_COMMAND, self.env), self.env, seen)
            reader, self._reader = self._reader, None
            with suppress(OSError):
                answer = question(reader)
                # Only a reader whose answers were read to the end is used again.
                self._reader = reader
                return answer
            reader.stop()
        raise RepoError(f"git cat-file does not answer in {self.root}; run `git fsck` there")

    def write_refs(self, instructions: bytes) -> bool:
        """Apply instructions of `git update-ref -z --stdin` as one transaction, by a process that stays.

        False: it has not said that it did, and why is not known. Not for refs whose moves are logged.
        """
        refuse_to_wait("git update-ref")
        writer, self._ref_writer = self._ref_writer, None
        if writer is not None and not writer.is_current(self.common_dir):
            writer.stop()
            writer = None
        if writer is None:
            seen = CachedGitState.of(self.common_dir)
            writer = RefWriter.start(self._argv(UPDATE_REF_COMMAND, self.env), self.env, seen)
        with suppress(OSError):
            if writer.apply(instructions):
                self._ref_writer = writer
                return True
        writer.stop()
        return False

    def commits(self, ids: Sequence[str]) -> list[CommitObject]:
        """The commits of these full ids, with the parents that count for git. RepoError where one is none."""
        return self._commit_reader()(ids)

    def _commit_reader(self) -> commit_graph.Read:
        """Reads commits with the parents that count at this moment: a walk reads many, one after the other."""
        other = other_parents(self.common_dir, grafts="GIT_GRAFT_FILE" not in self.env)

        def read(ids: Sequence[str]) -> list[CommitObject]:
            found = [parse_commit(content) for content in self._contents(ids, "commit")]
            if not other:
                return found
            pairs = zip(ids, found, strict=True)
            return [replace(commit, parents=other[name]) if name in other else commit for name, commit in pairs]

        return read

    def trees(self, ids: Sequence[str]) -> list[list[TreeItem]]:
        """The entries of the trees of these full ids. RepoError where one is none."""
        return [parse_tree(content, self.object_format) for content in self.tree_contents(ids)]

    def tree_contents(self, ids: Sequence[str]) -> list[bytes]:
        """The trees of these full ids as git stores them. RepoError where one is none."""
        return self._contents(ids, "tree")

    def _contents(self, ids: Sequence[str], kind: str) -> list[bytes]:
        found = {name: content for name in ids if (content := self.memory.get(name)) is not None}
        unread = [name for name in dict.fromkeys(ids) if name not in found]
        for name, answer in zip(unread, self._read(lambda r: r.contents(unread)) if unread else (), strict=True):
            if answer is None or answer[0].kind != kind:
                raise RepoError(f"{name} is not a {kind} in {self.root}")
            found[name] = answer[1]
        self.memory.add({name: found[name] for name in unread})
        return [found[name] for name in ids]

    def blob(self, object_id: str) -> bytes:
        """The bytes of a blob."""
        answer = self._read(lambda reader: reader.contents([object_id]))[0]
        if answer is None or answer[0].kind != "blob":
            raise RepoError(f"{object_id} is not a blob in {self.root}")
        return answer[1]

    def commit(self, name: str) -> str | None:
        """The commit a ref or id names, or None when there is no such thing."""
        return self.resolve(f"{name}^{{commit}}")

    def tree_of(self, commit: str) -> str:
        """The tree id of a commit; RepoError when there is none."""
        if is_commit(known := self.memory.get(commit) or b""):
            return parse_commit(known).tree
        tree = self.resolve(f"{commit}^{{tree}}")
        if tree is None:
            raise RepoError(f"{commit} is not a commit in {self.root}")
        return tree

    # ---- history

    def is_ancestor(self, old: str, new: str) -> bool:
        """Whether `new` contains `old`; a commit contains itself."""
        below, above = self._object_names(old, new)
        try:
            return commit_graph.contains(self._commit_reader(), above, below)
        except FarHistoryError:
            return self.run("merge-base", "--is-ancestor", below, above, check=False).code == 0

    def merge_bases(self, one: str, other: str) -> list[str]:
        """The best commits that both contain; none where their histories have nothing in common."""
        pair = self._object_names(one, other)
        with suppress(FarHistoryError):
            found = commit_graph.merge_bases(self._commit_reader(), *pair)
            if len(found) < 2:
                return found
        return self.run("merge-base", "--all", *pair, check=False).text.split()

    def commits_between(self, tips: Sequence[str], without: Sequence[str]) -> list[str]:
        """The commits that the tips contain and none of `without` does, latest first."""
        ends = self._object_names(*tips), self._object_names(*without)
        try:
            return commit_graph.commits_between(self._commit_reader(), *ends)
        except FarHistoryError:
            asked = "".join(f"{line}\n" for line in (*ends[0], *(f"^{commit}" for commit in ends[1])))
            return self.run("rev-list", "--stdin", stdin=asked.encode(), timeout=_WALK_TIMEOUT).text.split()

    def first_parents(self, tip: str, without: Sequence[str]) -> list[tuple[str, tuple[str, ...]]]:
        """Commits and their parents along the first parents of `tip`, latest first, but for what `without` contains."""
        (end,), outside = self._object_names(tip), self._object_names(*without)
        try:
            return commit_graph.first_parents(self._commit_reader(), end, outside)
        except FarHistoryError:
            asked = ("rev-list", "--first-parent", "--parents", end, *(f"^{commit}" for commit in outside))
            lines = (line.split() for line in self.run(*asked, timeout=_WALK_TIMEOUT).lines)
            return [(commit, tuple(parents)) for commit, *parents in lines]

    def _object_names(self, *names: str) -> list[str]:
        unread = [name for name in names if not is_commit(self.memory.get(name) or b"")]
        found = dict(zip(unread, self.resolve_all([f"{name}^{{commit}}" for name in unread]), strict=True))
        missing = [name for name, commit in found.items() if commit is None]
        if missing:
            raise RepoError(f"{missing[0]} is not a commit in {self.root}")
        return [found.get(name) or name for name in names]

    def head(self) -> Head:
        """Where HEAD stands now."""
        name = self.run("symbolic-ref", "-q", "HEAD", check=False).text
        return Head(branch=name or None, commit=self.commit("HEAD"))

    def author(self) -> Mapping[str, str]:
        """Environment for commits in the user's name: empty where git knows who that is, else a stand-in."""
        if self._author is None:
            self._author = {} if self._knows_user() else _PLACEHOLDER_IDENTITY
        return self._author

    def _knows_user(self) -> bool:
        settings = self.settings()
        if all(any(map(str.isalnum, settings.get(f"user.{part}", ""))) for part in ("name", "email")):
            return True
        return self.run("-c", "user.useConfigOnly=true", "var", "GIT_COMMITTER_IDENT", check=False).code == 0

    def settings(self) -> Mapping[str, str]:
        """git's whole configuration as it is here, by lower-case key, the last value of each; read once.

        What was read for another Repo of the same repository counts while no file of the configuration has changed.
        """
        if self._settings is None:
            pairs = (item.partition("\n") for item in self._listed_settings())
            self._settings = {key: value if separator else "true" for key, separator, value in pairs}
        return self._settings

    def _listed_settings(self) -> list[str]:
        version = None if self.env else settings_version(self.git_dir, self.common_dir)
        known = self.answers.get(f"settings {version}") if version is not None else None
        listed = known if known is not None else self.run("config", "--list", "-z").out
        fields = [os.fsdecode(field) for field in listed.split(b"\0")[:-1]]
        if version is not None and not any(field.startswith(("include.", "includeif.")) for field in fields):
            self.answers.add({f"settings {version}": listed})
        return fields

    def remember(self, question: str, answer: Callable[[], bytes]) -> bytes:
        """The answer to a question that has only one, whenever it is asked: all that it depends on is named in it."""
        found = self.answers.get(question)
        if found is None:
            found = answer()
            self.answers.add({question: found})
        return found

    def forget_settings(self) -> None:
        """Read the settings again when they are asked for, and what follows from them."""
        self._settings = self._author = None

    def setting(self, name: str) -> str:
        """One value of git's configuration, or an empty string."""
        return self.run("config", "--get", name, check=False).text

    def close(self) -> None:
        """End the processes that read objects and write refs; the Repo may be used again afterwards."""
        if self._ref_writer is not None:
            self._ref_writer.stop()
            self._ref_writer = None
        if self._reader is not None:
            self._reader.stop()
            self._reader = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
