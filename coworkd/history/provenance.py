"""Why a line is there: from the line to its commit, its landing, its task, its run, its evidence, and its approver.

Reads the user's repository, the database, and where that has forgotten, records, reviews and audit; writes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from coworkd.core.clock import iso
from coworkd.core.errors import DocumentError
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Check
from coworkd.history.code_location import CodeLocation, find_origin
from coworkd.history.landing_evidence import ReviewFacts, find_review, find_task_text, log_paths, stored_checks
from coworkd.history.landing_refs import LandingCommit
from coworkd.history.landing_search import FoundLanding, find_landing
from coworkd.history.recorder import record_paths
from coworkd.history.run_record import RunRecord, decode
from coworkd.history.timeline import TimelineEntry, read_timeline
from coworkd.store import Database, RunRow, SubmissionRow, TaskRow
from coworkd.store.runs import find_run
from coworkd.store.submissions import find_commit, find_submitted
from coworkd.store.tasks import find_task
from coworkd.store.usage import BILLED
from coworkd.system.git import Repo


@dataclass(frozen=True, slots=True, kw_only=True)
class ProvenanceSources:
    """Where answers are looked for."""

    db: Database
    folder: Path
    """The workspace's."""
    audit: Path
    instance: str
    key: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Provenance:
    """What is known; empty: it is not."""

    commit: str
    subject: str = ""
    author: str = ""
    seen_in: str = ""
    """Where the line was looked up; empty: a commit was asked about."""
    line: str = ""
    """Its text."""
    landing: str = ""
    known_by: str = ""
    """How it is known that this landing brought it; see `landing_search.KnownBy`."""
    together: tuple[str, ...] = ()
    """All tasks of a squash."""
    task: str = ""
    title: str = ""
    text: str = ""
    """The task's text as the run was given it."""
    attempt: str = ""
    submission: str = ""
    state: str = ""
    """Of a submission that is in no landing: where it stands; see `core.submission_states`."""
    run: str = ""
    agent: str = ""
    model: str = ""
    level: str = ""
    resolved: str = ""
    """Who made it instead of an agent, by resolving a conflict, in words; empty: no person did."""
    review: str = ""
    """Path below `.cowork/`."""
    risk: str = ""
    approved: str = ""
    """Who let it land, how and when, in words."""
    approved_at: str = ""
    cost_usd: float | None = None
    estimated: bool = False
    proof: str = ""
    """How it is known that its merge lost nothing, in words."""
    verified_tree: str = ""
    landed_tree: str = ""
    checks: tuple[Check, ...] = ()
    logs: tuple[str, ...] = ()
    """Of each check the file with its whole output, below `.cowork/`; empty: it is no longer kept."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Known:
    """What each source has of one landing."""

    task: TaskRow | None
    row: SubmissionRow | None
    run: RunRow | None
    record: RunRecord | None
    review: ReviewFacts | None
    events: tuple[TimelineEntry, ...]
    """Of this submission, oldest first."""


def find_provenance(
    repo: Repo, sources: ProvenanceSources | None, location: CodeLocation, branch: str
) -> Provenance:  # fmt: skip
    """Everything that is known of how it came about; without `sources` what the repository itself says.

    Raises UserError for a line that there is not.
    """
    origin = find_origin(repo, location, branch)
    about = Provenance(commit=origin.commit, seen_in=origin.seen_in, line=origin.text)
    if not origin.commit:
        return about
    subject, author = repo.run("show", "--no-patch", "--format=%s%x00%an", origin.commit).text.split("\0")
    about = replace(about, subject=subject, author=author)
    found = find_landing(repo, origin)
    if found is None:
        return about if sources is None else _unlanded(about, repo, sources)
    about = _with_landing(about, found)
    return about if sources is None else _complete(about, repo, found.landing, sources)


def _unlanded(about: Provenance, repo: Repo, sources: ProvenanceSources) -> Provenance:
    """What is known of a commit that was submitted and is in no landing; any other commit is a person's."""
    row = find_submitted(sources.db, about.commit)
    if row is None:
        return about
    submitted = LandingCommit(
        commit="", tree="", task=row.task, attempt=str(row.attempt), number=row.number, submission=row.commit_id
    )
    about = replace(about, task=row.task, attempt=submitted.attempt, submission=str(row.number), state=str(row.state))
    return _complete(about, repo, submitted, sources)


def _with_landing(about: Provenance, found: FoundLanding) -> Provenance:
    landing = found.landing
    return replace(
        about, landing=landing.commit, known_by=str(found.known_by), together=found.together, task=landing.task,
        attempt=landing.attempt, submission=str(landing.number or ""), landed_tree=landing.tree,
    )  # fmt: skip


