"""Asks jurors to rank the work of some steps, each of them in both orders."""

from __future__ import annotations

from collections.abc import Sequence

from coworkd.core.reply_blocks import BallotBlock, BlockKind
from coworkd.dispatch.patterns.jury import Preferences, agreed
from coworkd.dispatch.patterns.order import both_orders
from coworkd.dispatch.patterns.replay import Flow, run_all
from coworkd.dispatch.patterns.replies import ranked_steps, reply_block
from coworkd.dispatch.patterns.steps import PatternSpec, Role, RunStep, Seat, StepTree


def rank_in_both_orders(
    spec: PatternSpec, key: str, role: Role, seat: Seat, shown: dict[str, str]
) -> Flow[Preferences]:
    """What one juror prefers. `shown`: the steps to rank, each with the step whose text stands beside it, if any."""
    steps = [
        _ballot(f"{key}.{number}", role, seat, order, shown)
        for number, order in enumerate(both_orders(spec, key, tuple(shown)), 1)
    ]
    results = yield from run_all(steps)
    one, other = (
        ranked_steps(step, reply_block(step, result, BallotBlock))
        for step, result in zip(steps, results, strict=True)
    )  # fmt: skip
    return agreed(one, other)


def _ballot(key: str, role: Role, seat: Seat, order: Sequence[str], shown: dict[str, str]) -> RunStep:
    return RunStep(
        key=key,
        agent=seat.agent,
        role=role,
        tree=StepTree.READ,
        shows=tuple(order),
        lettered=True,
        beside=tuple(shown[one] for one in order) if any(shown.values()) else (),
        block=BlockKind.BALLOT,
    )
