"""Why a line is there: from the line to its commit, its landing, its task, its run, and its approver.

Reads the user's repository, the database, and where that has forgotten, records and audit; writes nothing.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from coworkd.core.errors import DocumentError, UserError
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Check
from coworkd.history.recorder import record_paths
from coworkd.history.run_record import RunRecord, decode
from coworkd.history.timeline import TimelineEntry, read_timeline
from coworkd.store import Database
from coworkd.store.runs import find_run
from coworkd.store.submissions import find_commit
from coworkd.store.tasks import find_task
from coworkd.system.git import Repo
from coworkd.system.git.refs import branch_ref

_TRAILER = re.compile(r"^Cowork-(?P<key>[A-Za-z]+): (?P<value>.+)$", re.MULTILINE)
_PLACE = re.compile(r"(?P<path>.+):(?P<line>[0-9]{1,9})")


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeLocation:
    """What is asked about: a line of a file, or a commit."""

    path: str = ""
    line: int = 0
    commit: str = ""


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
    subject: str
    author: str
    landing: str = ""
    task: str = ""
    title: str = ""
    attempt: str = ""
    submission: str = ""
    run: str = ""
    agent: str = ""
    model: str = ""
    level: str = ""
    approved: str = ""
    """Who let it land, how and when, in words."""
    checks: tuple[Check, ...] = ()


def parse_location(repo: Repo, text: str) -> CodeLocation:
    """The commit or the line that the argument names. Raises UserError."""
    found = _PLACE.fullmatch(text)
    if found:
        return CodeLocation(path=found["path"].removeprefix("./"), line=int(found["line"]))
    commit = repo.commit(text)
    if commit is None:
        raise UserError(f"`{text}` is neither PATH:LINE nor a commit")
    return CodeLocation(commit=commit)


def find_provenance(repo: Repo, sources: ProvenanceSources, location: CodeLocation, branch: str) -> Provenance:
    """Everything that is known of how it came about. Raises UserError for a line that there is not."""
    tip = _tip_with_file(repo, branch, location.path)
    commit = location.commit or _blamed_commit(repo, tip, location)
    landing = _landing(repo, tip, commit)
    subject, author = repo.run("show", "--no-patch", "--format=%s%x00%an", commit).text.split("\0")
    known = Provenance(commit=commit, subject=subject, author=author)
    return _complete(known, landing, _trailers(repo, landing), sources) if landing else known


def _tip_with_file(repo: Repo, branch: str, path: str) -> str:
    """The integration branch where it has the file, else what is checked out."""
    tip = repo.commit(branch_ref(branch))
    if tip and (not path or repo.resolve(f"{tip}:{path}")):
        return tip
    head = repo.head().commit
    if head is None:
        raise UserError("this repository has no commit yet")
    return head


def _blamed_commit(repo: Repo, tip: str, location: CodeLocation) -> str:
    lines = (f"-L{location.line},{location.line}", "--porcelain", "--no-textconv")
    done = repo.run("blame", *lines, tip, "--", location.path, check=False)
    if done.code != 0:
        raise UserError(f"{location.path}:{location.line} is not to be found at {tip[:12]}: {done.err.strip()}")
    return done.text.split(" ", 1)[0]


def _landing(repo: Repo, tip: str, commit: str) -> str:
    """The merge that brought a commit onto the branch's main line, or was made there itself; empty: none of ours did.

    Only there: what a commit beside it says of itself, its author has written.
    """
    main_line = repo.run("rev-list", "--first-parent", tip).text.split()
    if commit not in main_line:
        after = set(repo.run("rev-list", "--ancestry-path", f"{commit}..{tip}").text.split())
        commit = next((one for one in reversed(main_line) if one in after), "")
    return commit if commit and {"Task", "Submission"} <= _trailers(repo, commit).keys() else ""


def _trailers(repo: Repo, commit: str) -> Mapping[str, str]:
    text = repo.run("show", "--no-patch", "--format=%B", commit).text
    return {found["key"]: found["value"].strip() for found in _TRAILER.finditer(text)}


# ---- what is remembered of it


def _complete(known: Provenance, landing: str, trailers: Mapping[str, str], sources: ProvenanceSources) -> Provenance:
    task = trailers["Task"]
    number, _, commit = trailers.get("Submission", "").partition(" ")
    db = sources.db
    row = find_commit(db, task, commit or known.commit)
    record = _find_record(sources, row.run if row else "", task, commit)
    run = find_run(db, row.run if row and row.run else record.run if record else trailers.get("Run", ""))
    found = find_task(db, task)
    checks = tuple(Check(**check) for check in json.loads(row.checks)) if row else record.checks if record else ()
    return Provenance(
        commit=known.commit, subject=known.subject, author=known.author, landing=landing, task=task,
        title=found.title if found else "", attempt=trailers.get("Attempt", ""), submission=number,
        run=run.id if run else record.run if record else "",
        agent=run.agent if run else record.agent if record else "",
        model=run.model if run else record.model if record else "",
        level=run.start.sandbox_level if run else record.level if record else "",
        approved=_approval_text(sources, task, number), checks=checks,
    )  # fmt: skip


def _find_record(sources: ProvenanceSources, run: str, task: str, commit: str) -> RunRecord | None:
    """The record of the run that made a submission, whatever its origin: it is only shown."""
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


def _approval_text(sources: ProvenanceSources, task: str, number: str) -> str:
    """The last approval of this submission, in words; a fixed phrase where it landed without a request."""
    approval: TimelineEntry | None = None
    was_asked = False
    for event in read_timeline(sources.db, sources.audit, task):
        if str(event.data.get("number", "")) == number and event.kind == EventKind.REQUEST_ANSWERED:
            was_asked, approval = True, event if event.data.get("answer") == "approved" else approval
    if approval is None:
        return "" if was_asked or not number else "no approval was required"
    return f"{approval.who}, {approval.data.get('path', '')}"
