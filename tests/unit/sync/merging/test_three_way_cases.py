"""The planner over every small case: it ends, says the same again, and a field is judged by itself.

The table in docs/sync.md is printed from the planner; a failing comparison shows what it has to be.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations, product
from pathlib import Path

import pytest

from coworkd.documents.markdown import Value
from coworkd.sync.merging.three_way import SET_FIELDS, DocumentVersion, MergePlan, plan_merge

SCALARS: tuple[Value, ...] = (None, "a", "b", "c")
ELEMENTS: tuple[Value, ...] = (None, ["a"], ["b"], ["a", "b"], ["b", "a"])
BODIES = ("", "a\n", "b\n", "a\nb\n", "a\nx\nb\n")
ROUNDS = 5
PAGE = Path(__file__).parents[4] / "docs/sync.md"

Sides = tuple[DocumentVersion, DocumentVersion, DocumentVersion]
"""File, base, database."""


def field(name: str, value: Value) -> DocumentVersion:
    return DocumentVersion(fields={} if value is None else {name: value}, body="")


def small_cases() -> Iterator[Sides]:
    for name, domain in (("agent", SCALARS), ("labels", ELEMENTS)):
        for file, base, wanted in product(domain, repeat=3):
            yield field(name, file), field(name, base), field(name, wanted)
    for file, base, wanted in product(BODIES, repeat=3):
        yield (
            DocumentVersion(fields={}, body=file),
            DocumentVersion(fields={}, body=base),
            DocumentVersion(fields={}, body=wanted),
        )


def test_every_case_comes_to_rest() -> None:
    """What is merged is written, and from then on is file, base and database."""
    for file, base, wanted in small_cases():
        sides: Sides = file, base, wanted
        for _ in range(ROUNDS):
            merged = plan_merge(*sides).merged
            sides = merged, merged, merged
        assert plan_merge(*sides) == MergePlan(merged=sides[0])
        assert sides[0] == plan_merge(file, base, wanted).merged


def test_the_same_again_changes_nothing() -> None:
    """A crash between the two halves of an exchange repeats the plan with the file as it was, or as it has become."""
    for file, base, wanted in small_cases():
        made = plan_merge(file, base, wanted)
        assert plan_merge(file, base, wanted) == made
        if not made.clashes:
            assert plan_merge(made.merged, file, made.merged).merged == made.merged
        assert plan_merge(file, file, made.merged).merged == made.merged


def test_what_only_one_side_changed_is_never_lost() -> None:
    for file, base, wanted in small_cases():
        merged = plan_merge(file, base, wanted).merged
        if file == base:
            assert merged == wanted
        if wanted == base:
            assert merged == file


def test_fields_are_judged_each_by_itself_in_any_order() -> None:
    for one, other in product(product(("a", "b"), repeat=3), repeat=2):
        sides = [{"agent": x, "mode": y} for x, y in zip(one, other, strict=True)]
        turned = [dict(reversed(side.items())) for side in sides]
        made, again = (plan_merge(*(DocumentVersion(fields=f, body="") for f in each)) for each in (sides, turned))
        alone = plan_merge(*(field("agent", value) for value in one))
        assert made == again
        assert made.merged.fields["agent"] == alone.merged.fields["agent"]
        assert ("agent" in made.clashes) == ("agent" in alone.clashes)


def test_the_order_of_a_batch_does_not_matter() -> None:
    batch = list(small_cases())[:6]
    told = {number: plan_merge(*sides) for number, sides in enumerate(batch)}
    for order in permutations(range(len(batch))):
        assert {number: plan_merge(*batch[number]) for number in order} == told


# ---- the table


ROWS = (
    ("nothing changed", 0, 0, 0),
    ("a person changed it", 1, 0, 0),
    ("coworkd changed it", 0, 0, 1),
    ("both changed it in the same way", 1, 0, 1),
    ("both changed it differently", 1, 0, 2),
)
COLUMNS: tuple[tuple[str, str, tuple[Value, ...]], ...] = (
    ("a field", "agent", ("old", "mine", "theirs")),
    (", ".join(f"`{name}`" for name in sorted(SET_FIELDS)), "labels", (["old"], ["old", "mine"], ["old", "theirs"])),
    ("other lines of the body", "body", ("1\n2\n3\n", "mine\n2\n3\n", "1\n2\ntheirs\n")),
    ("the same lines", "body", ("old\n", "mine\n", "theirs\n")),
)


def table() -> str:
    head = ["since the base", *(title for title, _, _ in COLUMNS)]
    lines = [head, ["---"] * len(head)]
    for title, *sides in ROWS:
        lines.append([title, *(cell(name, [values[side] for side in sides]) for _, name, values in COLUMNS)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def cell(name: str, values: list[Value]) -> str:
    versions = [DocumentVersion(fields={}, body=str(v)) if name == "body" else field(name, v) for v in values]
    file, base, wanted = versions
    made, part = plan_merge(file, base, wanted), "lines" if name == "body" else "value"
    if made.clashes:
        return f"the file's {part}, and a problem for a person"
    if made.merged == file:
        return "stays as it is" if file == base == wanted else f"the file's {part}"
    return f"the database's {part}" if made.merged == wanted else "both changes"


def test_the_table_in_the_documents_is_what_the_planner_does() -> None:
    assert table() in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("side", ["base", "wanted"])
def test_a_file_seen_for_the_first_time_is_taken(side: str) -> None:
    file = field("agent", "a")
    known = {"base": None, "wanted": field("agent", "b")} if side == "base" else {"base": file, "wanted": None}
    assert plan_merge(file, known["base"], known["wanted"]).merged == file
