from __future__ import annotations

import pytest

from coworkd.core.conflict_facts import (
    ConflictFacts,
    Resolution,
    blocking_resolution,
    failed_rounds,
    read_conflict_facts,
)


@pytest.mark.parametrize(
    ("before", "given", "tip", "after"),
    [
        (0, "", "T1", 0),  # the first conflict of work that was made for its task
        (0, "T1", "T1", 1),
        (1, "T1", "T1", 2),
        (1, "T1", "T2", 0),  # it conflicts with what landed while it was resolved
        (1, "", "T2", 1),  # a round changed nothing, and the same submission was merged with another tip
    ],
)
def test_a_round_fails_on_the_tip_that_it_was_given(before: int, given: str, tip: str, after: int) -> None:
    assert failed_rounds(before, given, tip) == after


@pytest.mark.parametrize(
    ("paths", "awaits", "needs_approval", "blocks"),
    [
        ({"a"}, False, False, True),
        ({"b"}, False, False, False),
        ({"a", "b"}, False, True, True),
        ({"a"}, True, True, True),  # it would wait for the same person, and then conflict
        ({"a"}, True, False, False),  # a person's wait holds up nothing that needs no person
        (set[str](), False, False, False),
    ],
)
def test_what_resolves_the_same_paths_goes_first(
    paths: set[str], awaits: bool, needs_approval: bool, blocks: bool
) -> None:
    other = Resolution(task="x", paths=frozenset(paths), awaits_person=awaits)
    found = blocking_resolution(("a", "c"), [other], needs_approval=needs_approval)
    assert found is (other if blocks else None)


def test_facts_survive_the_database() -> None:
    facts = ConflictFacts(paths=("a", "grüße\n"), remarks=("CONFLICT",), landed=("one",), commits=("abc x",))
    assert read_conflict_facts(facts.text()) == facts
    assert read_conflict_facts("") == ConflictFacts()
