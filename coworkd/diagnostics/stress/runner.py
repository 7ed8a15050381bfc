"""One stress run from its beginning to its verdict."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

from coworkd.diagnostics.playground import Playground
from coworkd.diagnostics.stress.faults import FaultInjector
from coworkd.diagnostics.stress.judge import has_ended, judge, start_overheads
from coworkd.diagnostics.stress.laboratory import Laboratory, LaboratoryOptions
from coworkd.diagnostics.stress.process_limit import ProcessLimit
from coworkd.diagnostics.stress.processes import agents_at_work, own_memory
from coworkd.diagnostics.stress.report import StressFigures, StressReport
from coworkd.diagnostics.stress.scenario import (
    Behaviour,
    Scenario,
    ScheduledFault,
    StressFault,
    make_scenario,
    most_work,
    required_ends,
)
from coworkd.diagnostics.stress.small_disk import SmallDisk

_DISK, _DISK_PER_AGENT = 128 << 20, 8 << 20
"""Bytes of the file system of the state folder: what it needs, and more for each slot."""

_LOOK_INTERVAL = 0.1
"""Seconds between two looks at what is due."""
_STATUS_INTERVAL = 1.0
"""Seconds between two looks at all task files."""
_STANDSTILL_PATIENCE = 60.0
"""Seconds without a change of any status, beside the longest work, after which what has not ended is stuck."""
_TELL_INTERVAL = 10.0
"""Seconds between two lines about how far it is."""
_MAX_TIMES_PLANNED = 5.0
"""So many times its time a scenario is waited for: what begins again and again without an end is stuck as well."""


@dataclass(slots=True)
class _Measured:
    """What is measured while agents are at work."""

    memory_per_agent: float | None = None
    most_agents: int = 0
    left: list[ScheduledFault] = field(default_factory=list[ScheduledFault])


class StressRun:
    """Plays a scenario in a laboratory."""

    def __init__(self, laboratory: Laboratory, scenario: Scenario, tell: Callable[[str], None]) -> None:
        """`tell` is given a line about the progress now and then."""
        self._lab = laboratory
        self._scenario = scenario
        self._tell = tell
        self._faults = FaultInjector(laboratory, Random(scenario.seed))
        self._required = required_ends(scenario.tasks)
        self._measured = _Measured(left=list(scenario.faults))
        self._statuses: dict[str, str] = {}
        self._tell_at = 0.0
        self._moved_at = 0.0
        """When the status of a task changed last."""

    def run(self, left_out: list[str]) -> StressReport:
        """Save all tasks, do the faults, wait for the end of everything, and judge."""
        began = time.monotonic()
        self._lab.set_up()
        self._lab.start_daemon()
        self._lab.write_tasks()
        try:
            self._play(time.monotonic())
        finally:
            self._faults.undo_all()
        self._lab.stop_daemon()
        seen = self._lab.observe()
        figures = StressFigures(
            seconds=time.monotonic() - began, tasks=len(self._scenario.tasks), landed=len(seen.landed_lines),
            runs=len(seen.runs), faults=self._faults.done, start_overheads=start_overheads(seen),
            daemon_cpu=self._lab.cpu.daemons, memory_per_agent=self._measured.memory_per_agent,
            git_processes=self._lab.git_processes(),
        )  # fmt: skip
        return StressReport(
            seed=self._scenario.seed, verdict=judge(self._scenario, seen), figures=figures, left_out=left_out
        )

    def _play(self, began: float) -> None:
        """Until everything has ended, or nothing moves any more, or the patience is over."""
        read_at = 0.0
        while not self._is_over(now := time.monotonic() - began):
            self._inject_due(now)
            if now >= read_at and not self._faults.lasting:
                if self._look(now):
                    return
                read_at = time.monotonic() - began + _STATUS_INTERVAL
            time.sleep(_LOOK_INTERVAL)

    def _is_over(self, now: float) -> bool:
        patience = _STANDSTILL_PATIENCE + most_work(self._scenario.agents)
        return (
            now > max(self._scenario.seconds, self._moved_at + patience)
            or now > _MAX_TIMES_PLANNED * self._scenario.seconds
        )

    def _inject_due(self, now: float) -> None:
        self._faults.undo_due()
        while self._measured.left and self._measured.left[0].at <= now:
            self._faults.inject(self._measured.left.pop(0).kind)

    def _look(self, now: float) -> bool:
        """Look at all tasks, and answer what waits for a person; whether everything has come to its end."""
        self._lab.place.check()
        statuses = self._lab.statuses()
        if statuses != self._statuses:
            self._statuses, self._moved_at = statuses, now
        self._measure()
        self._lab.answer(statuses)
        ended = sum(has_ended(end, statuses[task]) for task, end in self._required.items())
        is_over = ended == len(statuses) and not self._measured.left
        if is_over or now >= self._tell_at:
            self._tell_at = now + _TELL_INTERVAL
            self._tell(
                f"{now:4.0f} s: {ended} of {len(statuses)} tasks ended, {self._measured.most_agents} agents at most"
            )
        return is_over

    def _measure(self) -> None:
        """Memory at the moment when the most agents are at work."""
        repository, program = self._lab.place.repository_id(), str(self._lab.program)
        count = len({agent.supervisor for agent in agents_at_work(repository, program, self._lab.daemon)})
        if count > self._measured.most_agents:
            self._measured.most_agents = count
            self._measured.memory_per_agent = own_memory(repository, program) / count


@dataclass(frozen=True, slots=True, kw_only=True)
class StressSize:
    """How large a stress run is."""

    seed: int
    tasks: int
    agents: int
    seconds: float
    sandbox: bool


def run_stress(place: Playground, size: StressSize, tell: Callable[[str], None]) -> StressReport:
    """Play the scenario of a seed; whatever happens, no process, mount or control group of it is left."""
    limit = ProcessLimit()
    disk = SmallDisk(place.home / ".local" / "state", _DISK + _DISK_PER_AGENT * size.agents, place.environment())
    missing = _missing(disk, limit, sandbox=size.sandbox)
    scenario = make_scenario(
        size.seed, tasks=size.tasks, agents=size.agents, seconds=size.seconds, left_out=frozenset(missing)
    )
    options = LaboratoryOptions(sandbox=size.sandbox, disk=disk if disk.mounted else None, process_limit=limit)
    try:
        return StressRun(Laboratory(place, scenario, options), scenario, tell).run(list(missing.values()))
    finally:
        place.stop()
        disk.unmount()
        limit.remove()


def _missing(disk: SmallDisk, limit: ProcessLimit, *, sandbox: bool) -> dict[Behaviour | StressFault, str]:
    """What cannot be kept away from the rest of this machine, and why."""
    missing: dict[Behaviour | StressFault, str] = {}
    if not disk.mounted:
        missing[StressFault.FILL_DISK] = f"a full disk: no small file system can be mounted here ({disk.reason})"
    if sandbox:
        missing[Behaviour.FORK] = "fork bombs: the control group that bounds them is not seen inside of a sandbox"
    elif limit.reason:
        missing[Behaviour.FORK] = f"fork bombs: {limit.reason}"
    return missing
