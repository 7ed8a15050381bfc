"""What git has answered, and what it is still to be asked: the writer notes questions here and goes on.

The questions are answered by a background job (`daemon.git_job`); until then nothing is decided that depends on the
answer. At the start of the daemon, and where a command is the writer for one turn, git is asked at once: there is
nothing else to do then.

An answer holds for the moment at which it is taken in and is not kept: git may answer otherwise about the same bytes
later.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager

from coworkd.sync.file_content import ContentKey, FileContent
from coworkd.sync.git_questions import AbsenceKey, AskGit, ContentOrigin, GitAnswers, GitQuestions, HeadPosition
from coworkd.sync.guards import GitFacts

_NOWHERE = HeadPosition(head="", stash="")


class GitKnowledge:
    """Open questions of one workspace, and answers while they are taken in; used by the writer thread alone."""

    def __init__(self, at_once: AskGit | None = None) -> None:
        """`at_once` asks git while the writer waits; None: questions stay open until their answers are taken in."""
        self._at_once = at_once
        self._files: dict[ContentKey, FileContent] = {}
        self._missing: dict[AbsenceKey, None] = {}
        self._listed: dict[str, None] = {}
        self._remembered = _NOWHERE
        self._position: HeadPosition | None = None
        self._position_open = False
        self._answers = GitAnswers()
        self._index: object = None
        self._known_listed: dict[str, bool] = {}

    @property
    def waits(self) -> bool:
        """Whether the writer waits for git."""
        return self._at_once is not None

    def ask_later(self) -> None:
        """From now on the writer does not wait for git."""
        self._at_once = None

    # ---- what the writer wants to know

    def origins(self, files: Sequence[FileContent]) -> Mapping[ContentKey, ContentOrigin]:
        """Where the bytes of these files came from, as far as it is known; the rest is asked. Each path once."""
        known = {file.key: self._answers.origins[file.key] for file in files if file.key in self._answers.origins}
        unknown = [file for file in files if file.key not in known]
        if unknown and self._at_once is not None:
            return {**known, **self._at_once(GitQuestions(files=tuple(unknown))).origins}
        for file in unknown:
            self._files.setdefault(file.key, file)
        return known

    def missing(self, absences: Sequence[AbsenceKey], remembered: HeadPosition) -> Mapping[AbsenceKey, GitFacts]:
        """What git knows about these missing files, as far as it is known; the rest is asked."""
        if absences and self._at_once is not None:
            return self._at_once(GitQuestions(missing=tuple(absences), remembered=remembered)).missing
        self._remembered = remembered
        known = {one: self._answers.missing[one] for one in absences if one in self._answers.missing}
        self._missing.update(dict.fromkeys(one for one in absences if one not in known))
        return known

    def head_position(self) -> HeadPosition | None:
        """Where HEAD and the stash stood at a moment before this one; None: not known yet. Asks for news of it."""
        if self._at_once is not None:
            self._position = self._at_once(GitQuestions(position=True)).position
        else:
            self._position_open = True
        return self._position

    def is_listed(self, path: str, index: object) -> bool | None:
        """Whether git's index has this path; None: not known yet, and asked. `index` is the version of the index."""
        if index != self._index:
            self._index, self._known_listed = index, {}
        if path not in self._known_listed and self._at_once is not None:
            self._known_listed.update(self._at_once(GitQuestions(listed=(path,))).listed)
        if path not in self._known_listed:
            self._listed[path] = None
        return self._known_listed.get(path)

    # ---- asking

    def questions(self) -> GitQuestions:
        """Everything that is open, of each path the bytes that were asked about first."""
        files: dict[str, FileContent] = {}
        for file in self._files.values():
            files.setdefault(file.path, file)
        return GitQuestions(
            files=tuple(files.values()), missing=tuple(self._missing), remembered=self._remembered,
            listed=tuple(self._listed), position=self._position_open,
        )  # fmt: skip

    def is_missing_open(self, path: str) -> bool:
        """Whether git is still to be asked about this missing file."""
        return any(path == asked for asked, _ in self._missing)

    def forget_missing(self, path: str) -> None:
        """The file is there again: what git says of its absence counts no more."""
        self._missing = {absence: None for absence in self._missing if absence[0] != path}

    @contextmanager
    def answered(self, answers: GitAnswers) -> Generator[None]:
        """Within this context the answers are known. What was not asked for, or not any more, is not taken in."""
        self._answers = GitAnswers(
            origins={key: origin for key, origin in answers.origins.items() if self._files.pop(key, None)},
            missing={absence: facts for absence, facts in answers.missing.items() if absence in self._missing},
        )
        for absence in answers.missing:
            self._missing.pop(absence, None)
        for path, listed in answers.listed.items():
            if path in self._listed:
                del self._listed[path]
                self._known_listed[path] = listed
        if answers.position is not None:
            self._position, self._position_open = answers.position, False
        try:
            yield
        finally:
            self._answers = GitAnswers()

    @property
    def latest_position(self) -> HeadPosition | None:
        """The latest answer to `head_position`."""
        return self._position
