"""What a stress run proves: counts of everything that must not happen, from what was observed.

Pure. Every count is of distinct tasks, runs or processes; all of them are 0 when coworkd keeps its promises.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from enum import StrEnum

from coworkd.core.model import Status
from coworkd.diagnostics.stress.scenario import Behaviour, RequiredEnd, Scenario, required_ends


class JournalKind(StrEnum):
    """What the agent of a stress run writes down."""

    BEGAN = "began"
    ENDED = "ended"
    TWICE = "twice"
    """Another process of the same task was alive."""
    DISORDER = "disorder"
    """The work of a task that it depends on was not in its tree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalEntry:
    """One line of the agents' journal."""

    at: float
    """Seconds since the epoch."""
    kind: JournalKind
    task: str
    run: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunTimes:
    """A run as the database has it."""

    run: str
    task: str
    started: float
    ended: float | None
    """None: it has not ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Observation:
    """All that is known when the daemon has been stopped."""

    journal: Sequence[JournalEntry]
    runs: Sequence[RunTimes]
    statuses: Mapping[str, str]
    """The status of each task, as its file has it."""
    landed_lines: Mapping[str, int]
    """Lines in the file of each task on the integration branch: one for each time that its work landed."""
    shared_lines: Sequence[str]
    """Lines of the file that several tasks write to."""
    processes_left: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What must not happen, counted, with the names of what it happened to."""

    twice: tuple[str, ...]
    """Tasks with two agents at one time, or whose work landed more than once."""
    lost: tuple[str, ...]
    """Tasks whose work should have landed and did not, or is said to have landed and is not there."""
    stuck: tuple[str, ...]
    """Tasks that had not come to an end when the time was over and nothing moved any more."""
    disorder: tuple[str, ...]
    """Tasks that ran without the work of a task that they depend on."""
    caps_passed: tuple[str, ...]
    """Runs that began while as many as allowed were at work."""
    processes_left: int

    @property
    def ok(self) -> bool:
        return not any(getattr(self, field.name) for field in fields(self))


def judge(scenario: Scenario, seen: Observation) -> Verdict:
    """Compare what was observed with what the scenario requires."""
    required = required_ends(scenario.tasks)
    return Verdict(
        twice=_twice(seen),
        lost=_lost(scenario, seen, required),
        stuck=tuple(task for task, end in required.items() if not has_ended(end, seen.statuses.get(task, ""))),
        disorder=_tasks_with(seen.journal, JournalKind.DISORDER),
        caps_passed=_caps_passed(scenario.agents, seen),
        processes_left=seen.processes_left,
    )


def has_ended(required: RequiredEnd, status: str) -> bool:
    """Whether a task with this status has come to an end, the right one or not."""
    ended = status in (Status.DONE, Status.FAILED, Status.CANCELLED)
    return ended or (required is RequiredEnd.BLOCKED and status == Status.READY)


def _twice(seen: Observation) -> tuple[str, ...]:
    at_once = _tasks_with(seen.journal, JournalKind.TWICE)
    landed = {task for task, lines in seen.landed_lines.items() if lines > 1}
    shared = {task for task, lines in Counter(seen.shared_lines).items() if lines > 1}
    return tuple(sorted(landed | shared | set(at_once)))


def _lost(scenario: Scenario, seen: Observation, required: Mapping[str, RequiredEnd]) -> tuple[str, ...]:
    return tuple(
        task.id
        for task in scenario.tasks
        if ((status := seen.statuses.get(task.id, "")) == Status.DONE and not _is_there(task.id, task.behaviour, seen))
        or (required[task.id] is RequiredEnd.LANDED and status in (Status.FAILED, Status.CANCELLED, ""))
    )


def _is_there(task: str, behaviour: Behaviour, seen: Observation) -> bool:
    shared = behaviour is not Behaviour.COLLIDE or task in seen.shared_lines
    return shared and seen.landed_lines.get(task, 0) > 0


def _tasks_with(journal: Iterable[JournalEntry], kind: JournalKind) -> tuple[str, ...]:
    return tuple(sorted({entry.task for entry in journal if entry.kind is kind}))


def _caps_passed(limit: int, seen: Observation) -> tuple[str, ...]:
    """Runs whose agent began while `limit` others were at work."""
    ends = {run.run: run.ended for run in seen.runs}
    ends |= {entry.run: entry.at for entry in seen.journal if entry.kind is JournalKind.ENDED}
    began = sorted((entry.at, entry.run) for entry in seen.journal if entry.kind is JournalKind.BEGAN)
    at_work: dict[str, float | None] = {}
    passed: list[str] = []
    for at, run in began:
        at_work = {other: end for other, end in at_work.items() if end is None or end > at}
        at_work[run] = ends.get(run)
        if len(at_work) > limit:
            passed.append(run)
    return tuple(passed)


def start_overheads(seen: Observation) -> list[float]:
    """Seconds from the decision to start a run until its agent began, in order of size."""
    began: dict[str, float] = {}
    for entry in seen.journal:
        if entry.kind is JournalKind.BEGAN:
            began.setdefault(entry.run, entry.at)
    return sorted(began[run.run] - run.started for run in seen.runs if run.run in began)


def parse_journal(text: str) -> list[JournalEntry]:
    """The entries of a journal; a line that was cut off by a kill is left out."""
    entries: list[JournalEntry] = []
    for line in text.splitlines():
        words = line.split()
        if len(words) >= 4 and words[1] in set(JournalKind):
            entries.append(
                JournalEntry(
                    at=float(words[0].replace(",", ".")), kind=JournalKind(words[1]), task=words[2], run=words[3]
                )
            )
    return entries