# ---- what is remembered of it


def _complete(about: Provenance, repo: Repo, landing: LandingCommit, sources: ProvenanceSources) -> Provenance:
    known = _look_up(landing, sources)
    row, run, record, review = known.row, known.run, known.record, known.review
    checks = stored_checks(row.checks) if row else ()
    checks = checks or (record.checks if record else review.checks if review else ())
    cost, estimated = _cost(known)
    approval = _approval(known, landing.number)
    return replace(
        about, title=known.task.title if known.task else "", text=_task_text(repo, known, sources.db),
        run=run.id if run else record.run if record else "",
        agent=run.agent if run else record.agent if record else "",
        model=run.model if run else record.model if record else "",
        level=run.start.sandbox_level if run else record.level if record else "",
        resolved=_resolution_text(known), review=review.path if review else "", risk=review.risk if review else "",
        approved=_approval_text(known, approval), approved_at=iso(approval.at) if approval else "",
        cost_usd=cost, estimated=estimated, proof=_landed_fact(known, "proof"),
        verified_tree=_landed_fact(known, "tree"), checks=checks,
        logs=log_paths(sources.folder, review, about.task, len(checks)),
    )  # fmt: skip


def _look_up(landing: LandingCommit, sources: ProvenanceSources) -> _Known:
    db = sources.db
    row = find_commit(db, landing.task, landing.submission)
    record = _find_record(sources, row.run if row else "", landing.task, landing.submission)
    events = [e for e in read_timeline(db, sources.audit, landing.task) if _is_about(e, landing.number)]
    return _Known(
        task=find_task(db, landing.task), row=row,
        run=find_run(db, row.run if row and row.run else record.run if record else ""), record=record,
        review=find_review(sources.folder, landing.task, landing.submission), events=tuple(events),
    )  # fmt: skip


def _is_about(event: TimelineEntry, number: int) -> bool:
    return bool(number) and str(event.data.get("number", "")) == str(number)


def _find_record(sources: ProvenanceSources, run: str, task: str, commit: str) -> RunRecord | None:
    """The record of the run that made a submission, whatever its origin: it is only shown."""
    if not (run or commit):
        return None
    for path in sorted(record_paths(sources.folder), reverse=True):
        data = (sources.folder / path).read_bytes()
        if (run or commit).encode() not in data:
            continue
        try:
            record, _ = decode(data, path, sources.instance, sources.key)
        except DocumentError:
            continue
        if record.run == run or (record.task == task and record.submission and record.submission.commit == commit):
            return record
    return None


def _cost(known: _Known) -> tuple[float | None, bool]:
    """Of the run, and whether that is an estimate; where only the review is left, of the task up to it."""
    if known.run is not None:
        usage = known.run.usage
        subscribed = known.run.billing != BILLED and usage.cost_usd is not None
        return usage.cost_usd, usage.estimated or subscribed
    if known.record is not None:
        return known.record.cost_usd, known.record.estimated
    return (known.review.cost_usd, known.review.estimated) if known.review else (None, False)


def _task_text(repo: Repo, known: _Known, db: Database) -> str:
    sha = (known.row.text_sha if known.row else "") or (known.review.text if known.review else "")
    return find_task_text(repo, db, known.task.path if known.task else "", sha)


def _landed_fact(known: _Known, name: str) -> str:
    """The proof or the verified tree of a landing: as the audit has it, which no lost database takes, or its review."""
    for event in reversed(known.events):
        if event.kind in (EventKind.LANDED, EventKind.LANDED_AGAIN) and event.data.get(name):
            return str(event.data[name])
    review = known.review
    return "" if review is None else review.proof if name == "proof" else review.tree


def _resolution_text(known: _Known) -> str:
    resolved = [event for event in known.events if event.kind == EventKind.CONFLICT_RESOLVED]
    return f"{resolved[-1].who}, who resolved a conflict" if resolved else ""


def _approval(known: _Known, number: int) -> TimelineEntry | None:
    """The last approval of this submission."""
    answered = [e for e in known.events if number and e.kind == EventKind.REQUEST_ANSWERED]
    approvals = [event for event in answered if event.data.get("answer") == "approved"]
    return approvals[-1] if approvals else None


def _approval_text(known: _Known, approval: TimelineEntry | None) -> str:
    """In words; a fixed phrase where it landed without a request."""
    if approval is not None:
        return f"{approval.who}, {approval.data.get('path', '')}"
    if known.review is not None and known.review.approval:
        return f"{known.review.approval}, as {known.review.path} says" if known.review.approval == "approved" else ""
    asked = any(event.kind == EventKind.REQUEST_ANSWERED for event in known.events)
    return "no approval was required" if (known.events or known.review) and not asked else ""
