"""The block of a reply: what is written is read back, and everything odd is unreadable."""

from __future__ import annotations

from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.core.reply_blocks import (
    AnswerBlock,
    BallotBlock,
    BlockKind,
    Decision,
    FindingsBlock,
    HandoffBlock,
    ReplyBlock,
    ReviewFinding,
    Severity,
    VerdictBlock,
)
from coworkd.documents.block_fields import PLACEHOLDERS, BlockTerms
from coworkd.documents.reply_blocks import MAX_HANDOFF_BYTES, MAX_REPLY, UnreadableBlock, block_form, read_block
from coworkd.documents.yaml_reader import Value
from coworkd.documents.yaml_writer import pair_line

LETTERS = ("a", "b", "c")
TERMS = BlockTerms(letters=LETTERS)
TEXTS = st.text(st.characters(exclude_categories=["C"]), min_size=1, max_size=60).filter(
    lambda text: text.strip() and text.strip() not in PLACEHOLDERS
)
"""What says something: the words that stand in a form for what is to be filled in are refused."""
FINDINGS = st.builds(
    ReviewFinding, severity=st.sampled_from(Severity), where=st.just("") | TEXTS, claim=TEXTS, proof=st.just("") | TEXTS
)
BLOCKS = st.one_of(
    st.builds(
        AnswerBlock,
        answer=TEXTS,
        because=st.just("") | TEXTS,
        adopted=st.lists(st.integers(1, 99)).map(tuple),
        dissent=st.lists(st.integers(1, 99)).map(tuple),
    ),
    st.builds(BallotBlock, rank=st.permutations(LETTERS).map(tuple), because=st.just("") | TEXTS),
    st.builds(
        VerdictBlock,
        decision=st.sampled_from(Decision),
        findings=st.lists(FINDINGS, max_size=3).map(tuple),
        score=st.none() | st.integers(0, 100).map(lambda tenths: tenths / 10),
        because=st.just("") | TEXTS,
    ),
    st.builds(FindingsBlock, findings=st.lists(FINDINGS, max_size=3).map(tuple)),
    st.builds(HandoffBlock, done=st.lists(TEXTS, min_size=1, max_size=3).map(tuple), left=st.lists(TEXTS).map(tuple)),
)
KINDS = {
    AnswerBlock: BlockKind.ANSWER,
    BallotBlock: BlockKind.BALLOT,
    VerdictBlock: BlockKind.VERDICT,
    FindingsBlock: BlockKind.FINDINGS,
    HandoffBlock: BlockKind.HANDOFF,
}


