"""How many voices a decision has: one for each model family, however many of its agents sit there. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from fractions import Fraction

from coworkd.core.model import Decide, PatternName, RiskLevel
from coworkd.core.reply_blocks import Decision
from coworkd.dispatch.patterns.changes import is_risky
from coworkd.dispatch.patterns.seats import judge_seats, member_seats, writer_seat
from coworkd.dispatch.patterns.steps import PatternSpec, Seat


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceRule:
    """What passing asks for."""

    share: Fraction
    """Of all voices, at least. A fraction: 0.67 would ask for three of three where two of three are meant."""
    voices: int
    """At least so many that say something."""


RULES: Mapping[RiskLevel, VoiceRule] = {
    RiskLevel.LOW: VoiceRule(share=Fraction(3, 5), voices=1),
    RiskLevel.MEDIUM: VoiceRule(share=Fraction(2, 3), voices=2),
    RiskLevel.HIGH: VoiceRule(share=Fraction(4, 5), voices=2),
    RiskLevel.CRITICAL: VoiceRule(share=Fraction(1), voices=3),
}
"""By the risk of the change."""


class VoiceOutcome(StrEnum):
    """What the voices together say."""

    PASSED = "passed"
    REFUSED = "refused"
    SHORT = "short"
    """There are fewer than the rule asks for, or those that are absent would make the difference."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VoiceCount:
    """The families that have a voice, by what they say."""

    passing: tuple[str, ...] = ()
    refusing: tuple[str, ...] = ()
    """An abstention counts here."""
    absent: tuple[str, ...] = ()
    """Those whose agents are absent, where they could have made the family's majority."""
    rule: VoiceRule

    @property
    def heard(self) -> tuple[str, ...]:
        """The families that said something."""
        return tuple(sorted((*self.passing, *self.refusing)))

    @property
    def outcome(self) -> VoiceOutcome:
        """Absence never adds to the share, and never makes a voice."""
        total = len(self.heard) + len(self.absent)
        if total < self.rule.voices:
            return VoiceOutcome.SHORT
        if Fraction(len(self.passing) + len(self.absent), total) < self.rule.share:
            return VoiceOutcome.REFUSED
        is_enough = len(self.heard) >= self.rule.voices and Fraction(len(self.passing), total) >= self.rule.share
        return VoiceOutcome.PASSED if is_enough else VoiceOutcome.SHORT

    @property
    def line(self) -> str:
        """The count, for the tally of a verdict."""
        total = len(self.heard) + len(self.absent)
        return (
            f"{len(self.passing)} of {total} voices pass; needed: a share of {self.rule.share}"
            f" and at least {_voices(self.rule.voices)}"
        )


def count_voices(votes: Sequence[tuple[Seat, Decision | None]], author: Seat, risk: RiskLevel) -> VoiceCount:
    """The voices of the judges; None is a judge that is absent."""
    heard = {family: votes_of for family, votes_of in _by_family(votes).items() if _has_voice(family, author, risk)}
    said = {family: _voice(votes_of) for family, votes_of in heard.items()}
    passing, refusing, absent = (
        tuple(sorted(family for family, voice in said.items() if voice is which))
        for which in (Decision.PASS, Decision.FAIL, None)
    )
    return VoiceCount(passing=passing, refusing=refusing, absent=absent, rule=RULES[risk])


def voice_shortage(spec: PatternSpec) -> str:
    """Why the seats cannot supply the voices that the risk asks for, in words; empty: they can, or a person decides."""
    request = spec.request
    if request.name is not PatternName.CONSENSUS or request.decide is Decide.PERSON:
        return ""
    rule, author = RULES[request.risk], writer_seat(spec)
    families = {seat.family for seat in judge_seats(spec) if _has_voice(seat.family, author, request.risk)}
    if len(families) >= rule.voices:
        return ""
    supplied = f"the judges supply {len(families)}" + (f" ({', '.join(sorted(families))})" if families else "")
    besides = f" beside the author's ({author.family})" if is_risky(request.risk) else ""
    return (
        f"`risk: {request.risk}` asks for {_voices(rule.voices)} of different model families{besides}, and {supplied};"
        " name judges of other families, or write `decide: person`"
    )


def one_voice_notice(spec: PatternSpec) -> str:
    """That all seats are of one model family, in words; empty: there are several, or one seat."""
    seats = (*member_seats(spec), *judge_seats(spec))
    families = {seat.family for seat in seats}
    if len(seats) < 2 or len(families) > 1:
        return ""
    return f"all seats of `{spec.request.name}` are of one model family ({families.pop()}), so this is one voice"


def _by_family(votes: Sequence[tuple[Seat, Decision | None]]) -> dict[str, list[Decision | None]]:
    families: dict[str, list[Decision | None]] = {}
    for seat, decision in votes:
        families.setdefault(seat.family, []).append(decision)
    return families


def _has_voice(family: str, author: Seat, risk: RiskLevel) -> bool:
    return family != author.family or not is_risky(risk)


def _voice(votes: Sequence[Decision | None]) -> Decision | None:
    passes = votes.count(Decision.PASS)
    if 2 * passes > len(votes):
        return Decision.PASS
    return None if 2 * (passes + votes.count(None)) > len(votes) else Decision.FAIL


def _voices(count: int) -> str:
    return "1 voice" if count == 1 else f"{count} voices"
