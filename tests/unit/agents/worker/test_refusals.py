"""What follows from refused calls."""

from __future__ import annotations

from coworkd.agents.worker.refusals import MAX_EXPLAINING_PROMPTS, MAX_IN_A_ROW, Refusals


def refused(*keys: str) -> Refusals:
    refusals = Refusals()
    for key in keys:
        refusals.add(key, f"{key} was denied.")
    return refusals


def test_the_same_refusal_is_explained_once() -> None:
    refusals = refused("run(a)", "run(a)", "run(b)")
    assert refusals.take_explanations(person_spoke=False) == ["run(a) was denied.", "run(b) was denied."]
    refusals.add("run(a)", "run(a) was denied.")
    assert refusals.take_explanations(person_spoke=False) == []


def test_few_prompts_consist_of_explanations_alone() -> None:
    refusals = Refusals()
    prompts = 0
    for number in range(2 * MAX_EXPLAINING_PROMPTS):
        refusals.add(f"run({number})", "denied")
        prompts += bool(refusals.take_explanations(person_spoke=False))
    assert prompts == MAX_EXPLAINING_PROMPTS


def test_what_a_person_says_is_never_held_back_and_starts_the_count_again() -> None:
    refusals = Refusals()
    for number in range(2 * MAX_EXPLAINING_PROMPTS):
        refusals.add(f"run({number})", "denied")
        assert refusals.take_explanations(person_spoke=True) == ["denied"]
    refusals.add("run(last)", "denied")
    assert refusals.take_explanations(person_spoke=False) == ["denied"]


def test_many_refusals_in_a_row_are_a_reason_to_end() -> None:
    refusals = refused(*["run(a)"] * (MAX_IN_A_ROW - 1))
    assert refusals.limit_reason == ""
    refusals.reset_row()
    refusals.add("run(a)", "run(a) was denied.")
    assert refusals.limit_reason == ""
    for _ in range(MAX_IN_A_ROW):
        refusals.add("run(a)", "run(a) was denied.")
    assert "run(a) was denied." in refusals.limit_reason
