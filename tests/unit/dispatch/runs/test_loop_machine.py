"""The rules of a loop together, over any sequence of ends, pauses, kills, verdicts and cancellations.

The rows are as the store would have them; every decision is the product's own. No round is left out or done twice, the
files and the loop go from one to the next, and the loop is over when it says so.
"""

from __future__ import annotations

from dataclasses import replace

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from coworkd.core.model import Loop
from coworkd.core.runs import INTERRUPTED_REASONS, EndedState, RunReason, RunSlot, WorkingState
from coworkd.dispatch.runs.loop_rules import EndLoop, NextRound, Round, VerifyRound, after_round, round_of
from coworkd.dispatch.runs.start_rules import loop_of, loop_to_run, round_to_run, run_to_continue, session_to_resume
from coworkd.store import FinishedRun, RunRow

NOTHING = RunRow(
    id="", task="a", attempt=1, agent="main", started=0.0, state=WorkingState(), slot=RunSlot(number=1, base="base")
)


class Loops(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.written = Loop(promise="DONE", max_iterations=4)
        self.attempt = 1
        self.runs: list[FinishedRun] = []
        self.rounds: list[Round] = []
        self.live: RunRow | None = None
        self.verifying: FinishedRun | None = None
        self.over = False

    def last(self) -> FinishedRun | None:
        return self.runs[-1] if self.runs else None

    # ---- select, build the prompt, run

    @precondition(lambda self: not (self.live or self.verifying or self.over))
    @rule()
    def start(self) -> None:
        last = self.last()
        loop = loop_to_run(last, self.attempt, self.written)
        origin = run_to_continue(last, "main", loop=loop is not None)
        assert loop is not None
        number = round_to_run(last, loop=True)
        self.live = replace(
            NOTHING, id=f"r{len(self.runs) + 1}", attempt=self.attempt, iteration=number, promise=loop.promise,
            max_rounds=loop.max_iterations, origin=origin.id if origin else "",
            session=session_to_resume(origin, "main"),
        )  # fmt: skip
        assert number == len(self.rounds) + 1, "the round after those that are over"
        assert self.live.origin == (last.id if last else ""), "it goes on with the files as they were left"
        assert not last or last.attempt != self.attempt or loop == loop_of(last), "an attempt keeps its loop"

    # ---- detect how it ended, and what is next

    @precondition(lambda self: self.live)
    @rule(promised=st.booleans(), tree=st.sampled_from("abc"), changed=st.booleans(), failed=st.booleans())
    def end(self, promised: bool, tree: str, changed: bool, failed: bool) -> None:
        run = self.close(
            RunReason.FAILED if failed else RunReason.DONE, reply="DONE" if promised else "", tree=tree,
            kept=f"kept-{tree}" if changed else "base",
        )  # fmt: skip
        self.decide(run, "exit 1" if failed else "")

    @precondition(lambda self: self.live)
    @rule(reason=st.sampled_from(sorted(INTERRUPTED_REASONS)))
    def interrupt(self, reason: RunReason) -> None:
        """A pause, the end of the daemon, a provider that refuses, a machine without space: the round is not over."""
        self.close(reason, kept="half", session=self.live.session or "s" if self.live else "")

    @precondition(lambda self: self.verifying)
    @rule(red=st.booleans())
    def judge(self, red: bool) -> None:
        assert self.verifying is not None
        run, self.verifying = self.verifying, None
        if red:
            self.rounds.pop()
            self.runs[-1] = replace(run, state=replace(run.state, reason=RunReason.VERIFICATION_FAILED))
            self.decide(self.runs[-1], "FAILED test_a")
        else:
            self.over = True

    # ---- what people do meanwhile

    @rule(most=st.integers(1, 6), promise=st.sampled_from(["DONE", "OTHER"]))
    def edit(self, most: int, promise: str) -> None:
        self.written = Loop(promise=promise, max_iterations=most)

    @precondition(lambda self: not self.live)
    @rule()
    def begin_again(self) -> None:
        """`ready` on a task that failed or was cancelled: a fresh start."""
        self.runs, self.rounds, self.verifying, self.over = [], [], None, False
        self.attempt += 1

    # ----

    def close(self, reason: RunReason, *, kept: str, reply: str = "", tree: str = "", session: str = "") -> FinishedRun:
        assert self.live is not None
        end = EndedState(at=1.0, reason=reason, kept_commit=kept, tree=tree)
        run = replace(self.live, reply=reply, session=session).ended(end)
        self.runs.append(run)
        self.live = None
        return run

    def decide(self, run: FinishedRun, failure: str) -> None:
        loop = loop_of(run)
        assert loop is not None
        self.rounds.append(round_of(run, loop, failure))
        match after_round(loop, self.rounds):
            case NextRound(number=number):
                assert number == run.iteration + 1
            case VerifyRound():
                assert loop.promise in run.reply
                assert run.state.kept_commit != run.slot.base
                assert not failure
                self.verifying = run
            case EndLoop(reason=reason):
                assert reason
                self.over = True

    @invariant()
    def rounds_are_numbered_without_gaps_and_bounded(self) -> None:
        assert [one.number for one in self.rounds] == list(range(1, len(self.rounds) + 1))
        assert len(self.rounds) <= 6


Loops.TestCase.settings = settings(max_examples=80, stateful_step_count=30, deadline=None)
TestLoops = Loops.TestCase
