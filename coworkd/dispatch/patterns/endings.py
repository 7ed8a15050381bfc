"""The verdicts that a pattern can end with. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from coworkd.core.model import Mode
from coworkd.core.pattern_verdicts import Fate, JudgedFinding, PatternEnd, PatternVerdict
from coworkd.dispatch.patterns.findings import words_of
from coworkd.dispatch.patterns.steps import PatternSpec, RunResult


def taken(spec: PatternSpec, step: str, reason: str) -> PatternVerdict:
    """What this step made is the result: a change to submit, or, where nothing is changed, an answer."""
    decision = PatternEnd.SUBMIT if spec.mode is Mode.BUILD else PatternEnd.ANSWER
    return PatternVerdict(decision=decision, of=step, reason=reason)


def failed(reason: str) -> PatternVerdict:
    """There is nothing to take."""
    return PatternVerdict(decision=PatternEnd.FAILED, reason=reason)


def undecided(reason: str, letters: Sequence[str]) -> PatternVerdict:
    """A person chooses one of these steps, or rejects all."""
    return PatternVerdict(decision=PatternEnd.UNDECIDED, reason=reason, letters=tuple(letters))


def absent(step: str, result: RunResult) -> PatternVerdict:
    """The only step that could have made something is absent."""
    return failed(absence(step, result))


def absence(step: str, result: RunResult) -> str:
    """That a step is absent, and why, in words."""
    return f"`{step}` is absent: {result.reason or 'its run failed'}"


def settled(end: PatternVerdict, past: Sequence[JudgedFinding]) -> PatternVerdict:
    """The same verdict, with what became of the findings that went back to the author before.

    What was proven or upheld on an earlier tree, and is not found on the last one, has been corrected.
    """
    found = {words_of(one.finding) for one in end.findings}
    earlier = {words_of(one.finding): one for one in past if words_of(one.finding) not in found}
    return replace(end, findings=(*(_as_corrected(one) for one in earlier.values()), *end.findings))


def _as_corrected(judged: JudgedFinding) -> JudgedFinding:
    return replace(judged, fate=Fate.CORRECTED) if judged.fate in (Fate.PROVEN, Fate.UPHELD) else judged
