from __future__ import annotations

from coworkd.core.model import Mode, PatternName, RiskLevel
from coworkd.core.pattern_verdicts import Fate, PatternEnd
from coworkd.core.reply_blocks import Decision, VerdictBlock
from coworkd.core.tries import ProofOutcome, TryResult
from coworkd.dispatch.patterns.registry import NEXT_STEPS
from coworkd.dispatch.patterns.steps import RunOutcome, RunResult, RunStep, StepResult
from tests.unit.dispatch.patterns.histories import ABSENT, PROVEN, Played, Script, play, spec_of, verdict

PATTERN = NEXT_STEPS[PatternName.CHAIN_REVIEW]
FAIL = verdict(Decision.FAIL, "it loses the last line")
PROOF = verdict(Decision.FAIL, "it loses the last line", proof="pytest -q t.py")


def chain(told: dict[str, StepResult], **changed: object) -> Played:
    played = play(PATTERN, spec_of(PatternName.CHAIN_REVIEW, **changed), Script(told))
    assert not played.breach
    return played


def end(played: Played) -> tuple[PatternEnd, str]:
    assert played.verdict is not None
    return played.verdict.decision, played.verdict.of


def fates(played: Played) -> list[Fate]:
    assert played.verdict is not None
    return [one.fate for one in played.verdict.findings]


def test_gates_read_one_after_another() -> None:
    played = chain({})
    assert list(played.steps) == ["author.1", "gate.1.1", "gate.1.2"]
    assert end(played) == (PatternEnd.SUBMIT, "author.1")


def test_every_gate_reads_the_corrected_tree_again() -> None:
    played = chain({"gate.1.2": FAIL})
    assert list(played.steps) == ["author.1", "gate.1.1", "gate.1.2", "author.2", "gate.2.1", "gate.2.2"]
    assert end(played) == (PatternEnd.SUBMIT, "author.2")
    correction = played.steps["author.2"]
    assert isinstance(correction, RunStep)
    assert correction.of == "author.1"
    assert [one.claim for one in correction.findings] == ["it loses the last line"]


def test_a_finding_goes_back_once_in_the_same_words_and_blocks_nothing_without_proof() -> None:
    played = chain({"gate.1.2": FAIL, "gate.2.2": verdict(Decision.FAIL, "It loses  the last line")})
    assert played.keys("author") == ["author.1", "author.2"]
    assert end(played) == (PatternEnd.SUBMIT, "author.2")
    assert played.verdict is not None
    assert played.verdict.dissent


def test_at_high_risk_a_person_decides_what_has_no_proof() -> None:
    played = chain({"gate.1.2": FAIL, "gate.2.2": FAIL}, risk=RiskLevel.HIGH)
    assert end(played) == (PatternEnd.UNDECIDED, "")
    assert played.verdict is not None
    assert played.verdict.letters == ("author.2",)


def test_the_risk_that_was_computed_raises_what_was_asked() -> None:
    risky = RunResult(outcome=RunOutcome.DONE, tree="t", risk=RiskLevel.CRITICAL)
    assert end(chain({"author": risky, "gate.1.1": FAIL}, rounds=0)) == (PatternEnd.UNDECIDED, "")


def test_what_is_proven_blocks_until_its_command_passes() -> None:
    played = chain({"gate.1.1": PROOF, "proof.1.1.1": PROVEN, "again.2": PROVEN})
    assert played.keys("gate") == ["gate.1.1", "gate.3.1", "gate.3.2"]
    assert end(played) == (PatternEnd.SUBMIT, "author.3")
    assert fates(played) == [Fate.CORRECTED]


def test_what_stays_proven_fails() -> None:
    played = chain({"gate": PROOF, "proof": PROVEN, "again": PROVEN})
    assert played.runs == 4
    assert end(played) == (PatternEnd.FAILED, "")
    assert fates(played) == [Fate.PROVEN]


def test_a_proof_that_is_flaky_or_passes_is_none() -> None:
    for outcome in (ProofOutcome.FLAKY, ProofOutcome.UNPROVEN):
        played = chain({"gate.1.1": PROOF, "proof": TryResult(proof=outcome)}, rounds=0)
        assert end(played) == (PatternEnd.SUBMIT, "author.1")
        assert fates(played) == [Fate.UNPROVEN]


def test_a_gate_that_passes_does_not_hide_what_it_has_proven() -> None:
    told = {"gate": verdict(Decision.PASS, "it loses the last line", proof="pytest"), "proof": PROVEN, "again": PROVEN}
    assert end(chain(told)) == (PatternEnd.FAILED, "")


def test_an_absent_or_abstaining_gate_has_not_passed() -> None:
    for result in (ABSENT, verdict(Decision.ABSTAIN), RunResult(outcome=RunOutcome.DONE)):
        played = chain({"gate.1.1": result})
        assert end(played) == (PatternEnd.UNDECIDED, "")
        assert played.keys("gate") == ["gate.1.1"]


def test_the_same_tree_and_a_proven_finding_end_it() -> None:
    same = RunResult(outcome=RunOutcome.UNCHANGED)
    played = chain({"gate": PROOF, "proof": PROVEN, "author.2": same})
    assert list(played.steps) == ["author.1", "gate.1.1", "proof.1.1.1", "author.2"]
    assert end(played) == (PatternEnd.FAILED, "")


def test_an_author_may_leave_its_change_and_say_why() -> None:
    played = chain({"gate.1.1": FAIL, "author.2": RunResult(outcome=RunOutcome.UNCHANGED)})
    gate = played.steps["gate.2.1"]
    assert isinstance(gate, RunStep)
    assert (gate.of, gate.shows) == ("author.1", ("author.2",))
    assert end(played) == (PatternEnd.SUBMIT, "author.1")


def test_a_failure_without_findings_goes_back_as_its_reason() -> None:
    because = RunResult(outcome=RunOutcome.DONE, block=VerdictBlock(decision=Decision.FAIL, because="too clever"))
    step = chain({"gate.1.1": because}).steps["author.2"]
    assert isinstance(step, RunStep)
    assert [one.claim for one in step.findings] == ["too clever"]


def test_an_absent_author_fails_and_an_absent_correction_leaves_the_objection() -> None:
    assert end(chain({"author.1": ABSENT})) == (PatternEnd.FAILED, "")
    assert end(chain({"author.1": RunResult(outcome=RunOutcome.UNCHANGED)})) == (PatternEnd.FAILED, "")
    assert end(chain({"gate.1.1": FAIL, "author.2": ABSENT})) == (PatternEnd.UNDECIDED, "")


def test_an_answer_is_reviewed_by_its_text() -> None:
    played = chain({"gate.1.1": PROOF}, mode=Mode.ANSWER)
    assert played.keys("proof") == []
    assert end(played) == (PatternEnd.ANSWER, "author.2")
