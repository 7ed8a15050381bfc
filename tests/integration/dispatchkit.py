"""Dispatch without a daemon: real files, database and board, agents that are scripts, and time that a test moves."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from coworkd.agents.port import AgentEvent, Assignment, Ended, EndReason
from coworkd.agents.testing import Script, ScriptSteps
from coworkd.board.task_board import Board
from coworkd.core.machine_faults import MachineFault
from coworkd.core.model import Status
from coworkd.core.start_faults import StartFault
from coworkd.dispatch.dispatcher import Dispatcher, RunServices
from coworkd.dispatch.executors.port import RunEvent
from coworkd.dispatch.executors.run_paths import RunPaths
from coworkd.dispatch.executors.slot_results import (
    EmptyRequest,
    FinishRequest,
    FinishResult,
    Imported,
    MachineFailed,
    SavedWork,
    SlotFailed,
    SlotReady,
    SlotRequest,
)
from coworkd.dispatch.executors.testing import EventLogs, FakeExecutor
from coworkd.dispatch.runs.conflict_rounds import ConflictRounds
from coworkd.dispatch.runs.event_recorder import EventRecorder
from coworkd.dispatch.runs.finisher import RunFinisher
from coworkd.dispatch.runs.run_effects import RunEffects
from coworkd.dispatch.runs.slot_emptying import SlotEmptier
from coworkd.dispatch.runs.starter import RunStarter
from coworkd.dispatch.scheduling.capacity import CapacityReader
from coworkd.dispatch.scheduling.machine_hold import MachineHold
from coworkd.dispatch.scheduling.setup_hold import SetupHold
from coworkd.store import FinishedRun, RequestRow, RunRow, RunState, SubmissionRow, SubmissionState
from coworkd.store.wait_reasons import wait_reasons
from coworkd.system.background_jobs import Jobs
from coworkd.system.sandbox.policy import UNCONFINED
from tests.integration.workspacekit import Workspace

PATIENCE = 20.0


def says(*events: AgentEvent) -> Script:
    """An agent that tells this, and is done."""

    def script(_: Assignment) -> ScriptSteps:
        yield from events

    return script


def stays(_: Assignment) -> ScriptSteps:
    """An agent that works until it is stopped."""
    while True:
        yield None


def fails(reason: EndReason = EndReason.FAILED, message: str = "trouble") -> Ended:
    return Ended(reason=reason, message=message)


@dataclass
class Bench:
    """A workspace and its dispatch. `script` may be exchanged between turns; `turn` lets everything settle."""

    root: Path
    script: Script
    made: Callable[[FinishRequest], FinishResult | MachineFailed] = field(default=lambda order: _made(order))
    given: list[Assignment] = field(default_factory=list[Assignment])
    slots: list[SlotRequest] = field(default_factory=list[SlotRequest])
    emptied: list[EmptyRequest] = field(default_factory=list[EmptyRequest])
    fault: MachineFault | None = None
    """What is wrong with the machine."""
    memory: int | None = None
    """Bytes that are free on the machine; None: not known."""
    unprepared: dict[str, StartFault] = field(default_factory=dict[str, StartFault])
    """Tasks that no slot can be made ready for."""
    logs: EventLogs = field(default_factory=dict[str, list[RunEvent]])
    """What agents have said, which outlives the daemon."""
    reach: Callable[[str], None] = field(default=lambda _: None)
    """Called before an agent is submitted, after it was, and in the transaction that ends a run; may raise."""

    def __post_init__(self) -> None:
        self.place = Workspace(self.root)
        self._told = threading.Event()
        self.open()

    def open(self) -> None:
        """Begin; after `crash`, begin again with nothing but the disk."""
        self.db = self.place.db
        self.board = Board(self.db, self.place.intake)
        self.jobs = self.make_jobs()
        self.jobs.require_committed(lambda: self.db.in_transaction)
        places = RunPaths(root=self.root, state=self.root / "state", repo_id="repo", instance="anna-0001")
        self.executor = FakeExecutor(self._wake, self._play, self.logs)
        starter = self.starter = RunStarter(self.board, self.executor, self.jobs, places, self._prepare)
        self.hold = MachineHold(self.db, lambda: self.fault)
        setup_hold = SetupHold(self.board, lambda: UNCONFINED)
        capacity = CapacityReader(self.board, self.no_base_reason, self.hold, setup_hold, lambda: self.memory)
        effects = RunEffects(self.board, self.hold, setup_hold, jitter=self._jitter)
        finisher = RunFinisher(self.board, self.jobs, lambda order: self.made(order), self.hold, effects)
        stages = RunServices(
            starter=starter, recorder=EventRecorder(self.board, places), finisher=finisher,
            conflicts=ConflictRounds(self.board, starter, capacity), machine_hold=self.hold, setup_hold=setup_hold,
            capacity=capacity, emptier=SlotEmptier(self.db, self.jobs, self.emptied.append),
            promote=lambda chosen: chosen,
        )  # fmt: skip
        self.dispatch = Dispatcher(self.board, self.executor, self.jobs, stages, self.place.engine.is_behind)

    def make_jobs(self) -> Jobs:
        return Jobs(self._told.set)

    def no_base_reason(self) -> str:
        """Why no run can start from the repository as it is."""
        return ""

    def crash(self, *, recover: bool = True) -> None:
        """The daemon is killed: its agents are gone, and everything that was in memory."""
        self.jobs.close()
        self.place.restart()
        self.open()
        if recover:
            self.dispatch.recover()
        self.turn(0.0)

    def close(self) -> None:
        self.jobs.close()
        self.place.close()

    def _wake(self) -> None:
        self._told.set()
        self.reach("submitted")

    def _jitter(self) -> float:
        self.reach("end")
        return 0.0

    def _play(self, assignment: Assignment) -> ScriptSteps:
        self.reach("submit")
        self.given.append(assignment)
        return self.script(assignment)

    def _prepare(self, order: SlotRequest) -> SlotReady | SlotFailed:
        self.slots.append(order)
        if fault := self.unprepared.get(order.task):
            return SlotFailed(fault=fault)
        work = self.root / "state" / "slots" / str(order.number) / "work"
        work.mkdir(parents=True, exist_ok=True)
        return SlotReady(base=order.start_from or "base", worktree=work)

    # ---- time

    @property
    def now(self) -> float:
        return self.place.now

    def turn(self, seconds: float = 1.0) -> None:
        """Let time pass, and then happen what happens by itself."""
        self.place.now += seconds
        for _ in range(8):
            self._settle()

    def _settle(self) -> None:
        now = self.place.now
        self.place.turn(0.0)
        self.finish_jobs()
        self.dispatch.step(now)
        self.dispatch.start(now)
        self.place.engine.push(now, blocked=lambda _: False)

    def finish_jobs(self) -> None:
        """Handle what the jobs come to, until none is left."""
        self.jobs.settle(self.now)
        while self.jobs.busy():
            self._told.clear()
            self.jobs.settle(self.now)
            if self.jobs.busy():
                assert self._told.wait(PATIENCE), "a job does not end"

    # ---- what a person does

    def agent(self, name: str = "main", **fields: object) -> None:
        lines = "".join(f"{key}: {value}\n" for key, value in {"driver": "command", "command": "[x]", **fields}.items())
        self.place.save(f"---\n{lines}---\nYou are {name}.\n", f"agents/{name}.md")
        self.place.turn(0.0)

    def config(self, text: str) -> None:
        self.place.save(f"version: 1\nquiet: 0\n{text}", "config.yaml")
        self.place.turn(0.0)

    def task(self, name: str = "a", body: str = "Do it.", **fields: object) -> None:
        head = "".join(f"{k}: {v}\n" for k, v in {"title": name, "status": "ready", "agent": "main", **fields}.items())
        self.place.save(f"---\n{head}---\n{body}\n", f"tasks/{name}.md")

    def write(self, path: str, old: str, new: str) -> None:
        """Change something in a file, as in an editor."""
        text = self.place.text(path)
        assert old in text, text
        self.place.save(text.replace(old, new, 1), path)

    # ---- what there is

    def status(self, task: str = "a") -> Status:
        return self.place.task(task).status

    def reason(self, task: str = "a") -> str:
        return self.place.task(task).reason

    def why(self, task: str = "a") -> str:
        """Why a ready task does not run, as it is stored."""
        return wait_reasons(self.db).of(task, self.place.task(task).agent)

    def runs(self, task: str = "a") -> list[RunRow]:
        return self.db.all(RunRow, "task = ? ORDER BY started, rowid", task)

    def ended(self, task: str = "a") -> list[FinishedRun]:
        return self.db.all(FinishedRun, "task = ? AND state = ? ORDER BY started, rowid", task, RunState.ENDED)

    def requests(self, task: str = "a") -> list[RequestRow]:
        return self.db.all(RequestRow, "task = ? ORDER BY rowid", task)

    def events(self, kind: str) -> list[dict[str, Any]]:
        return [
            json.loads(row["data"]) for row in self.db.query("SELECT data FROM events WHERE kind = ? ORDER BY id", kind)
        ]

    def queue(self, state: SubmissionState, notice: str = "", task: str = "a") -> None:
        """What the merge queue makes of the latest submission."""
        row = self.db.one(SubmissionRow, "task = ? ORDER BY number DESC", task)
        assert row is not None
        with self.db.write():
            self.db.set(SubmissionRow, (task, row.number), state=state, message=notice)


def _made(order: FinishRequest) -> FinishResult:
    """Every run that may submit has changed something; the commit bears the name of its run."""
    if order.submit:
        return Imported(commit=f"work-{order.run}", tree=f"tree-{order.run}")
    return SavedWork(refs=(f"refs/cowork/snap/{order.task}/1",), commit=f"kept-{order.run}", tree=f"tree-{order.run}")
