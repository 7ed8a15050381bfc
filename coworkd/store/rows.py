"""The rows of the database as frozen records; `row_mapping` says which column a field is."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from enum import StrEnum
from typing import Annotated, Any, NamedTuple

from coworkd.core.model import Kind, MessageKind, RiskLevel, Status
from coworkd.core.request_states import RequestState
from coworkd.core.runs import (
    AgentStart,
    AnyRunState,
    EndedState,
    LiveStatus,
    ReportedError,
    RunAttempt,
    RunSlot,
    RunUsage,
    StopRequest,
)
from coworkd.core.submission_states import SubmissionState
from coworkd.store.row_mapping import SqlName, SqlNames


class RequestKind(StrEnum):
    QUESTION = "question"
    TOOL = "tool"
    MERGE = "merge"
    PLAN = "plan"
    CHOICE = "choice"
    """Which of several proposals is taken."""


class MessageStage(StrEnum):
    """What has become of a person's message."""

    NEW = "new"
    DELIVERED = "delivered"
    UNSENT = "unsent"
    """Kept and shown: the task was done or cancelled, or the text came by git."""
    DAEMON = "daemon"
    """Written by an agent through coworkd."""


class SubmissionKind(StrEnum):
    """What a submission does."""

    WORK = "work"
    """An agent made it."""
    REVERT = "revert"
    """It takes the task's landing back."""
    APPLY = "apply"
    """It brings what was taken back again."""


