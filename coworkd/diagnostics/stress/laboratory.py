"""The throw-away repository of a stress run: its workspace, its agents' program and journal, its daemon, its people.

Everything is driven as a person drives it, through files and the installed command; only figures are read from the
database, once the daemon has ended.
"""

from __future__ import annotations

import secrets
import shutil
import signal
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from coworkd.core.runs import EndedState
from coworkd.diagnostics.playground import Playground
from coworkd.diagnostics.playground import field as header_field
from coworkd.diagnostics.stress.judge import Observation, RunTimes, parse_journal
from coworkd.diagnostics.stress.process_limit import ProcessLimit
from coworkd.diagnostics.stress.processes import cpu_seconds, processes_left
from coworkd.diagnostics.stress.scenario import Behaviour, Scenario, StressTask, most_work
from coworkd.diagnostics.stress.small_disk import SmallDisk
from coworkd.store import Database
from coworkd.store.runs import begun_runs

INTEGRATION = "cowork/integration"
STOP_PATIENCE = 60.0
"""Seconds that the daemon gets to end in, with all its runs."""
FILES = 200
"""Of the repository, before the first task."""

_COUNTING_GIT = '#!/bin/sh\nprintf . >> "{count}"\nexec "{git}" "$@"\n'


@dataclass(slots=True)
class CpuUse:
    """Seconds of CPU of all daemons of a run, one after the other."""

    daemons: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class LaboratoryOptions:
    """What a laboratory is made for."""

    sandbox: bool
    disk: SmallDisk | None
    """Where the state folder is, so that it can be filled."""
    process_limit: ProcessLimit
    """Of agents that start processes without end."""


