"""`simulate`: prove the sync engine on histories made from seeds, or replay one."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from itertools import islice
from typing import TypedDict, Unpack

import click

from coworkd.cli.output import as_json, json_option
from coworkd.core.errors import UsageError, UserError
from coworkd.diagnostics.simulation.histories import generate
from coworkd.diagnostics.simulation.named_histories import NAMED
from coworkd.diagnostics.simulation.player import Outcome, play
from coworkd.diagnostics.simulation.shrinking import minimise
from coworkd.diagnostics.simulation.steps import History

CHUNK = 100
"""Seeds that a process plays before it reports."""


class _SimulateOptions(TypedDict):
    seeds: int
    start: int
    jobs: int
    seed: int | None
    history: str | None
    trace: bool
    shorten: bool


@click.command("simulate")
@click.option("--seeds", type=click.IntRange(1), default=1000, show_default=True, help="How many histories.")
@click.option("--from", "start", type=click.IntRange(0), default=0, show_default=True, help="The first seed.")
@click.option("--jobs", type=click.IntRange(1), default=os.cpu_count() or 1, help="Processes; one per core.")
@click.option("--seed", type=click.IntRange(0), help="Only this one.")
@click.option("--history", metavar="NAME", help="A history with a name; `list` shows them.")
@click.option("--trace", is_flag=True, help="Print what happened.")
@click.option("--minimise", "shorten", is_flag=True, help="Shorten a history that fails.")
@json_option
def simulate_command(json_: bool, **given: Unpack[_SimulateOptions]) -> None:
    """Simulate editors, git, crashes and power loss around the sync engine, and judge what is left.

    Nothing of yours is touched. A seed always makes the same history, and the same history the same trace.
    """
    history, seed, start = given["history"], given["seed"], given["start"]
    if history == "list":
        as_json(sorted(NAMED)) if json_ else click.echo("\n".join(NAMED))
    elif history is not None or seed is not None:
        _play_one(_chosen_history(history, seed), trace=given["trace"], shorten=given["shorten"], json_=json_)
    else:
        _play_until_failure(range(start, start + given["seeds"]), given["jobs"], json_=json_)


def _chosen_history(name: str | None, seed: int | None) -> History:
    if name is None:
        return generate(seed or 0)
    if name not in NAMED:
        raise UsageError(f"there is no history `{name}`; `coworkd simulate --history list` shows them")
    return NAMED[name]


def _play_one(history: History, *, trace: bool, shorten: bool, json_: bool) -> None:
    outcome = play(history)
    if shorten and outcome.failures:
        history = shortest(history, outcome)
        outcome = play(history)
    if json_:
        as_json(_outcome_json(history, outcome, trace=trace))
    else:
        click.echo("\n".join([*map(str, history), *(outcome.trace if trace else ()), f"trace {outcome.digest}"]))
    if outcome.failures:
        raise UserError("\n".join(outcome.failures))


def _outcome_json(history: History, outcome: Outcome, *, trace: bool) -> dict[str, object]:
    values: dict[str, object] = {
        "history": [str(step) for step in history], "digest": outcome.digest, "failures": outcome.failures,
    }  # fmt: skip
    return values | ({"trace": outcome.trace} if trace else {})


def shortest(history: History, outcome: Outcome) -> History:
    """The shortest history found that breaks one of the same promises."""
    return minimise(history, lambda shorter: bool(play(shorter).kinds & outcome.kinds))


def _play_until_failure(seeds: range, jobs: int, *, json_: bool) -> None:
    """Until the first failure, which is shortened and shown."""
    began, done = time.monotonic(), 0
    for count, failing in _play_in_processes(seeds, jobs):
        if failing is not None:
            if not json_:
                click.echo(f"seed {failing} fails; its shortest history:")
            history = generate(failing)
            _play_one(shortest(history, play(history)), trace=False, shorten=False, json_=json_)
        done += count
        if not json_ and done % 1000 < count < len(seeds):
            click.echo(f"{done} histories, {done / (time.monotonic() - began):.0f} a second", err=True)
    seconds = time.monotonic() - began
    rate = round(len(seeds) / seconds, 1)
    if json_:
        as_json({"seeds": len(seeds), "from": seeds.start, "seconds": round(seconds, 1), "per_second": rate})
    else:
        click.echo(f"{len(seeds)} histories in {seconds:.1f} s ({rate} a second): every promise was kept")


def _play_in_processes(seeds: range, jobs: int) -> Iterator[tuple[int, int | None]]:
    """How many seeds of each part were played, and the first of them that fails; parts come as they are done."""
    parts = (seeds[at : at + CHUNK] for at in range(0, len(seeds), CHUNK))
    if min(jobs, len(seeds) // CHUNK) < 2:
        yield from ((len(part), first_failing(part)) for part in parts)
        return
    with ProcessPoolExecutor(jobs) as pool:
        # No more is handed out than keeps everybody busy: a million seeds are ten thousand parts.
        waiting = {pool.submit(first_failing, part): len(part) for part in islice(parts, 2 * jobs)}
        try:
            while waiting:
                ended: Future[int | None] = next(as_completed(waiting))
                yield waiting.pop(ended), ended.result()
                waiting |= {pool.submit(first_failing, part): len(part) for part in islice(parts, 1)}
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def first_failing(seeds: range) -> int | None:
    """The first seed whose history breaks a promise."""
    return next((seed for seed in seeds if play(generate(seed)).failures), None)