class SubmissionKey(NamedTuple):
    """Which submission a row or a job is about."""

    task: str
    number: int

    def __str__(self) -> str:
        return f"{self.task}/{self.number}"


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentRow:
    """One file: what it should say (`want`), and what was last seen on disk (`file_sha`)."""

    path: str
    kind: Kind
    doc: str
    """The id of what it documents: a task id, an agent's name, a request."""
    target_bytes: Annotated[bytes, SqlName("want")]
    target_sha: Annotated[str, SqlName("want_sha")]
    disk_sha: Annotated[str, SqlName("file_sha")]
    """Empty: no such file on disk."""
    rev: int
    changed_at: float
    body_changed_at: float
    from_git: Annotated[bool, SqlName("pulled")]
    """The bytes came by git and were not typed here."""
    absent_since: float | None
    generated: bool
    """Written by the daemon; written again when it goes missing while it is needed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskRow:
    id: str
    path: str
    title: str
    status: Status
    reason: str
    """Why it stands there, in words."""
    since: float
    agent: str
    priority: float
    created: float
    attempt: int
    by: str
    landed: str
    failures: int
    """Attempts used up without a green submission since it was last made ready by a person."""
    conflict_rounds: Annotated[int, SqlName("bounces")]
    """Conflicts sent back to the author on the present tip."""
    not_before: float
    closed_by_hand: Annotated[bool, SqlName("closed")]
    """Closed by hand: its dependants are released without a landing."""
    requested_status: Annotated[str, SqlName("wanted")]
    """A status that a person wrote and that has not taken effect yet; empty when there is none."""
    request_due_at: Annotated[float, SqlName("wanted_due")]
    blocked_reason: Annotated[str, SqlName("held")]
    """Why nothing may start from this file; empty when nothing is in the way."""
    from_git: Annotated[bool, SqlName("pulled")]
    owned_elsewhere: Annotated[bool, SqlName("elsewhere")]
    """Another instance works on it."""
    file_missing: Annotated[bool, SqlName("gone")]
    """The file is absent."""
    agent_used: str
    cost_usd: float | None
    input_tokens: int
    output_tokens: int
    exact_id: bool
    """The id is written in the file and no longer follows its name."""
    fresh_start: bool = False
    """The next attempt begins from nothing: no session is taken up again."""
    reverted: str = ""
    """The commit that took its landing back; empty: none did."""
    stack: bool = False
    """It may start from verified submissions of its dependencies."""
    answer_path: Annotated[str, SqlName("answer")] = ""
    """The message in which a question is answered; empty: it is none, or not answered."""
    plan: str = ""
    """The plan that its file names; empty: none."""
    order: Annotated[str, SqlName("place")] = ""
    """Its place among the children of that plan, as `order_text` writes it; empty: none."""
    size: float = 1.0
    """How much it counts in the progress of that plan."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRow(RunAttempt):
    """One time that an agent works on a task, and what is known of it by now."""

    state: Annotated[AnyRunState, SqlNames(since="waiting_since", at="ended", kept_commit="kept")]
    started: float
    stop: StopRequest = StopRequest.NONE
    stop_message: str = ""
    """Why it is to stop, where the request does not say all of it."""
    slot: Annotated[RunSlot, SqlNames(number="slot", missing_commits="lacks")] = field(default_factory=RunSlot)
    start: Annotated[AgentStart, SqlNames(at="began", sandbox_level="level")] = field(default_factory=AgentStart)
    session: str = ""
    """The agent's own id of its session; empty while it has told none."""
    origin: str = ""
    """The run whose work and session it goes on with; empty: it begins from nothing."""
    reply: Annotated[str, SqlName("said")] = ""
    usage: RunUsage = field(default_factory=RunUsage)
    live: Annotated[
        LiveStatus,
        SqlNames(
            first_reply_at="first_at",
            last_event_at="heard_at",
            waiting_seconds="waited",
            tool_calls="tools",
            refused_hosts="refused",
        ),
    ] = field(default_factory=LiveStatus)
    error: Annotated[ReportedError | None, SqlNames(kind="error_kind", message="error")] = None
    fault: str = ""
    """Why no file could be written at some time since it began; empty: nothing was seen of that."""

    def ended(self, state: EndedState) -> FinishedRun:
        """The run as it has ended."""
        values: dict[str, Any] = {item.name: getattr(self, item.name) for item in fields(self)}
        values["state"] = state
        return FinishedRun(**values)


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedRun(RunRow):
    """A run that is over."""

    state: Annotated[EndedState, SqlNames(at="ended", kept_commit="kept")]

    @property
    def explanation(self) -> str:
        """How its agent ended: in the provider's words, otherwise in the agent's."""
        return (self.error.message if self.error else "") or self.state.message


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantRow:
    """A pattern of tool calls that a person allowed."""

    request: str
    """The request it was given with."""
    task: str
    """Empty: for this agent in this workspace, from then on."""
    agent: str
    pattern: str
    run: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class CooldownRow:
    """A provider's account and model that is not used for a while."""

    account: str
    until: float
    times: int
    """How often in a row it was unavailable."""
    kind: str
    reason: str
    since: float


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestRow:
    id: str
    task: str
    run: str
    kind: RequestKind
    name: str
    """The outbox name that the answer goes back under."""
    path: str
    """The document a person answers in."""
    state: RequestState
    answer: str
    comment: str
    text: str
    created: float
    number: int
    """The submission it is about; of a question or a permission the start of its run that hears the answer."""
    tool: str = ""
    arguments: str = ""
    pattern: str = ""
    """The grant that the form proposes."""
    answered_by: str = ""
    """How a person answered: `file` or `terminal`; `policy`: a rule did; empty: not answered."""
    risk: RiskLevel = RiskLevel.MEDIUM
    seal: str = ""
    """Digest of everything that an approval covers; recomputed before an approval takes effect."""
    expires: float | None = None
    """When it is asked again; None: never."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageRow:
    path: str
    task: str
    sender: str
    kind: MessageKind
    stage: MessageStage
    seen: int
    """Order of first sight."""
    due: float
    run: str
    reply_to: str
    body: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchPlace:
    """Where a submission stands among those that were verified together."""

    commit: str
    """The merge whose tree was verified for all of them: the candidate of the last."""
    place: int
    """From 1: each is merged with the one before, and they land in this order, in one move."""
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SubmissionRow:
    task: str
    number: int
    run: str = ""
    """Empty: no run made it, or the database that knew of it was lost."""
    attempt: int
    commit_id: str
    tree: str
    """Empty: nothing was changed."""
    base: str
    state: SubmissionState
    candidate: str = ""
    candidate_tree: str = ""
    """The tree that was verified."""
    merge_proof: str = ""
    """How it is known that its candidate lost nothing, in words; empty: it is not known."""
    verified_on: Annotated[str, SqlName("tip")] = ""
    checks: str = "[]"
    """JSON list of the verification commands as they went."""
    request: str = ""
    """What a person was asked about it; empty: its review is to be written."""
    created: float
    message: Annotated[str, SqlName("notice")] = ""
    needs_approval: Annotated[bool, SqlName("person")]
    approved: bool = False
    parked: bool = False
    """Its risk is high, and no person was there: one has to approve it."""
    landing: str = ""
    """The commit by which it landed."""
    text_sha: str = ""
    bundle: str = ""
    """The conflict bundle, a file outside the workspace; empty: none."""
    conflict: str = ""
    """JSON of `core.conflict_facts`: what it conflicted over last, or what it resolves; empty: nothing."""
    kind: SubmissionKind = SubmissionKind.WORK
    held: str = ""
    """JSON: what it was held for, until it has been verified again; empty: nothing."""
    files: str = "[]"
    """JSON list of what its review says of each file: `src/a.py (+3 -1)`."""
    proof: str = ""
    """A commit of the target that is known to contain its landing; empty: none is."""
    missing: str = ""
    """Why its landing is in neither branch any more; empty: it is there, or has not landed."""
    stacked_on: str = ""
    """The submissions that it was made, or merged last, on top of before they landed, as `a/1 b/2`; empty: none."""
    conflict_tip: str = ""
    """The commit that it conflicts with, where that is more than the tip: `stacked_on` is merged with it."""
    batch: Annotated[BatchPlace | None, SqlNames(commit="batch_commit", place="batch_place", size="batch_size")] = None
    """None: it was verified alone, or not yet."""

    @property
    def key(self) -> SubmissionKey:
        return SubmissionKey(self.task, self.number)

    @property
    def tip_to_merge(self) -> str:
        """What its author is to merge in, where it conflicts."""
        return self.conflict_tip or self.verified_on


@dataclass(frozen=True, slots=True, kw_only=True)
class EventRow:
    id: int
    at: float
    actor: str
    kind: str
    task: str
    data: str
