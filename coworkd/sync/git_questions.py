"""What sync asks git, and what git answers: values that a background job takes and returns.

All questions of a moment are asked together: a process for each would cost more than everything else that is done with
a file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from coworkd.core.model import Kind
from coworkd.sync.disk.ports import History
from coworkd.sync.file_content import ContentKey, FileContent
from coworkd.sync.guards import GitFacts

AbsenceKey = tuple[str, float]
"""The path of a missing file, and since when it is missing: one that came back and went again is another absence."""

_SIGNED_KINDS = frozenset({Kind.APPROVAL, Kind.REVIEW, Kind.PLAN})
"""Kinds in which people decide: a signature counts there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ContentOrigin:
    """Where the bytes of a file came from."""

    from_git: bool
    """Git has them at their path, and no commit that was made here put them there."""
    signer: str = ""
    """Whose signature counts for them; empty for none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeadPosition:
    """Where HEAD and the stash stand."""

    head: str
    """A position in the reflog of HEAD."""
    stash: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GitQuestions:
    """Everything that git is to be asked at once."""

    files: tuple[FileContent, ...] = ()
    """Whose origin is asked; each path once."""
    missing: tuple[AbsenceKey, ...] = ()
    remembered: HeadPosition = HeadPosition(head="", stash="")
    """Where HEAD and the stash stood when nothing was missing; what is said about missing files is compared with it."""
    listed: tuple[str, ...] = ()
    """Paths of which is asked whether the index has them."""
    position: bool = False
    """Whether to say where HEAD and the stash stand."""

    def __bool__(self) -> bool:
        return bool(self.files or self.missing or self.listed or self.position)


@dataclass(frozen=True, slots=True, kw_only=True)
class GitAnswers:
    """What git said to each question."""

    origins: Mapping[ContentKey, ContentOrigin] = field(default_factory=dict[ContentKey, ContentOrigin])
    missing: Mapping[AbsenceKey, GitFacts] = field(default_factory=dict[AbsenceKey, GitFacts])
    listed: Mapping[str, bool] = field(default_factory=dict[str, bool])
    position: HeadPosition | None = None


AskGit = Callable[[GitQuestions], GitAnswers]


def ask_git(history: History, asked: GitQuestions) -> GitAnswers:
    """Answer everything from one history; waits for git."""
    return GitAnswers(
        origins=_origins(history, asked.files),
        missing={absence: _missing(history, absence[0], asked.remembered) for absence in asked.missing},
        listed={path: history.index_lists(path) for path in asked.listed},
        position=HeadPosition(head=history.reflog_position(), stash=history.stash()) if asked.position else None,
    )


def _origins(history: History, files: tuple[FileContent, ...]) -> Mapping[ContentKey, ContentOrigin]:
    from_git = history.paths_from_git({file.path: file.data for file in files}) if files else frozenset[str]()
    return {
        file.key: ContentOrigin(
            from_git=file.path in from_git,
            signer=history.signer(file.path, file.data) if file.kind in _SIGNED_KINDS else "",
        )
        for file in files
    }


def _missing(history: History, path: str, remembered: HeadPosition) -> GitFacts:
    head, before = history.head(), history.last_commit_with(path, remembered.head)
    moved = bool(before) and head != before
    return GitFacts(
        operation=history.operation(),
        index_lists=history.index_lists(path),
        withheld=history.is_withheld(path),
        head_moved=moved,
        descends=moved and bool(head) and history.descends(head, before),
        stashed=history.stash() != remembered.stash,
    )