def plain(value: object) -> Value:
    """A value of a block as a header can say it."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if item not in ("", None)}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    return str(value)


def written(block: ReplyBlock, marks: str = "```") -> str:
    """The block as an agent writes it."""
    fields = plain(asdict(block))
    assert isinstance(fields, dict)
    lines = "".join(f"{pair_line(key, value)}\n" for key, value in fields.items())
    return f"{marks}{KINDS[type(block)]}\n{lines}{marks}\n"


@given(BLOCKS)
def test_what_is_written_is_read_back(block: ReplyBlock) -> None:
    assert read_block(f"Here it is.\n\n{written(block)}\nThat is all.", KINDS[type(block)], TERMS) == block


@given(st.sampled_from(Decision), st.data())
def test_a_decision_in_any_other_spelling_is_unreadable(decision: Decision, data: st.DataObject) -> None:
    at = data.draw(st.integers(0, len(decision)))
    left_out = data.draw(st.integers(0, 1))
    put_in = data.draw(st.text(st.characters(exclude_categories=["Cs"]), max_size=2))
    word = decision[:at] + put_in + decision[at + left_out :]
    if word in set(Decision):
        return
    reply = f"```verdict\n{pair_line('decision', word)}\n```\n"
    assert isinstance(read_block(reply, BlockKind.VERDICT), UnreadableBlock)


@pytest.mark.parametrize("kind", BlockKind)
@pytest.mark.parametrize("scored", [False, True])
def test_the_form_of_a_prompt_is_no_answer(kind: BlockKind, scored: bool) -> None:
    terms = BlockTerms(letters=LETTERS, scored=scored, claims=2 if scored else 0)
    assert isinstance(read_block(block_form(kind, terms), kind, terms), UnreadableBlock)


def test_one_placeholder_is_enough_to_make_it_unreadable() -> None:
    form = block_form(BlockKind.VERDICT).replace("pass | fail | abstain", "pass")
    assert isinstance(read_block(form, BlockKind.VERDICT), UnreadableBlock)


PASS = "```verdict\ndecision: pass\n```\n"


@pytest.mark.parametrize(
    "reply",
    [
        PASS,
        PASS.replace("```", "~~~~"),
        f"````md\n{PASS}````\n{PASS}",
        f"The form was:\n\n> ```verdict\n> decision: fail\n> ```\n\n{PASS}",
        f"    ```verdict\n    decision: fail\n    ```\n\n{PASS}",
        '  ```verdict\n  decision: "pass"\n  ```',
        "```verdict\ndecision: pass # as far as I can see\n```",
        PASS.replace("\n", "\r\n"),
    ],
)
def test_a_block_that_is_read(reply: str) -> None:
    assert read_block(reply, BlockKind.VERDICT) == VerdictBlock(decision=Decision.PASS)


@pytest.mark.parametrize(
    "reply",
    [
        "",
        "pass",
        "decision: pass",
        f"{PASS}\n{PASS}",
        f"{PASS}\n```Verdict\ndecision: fail\n```",
        f"{PASS}\n```verdict x\ndecision: fail\n```",
        f"{PASS}\n```v\u0435rdict\ndecision: fail\n```",
        f"````md\n{PASS}````\n",
        f"> {PASS}",
        f"- {PASS}",
        "    ```verdict\n    decision: pass\n    ```\n",
        f"<!--\n{PASS}-->\n",
        "```verdict\ndecision: pass\n",
        "```verdict\ndecision: pass\ndecision: fail\n```",
        "```verdict\ndecision: &a pass\nbecause: *a\n```",
        "```verdict\ndecision: !!str pass\n```",
        "```verdict\ndecision: passed\n```",
        "```verdict\ndecision: Pass\n```",
        "```verdict\ndecision: yes\n```",
        "```verdict\ndecision: p\u0430ss\n```",
        "```verdict\ndecision: pass\u00a0\n```",
        "```verdict\ndecision: pass\nbecause: in\u200bvisible\n```",
        '```verdict\ndecision: pass\nbecause: "turn\\u202eed"\n```',
        '```verdict\ndecision: "pass "\n```',
        "```verdict\ndecision: [pass]\n```",
        "```verdict\ndecision:\n```",
        "```verdict\nDecision: pass\n```",
        "```verdict\ndecision: pass\nfinding: []\n```",
        "```verdict\ndecision: pass\nfindings: none\n```",
        "```verdict\ndecision: pass\nscore: 11\n```",
        "```verdict\ndecision: pass\nscore: -1\n```",
        "```verdict\ndecision: pass\nscore: 7/10\n```",
        "```verdict\ndecision: pass\nscore: nan\n```",
        "```verdict\ndecision: pass\nfindings: [{severity: Blocker, claim: x}]\n```",
        "```verdict\ndecision: pass\nfindings: [{severity: minor}]\n```",
        "```verdict\n```",
        "```verdict\npass\n```",
        f"```verdict\ndecision: pass\nbecause: {'x' * 65536}\n```",
        f"{PASS}{'x' * MAX_REPLY}",
    ],
)
def test_a_block_that_is_unreadable(reply: str) -> None:
    assert isinstance(read_block(reply, BlockKind.VERDICT), UnreadableBlock)


@pytest.mark.parametrize("rank", ["[a, b]", "[a, b, c, d]", "[a, b, b]", "[A, b, c]", "a", "[[a], b, c]", "[x, y, z]"])
def test_a_ballot_ranks_exactly_the_letters_that_were_offered(rank: str) -> None:
    assert isinstance(read_block(f"```ballot\nrank: {rank}\n```", BlockKind.BALLOT, TERMS), UnreadableBlock)


@pytest.mark.parametrize(
    ("marks", "read"),
    [
        ("adopted: [1, 3]\ndissent: [2]", True),
        ("adopted: [1, 2, 3]", True),
        ("adopted: [1, 2]", False),
        ("adopted: [1, 2, 3]\ndissent: [3]", False),
        ("adopted: [1, 2, 3, 4]", False),
        ("adopted: 1 2 3", False),
        ("adopted: [1, two, 3]", False),
        ("adopted: [1, 2.0, 3]", False),
        ("", False),
    ],
)
def test_each_claim_is_marked_once(marks: str, read: bool) -> None:
    block = read_block(f"```answer\nanswer: x\n{marks}\n```", BlockKind.ANSWER, BlockTerms(claims=3))
    assert isinstance(block, AnswerBlock) is read


def test_a_score_that_was_asked_for_has_to_be_there() -> None:
    assert isinstance(read_block(PASS, BlockKind.VERDICT, BlockTerms(scored=True)), UnreadableBlock)


def test_a_handoff_is_short() -> None:
    long = written(HandoffBlock(done=("x" * MAX_HANDOFF_BYTES,)))
    assert isinstance(read_block(long, BlockKind.HANDOFF), UnreadableBlock)


def test_the_reason_names_the_line_of_the_reply() -> None:
    read = read_block("Well.\n\n```verdict\ndecision: pass\ndecision: fail\n```\n", BlockKind.VERDICT)
    assert isinstance(read, UnreadableBlock)
    assert "line 5" in read.reason
