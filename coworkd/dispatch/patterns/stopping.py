"""What becomes of an attempt that cannot go on, such as one without money for its next step. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from coworkd.core.model import PatternName
from coworkd.core.pattern_verdicts import PatternVerdict
from coworkd.core.tries import TryKind, TryResult, TryStep
from coworkd.dispatch.patterns.endings import failed, undecided
from coworkd.dispatch.patterns.replies import LETTERS
from coworkd.dispatch.patterns.seats import member_seats
from coworkd.dispatch.patterns.steps import History, PatternSpec, Role, RunOutcome, RunResult, RunStep, Step
from coworkd.dispatch.patterns.trials import red_words

_MAKERS = frozenset(
    {Role.AUTHOR, Role.BUILDER, Role.DEBATER, Role.PROPOSER, Role.SPECIALIST, Role.SYNTHESISER}
)  # fmt: skip


def stopped_verdict(spec: PatternSpec, steps: Sequence[Step], history: History, reason: str) -> PatternVerdict:
    """Work that is there and is not known to be red is for a person to choose from; without any, the attempt failed.

    `steps` are all that were asked for (`registry.known_steps`).
    """
    red = {step.of for step in steps if isinstance(step, TryStep) and _is_red(step, history)}
    made = [step.key for step in steps if isinstance(step, RunStep) and _has_made(step, history)]
    left = [key for key in made if key not in red]
    return undecided(reason, _by_letter(spec, left)) if left else failed(reason)


def _is_red(step: TryStep, history: History) -> bool:
    result = history.get(step.key)
    return (
        step.kind is TryKind.CHECKS
        and isinstance(result, TryResult)
        and not result.unknown
        and bool(red_words(result))
    )  # fmt: skip


def _has_made(step: RunStep, history: History) -> bool:
    result = history.get(step.key)
    return step.role in _MAKERS and isinstance(result, RunResult) and result.outcome is RunOutcome.DONE


def _by_letter(spec: PatternSpec, left: Sequence[str]) -> tuple[str, ...]:
    """The proposals of a team keep the letters that their keys have."""
    if spec.request.name is not PatternName.TEAM or spec.continued:
        return tuple(left)
    keys = (f"propose.{letter}" for letter in LETTERS[: len(member_seats(spec))])
    return tuple(key if key in left else "" for key in keys)
