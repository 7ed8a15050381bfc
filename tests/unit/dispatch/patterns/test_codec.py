"""What a pattern decides on, asks for and comes to is read from the database as it was written."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from coworkd.core.reply_blocks import (
    AnswerBlock,
    BallotBlock,
    Decision,
    FindingsBlock,
    HandoffBlock,
    ReplyBlock,
    ReviewFinding,
    VerdictBlock,
)
from coworkd.core.step_states import StepKind
from coworkd.core.tries import TryResult, TryStep
from coworkd.dispatch.patterns.codec import (
    decode_result,
    decode_spec,
    decode_step,
    encode_result,
    encode_spec,
    encode_step,
    kind_of_step,
)
from coworkd.dispatch.patterns.steps import PatternSpec, RunResult, RunStep, Step

TEXT = st.text(max_size=8)
FINDINGS = st.lists(st.builds(ReviewFinding, where=TEXT, claim=TEXT, proof=TEXT), max_size=2).map(tuple)
BLOCKS: st.SearchStrategy[ReplyBlock] = st.one_of(
    st.builds(AnswerBlock, answer=TEXT, because=TEXT),
    st.builds(BallotBlock, rank=st.just(("b", "a"))),
    st.builds(VerdictBlock, decision=st.sampled_from(Decision), findings=FINDINGS, score=st.just(1.5) | st.none()),
    st.builds(FindingsBlock, findings=FINDINGS),
    st.builds(HandoffBlock, done=st.just(("x",))),
)


@given(st.builds(RunResult, text=TEXT, tree=TEXT, reason=TEXT, block=BLOCKS | st.none()) | st.from_type(TryResult))
def test_a_result_is_read_as_it_was_written(result: RunResult | TryResult) -> None:
    kind = StepKind.RUN if isinstance(result, RunResult) else StepKind.TRY
    assert decode_result(kind, encode_result(result)) == result


@given(st.from_type(RunStep) | st.from_type(TryStep))
def test_a_step_is_read_as_it_was_written(step: Step) -> None:
    assert decode_step(kind_of_step(step), encode_step(step)) == step


@given(st.from_type(PatternSpec))
def test_what_a_pattern_decides_on_is_read_as_it_was_written(spec: PatternSpec) -> None:
    assert decode_spec(encode_spec(spec)) == spec