class Laboratory:
    """Everything that a stress run has of its own; `close` leaves nothing but what is in the playground."""

    def __init__(self, place: Playground, scenario: Scenario, options: LaboratoryOptions) -> None:
        self.place = place
        self.program = place.root / "stress-agent.sh"
        self.daemon = 0
        """The process id of the daemon."""
        self.cpu = CpuUse()
        self.stopped_in_time = True
        """Whether the last daemon ended by itself when it was asked to."""
        self._scenario = scenario
        self._sandbox = options.sandbox
        self._folder = place.root / "stress"
        self._token = f"9{secrets.randbelow(10**8):08d}"
        self._git_count = place.root / "git-processes"
        self._disk = options.disk
        self._process_limit = options.process_limit

    # ---- setting up

    def set_up(self) -> None:
        """A repository, a workspace, an agent, and all tasks as drafts; nothing runs yet."""
        for name in ("locks", "seen"):
            (self._folder / name).mkdir(parents=True)
        (self._folder / "token").write_text(self._token)
        self.program.write_bytes((files("coworkd") / "diagnostics" / "stress" / "agent.sh").read_bytes())
        self._lay_out_repository()
        if not self._sandbox:
            # No workspace can switch the protection off: its user can.
            _save_settings(self.place.home, "sandbox: {mode: off}\n")
        self.place.coworkd("init")
        self.place.save("config.yaml", self._config())
        self.place.save("agents/stress.md", self._agent())
        self._count_git()

    def _lay_out_repository(self) -> None:
        self.place.repo.mkdir()
        for number in range(FILES):
            path = self.place.repo / f"src/part{number % 10}" / f"file{number:03d}.txt"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"file {number}\n" * 20)
        self.place.must("git", "init", "--quiet", "--initial-branch=main")
        self.place.must("git", "add", "--all")
        self.place.must("git", "commit", "--quiet", "--message", "Start")

    def _config(self) -> str:
        return (
            f"version: 1\nagent: stress\nconcurrency: {self._scenario.agents}\nquiet: 1\napprove: []\n"
            f'verify: ["test ! -e red"]\nbackoff: 0.2\nmax_attempts: 12\n'
        )

    def _agent(self) -> str:
        limit = self._process_limit.procs or "/dev/full"
        timeout = 60 + 2 * most_work(self._scenario.agents)
        return (
            f"---\ndriver: command\ncommand: [bash, {self.program}]\nlimits: {{stall: 6s, timeout: {timeout:.0f}s}}\n"
            f"sandbox: {{allow_paths: [{self._folder}, {self.program}]}}\n"
            f"env: {{STRESS_FOLDER: {self._folder}, STRESS_PROCESS_LIMIT: {limit}}}\n"
            "---\nYou are a program.\n"
        )

    def _count_git(self) -> None:
        """Count every git process, where no sandbox would hide the program that counts."""
        git = shutil.which("git")
        if self._sandbox or git is None:
            return
        folder = self.place.root / "bin"
        folder.mkdir()
        (folder / "git").write_text(_COUNTING_GIT.format(count=self._git_count, git=git))
        (folder / "git").chmod(0o755)
        self.place.search_first(folder)

    # ---- what a person does

    def write_tasks(self) -> None:
        """Save all tasks at once."""
        for task in self._scenario.tasks:
            self.place.save(f"tasks/{task.id}.md", _task_text(task))

    def answer(self, statuses: Mapping[str, str]) -> None:
        """Answer what waits for a person: work that changed nothing is asked for again, conflicts go on."""
        for task in self._scenario.tasks:
            if statuses.get(task.id) == "review":
                self.place.run_coworkd("changes", task.id, "--comment", "Nothing was done: begin again.")
            elif statuses.get(task.id) == "waiting":
                self.place.run_coworkd("reply", task.id, "Go on.")

    def statuses(self) -> dict[str, str]:
        """The status of each task, as its file has it."""
        return {
            task.id: header_field(self.place.read(f"tasks/{task.id}.md"), "status") for task in self._scenario.tasks
        }

    # ---- the daemon

    def start_daemon(self) -> None:
        self.daemon = self.place.start()

    def restart_daemon(self) -> None:
        """Kill it without warning, and start another."""
        self.cpu.daemons += cpu_seconds(self.daemon)
        self.place.signal(signal.SIGKILL)
        self.start_daemon()

    def stop_daemon(self) -> None:
        """Ask it to end, with all its runs."""
        self.cpu.daemons += cpu_seconds(self.daemon)
        self.stopped_in_time = self.place.stop_daemon(STOP_PATIENCE)

    def fill_disk(self) -> None:
        if self._disk is not None:
            self._disk.fill()

    def free_disk(self) -> None:
        if self._disk is not None:
            self._disk.free()

    # ---- what is left

    def observe(self) -> Observation:
        """What is there once the daemon has ended."""
        journal = self._folder / "journal"
        text = journal.read_text(errors="replace") if journal.exists() else ""
        return Observation(
            journal=parse_journal(text), runs=self._runs(), statuses=self.statuses(),
            landed_lines=self._landed_lines(), shared_lines=self._show("shared").split(),
            processes_left=processes_left(self.place.repository_id(), self._token),
        )  # fmt: skip

    def _runs(self) -> list[RunTimes]:
        db = Database(self.place.repo / ".git/cowork/state.db", read_only=True)
        try:
            return [
                RunTimes(
                    run=run.id, task=run.task, started=run.started,
                    ended=run.state.at if isinstance(run.state, EndedState) else None,
                )
                for run in begun_runs(db)
            ]  # fmt: skip
        finally:
            db.close()

    def _landed_lines(self) -> dict[str, int]:
        """Lines of each file that tasks left on the integration branch."""
        counted = self.place.run("git", "grep", "--count", "-e", "", INTEGRATION, "--", "work").tail
        pairs = [line.removeprefix(f"{INTEGRATION}:work/").rsplit(":", 1) for line in counted.splitlines()]
        return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2}

    def _show(self, path: str) -> str:
        shown = self.place.run("git", "show", f"{INTEGRATION}:{path}")
        return shown.tail if shown.ok else ""

    def git_processes(self) -> int | None:
        """How many git processes there were; None where they were not counted."""
        return self._git_count.stat().st_size if self._git_count.exists() else None


def _save_settings(home: Path, text: str) -> None:
    """Write the settings of the user of a playground."""
    folder = home / ".config" / "coworkd"
    folder.mkdir(parents=True)
    (folder / "config.yaml").write_text(text)


def _task_text(task: StressTask) -> str:
    needs = f"depends_on: [{', '.join(task.depends_on)}]\n" if task.depends_on else ""
    attempts = "max_attempts: 2\n" if task.behaviour is Behaviour.FAIL else ""
    orders = f"stress: behaviour={task.behaviour} seconds={task.seconds:.1f} needs={','.join(task.depends_on)}"
    return f"---\ntitle: {task.id}\nstatus: ready\npriority: {task.priority}\n{needs}{attempts}---\n{orders}\n"
