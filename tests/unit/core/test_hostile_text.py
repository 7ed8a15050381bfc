"""Whatever an agent, a provider or a repository wrote: each parser answers with a value or refuses in its own words."""

from __future__ import annotations

import contextlib
import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.agents.drivers.replay.recording import parse_recording
from coworkd.agents.json_codec import decode_assignment, decode_event
from coworkd.agents.port import Asked, Posted, UsageReported
from coworkd.agents.worker.inbox import read_answer
from coworkd.agents.worker.outbox import read_message
from coworkd.agents.worker_commands import decode_command
from coworkd.core.errors import AgentError, CoworkError
from coworkd.core.policy.risky_paths import risks_of_path
from coworkd.core.policy.tool_permissions import call_of, is_pattern, proposal
from coworkd.core.policy.tool_risk import features_of_call
from coworkd.core.task_ids import MAX_CHARACTERS, task_id
from coworkd.dispatch.scheduling.budget_rules import invalid_usage_reason
from coworkd.documents.body import criteria
from coworkd.documents.decoding import kind_of
from coworkd.history import hash_chain

DEEP = ["[" * 100_000, '{"a":' * 100_000, '{"type": "TextWritten", "text": ' + "[" * 100_000]
NUMBERS = ["NaN", "-Infinity", "1e999", "9" * 5000, "-" + "9" * 400, "1.5", '"1"', "true", "null", "[]", "{}"]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
EVENTS = ["TextWritten", "Asked", "UsageReported", "Ended", "ToolStarted", "SessionStarted", "Cancel", "GiveAnswer"]
LINES = (
    st.binary(max_size=200)
    | JSON.map(lambda value: json.dumps(value).encode())
    | st.tuples(st.sampled_from(EVENTS), st.dictionaries(st.text(max_size=6), JSON, max_size=4)).map(
        lambda pair: json.dumps({**pair[1], "type": pair[0]}).encode()
    )
)


@given(LINES)
def test_a_line_between_daemon_and_worker_is_known_or_passed_over(line: bytes) -> None:
    decode_event(line)
    decode_command(line)
    with contextlib.suppress(AgentError):
        decode_assignment(line)


@pytest.mark.parametrize("deep", DEEP)
def test_nesting_without_end_is_refused(deep: str) -> None:
    assert decode_event(deep.encode()) is None
    assert decode_command(deep.encode()) is None
    with pytest.raises(AgentError):
        decode_assignment(deep.encode())
    with pytest.raises(AgentError):
        parse_recording(f'{{"recording": 1}}\n{deep}', "r.jsonl")
    chain_refuses(deep.encode())


def chain_refuses(line: bytes) -> None:
    with pytest.raises(CoworkError):
        hash_chain.parse_entry(line)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("key", ["input_tokens", "cost_usd"])
def test_usage_is_a_number_that_can_be_counted_or_is_refused(key: str, number: str) -> None:
    event = decode_event(f'{{"type": "UsageReported", "usage": {{"{key}": {number}}}}}'.encode())
    if isinstance(event, UsageReported) and not invalid_usage_reason(event.usage):
        assert event.usage.cost_usd is None or math.isfinite(event.usage.cost_usd)
        assert event.usage.input_tokens >= 0


@given(st.text(max_size=60), st.binary(max_size=300) | st.text(max_size=200).map(lambda t: f"---\n{t}\n---\n".encode()))
def test_anything_in_an_outbox_is_a_message_or_a_question(name: str, content: bytes) -> None:
    assert isinstance(read_message(name, content), Asked | Posted)


@given(st.text(max_size=200) | st.text(max_size=200).map(lambda t: f'{{"recording": 1}}\n{t}'))
def test_a_recording_is_played_or_refused(text: str) -> None:
    with contextlib.suppress(AgentError):
        parse_recording(text, "r.jsonl")


@given(
    st.dictionaries(st.sampled_from(["say", "run", "permit", "usage", "end", "pause", "otherwise"]), JSON, max_size=3)
)
def test_a_step_is_carried_out_or_refused(step: dict[str, Any]) -> None:
    with contextlib.suppress(AgentError):
        parse_recording(f'{{"recording": 1}}\n{json.dumps(step)}', "r.jsonl")


PURE: list[Callable[[str], object]] = [
    read_answer, criteria, kind_of, risks_of_path, is_pattern, task_id,
    lambda text: features_of_call(text, text), lambda text: (call := call_of(text, text)) and proposal(call),
]  # fmt: skip


@given(
    st.text()
    | st.sampled_from(["../../x", "CON", "x" * 4096, "\0", "a/../b", "-rf", "\u202e", "run(" * 500, "(" * 3000])
)
def test_any_text_has_a_meaning_or_none(text: str) -> None:
    for read in PURE:
        read(text)


@pytest.mark.parametrize(
    "name", ["../../x", "..", ".", "/etc/passwd", "a/../../b", "CON", "x" * 4096, "\0", ".lock", "-x"]
)
def test_no_name_leads_an_id_out_of_its_folder(name: str) -> None:
    made = task_id(name)
    assert made
    assert len(made) <= MAX_CHARACTERS
    assert not set(made) & set("/\\\0")
    assert made not in (".", "..")
    assert not made.startswith("-")
