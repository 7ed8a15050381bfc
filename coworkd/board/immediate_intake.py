"""What a command wrote takes effect in this turn: there is no half-typed sentence to wait out."""

from __future__ import annotations

from coworkd.board.setup_fault import retry_setup_now
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Status
from coworkd.store import Database
from coworkd.store.agent_stops import end_agent_stop
from coworkd.store.announcements import mark_written_by_command
from coworkd.store.answers import accept_answer_by_command
from coworkd.store.messages import make_message_due
from coworkd.store.start_problems import try_task_now
from coworkd.store.tasks import find_task_at, make_status_request_due
from coworkd.sync.engine import Engine


def take_in_now(db: Database, engine: Engine, path: str, now: float, *, on_terminal: bool = False) -> bool:
    """Take the file in, and let what it asks for be due. `on_terminal`: the command was given on one.

    False: git is to say first where it came from, and nothing was done.
    """
    engine.ingest_now(path, now)
    if engine.is_held(path):
        return False
    with db.write():
        _resume_stopped_agent(db, path, now)
        try_task_now(db, path)
        mark_written_by_command(db, path, on_terminal=on_terminal)
        accept_answer_by_command(db, path, on_terminal=on_terminal)
        make_status_request_due(db, path, now)
        make_message_due(db, path, now)
    return True


def _resume_stopped_agent(db: Database, path: str, now: float) -> None:
    """A task that is requested by command has its agent tried again, if that was stopped."""
    row = find_task_at(db, path)
    asked = row is not None and (
        row.status is Status.READY or (row.requested_status == Status.READY and row.attempt > 0)
    )
    if row is None or not asked:
        return
    retry_setup_now(db)
    for agent in {row.agent or db.state.default_agent, row.agent_used}:
        if agent and end_agent_stop(db, agent):
            db.event(
                now,
                EventKind.AGENT_ALLOWED_AGAIN,
                task=row.id,
                actor="person",
                agent=agent,
                reason="a command asked for it",
            )
