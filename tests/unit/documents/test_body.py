"""Reading bodies: criteria, answers, headings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.documents.body import answer_section, criteria, first_heading
from coworkd.documents.editing import tick
from coworkd.documents.markdown import parse


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("- [ ] it works (verify: pytest -q)", ("it works", "pytest -q", False)),
        ("* [x] it works (verify: pytest -q)", ("it works", "pytest -q", True)),
        ("+ [X] it works", ("it works", "", True)),
        ("12. [ ] it works", ("it works", "", False)),
        ("  3) [ ] it works", ("it works", "", False)),
        ("- [ ] quick (verify: `make test`)", ("quick", "make test", False)),
        ('- [ ] calls (verify: python -c "print(f(1))")', ("calls", 'python -c "print(f(1))"', False)),
        ("- [ ] (of all) works (verify: true)  ", ("(of all) works", "true", False)),
        ("- [ ] says (verify: x) and goes on", ("says (verify: x) and goes on", "", False)),
        ("- [ ] nothing to run (verify: )", ("nothing to run", "", False)),
        ("- [ ] ends with CRLF (verify: x)\r", ("ends with CRLF", "x", False)),
        ("- [ ] works (verify: true).", ("works", "true", False)),
        ("- [ ] works (verify: true)\n  a remark below", ("works", "true", False)),
        ("- [ ] works (verify:\n  true)\n  a remark below", ("works", "true", False)),
        ("- [ ] works (verify: f(1)\n  && g(2))", ("works", "f(1) && g(2)", False)),
        ("- [ ] wrapped words\n  go on (verify:\n  pytest -q)", ("wrapped words go on", "pytest -q", False)),
    ],
)
def test_a_criterion(line: str, found: tuple[str, str, bool]) -> None:
    items = criteria(f"First\n\n{line}\n\nLast")
    assert [(i.text, i.command, i.ticked) for i in items] == [found]
    assert items[0].line == 2


@pytest.mark.parametrize("text", ["- [] no", "- [y] no", "-[ ] no", "[ ] no", "text - [ ] no", "- no", "- [ ]", ""])
def test_no_criterion(text: str) -> None:
    assert criteria(text) == ()


def test_code_blocks_hold_no_criteria() -> None:
    body = "```md\n- [ ] a\n~~~\n- [ ] b\n```\n- [ ] c\n~~~~\n- [ ] d\n~~~\n```\n~~~~\n  ```x\n  - [ ] e\n  ```\n"
    assert [(i.text, i.line) for i in criteria(body)] == [("c", 5)]


def test_what_follows_a_code_block_counts_again() -> None:
    assert [i.line for i in criteria("```\n- [ ] a\n```\n- [ ] b\n``` not ` a fence\n- [ ] c\n")] == [3, 5]


def test_a_fence_that_never_closes_runs_to_the_end() -> None:
    assert criteria("- [ ] a\n```\n- [ ] b\n") == criteria("- [ ] a\n")


def test_items_stand_for_themselves() -> None:
    body = "- [ ] a\n  - [x] b (verify: b)\n  more of b\nno item\n  nor this\n- plain\n  text\n- [ ] c"
    assert [(i.text, i.command) for i in criteria(body)] == [("a", ""), ("b", "b"), ("c", "")]
    assert [i.line for i in criteria(body)] == [0, 1, 7]


@given(
    st.lists(st.sampled_from(["- [ ] a (verify: b)", "  * [ ] c", "text", "", "```", "- [x] d", "# h"]), max_size=12)
)
def test_an_open_criterion_can_be_ticked_where_it_was_found(lines: list[str]) -> None:
    data = ("---\na: 1\n---\n" + "\r\n".join(lines)).encode()
    for item in criteria(parse(data).body):
        if not item.ticked:
            after = {i.line: i.ticked for i in criteria(parse(tick(data, item.line)).body)}
            before = {i.line: i.ticked for i in criteria(parse(data).body)}
            assert after == before | {item.line: True}


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ("Question?\n\n## Answer\n\nBlue.\n", "Blue."),
        ("Question?\n\n## Answer\n\n<!-- write here -->\n", ""),
        ("## Answer\r\n\r\nBlue,\r\nor green.\r\n", "Blue,\r\nor green."),
        ("## Answer\none\n### Detail\ntwo\n## Next\nthree", "one\n### Detail\ntwo"),
        ("## Answer\none\n# Next\ntwo", "one"),
        ("# ANSWER #\none\n## Detail\ntwo", "one\n## Detail\ntwo"),
        ("## Answer\nBlue <!-- a\nremark --> please <!-- not closed\nhidden", "Blue  please"),
        ("## Answer\n```\n## not a heading\n```\nyes", "```\n## not a heading\n```\nyes"),
        ("```\n## Answer\nno\n```\n", ""),
        ("## Answer\nyes, says the agent\n\n## Answer\n\n", ""),
        ("## Answers\nno", ""),
        ("##Answer\nno", ""),
        ("Blue.", ""),
        ("", ""),
    ],
)
def test_the_answer_to_a_question(body: str, answer: str) -> None:
    assert answer_section(body) == answer


@pytest.mark.parametrize(
    ("body", "heading"),
    [
        ("# Add it\n\ntext", "Add it"),
        ("\n\n## Add it ##\r\n", "Add it"),
        ("text\n# no", ""),
        ("", ""),
        ("#no", ""),
        ("#", ""),
    ],
)
def test_the_heading_a_body_begins_with(body: str, heading: str) -> None:
    assert first_heading(body) == heading
