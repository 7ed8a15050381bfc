from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.core.model import Decide, PatternName, RiskLevel
from coworkd.core.reply_blocks import Decision
from coworkd.dispatch.patterns.steps import Seat
from coworkd.dispatch.patterns.voices import VoiceOutcome, count_voices, one_voice_notice, voice_shortage
from tests.unit.dispatch.patterns.histories import AUTHOR, SEATS, spec_of

LOW, MEDIUM, HIGH, CRITICAL = RiskLevel
PASSED, REFUSED, SHORT = VoiceOutcome
SAID = {"+": Decision.PASS, "-": Decision.FAIL, "0": Decision.ABSTAIN, "?": None}
VOTES = st.lists(st.tuples(st.sampled_from(SEATS), st.sampled_from(tuple(SAID.values()))), max_size=7)


def votes(said: str) -> list[tuple[Seat, Decision | None]]:
    """`b+ b- c?`: the family and what its agent says."""
    return [(Seat(agent=f"{word}{number}", family=word[0]), SAID[word[1]]) for number, word in enumerate(said.split())]


@pytest.mark.parametrize(
    ("risk", "said", "outcome"),
    [
        (LOW, "a+", PASSED),
        (LOW, "a+ a+ a-", PASSED),
        (LOW, "a+ a-", REFUSED),
        (LOW, "a+ a0", REFUSED),
        (LOW, "a+ a?", SHORT),
        (LOW, "", SHORT),
        (LOW, "a?", SHORT),
        (LOW, "a+ b+ c-", PASSED),
        (LOW, "a+ b-", REFUSED),
        (MEDIUM, "a+", SHORT),
        (MEDIUM, "a+ b+ c-", PASSED),
        (MEDIUM, "a+ b+ c0", PASSED),
        (MEDIUM, "a+ b- c-", REFUSED),
        (MEDIUM, "b+ b+ b+ c-", REFUSED),
        (HIGH, "a+ b+", SHORT),
        (HIGH, "a- b+ c+", PASSED),
        (HIGH, "b+ c+ d-", REFUSED),
        (HIGH, "b+ c+ d?", SHORT),
        (HIGH, "b+ c+ d+ e+ f-", PASSED),
        (CRITICAL, "b+ c+", SHORT),
        (CRITICAL, "b+ c+ d+", PASSED),
        (CRITICAL, "b+ c+ d+ e-", REFUSED),
    ],
)
def test_the_voices_of_families_decide(risk: RiskLevel, said: str, outcome: VoiceOutcome) -> None:
    assert count_voices(votes(said), AUTHOR, risk).outcome is outcome


@given(given_votes=VOTES, risk=st.sampled_from(RiskLevel), which=st.integers(0, 6))
def test_absence_is_never_approval(
    given_votes: list[tuple[Seat, Decision | None]], risk: RiskLevel, which: int
) -> None:
    """A vote that goes missing never lets pass what did not pass with it, unless it was a refusal and still is short."""
    fewer = [(seat, None if at == which else decision) for at, (seat, decision) in enumerate(given_votes)]
    if count_voices(fewer, AUTHOR, risk).outcome is PASSED:
        assert count_voices(given_votes, AUTHOR, risk).outcome is PASSED


@given(given_votes=VOTES, risk=st.sampled_from(RiskLevel), seed=st.randoms())
def test_the_order_of_votes_changes_nothing(given_votes, risk: RiskLevel, seed) -> None:
    mixed = list(given_votes)
    seed.shuffle(mixed)
    assert count_voices(mixed, AUTHOR, risk) == count_voices(given_votes, AUTHOR, risk)


@given(given_votes=VOTES, risk=st.sampled_from((HIGH, CRITICAL)))
def test_the_family_of_the_author_has_no_voice_at_high_risk(given_votes, risk: RiskLevel) -> None:
    count = count_voices(given_votes, AUTHOR, risk)
    assert AUTHOR.family not in (*count.heard, *count.absent)


@pytest.mark.parametrize(
    ("judges", "risk", "short"),
    [
        ((), LOW, False),
        ((), MEDIUM, True),
        (SEATS[:3], MEDIUM, False),
        (SEATS[:3], HIGH, True),
        (SEATS[:5], HIGH, False),
        (SEATS[:5], CRITICAL, True),
        (SEATS, CRITICAL, False),
    ],
)
def test_seats_that_cannot_supply_the_voices_are_known_before_the_first_run(
    judges, risk: RiskLevel, short: bool
) -> None:
    said = voice_shortage(spec_of(PatternName.CONSENSUS, judges=judges, risk=risk))
    assert bool(said) is short
    assert not short or "decide: person" in said
    assert not voice_shortage(spec_of(PatternName.CONSENSUS, judges=judges, risk=risk, decide=Decide.PERSON))


def test_one_family_in_all_seats_is_one_voice() -> None:
    assert one_voice_notice(spec_of(PatternName.TEAM))
    assert not one_voice_notice(spec_of(PatternName.TEAM, judges=SEATS[2:3]))
    assert not one_voice_notice(spec_of(PatternName.SOLO))
