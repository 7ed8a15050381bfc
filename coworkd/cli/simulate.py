"""`simulate`: prove the sync engine on histories made from seeds, or replay one."""

from __future__ import annotations

import time
from typing import TypedDict, Unpack

import click

from coworkd.cli.printing import as_json, json_option
from coworkd.errors import UsageError, UserError
from coworkd.sim.histories import generate
from coworkd.sim.minimise import minimise
from coworkd.sim.named import NAMED
from coworkd.sim.play import Outcome, play
from coworkd.sim.steps import History


class _Given(TypedDict):
    seeds: int
    start: int
    seed: int | None
    history: str | None
    trace: bool
    shorten: bool


@click.command("simulate")
@click.option("--seeds", type=click.IntRange(1), default=1000, show_default=True, help="How many histories.")
@click.option("--from", "start", type=click.IntRange(0), default=0, show_default=True, help="The first seed.")
@click.option("--seed", type=click.IntRange(0), help="Only this one.")
@click.option("--history", metavar="NAME", help="A history with a name; `list` shows them.")
@click.option("--trace", is_flag=True, help="Print what happened.")
@click.option("--minimise", "shorten", is_flag=True, help="Shorten a history that fails.")
@json_option
def simulate_command(json_: bool, **given: Unpack[_Given]) -> None:
    """Simulate editors, git, crashes and power loss around the sync engine, and judge what is left.

    Nothing of yours is touched. A seed always makes the same history, and the same history the same trace.
    """
    history, seed, start = given["history"], given["seed"], given["start"]
    if history == "list":
        as_json(sorted(NAMED)) if json_ else click.echo("\n".join(NAMED))
    elif history is not None or seed is not None:
        _one(_chosen(history, seed), trace=given["trace"], shorten=given["shorten"], json_=json_)
    else:
        _many(range(start, start + given["seeds"]), json_=json_)


def _chosen(name: str | None, seed: int | None) -> History:
    if name is None:
        return generate(seed or 0)
    if name not in NAMED:
        raise UsageError(f"there is no history `{name}`; `coworkd simulate --history list` shows them")
    return NAMED[name]


def _one(history: History, *, trace: bool, shorten: bool, json_: bool) -> None:
    outcome = play(history)
    if shorten and outcome.failures:
        history = shortest(history, outcome)
        outcome = play(history)
    if json_:
        as_json(_told(history, outcome, trace=trace))
    else:
        click.echo("\n".join([*map(str, history), *(outcome.trace if trace else ()), f"trace {outcome.digest}"]))
    if outcome.failures:
        raise UserError("\n".join(outcome.failures))


def _told(history: History, outcome: Outcome, *, trace: bool) -> dict[str, object]:
    told: dict[str, object] = {
        "history": [str(step) for step in history], "digest": outcome.digest, "failures": outcome.failures,
    }  # fmt: skip
    return told | ({"trace": outcome.trace} if trace else {})


def shortest(history: History, outcome: Outcome) -> History:
    """The shortest history found that breaks one of the same promises."""
    return minimise(history, lambda shorter: bool(play(shorter).kinds & outcome.kinds))


def _many(seeds: range, *, json_: bool) -> None:
    """Until the first failure, which is shortened and shown."""
    began = time.monotonic()
    for number, seed in enumerate(seeds, 1):
        outcome = play(generate(seed))
        if outcome.failures:
            if not json_:
                click.echo(f"seed {seed} fails; its shortest history:")
            _one(shortest(generate(seed), outcome), trace=False, shorten=False, json_=json_)
        if not json_ and number % 1000 == 0:
            click.echo(f"{number} histories, {number / (time.monotonic() - began):.0f} a second", err=True)
    seconds = time.monotonic() - began
    rate = round(len(seeds) / seconds, 1)
    if json_:
        as_json({"seeds": len(seeds), "from": seeds.start, "seconds": round(seconds, 1), "per_second": rate})
    else:
        click.echo(f"{len(seeds)} histories in {seconds:.1f} s ({rate} a second): every promise was kept")
