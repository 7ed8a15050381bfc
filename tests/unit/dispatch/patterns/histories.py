"""Plays attempts: every step ends in a way that hangs on its key alone, in an order that is drawn apart from it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from random import Random

from hypothesis import strategies as st

from coworkd.core.model import Decide, PatternName, PatternRequest, RiskLevel
from coworkd.core.pattern_verdicts import PatternVerdict
from coworkd.core.reply_blocks import (
    AnswerBlock,
    BallotBlock,
    BlockKind,
    Decision,
    FindingsBlock,
    ReplyBlock,
    ReviewFinding,
    Severity,
    VerdictBlock,
)
from coworkd.core.tries import ProofOutcome, TryResult, TryStep
from coworkd.dispatch.patterns.replies import LETTERS
from coworkd.dispatch.patterns.seats import SHAPES, unfit_reason
from coworkd.dispatch.patterns.steps import (
    History,
    Pattern,
    PatternSpec,
    RunOutcome,
    RunResult,
    RunStep,
    Seat,
    Step,
    StepResult,
    StepTree,
)

SEATS = tuple(Seat(agent=name, family=name[0]) for name in ("a1", "a2", "b1", "b2", "c1", "d1"))
AUTHOR = Seat(agent="a0", family="a")
MAX_STEPS = 300
"""More than any pattern can ask for: a pattern that gets here does not end."""

Answer = Callable[[Step], StepResult]
"""How a step ends."""


@dataclass(frozen=True)
class Course:
    """How the steps of a random attempt end."""

    seed: int
    absent: float = 0.1
    fails: float = 0.4
    red: float = 0.2
    proven: float = 0.3
    versions: int = 3
    risk: RiskLevel = RiskLevel.LOW

    def __call__(self, step: Step) -> StepResult:
        random = Random(f"{self.seed} {step.key}")
        return self.tried(random) if isinstance(step, TryStep) else self.ran(random, step)

    def tried(self, random: Random) -> TryResult:
        return TryResult(
            merges=random.random() > self.red / 4,
            green=random.random() > self.red,
            weakened=random.random() < 0.2,
            lines=random.randrange(4),
            risk=self.risk,
            failing_others=random.randrange(3),
            proof=ProofOutcome.PROVEN if random.random() < self.proven else random.choice(tuple(ProofOutcome)[1:]),
            tail="1 failed",
            unknown="the disk is full" if random.random() < self.absent / 4 else "",
        )

    def ran(self, random: Random, step: RunStep) -> RunResult:
        if random.random() < self.absent:
            return RunResult(outcome=RunOutcome.ABSENT, reason="the model is not available")
        writes = step.tree is not StepTree.READ
        version = f"tree {random.randrange(self.versions)}"
        return RunResult(
            outcome=RunOutcome.UNCHANGED if writes and random.random() < self.absent else RunOutcome.DONE,
            text=f"the answer is {version}",
            tree=version if writes else "",
            block=self.block(random, step),
            risk=self.risk,
        )

    def block(self, random: Random, step: RunStep) -> ReplyBlock | None:
        if step.block is None or random.random() < self.absent / 4:
            return None
        match step.block:
            case BlockKind.ANSWER:
                return self.answer(random, step)
            case BlockKind.BALLOT:
                return BallotBlock(rank=tuple(random.sample(LETTERS[: len(step.shows)], len(step.shows))))
            case BlockKind.VERDICT:
                decision = Decision.FAIL if random.random() < self.fails else random.choice(tuple(Decision)[::2])
                return VerdictBlock(decision=decision, findings=self.findings(random), score=random.randrange(21) / 2)
            case _:
                return FindingsBlock(findings=self.findings(random))

    def answer(self, random: Random, step: RunStep) -> AnswerBlock:
        claims = range(1, len(step.findings) + 1) if step.numbered else ()
        adopted = tuple(claim for claim in claims if random.random() < 0.7)
        return AnswerBlock(
            answer=f"{random.randrange(self.versions)}",
            adopted=adopted,
            dissent=tuple(claim for claim in claims if claim not in adopted),
        )

    def findings(self, random: Random) -> tuple[ReviewFinding, ...]:
        if random.random() > self.fails:
            return ()
        return tuple(
            ReviewFinding(
                severity=random.choice(tuple(Severity)),
                where="src/a.py:1",
                claim=f"claim {random.randrange(4)}",
                proof=random.choice(("", "pytest -q")),
            )
            for _ in range(random.randrange(1, 4))
        )


@dataclass
class Played:
    """One attempt from its beginning to its end."""

    verdict: PatternVerdict | None
    history: dict[str, StepResult] = field(default_factory=dict[str, StepResult])
    steps: dict[str, Step] = field(default_factory=dict[str, Step])
    breach: str = ""
    """The law that was broken; empty: none was."""

    @property
    def runs(self) -> int:
        return sum(isinstance(step, RunStep) for step in self.steps.values())

    def keys(self, start: str) -> list[str]:
        return [key for key in self.steps if key.startswith(start)]


def play(pattern: Pattern, spec: PatternSpec, answer: Answer, order: int = 0) -> Played:
    """Play one attempt; one of the steps that are asked for ends at a time."""
    random = Random(order)
    played = Played(verdict=None)
    while len(played.history) < MAX_STEPS:
        asked = pattern(spec, played.history)
        played.breach = played.breach or broken_law(pattern, spec, played, asked, random)
        if isinstance(asked, PatternVerdict):
            played.verdict = asked
            return played
        if played.breach:
            return played
        played.steps |= {step.key: step for step in asked}
        step = random.choice(asked)
        played.history[step.key] = answer(step)
    played.breach = "4: it does not end"
    return played


def broken_law(pattern: Pattern, spec: PatternSpec, played: Played, asked: object, random: Random) -> str:
    """Which of the laws that can be seen at one place is broken there; empty: none is."""
    steps = asked if isinstance(asked, tuple) else ()
    if not isinstance(asked, PatternVerdict) and not steps:
        return "4: it waits for nothing"
    keys = [step.key for step in steps]
    if set(keys) & set(played.history) or len(set(keys)) < len(keys):
        return f"1: it asks again for one of {keys}"
    pending = [step for key, step in played.steps.items() if key not in played.history]
    lost = [step.key for step in pending if step not in steps]
    if lost:
        return f"2: it no longer asks for {lost} in the same words"
    if pattern(spec, shuffled_history(played.history, random)) != asked:
        return "3: it looks at the order of endings"
    return ""


def shuffled_history(history: History, random: Random) -> History:
    """The same history, in another order."""
    items = list(history.items())
    random.shuffle(items)
    return dict(items)


def spec_of(name: PatternName, **changed: object) -> PatternSpec:
    """A request of this pattern, with fields of the spec or of the request that differ."""
    ofspec = {"mode": SHAPES[name].modes[0], "members": (), "judges": (), "continued": False, "author": AUTHOR}
    given = {key: value for key, value in changed.items() if key in ofspec}
    asked = {key: value for key, value in changed.items() if key not in ofspec}
    request = PatternRequest(name=name, **asked)  # pyright: ignore[reportArgumentType]
    return PatternSpec(task="t", attempt=1, request=request, **(ofspec | given))  # pyright: ignore[reportArgumentType]


def seats(most: int) -> st.SearchStrategy[tuple[Seat, ...]]:
    return st.lists(st.sampled_from(SEATS), max_size=most).map(tuple)


@st.composite
def specs(draw: st.DrawFn, name: PatternName) -> PatternSpec:
    """Any request of a pattern that fits."""
    shape = SHAPES[name]
    spec = spec_of(
        name,
        mode=draw(st.sampled_from(shape.modes)),
        members=draw(seats(4 if shape.any_members else shape.members)),
        judges=draw(seats(4 if shape.any_judges else shape.judges)),
        continued=draw(st.booleans()),
        rounds=draw(st.none() | st.integers(0, 3)),
        risk=draw(st.sampled_from(RiskLevel)),
        decide=draw(st.sampled_from(Decide)),
        critique=draw(st.integers(0, 1)) if name is PatternName.TEAM else 0,
    )
    return spec if not unfit_reason(spec) else draw(specs(name))


@st.composite
def courses(draw: st.DrawFn) -> Course:
    """Any way in which the steps of an attempt may end."""
    rate = st.sampled_from((0.0, 0.1, 0.3, 0.6, 1.0))
    return Course(
        seed=draw(st.integers(0, 2**32)),
        absent=draw(st.sampled_from((0.0, 0.0, 0.1, 0.4))),
        fails=draw(rate),
        red=draw(rate),
        proven=draw(rate),
        versions=draw(st.sampled_from((1, 2, 100))),
        risk=draw(st.sampled_from(RiskLevel)),
    )


@dataclass(frozen=True)
class Script:
    """Ends named steps as told, the longest beginning of a key first; every other step ends well."""

    told: dict[str, StepResult]

    def __call__(self, step: Step) -> StepResult:
        starts = sorted((start for start in self.told if step.key.startswith(start)), key=len)
        return self.told[starts[-1]] if starts else well(step)


def well(step: Step) -> StepResult:
    """The end of a step with which all is well: work of its own, green, passed, nothing found."""
    if isinstance(step, TryStep):
        return TryResult(green=True)
    blocks: dict[BlockKind, ReplyBlock] = {
        BlockKind.ANSWER: AnswerBlock(answer="42", adopted=_claims(step)),
        BlockKind.BALLOT: BallotBlock(rank=tuple(_letters_by_key(step))),
        BlockKind.VERDICT: VerdictBlock(decision=Decision.PASS, score=9.0),
        BlockKind.FINDINGS: FindingsBlock(findings=()),
    }
    block = blocks[step.block] if step.block else None
    return RunResult(outcome=RunOutcome.DONE, text=f"made in {step.key}", tree=f"tree of {step.key}", block=block)


def _claims(step: RunStep) -> tuple[int, ...]:
    return tuple(range(1, len(step.findings) + 1)) if step.numbered else ()


def _letters_by_key(step: RunStep) -> Iterable[str]:
    """The ballot of a juror that likes the first key best, whatever its letter."""
    return [LETTERS[step.shows.index(key)] for key in sorted(step.shows)]


ABSENT = RunResult(outcome=RunOutcome.ABSENT, reason="the model is not available")
RED = TryResult(green=False, tail="1 failed")
PROVEN = TryResult(proof=ProofOutcome.PROVEN)


def verdict(decision: Decision, *claims: str, proof: str = "", score: float | None = None) -> RunResult:
    """A judge's reply."""
    block = VerdictBlock(decision=decision, findings=findings(*claims, proof=proof), score=score)
    return RunResult(outcome=RunOutcome.DONE, block=block)


def findings(*claims: str, proof: str = "", severity: Severity = Severity.BLOCKER) -> tuple[ReviewFinding, ...]:
    """Findings, each with the same proof."""
    return tuple(ReviewFinding(severity=severity, claim=claim, proof=proof) for claim in claims)


def found(*claims: str, proof: str = "") -> RunResult:
    """An attacker's or critic's reply."""
    return RunResult(outcome=RunOutcome.DONE, block=FindingsBlock(findings=findings(*claims, proof=proof)))
