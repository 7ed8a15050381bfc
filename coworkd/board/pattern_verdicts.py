"""How a pattern decided, as text for people: read from the database, shown in reviews, `show` and run records."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from coworkd.agents.json_codec import from_json, to_json
from coworkd.core.model import PatternName
from coworkd.core.pattern_verdicts import JudgedFinding, PatternVerdict
from coworkd.core.runs import EndedState
from coworkd.core.step_states import StepKind, StepState
from coworkd.core.terminal_text import visible
from coworkd.core.text_formats import format_usd, shorten
from coworkd.core.tries import TryKind, TryResult, TryStep
from coworkd.store import Database, PatternRow, RunRow, StepRow
from coworkd.store.runs import find_run
from coworkd.store.steps import find_pattern, steps_of
from coworkd.system.git.refs import submission_ref

if TYPE_CHECKING:
    # A command that only reads needs no reader of YAML.
    from coworkd.documents.markdown import Value

LETTERS = "abcdefghijklmnopqrstuvwxyz"


def encode_verdict(verdict: PatternVerdict) -> str:
    return json.dumps(to_json(verdict))


def decode_verdict(text: str) -> PatternVerdict:
    return from_json(PatternVerdict, json.loads(text))


@dataclass(frozen=True, slots=True, kw_only=True)
class ProposalView:
    """One change that was made for the pattern to choose from."""

    step: str
    agent: str
    letter: str = ""
    """By which a person chooses it; empty: it has none."""
    tried: str = ""
    """What its try has found."""
    cost_usd: float | None = None
    look: str = ""
    """What shows it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PatternReport:
    """The verdict of an attempt, and what it was about."""

    pattern: PatternName
    verdict: PatternVerdict
    proposals: tuple[ProposalView, ...]
    cost_usd: float | None
    """Of all runs of the attempt whose cost is known; None: of none it is."""


def pattern_report(db: Database, task: str, attempt: int) -> PatternReport | None:
    """None: the attempt has no pattern, or that has no verdict yet."""
    row = find_pattern(db, task, attempt)
    return read_report(db, row, decode_verdict(row.verdict)) if row is not None and row.verdict else None


def read_report(db: Database, row: PatternRow, verdict: PatternVerdict) -> PatternReport:
    """The same for a verdict that is not stored yet."""
    steps = steps_of(db, row.task, row.attempt)
    costs = [run.usage.cost_usd for step in steps if step.run and (run := find_run(db, step.run))]
    known = [cost for cost in costs if cost is not None]
    return PatternReport(
        pattern=PatternName(json.loads(row.spec)["request"]["name"]), verdict=verdict,
        proposals=tuple(
            _proposal(db, step, steps, verdict) for step in steps if step.number or step.key in verdict.letters
        ),
        cost_usd=sum(known) if known else None,
    )  # fmt: skip


def _proposal(db: Database, step: StepRow, steps: list[StepRow], verdict: PatternVerdict) -> ProposalView:
    run = find_run(db, step.run)
    letter = LETTERS[verdict.letters.index(step.key)] if step.key in verdict.letters else ""
    return ProposalView(
        step=step.key, agent=run.agent if run else "", letter=letter, tried=_tried(step.key, steps),
        cost_usd=run.usage.cost_usd if run else None, look=_look(step, run),
    )  # fmt: skip


def _look(step: StepRow, run: RunRow | None) -> str:
    """How a person sees what a step made: the command for a change, the message for an answer."""
    if step.number:
        return f"git diff {step.base[:12]} {submission_ref(step.task, step.number)}"
    return f".cowork/{run.state.message_path}" if run and isinstance(run.state, EndedState) else ""


def _tried(key: str, steps: list[StepRow]) -> str:
    """What the try of a step's change has found."""
    for step in steps:
        if step.kind is not StepKind.TRY or step.state is not StepState.ENDED:
            continue
        asked = from_json(TryStep, json.loads(step.request))
        if asked.of == key and asked.kind is TryKind.CHECKS:
            return _result_text(from_json(TryResult, json.loads(step.result)))
    return ""


def _result_text(result: TryResult) -> str:
    if result.unknown:
        return result.unknown
    if not result.merges:
        return "does not merge"
    weakened = ", weakens tests" if result.weakened else ""
    return f"{'green' if result.green else 'red'}, {result.lines} lines{weakened}"


# ---- text


def verdict_data(report: PatternReport) -> dict[str, Any]:
    """The verdict for machines: the same keys as in a review, and the cost as a number."""
    return {**verdict_fields(report), "cost_usd": report.cost_usd}


def verdict_fields(report: PatternReport) -> Mapping[str, Value]:
    """`cowork.verdict` of a review."""
    verdict = report.verdict
    fields: dict[str, Value] = {
        "pattern": str(report.pattern), "decision": str(verdict.decision), "of": verdict.of,
        "reason": visible(verdict.reason), "tally": [visible(line) for line in verdict.tally],
        "dissent": [visible(line) for line in verdict.dissent],
        "findings": [_finding_fields(judged) for judged in verdict.findings], "voices": list(verdict.voices),
    }  # fmt: skip
    if report.cost_usd is not None:
        fields["cost_usd"] = f"{report.cost_usd:.4f}".rstrip("0").rstrip(".")
    return {key: value for key, value in fields.items() if value}


def _finding_fields(judged: JudgedFinding) -> dict[str, Value]:
    finding = judged.finding
    fields = {"severity": str(finding.severity), "where": finding.where, "claim": finding.claim, "by": judged.by,
              "fate": judged.fate}  # fmt: skip
    return {key: shorten(visible(value), 500) for key, value in fields.items() if value}


def decision_text(report: PatternReport) -> str:
    """The section `How it was decided` of a review, to be read in half a minute."""
    verdict = report.verdict
    lines = ["## How it was decided", "", f"By `pattern: {report.pattern}`: {visible(verdict.reason)}"]
    if verdict.tally or verdict.dissent:
        lines += ["", *(f"- {visible(line)}" for line in verdict.tally)]
        lines += [f"- dissent: {visible(line)}" for line in verdict.dissent]
    if verdict.voices:
        lines += ["", f"Voices that counted: {', '.join(verdict.voices)}."]
    if verdict.findings:
        lines += ["", *(_finding_line(judged) for judged in verdict.findings)]
    if len(report.proposals) > 1:
        lines += ["", *_proposal_table(report)]
    return "\n".join(lines)


def _finding_line(judged: JudgedFinding) -> str:
    finding = judged.finding
    where = f" `{visible(finding.where)}`" if finding.where else ""
    return f"- {judged.fate} ({judged.by}, {finding.severity}){where}: {shorten(visible(finding.claim), 300)}"


def _proposal_table(report: PatternReport) -> list[str]:
    names = ["step", "agent", "tried", "cost", "to look at it"]
    rows = [_proposal_cells(one, taken=one.step == report.verdict.of) for one in report.proposals]
    if any(one.letter for one in report.proposals):
        names = ["letter", *names]
        rows = [[one.letter, *row] for one, row in zip(report.proposals, rows, strict=True)]
    return [_table_line(names), _table_line(["---"] * len(names)), *map(_table_line, rows)]


def _proposal_cells(one: ProposalView, *, taken: bool) -> list[str]:
    cost = "" if one.cost_usd is None else format_usd(one.cost_usd)
    return [
        f"{one.step} (taken)" if taken else one.step, one.agent, one.tried, cost,
        f"`{one.look}`",
    ]  # fmt: skip


def _table_line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(visible(cell).replace('|', '/') for cell in cells)} |"
