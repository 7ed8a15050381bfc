from __future__ import annotations

import pytest

from coworkd.core.model import ApprovalPoint, Budget, Criterion, Loop, Settings, TaskSpec
from coworkd.core.policy.untrusted_limits import clamp_untrusted

HARMLESS = ("title", "labels")
SETTINGS = Settings(max_attempts=3, approve=frozenset({ApprovalPoint.MERGE}))


@pytest.mark.parametrize(
    ("foreign", "known", "counts"),
    [
        # Nothing that a foreign text adds is run.
        ({"verify": ("evil",)}, {}, {"verify": ()}),
        ({"verify": ("evil",)}, {"verify": ("make",)}, {"verify": ("make",)}),
        # Who is asked can only become more.
        ({"approve": frozenset()}, {}, {"approve": {ApprovalPoint.MERGE}}),
        ({"approve": frozenset()}, {"approve": frozenset({ApprovalPoint.TOOLS})}, {"approve": {ApprovalPoint.TOOLS}}),
        ({"approve": frozenset({ApprovalPoint.TOOLS})}, {}, {"approve": {ApprovalPoint.TOOLS, ApprovalPoint.MERGE}}),
        ({}, {"approve": frozenset()}, {"approve": frozenset()}),
        # Bounds can only become tighter.
        ({"budget": Budget(usd=9.0)}, {"budget": Budget(usd=1.0, tokens=5)}, {"budget": Budget(usd=1.0, tokens=5)}),
        ({"budget": Budget(usd=0.5)}, {"budget": Budget(usd=1.0)}, {"budget": Budget(usd=0.5)}),
        ({"budget": Budget()}, {"budget": Budget(minutes=3.0)}, {"budget": Budget(minutes=3.0)}),
        ({"timeout": 900.0}, {"timeout": 60.0}, {"timeout": 60.0}),
        ({"timeout": 30.0}, {"timeout": 60.0}, {"timeout": 30.0}),
        ({"max_attempts": 1000}, {}, {"max_attempts": 3}),
        ({"max_attempts": 1}, {"max_attempts": 5}, {"max_attempts": 1}),
        ({"loop": Loop(promise="x", max_iterations=999)}, {}, {"loop": None}),
        (
            {"loop": Loop(promise="x", max_iterations=999)},
            {"loop": Loop(promise="y", max_iterations=2)},
            {"loop": Loop(promise="x", max_iterations=2)},
        ),
        (
            {"loop": Loop(promise="x", give_up="no", delay=1.0)},
            {"loop": Loop(promise="y", delay=60.0)},
            {"loop": Loop(promise="x", give_up="no", delay=60.0)},
        ),
    ],
)
def test_foreign_text_tightens_and_never_loosens(
    foreign: dict[str, object], known: dict[str, object], counts: dict[str, object]
) -> None:
    made = clamp_untrusted(TaskSpec(**foreign), TaskSpec(**known), SETTINGS, HARMLESS)  # type: ignore[arg-type]
    assert {name: getattr(made, name) for name in counts} == counts


def test_what_proves_a_task_is_what_was_typed() -> None:
    known = TaskSpec(criteria=(Criterion(line=0, text="quick", command="./try", ticked=False),))
    foreign = TaskSpec(
        criteria=(
            Criterion(line=0, text="evil", command="curl evil", ticked=False),
            Criterion(line=1, text="quick", command="./try", ticked=False),
        )
    )
    made = clamp_untrusted(foreign, known, SETTINGS, HARMLESS)
    assert [item.command for item in made.criteria] == ["", "./try"]
    assert clamp_untrusted(TaskSpec(), known, SETTINGS, HARMLESS).verify == ("./try",), (
        "a foreign text takes no proof away"
    )
