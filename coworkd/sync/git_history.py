"""The port to what git knows, on the user's repository.

Bytes are foreign when, at first sight, the index or the tip of a ref holds them at their path, and no commit made in
this repository put them there. Foreign text is shown and starts nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from coworkd.sync.git_questions import GitAnswers, GitQuestions, ask_git
from coworkd.system.git import Repo
from coworkd.system.git.blob_origin import committed_here, head_moves, index_lists, index_locked, known_blobs, left_out
from coworkd.system.git.commit_signatures import last_touched, signer_of
from coworkd.system.git.refs import operation_under_way
from coworkd.system.git.tips import Tips


class RepoHistory:
    """Answers for one repository; `folder` is the workspace's path within it."""

    def __init__(self, repo: Repo, folder: str = ".cowork", signers: str = "") -> None:
        """`signers` is the user's own list of whose signed approvals count; empty: none count."""
        self._repo = repo
        self._folder = folder
        self._signers = signers
        self._tips = Tips(repo, folder)

    def head(self) -> str:
        return self._repo.commit("HEAD") or ""

    def reflog_position(self) -> str:
        return next((move.id for move in head_moves(self._repo)), self.head())

    def stash(self) -> str:
        return self._repo.commit("refs/stash") or ""

    def operation(self) -> str:
        return operation_under_way(self._repo)

    def index_lists(self, path: str) -> bool:
        return bool(index_lists(self._repo, [self._repo_path(path)]))

    def is_withheld(self, path: str) -> bool:
        return index_locked(self._repo) or left_out(self._repo, self._repo_path(path))

    def last_commit_with(self, path: str, since: str) -> str:
        within, moves = self._repo_path(path), head_moves(self._repo)
        at = next((number for number, move in enumerate(moves) if move.id == since), None)
        # Without a reflog the position is a commit. Of one that the reflog has lost, only where HEAD is now is known.
        heads = [since] if not moves else [move.commit for move in moves[: 1 if at is None else at + 1]]
        return next((commit for commit in heads if commit and self._repo.resolve(f"{commit}:{within}")), "")

    def descends(self, new: str, old: str) -> bool:
        return self._repo.is_ancestor(old, new)

    def paths_from_git(self, files: Mapping[str, bytes]) -> frozenset[str]:
        known = known_blobs(self._repo, {self._repo_path(path): data for path, data in files.items()})
        held = self._blobs_in_git(known)
        made = committed_here(self._repo, self._folder) if held else frozenset[tuple[str, str]]()
        foreign = {path for path in held if (path, known[path]) not in made}
        return frozenset(path for path in files if self._repo_path(path) in foreign)

    def _blobs_in_git(self, known: Mapping[str, str]) -> frozenset[str]:
        """Where git has these blobs at their paths: what it happens to have elsewhere, or had once, was typed here.

        A command that holds the index locked writes files before it writes down that it has them.
        """
        if not known or index_locked(self._repo):
            return frozenset(known)
        return self._tips.hold(known)

    def signer(self, path: str, data: bytes) -> str:
        """The signer of the commit that brought these bytes; empty: no signature that counts here."""
        if not self._signers:
            return ""
        within = self._repo_path(path)
        blob, commit = known_blobs(self._repo, {within: data}).get(within), last_touched(self._repo, within)
        if not commit or blob is None or self._repo.resolve(f"{commit}:{within}") != blob:
            return ""
        return signer_of(self._repo, commit, Path(self._signers))

    def _repo_path(self, path: str) -> str:
        return f"{self._folder}/{path}"


class JobHistory:
    """Answers in background jobs, one at a time, with a repository of its own: none is used by two threads at once."""

    def __init__(self, repo: Repo, folder: str, signers: str) -> None:
        """Git sees what `repo` lets it see at the time of asking: more, once the repository is trusted."""
        self._seen_as = repo
        self._repo = repo.with_env({})
        self._history = RepoHistory(self._repo, folder, signers)

    def answer(self, asked: GitQuestions) -> GitAnswers:
        """Waits for git."""
        env = self._seen_as.env
        if self._repo.env != env:
            self._repo.add_environment(env)
        return ask_git(self._history, asked)

    def close(self) -> None:
        """End the process that is kept for questions."""
        self._repo.close()
