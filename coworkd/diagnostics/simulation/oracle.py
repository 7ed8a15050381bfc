"""What must hold when everything has come to rest, whatever went before.

Lost: every token that the daemon has had in its hands is still reachable, or its author has taken it out. Converged:
files and rows say the same. Meant: no status takes effect that no person typed, and none more often than it was typed.
Receipts: at most one for a message. Rebuilt: without the database, the same comes out, and nothing runs again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from coworkd.core.model import Status
from coworkd.core.task_states import ACTIVE, OVER
from coworkd.diagnostics.simulation.machine import Machine
from coworkd.diagnostics.simulation.users import People, tokens
from coworkd.documents.decoding import kind_of
from coworkd.store import Database, MessageStage
from coworkd.store.simulation_checks import (
    all_contents,
    all_runs,
    judged_status_requests,
    message_stage,
    messages_to_send,
    repeated_deliveries,
    unfinished_writes,
    versions_since,
)
from coworkd.store.tasks import all_tasks
from coworkd.sync.consistency import disagreements
from coworkd.sync.disk.folder import is_temporary


class Ledger:
    """What the daemon owes: the tokens it has taken in or displaced so far."""

    def __init__(self, machine: Machine, people: People) -> None:
        self.machine = machine
        self.people = people
        self.failures: list[str] = []
        self._pending_tokens: set[bytes] = set()
        self._at = 0.0

    def read(self) -> None:
        """Enter what has come into the daemon's hands since the last time."""
        machine = self.machine
        for data in machine.displaced:
            self._pending_tokens |= tokens(data)
        machine.displaced.clear()
        for data in versions_since(machine.db, self._at):
            self._pending_tokens |= tokens(data)
        self._at = machine.outside.clock.now() - 0.001
        if machine.power_lost:
            # Commits that were not durable are gone, and with them what only they knew.
            machine.power_lost = False
            self._pending_tokens &= _reachable(machine)

    def start_over(self, machine: Machine) -> None:
        """The database was deleted: from now on only what is outside it must still exist."""
        self.machine = machine
        self._pending_tokens &= _on_disk(machine)

    def lost(self) -> set[bytes]:
        return self._pending_tokens - self.people.given_up - _reachable(self.machine)


def _reachable(machine: Machine) -> set[bytes]:
    """Every token in a file, the trash, a kept base, or an object of git."""
    found = _on_disk(machine)
    for data in all_contents(machine.db):
        found |= tokens(data)
    return found


def _on_disk(machine: Machine) -> set[bytes]:
    disk = machine.outside.disk
    found: set[bytes] = set()
    for number in disk.names.values():
        found |= tokens(disk.inodes[number].data)
    for data in machine.outside.git.blobs():
        found |= tokens(data)
    return found


def judge(ledger: Ledger) -> list[str]:
    """Everything that is wrong now that all is at rest."""
    machine = ledger.machine
    lost = sorted(token.decode() for token in ledger.lost())
    return [
        *(f"lost: {token} is nowhere any more" for token in lost),
        *(f"converged: {text}" for text in converged(machine)),
        *_expected_rows(machine.db, ledger.people),
        *_receipts(machine.db),
    ]


def converged(machine: Machine) -> Iterator[str]:
    """Where files and rows differ."""
    db, disk = machine.db, machine.outside.disk
    for path in disk.paths():
        if (kind := kind_of(path)) is not None:
            found = disagreements(db, path, kind, disk.get(path).data)
            yield from (f"{path}: {text}" for text in found)
        elif is_temporary(path):
            yield f"{path}: was left behind"
    for row in all_tasks(db):
        if not row.file_missing and row.path not in disk.names and row.status not in OVER:
            yield f"{row.path}: the file is not there and its task is {row.status}"
    for path in unfinished_writes(db):
        yield f"{path}: a write was never finished"


def _expected_rows(db: Database, people: People) -> Iterator[str]:
    took = Counter(judged_status_requests(db))
    for (path, word), count in sorted(took.items()):
        if count > (meant := people.meant[path, word]) and word != Status.CANCELLED:
            yield f"meant: {path}: `{word}` was typed {meant} times and took effect {count} times"


def _receipts(db: Database) -> Iterator[str]:
    for path, count in repeated_deliveries(db):
        yield f"receipts: {path} was delivered {count} times"


def judge_rebuilt(live: Machine, rebuilt: Machine) -> list[str]:
    """How the board made from the files alone differs from the one that lived through it all."""
    return [*(f"rebuilt: {text}" for text in converged(rebuilt)), *_differences(live.db, rebuilt.db)]


def _differences(live: Database, rebuilt: Database) -> Iterator[str]:
    known = {row.path: row for row in all_tasks(live) if not row.file_missing}
    for row in all_tasks(rebuilt):
        before = known.get(row.path)
        if before is None or before.from_git or row.from_git:
            continue
        # What was under way has to be started by hand; a review stands if its submission can be found.
        allowed = {Status.PAUSED} if before.status in ACTIVE else {before.status}
        if row.status not in allowed | ({Status.PAUSED} if before.status is Status.REVIEW else set()):
            yield f"rebuilt: {row.path} is {row.status} and was {before.status}"
    for run in all_runs(rebuilt):
        yield f"rebuilt: run {run.id} was started again"
    for message in messages_to_send(rebuilt):
        stage = message_stage(live, message.path)
        if stage not in (None, MessageStage.NEW, MessageStage.UNSENT):
            yield f"rebuilt: {message.path} was {stage} and is to be sent again"
