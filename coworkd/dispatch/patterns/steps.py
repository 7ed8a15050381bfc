"""The shape of a pattern: the ended steps of an attempt in, the next steps or a verdict out.

`next_steps(spec, history)` is pure: no clock, no chance, no state. A pattern is written as plain code that asks for
steps and goes on with their results; it is run from its beginning each time, with the results that there are
(`replay`). Its laws follow from that, and are property tests:

1. It never asks again for a key that has ended.
2. What it asked for stays asked for, word for word, until it ends.
3. The order in which steps end changes nothing.
4. It ends.

So a daemon starts the asked keys that have no row, and a restart in the middle costs nothing but the interrupted step.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from coworkd.core.model import Mode, PatternRequest, RiskLevel
from coworkd.core.pattern_verdicts import PatternVerdict
from coworkd.core.reply_blocks import BlockKind, ReplyBlock, ReviewFinding
from coworkd.core.tries import TryResult, TryStep


class Role(StrEnum):
    """What an agent is to do in a step; it is in `COWORK_ROLE`."""

    AUTHOR = "author"
    DEBATER = "debater"
    PROPOSER = "proposer"
    CRITIC = "critic"
    SYNTHESISER = "synthesiser"
    SPECIALIST = "specialist"
    BUILDER = "builder"
    ATTACKER = "attacker"
    MANAGER = "manager"
    ASSEMBLER = "assembler"
    GATE = "gate"
    VALIDATOR = "validator"
    JUROR = "juror"
    ARBITER = "arbiter"
    CONSOLIDATOR = "consolidator"
    JUDGE = "judge"


class StepTree(StrEnum):
    """The files that a step works with."""

    OWN = "own"
    """It writes, from the base of the attempt."""
    CONTINUE = "continue"
    """It writes, and goes on with what another step made."""
    READ = "read"
    """It reads what another step made, or the base; what it changes is never submitted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seat:
    """An agent that takes part."""

    agent: str
    family: str
    """Provider and series of its model, or its own name: agents of one family are one voice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternSpec:
    """All that a pattern decides on beside the history. It stays the same for the whole attempt."""

    task: str
    attempt: int
    request: PatternRequest
    mode: Mode
    author: Seat
    """The task's own agent."""
    members: tuple[Seat, ...] = ()
    judges: tuple[Seat, ...] = ()
    continued: bool = False
    """The attempt goes on with a change that was reviewed or that was red: its first step continues that one, and
    proposals are not made again."""
    writer: Seat | None = None
    """Who made the change that a `continued` attempt goes on with; None: the first member, else the task's agent."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunStep:
    """A run of an agent."""

    key: str
    """Stable within the attempt, such as `propose.a` or `gate.1.2`."""
    agent: str
    role: Role
    tree: StepTree
    of: str = ""
    """The step whose tree it continues or reads; empty: the base, and for CONTINUE the change that an attempt goes on
    with (`PatternSpec.continued`)."""
    shows: tuple[str, ...] = ()
    """The steps whose texts it is shown, in this order."""
    lettered: bool = False
    """They are shown under letters, a, b, c in the order of `shows`, without the names of their authors."""
    beside: tuple[str, ...] = ()
    """For each of `shows`, a step whose text stands beside it under the same letter; an empty key: there is none."""
    findings: tuple[ReviewFinding, ...] = ()
    """What it is to answer or to judge."""
    block: BlockKind | None = None
    """What its reply has to end with; a reply without is asked for once more, then the step is absent."""
    scored: bool = False
    """Its verdict has to give a score."""
    numbered: bool = False
    """`findings` are claims, numbered from 1 in their order; its answer has to mark each of them."""
    words: tuple[str, ...] = ()
    """What else it is told, a sentence each."""


Step = RunStep | TryStep


class RunOutcome(StrEnum):
    """How a step's run came to its end, after its own retries and fallback."""

    DONE = "done"
    UNCHANGED = "unchanged"
    """Done, and a writing step has changed nothing."""
    ABSENT = "absent"
    """It failed, or could not be read when it was asked again; absence never counts as `pass`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What a step's run left."""

    outcome: RunOutcome
    text: str = ""
    block: ReplyBlock | None = None
    tree: str = ""
    """Of a writing step's change."""
    risk: RiskLevel = RiskLevel.LOW
    """Of a writing step's change, as computed from it."""
    reason: str = ""
    """Why it is absent, in words."""


StepResult = RunResult | TryResult
History = Mapping[str, StepResult]
"""The ended steps of this attempt, by key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCount:
    """How many runs a pattern takes; None: that is not known before it has planned."""

    least: int
    most: int | None


NextSteps = tuple[Step, ...] | PatternVerdict
Pattern = Callable[[PatternSpec, History], NextSteps]
