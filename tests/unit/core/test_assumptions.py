"""What counts as an assumption that an agent lists."""

from __future__ import annotations

import pytest

from coworkd.core.assumptions import listed_assumptions


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        ("Done.", ()),
        ("## Assumptions\n- UTC everywhere\n* no cache\n1. ids stay\n", ("UTC everywhere", "no cache", "ids stay")),
        ("# ASSUMPTIONS:\n\n- one\n  goes on here\n\n- two", ("one goes on here", "two")),
        ("### **Assumptions**\nThe port is free.\nIt stays so.\n\nThe disk is local.", (
            "The port is free. It stays so.", "The disk is local.",
        )),
        ("## Assumptions ##\n- kept\n## Next steps\n- not this", ("kept",)),
        ("My Assumptions\n- not a heading", ()),
        ("```\n## Assumptions\n- in code\n```\n## Other", ()),
        ("## Assumptions\n```\n- in code\n```\n- kept", ("kept",)),
        ("## Assumptions\n- one\n## Risks\n- no\n## Assumptions\n- two", ("one", "two")),
        ("## Assumptions\n-  \n", ()),
    ],
)  # fmt: skip
def test_assumptions_are_what_a_reply_lists_under_that_heading(reply: str, expected: tuple[str, ...]) -> None:
    assert listed_assumptions(reply) == expected
