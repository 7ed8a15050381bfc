"""The last run of a task as a recording: its events from its logs, its files from what it submitted."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from coworkd.agents import run_event_file
from coworkd.agents.drivers.replay.recorder import ResultFile, render_recording
from coworkd.agents.port import AgentEvent
from coworkd.cli.workspace import Workspace
from coworkd.core.errors import UserError
from coworkd.store import RunRow
from coworkd.store.runs import last_ended_run
from coworkd.store.submissions import submission_of_run
from coworkd.system.git import Repo

_GONE = "000000"


def last_run(workspace: Workspace, task: str) -> str:
    """The recording. Raises UserError where there is nothing to record, or nothing left of it."""
    with workspace.reading() as db:
        run = last_ended_run(db, task)
        if run is None:
            raise UserError(f"no run of `{task}` has ended yet")
        submitted = submission_of_run(db, run.id)
    events = list(_events(run))
    if not events:
        raise UserError(f"the log of run {run.id} is gone: there is nothing to make a recording of")
    if submitted is None:
        return render_recording(events, (), run.agent, run.model)
    with Repo.open(workspace.paths.root) as repo:
        return render_recording(events, list(_left(repo, submitted.base, submitted.commit_id)), run.agent, run.model)


def _events(run: RunRow) -> Iterator[AgentEvent]:
    """Every event of a run, over all of its starts."""
    logs = Path(run.start.log).parent.glob(f"{run.id}.*/{run_event_file.EVENTS_FILE}")
    for log in sorted(logs, key=lambda path: int(path.parent.suffix.removeprefix("."))):
        offset = 0
        while (found := run_event_file.read(log, offset))[0]:
            offset = found[1]
            yield from (logged.event for logged in found[0])


def _left(repo: Repo, base: str, commit: str) -> Iterator[ResultFile]:
    """The files that differ, as `git diff-tree --raw` has them: `:OLDMODE MODE OLDID ID STATUS`, then the path."""
    fields = iter(repo.run("diff-tree", "-r", "-z", "--raw", "--no-renames", "--no-abbrev", base, commit).fields)
    for meta in fields:
        _, mode, _, object_id, _ = meta.split()
        gone = mode == _GONE
        content = b"" if gone else repo.blob(object_id)
        yield ResultFile(path=next(fields), mode="" if gone else mode, content=content)
