"""`notify`: the user's own programs are told what has begun to wait for a person."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from coworkd.board.views.attention import AttentionItem, AttentionKind
from coworkd.core.clock import iso
from coworkd.core.text_formats import shorten_start
from coworkd.store import Database
from coworkd.store.notifications import notified_items, set_notified_items
from coworkd.system.background_jobs import Job, JobFailed, Jobs, Purpose
from coworkd.system.process import commands as process
from coworkd.system.process.commands import ProcessSpec

log = logging.getLogger("coworkd")

NOTIFY: Job[None, None] = Job(name="notify", purpose=Purpose.MAINTENANCE, first_pause=0)
COMMAND_TIMEOUT = 30.0
"""Seconds that one command may take for one item."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Notification:
    """One item for one command."""

    command: str
    text: str
    """JSON, for its standard input."""


class Notifications:
    """Tells of each waiting item once; used by the writer thread alone, but for the job it starts."""

    def __init__(
        self, db: Database, jobs: Jobs, commands: Sequence[str], run_notification: Callable[[Notification], None]
    ) -> None:
        self._db = db
        self._jobs = jobs
        self._commands = commands
        self._run_notification = run_notification
        jobs.handle(NOTIFY, then=self._note_done, failed=self._failed)

    def step(self, waiting: Sequence[AttentionItem], now: float) -> None:
        """Tell of what has not been told yet, and forget what no longer waits."""
        if not self._commands or self._jobs.running(NOTIFY):
            return
        items = {_item_key(item): item for item in waiting}
        told = notified_items(self._db)
        if told == items.keys():
            return
        fresh = [item for name, item in items.items() if name not in told]
        with self._db.write():
            set_notified_items(self._db, items, now)
        notices = [Notification(command=c, text=_notification_text(item)) for item in fresh for c in self._commands]
        if notices:
            self._jobs.start(NOTIFY, None, lambda: self._run_all(notices))

    def _run_all(self, notices: Sequence[Notification]) -> None:
        for notice in notices:
            if self._jobs.stopping.is_set():
                return
            self._run_notification(notice)

    def _note_done(self, _: None, value: None, now: float) -> None:
        """Every command has been run."""

    def _failed(self, _: None, failure: JobFailed, now: float) -> None:
        """A command could not be started: `inbox.md` shows what waits all the same, and the log has the reason."""


def _item_key(item: AttentionItem) -> str:
    """The same for as long as the same thing waits."""
    since = 0 if item.kind is AttentionKind.TRUST else int(item.since)
    return f"{item.kind} {since} {item.task} {item.path}"


def _notification_text(item: AttentionItem) -> str:
    told = {"kind": str(item.kind), "path": item.path, "task": item.task, "since": iso(item.since), "what": item.what}
    return json.dumps(told, ensure_ascii=False)


def notification_runner(
    root: Path, env: Mapping[str, str], cancelled: Callable[[], bool]
) -> Callable[[Notification], None]:
    """Runs a command for an item, in the user's checkout and with the user's environment."""

    def run_notification(notice: Notification) -> None:
        spec = ProcessSpec(
            argv=("/bin/sh", "-c", notice.command), cwd=root, env=env, stdin=notice.text.encode() + b"\n",
            timeout=COMMAND_TIMEOUT, output_limit=100_000, marker=env[process.RUN_MARK],
        )  # fmt: skip
        ended = process.run(spec, cancelled)
        if not ended.ok:
            log.warning(
                "notify: `%s` ended with %s: %s", notice.command, ended.code, shorten_start(ended.tail.strip(), 500)
            )

    return run_notification
