"""Carrying out a history, step by step, and asking the oracle at the end."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

from coworkd.diagnostics.simulation.controls import Guard
from coworkd.diagnostics.simulation.external_editors import Act, ExternalEditors
from coworkd.diagnostics.simulation.git import BARE, MAIN, Change
from coworkd.diagnostics.simulation.machine import Machine, SpinError
from coworkd.diagnostics.simulation.oracle import Ledger, judge, judge_rebuilt
from coworkd.diagnostics.simulation.steps import History, Step, Verb
from coworkd.diagnostics.simulation.users import People

REST = 75.0
"""Seconds after the last step in which everything must have come to rest: more than two pauses between scans."""

QUIET = 60.0
"""Seconds in which nothing more may be written."""

GAP = 0.03
"""Seconds between two steps of one save, at most."""

TICK = 0.005
"""The same where both are to fall into one tick of the file system's clock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The result of a history."""

    failures: tuple[str, ...]
    digest: str
    """Of the trace: the same history gives the same."""
    trace: tuple[str, ...]
    fired: tuple[str, ...]
    """Faults that have happened."""
    lives: int
    """How often the daemon was started."""

    @property
    def kinds(self) -> frozenset[str]:
        """The promises that were broken, by name."""
        return frozenset(failure.split(":")[0] for failure in self.failures)


def play(history: History, without: Guard | None = None) -> Outcome:
    """Run a history on a fresh machine, without one of the guards if so told."""
    power = any(step.verb is Verb.POWER for step in history)
    stage = _Stage(Machine(ExternalEditors(), without=without, power=power))
    failures = stage.run(history)
    outside, machine = stage.outside, stage.machine
    return Outcome(
        failures=tuple(failures), digest=outside.digest(), trace=tuple(outside.trace),
        fired=tuple(machine.faults.fired), lives=machine.lives,
    )  # fmt: skip


class _Stage:
    """One machine and the people around it."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.outside = machine.outside
        self.people = People(self.outside)
        self.outside.git.put = self.people.restored
        self.ledger = Ledger(machine, self.people)

    def run(self, history: History) -> list[str]:
        try:
            for step in history:
                self._carry_out(step)
            self.machine.faults.clear()
            self._advance(REST)
            return [*self.ledger.failures, *judge(self.ledger), *self._quiet(), *self._rebuilt()]
        except SpinError as error:
            return [*self.ledger.failures, f"rest: {error}"]

    def _carry_out(self, step: Step) -> None:
        self.outside.note(str(step))
        self.outside.chance.seed(step.salt)
        self._do(step)
        self._advance(step.pause)

    def _advance(self, seconds: float) -> None:
        self.machine.advance(seconds)
        self.ledger.read()

    # ---- at the end

    def _quiet(self) -> list[str]:
        machine = self.machine
        before = machine.writes, machine.db.connection.total_changes
        machine.advance(QUIET)
        after = machine.writes, machine.db.connection.total_changes
        return [] if before == after else [f"quiet: {after[0] - before[0]} steps on disk, and rows changed"]

    def _rebuilt(self) -> list[str]:
        machine = Machine(self.outside)
        machine.advance(REST)
        return judge_rebuilt(self.machine, machine)

    # ---- steps

    def _do(self, step: Step) -> None:
        match step.verb:
            case Verb.WAIT:
                pass
            case Verb.CRASH | Verb.POWER:
                self._die(step)
            case Verb.REFUSE:
                self.machine.faults.fail(step.at, int(step.value))
            case Verb.LOSE:
                self.machine.lose_database()
                self.ledger.start_over(self.machine)
            case Verb.WORK | Verb.ASK | Verb.POST:
                self._board(step)
            case Verb.COMMIT | Verb.SWITCH | Verb.STASH | Verb.POP | Verb.PULL:
                self._let_happen(step, self._git(step))
            case _:
                self._let_happen(step, self._person(step))

    def _die(self, step: Step) -> None:
        power = step.verb is Verb.POWER
        if step.at:
            self.machine.faults.crash(step.at, power=power)
        else:
            self.machine.die(power=power)

    def _let_happen(self, step: Step, acts: list[Act]) -> None:
        """Now, with gaps in which the daemon turns; or all within one of the daemon's steps."""
        if not step.at:
            self.outside.schedule(acts, TICK if step.verb is Verb.FLICKER else GAP)
            return
        for number, act in enumerate(acts):
            self.machine.faults.meanwhile(
                step.at + (number if step.salt % 3 else 0), lambda act=act: self._by_hand(act)
            )

    def _by_hand(self, act: Act) -> None:
        self.outside.note("meanwhile")
        self.outside.by_hand(act)

    def _board(self, step: Step) -> None:
        machine, now = self.machine, self.outside.clock.now
        match step.verb:
            case Verb.WORK:
                machine.schedule(lambda: machine.worker.work(step.path, now()))
            case Verb.ASK:
                machine.schedule(lambda: machine.worker.wait(step.path, now()))
            case _:
                machine.schedule(lambda: machine.worker.post(step.path, step.value, now()))

    def _person(self, step: Step) -> list[Act]:
        people = self.people
        match step.verb:
            case Verb.NEW:
                return people.new(step)
            case Verb.SAVE:
                return people.save(step)
            case Verb.LATE:
                return people.late(step)
            case Verb.FLICKER:
                return people.flicker(step)
            case Verb.SAY:
                return people.say(step)
            case Verb.COMMAND:
                self.machine.hurry(step.path)
                return people.command(step)
            case Verb.REMOVE:
                return [lambda: self.outside.disk.unlink(step.path)]
            case Verb.MOVE:
                return [lambda: self.outside.disk.rename(step.path, step.value)]
            case _:
                self._type(step)
                return []

    def _type(self, step: Step) -> None:
        people = self.people
        match step.verb:
            case Verb.LOAD:
                people.load(step)
            case Verb.HOLD:
                people.hold(step)
            case Verb.WRITE:
                people.write(step)
            case Verb.REWRITE:
                people.rewrite(step)
            case Verb.LABEL:
                people.label(step)
            case _:
                people.set(step, "status", step.value)

    def _git(self, step: Step) -> list[Change]:
        git = self.outside.git
        match step.verb:
            case Verb.COMMIT:
                return [git.commit]
            case Verb.SWITCH:
                return git.switch(BARE if git.branch == MAIN else MAIN)
            case Verb.STASH:
                return git.push_stash()
            case Verb.POP:
                return git.pop_stash()
            case _:
                return git.pull({step.path: _from_elsewhere(step)})


def _from_elsewhere(step: Step) -> bytes | None:
    if not step.value:
        return None
    status = Random(step.salt).choice(("draft", "ready"))
    return f"---\ntitle: {step.path}\nstatus: {status}\n---\n\nFrom elsewhere.\n{step.value}\n".encode()
