"""refine: a draft is tried, scored and improved while its score rises; the best version is taken, not the last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

from coworkd.core.pattern_verdicts import PatternVerdict
from coworkd.core.reply_blocks import BlockKind, ReviewFinding, VerdictBlock
from coworkd.core.tries import TryResult, TryStep
from coworkd.dispatch.patterns.changes import changes_nothing, first_tree, next_tree, tree_of
from coworkd.dispatch.patterns.endings import absent, failed, taken, undecided
from coworkd.dispatch.patterns.findings import words_of
from coworkd.dispatch.patterns.replay import Flow, attempt, run
from coworkd.dispatch.patterns.replies import reply_block
from coworkd.dispatch.patterns.seats import judge_seats, max_rounds, writer_seat
from coworkd.dispatch.patterns.steps import PatternSpec, Role, RunOutcome, RunResult, RunStep, StepTree
from coworkd.dispatch.patterns.trials import red_words

BEST_SCORE = Fraction(10)
LEAST_RISE = Fraction(1, 2)
"""A version whose score rises by less is the last one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Version:
    """A draft, or an improvement of it."""

    step: str
    tree: str
    tried: TryResult
    judge: str = ""
    """The step that scored it; empty: it was not asked, as the version is red."""
    score: Fraction | None = None
    """None: it is red, or its judge is absent."""
    findings: tuple[ReviewFinding, ...] = ()

    @property
    def is_green(self) -> bool:
        return not red_words(self.tried)

    @property
    def line(self) -> str:
        score = "not scored" if self.score is None else f"{float(self.score):g} of 10"
        return f"{self.step}: {'green' if self.is_green else 'red'}, {score}"


def refine(spec: PatternSpec) -> Flow[PatternVerdict]:
    """Ends when the score rises by less than half a point, or cannot, and takes the version with the best one."""
    result = yield from run(_draft(spec))
    if result.outcome is RunOutcome.ABSENT:
        return absent("draft", result)
    if changes_nothing(spec, result):
        return failed("`draft` has changed nothing, so there is nothing to improve")
    versions = [(yield from _scored(spec, 0, "draft", result))]
    for number in range(1, max_rounds(spec) + 1):
        if _is_done(versions):
            break
        step = _improvement(spec, number, versions)
        result = yield from run(step)
        if result.outcome is not RunOutcome.DONE or tree_of(result) == versions[-1].tree:
            break
        versions.append((yield from _scored(spec, number, step.key, result)))
    return replace(_end(spec, versions), tally=tuple(version.line for version in versions))


def _draft(spec: PatternSpec) -> RunStep:
    return RunStep(key="draft", agent=writer_seat(spec).agent, role=Role.AUTHOR, tree=first_tree(spec))


def _scored(spec: PatternSpec, number: int, step: str, result: RunResult) -> Flow[_Version]:
    tried = yield from attempt(TryStep(key=f"try.{number}", of=step))
    version = _Version(step=step, tree=tree_of(result), tried=tried)
    if not version.is_green:
        return version
    judge = RunStep(
        key=f"score.{number}",
        agent=judge_seats(spec)[0].agent,
        role=Role.JUDGE,
        tree=StepTree.READ,
        of=step,
        shows=(step,),
        block=BlockKind.VERDICT,
        scored=True,
    )
    verdict = reply_block(judge, (yield from run(judge)), VerdictBlock)
    if verdict is None or verdict.score is None:
        return replace(version, judge=judge.key)
    return replace(version, judge=judge.key, score=Fraction(str(verdict.score)), findings=verdict.findings)


def _is_done(versions: Sequence[_Version]) -> bool:
    last = versions[-1]
    if last.tried.unknown or (last.judge and last.score is None):
        return True
    if last.score is not None and last.score + LEAST_RISE > BEST_SCORE:
        return True
    return len(versions) > 1 and _rise(versions[-2], last) < LEAST_RISE


def _rise(before: _Version, after: _Version) -> Fraction:
    """A version that was red and is green has risen; one that stays red has its tail to go by once more."""
    if before.score is None:
        return LEAST_RISE
    return (after.score or Fraction(0)) - before.score


def _improvement(spec: PatternSpec, number: int, versions: Sequence[_Version]) -> RunStep:
    last = versions[-1]
    told = {words_of(finding) for version in versions[:-1] for finding in version.findings}
    red = red_words(last.tried)
    return RunStep(
        key=f"improve.{number}",
        agent=writer_seat(spec).agent,
        role=Role.AUTHOR,
        tree=next_tree(spec),
        of=last.step,
        shows=(last.step, last.judge) if last.judge else (last.step,),
        findings=tuple(finding for finding in last.findings if words_of(finding) not in told),
        words=(red,) if red else (),
    )


def _end(spec: PatternSpec, versions: Sequence[_Version]) -> PatternVerdict:
    scored = [version for version in versions if version.score is not None]
    if scored:
        best = max(scored, key=lambda version: version.score or Fraction(0))
        return taken(spec, best.step, f"`{best.step}` has the best score, {float(best.score or 0):g} of 10")
    open_steps = [version.step for version in versions if version.is_green or version.tried.unknown]
    if open_steps:
        return undecided("no version could be tried and scored", open_steps)
    return failed(f"no version is green; of `{versions[-1].step}`: {red_words(versions[-1].tried)}")
