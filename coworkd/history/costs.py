"""What runs cost: by run, task, plan and day. Unknown stays unknown, and an estimate says that it is one."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from coworkd.core.clock import iso
from coworkd.core.errors import DocumentError
from coworkd.core.model import TaskSpec
from coworkd.history.run_record import decode
from coworkd.store import Database, RunRow
from coworkd.store.records import foreign_record_paths
from coworkd.store.runs import begun_runs
from coworkd.store.tasks import all_tasks
from coworkd.sync.effective_specs import EffectiveSpecs


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCost:
    """One run. None is unknown."""

    run: str
    task: str
    plan: str
    agent: str
    model: str
    attempt: int
    day: str
    tokens: int | None
    usd: float | None
    estimated: bool
    by: str
    """The instance whose run it was; empty: this one's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CostTotal:
    """Several runs together."""

    name: str
    runs: int
    tokens: int
    usd: float | None
    estimated: bool
    unknown: int
    """Runs whose cost is unknown: the sum is without them."""


def run_costs(db: Database, folder: Path, instance: str, task: str = "") -> list[RunCost]:
    """Every run, the latest first; others' are as their records say."""
    plans = _plans(db)
    own = [_own_cost(run, plans) for run in begun_runs(db)]
    found = [*own, *_recorded_costs(db, folder, instance, plans)]
    return [one for one in found if task in ("", one.task)]


def _plans(db: Database) -> dict[str, str]:
    specs = EffectiveSpecs(db)
    return {row.id: _plan(specs, row.path) for row in all_tasks(db)}


def _plan(specs: EffectiveSpecs, path: str) -> str:
    try:
        spec: TaskSpec = specs.task(path)
    except DocumentError:
        return ""
    return spec.plan


def _own_cost(run: RunRow, plans: dict[str, str]) -> RunCost:
    tokens = run.usage.input_tokens + run.usage.output_tokens
    return RunCost(
        run=run.id, task=run.task, plan=plans.get(run.task, ""), agent=run.agent, model=run.model, attempt=run.attempt,
        day=iso(run.started)[:10], tokens=tokens or None, usd=run.usage.cost_usd,
        estimated=run.usage.estimated or (run.billing == "subscription" and run.usage.cost_usd is not None), by="",
    )  # fmt: skip


def _recorded_costs(db: Database, folder: Path, instance: str, plans: dict[str, str]) -> Iterable[RunCost]:
    for path in foreign_record_paths(db):
        try:
            record, _ = decode((folder / path).read_bytes(), path, instance, b"")
        except (DocumentError, OSError):
            continue
        known = [count for count in (record.input_tokens, record.output_tokens) if count is not None]
        yield RunCost(
            run=record.run, task=record.task, plan=plans.get(record.task, ""), agent=record.agent, model=record.model,
            attempt=record.attempt, day=iso(record.started)[:10], tokens=sum(known) if known else None,
            usd=record.cost_usd, estimated=record.estimated, by=record.instance,
        )  # fmt: skip


def totals(runs: Sequence[RunCost], name: Callable[[RunCost], str]) -> list[CostTotal]:
    """Summed up by name, in its order; runs without one are left out, and so are those of other instances."""
    groups: dict[str, list[RunCost]] = {}
    for run in runs:
        if name(run) and not run.by:
            groups.setdefault(name(run), []).append(run)
    return [total(key, groups[key]) for key in sorted(groups)]


def total(name: str, runs: Sequence[RunCost]) -> CostTotal:
    """These runs together."""
    known = [run.usd for run in runs if run.usd is not None]
    return CostTotal(
        name=name, runs=len(runs), tokens=sum(run.tokens or 0 for run in runs), usd=sum(known) if known else None,
        estimated=any(run.estimated for run in runs), unknown=len(runs) - len(known),
    )  # fmt: skip
