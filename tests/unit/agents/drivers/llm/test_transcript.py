from __future__ import annotations

import json
from pathlib import Path

import pytest

from coworkd.agents.drivers.llm.chat_messages import chat_messages, clip, summary_messages
from coworkd.agents.drivers.llm.transcript import (
    Begun,
    Compacted,
    Prompt,
    Record,
    Reply,
    RequestedCall,
    Result,
    Transcript,
    Words,
    earlier_answers,
    pending_calls,
    visible_records,
    was_started,
)

READ = RequestedCall(id="1", tool="read", arguments='{"path": "a"}')
RUN = RequestedCall(id="2", tool="run", arguments='{"command": "make"}')
ASK = RequestedCall(id="3", tool="ask", arguments='{"question": "Which?"}')
STORY: list[Record] = [
    Prompt(text="Do it."),
    Reply(text="I look.", calls=(READ, RUN)),
    Result(call="1", text="old text " * 1000, ok=True),
    Begun(call="2"),
]


def test_what_was_said_is_there_again(tmp_path: Path) -> None:
    file = tmp_path / "sessions" / "s.jsonl"
    talk = Transcript(file)
    talk.add(*STORY)
    talk.close()
    again = Transcript(file)
    assert again.records == STORY
    again.close()


@pytest.mark.parametrize("torn", [b'{"type": "Words", "te', b"\x00\x00"])
def test_a_torn_line_is_taken_off_and_the_next_stands_by_itself(tmp_path: Path, torn: bytes) -> None:
    file = tmp_path / "s.jsonl"
    talk = Transcript(file)
    talk.add(*STORY)
    talk.close()
    with file.open("ab") as end:
        end.write(torn)
    again = Transcript(file)
    again.add(Words(text="And?"))
    again.close()
    last = Transcript(file)
    assert last.records == [*STORY, Words(text="And?")]
    last.close()


def test_a_call_is_open_until_it_has_a_result() -> None:
    assert pending_calls(STORY) == (RUN,)
    assert was_started(STORY, RUN)
    assert not was_started(STORY, READ)
    assert pending_calls([*STORY, Result(call="2", text="ok", ok=True)]) == ()
    assert pending_calls([Prompt(text="x")]) == ()


def test_how_often_the_same_was_called_before() -> None:
    again = RequestedCall(id="9", tool="read", arguments=READ.arguments)
    assert earlier_answers(STORY, again) == 1
    assert earlier_answers(STORY, RUN) == 0


def test_after_a_summary_the_people_s_words_stay() -> None:
    records = [
        Prompt(text="Do it."),
        Reply(text="Hm.", calls=(ASK,)),
        Result(call="3", text="the blue one", ok=True),
        Words(text="Hurry."),
        Reply(text="I work."),
        Compacted(summary="half done"),
        Words(text="More."),
    ]
    text = str(visible_records(records))
    for kept in ("Do it.", "Hurry.", "Which?", "the blue one", "half done", "More."):
        assert kept in text
    assert "I work." not in text


def test_a_conversation_as_messages() -> None:
    records = [*STORY, Result(call="2", text="", ok=True), Compacted(summary="so far")]
    roles = [message["role"] for message in chat_messages(records[:-1])]  # type: ignore[index,call-overload]
    assert roles == ["system", "user", "assistant", "tool", "tool"]
    assert "so far" in str(chat_messages(records)[-1])


def test_arguments_that_are_no_json_are_repeated_as_json() -> None:
    wrong = RequestedCall(id="1", tool="read", arguments="{oops")
    (_, message) = chat_messages([Reply(text="", calls=(wrong,))])
    said = message["tool_calls"][0]["function"]["arguments"]  # type: ignore[index,call-overload]
    assert json.loads(str(said)) == {"unreadable": "{oops"}


def test_results_are_clipped_where_a_summary_is_wanted() -> None:
    assert len(str(summary_messages(STORY))) < len(str(chat_messages(STORY)))


def test_clipping_keeps_both_ends() -> None:
    assert clip("short", 10) == "short"
    assert clip("a" * 50 + "b" * 50, 20).startswith("aaaaaaaaaa\n[... 80")
    assert clip("a" * 50 + "b" * 50, 20).endswith("bbbbbbbbbb")
