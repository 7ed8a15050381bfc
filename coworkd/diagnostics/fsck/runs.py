"""Runs and their processes, requests and their files, the trash and its rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from coworkd.diagnostics.fsck.finding import REPAIR, Inconsistency, Subject
from coworkd.store import Database, RunState
from coworkd.store.consistency import trashed_files
from coworkd.store.documents import find_document
from coworkd.store.requests import open_requests
from coworkd.store.runs import live_runs
from coworkd.store.submissions import running_without_run
from coworkd.store.tasks import find_task
from coworkd.sync.disk.ports import Files


def check_runs(db: Database, alive: Callable[[str], bool]) -> Iterator[Inconsistency]:
    """Runs whose process is gone, and runs of tasks that are gone."""
    for run in live_runs(db):
        if find_task(db, run.task) is None:
            yield Inconsistency(
                subject=Subject.RUN, name=run.id, says=f"is of a task that there is not: {run.task}", advice=REPAIR,
                repairable=True,
            )  # fmt: skip
        elif run.state.kind is RunState.WORKING and not alive(run.id):
            yield Inconsistency(
                subject=Subject.RUN, name=run.id, says=f"is at work on {run.task}, and no process of it lives",
                advice="`coworkd up` starts it once more; if it is up, `coworkd pause` and `coworkd ready` the task",
            )  # fmt: skip
    for row in running_without_run(db):
        yield Inconsistency(
            subject=Subject.RUN,
            name=row.id,
            says="is running, and there is no run of it",
            advice=REPAIR,
            repairable=True,
        )


def check_requests(db: Database, folder: Files) -> Iterator[Inconsistency]:
    """Whatever is asked has a file in which it can be answered."""
    for request in filter(lambda one: one.path, open_requests(db)):
        row = find_document(db, request.path)
        away = row is not None and (row.absent_since is not None or row.disk_sha != row.target_sha)
        if folder.stat(request.path) is None and not away:
            yield Inconsistency(
                subject=Subject.REQUEST, name=request.path, says=f"{request.task} waits for an answer in it, and it is"
                " not there", advice=REPAIR, repairable=True,
            )  # fmt: skip


def check_trash(db: Database, folder: Files) -> Iterator[Inconsistency]:
    """What was displaced a moment ago is where it can be looked at again."""
    for file in trashed_files(db):
        if folder.read_trashed(file.name) is None:
            yield Inconsistency(
                subject=Subject.TRASH, name=file.name, says=f"a displaced version of {file.path} is not there",
                advice=f"{REPAIR}; what it held when it was displaced is in the database", repairable=True,
            )  # fmt: skip
