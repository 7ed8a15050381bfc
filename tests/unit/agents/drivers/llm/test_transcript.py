from __future__ import annotations

import json
from pathlib import Path

import pytest

from coworkd.agents.drivers.llm.chat_messages import chat, chat_for_summary, clip
from coworkd.agents.drivers.llm.transcript import (
    Begun,
    Call,
    Compacted,
    Conversation,
    Prompt,
    Record,
    Reply,
    Result,
    Words,
    begun,
    earlier,
    in_view,
    pending,
)

READ = Call(id="1", tool="read", arguments='{"path": "a"}')
RUN = Call(id="2", tool="run", arguments='{"command": "make"}')
ASK = Call(id="3", tool="ask", arguments='{"question": "Which?"}')
STORY: list[Record] = [
    Prompt(text="Do it."),
    Reply(text="I look.", calls=(READ, RUN)),
    Result(call="1", text="old text " * 1000, ok=True),
    Begun(call="2"),
]


def test_what_was_said_is_there_again(tmp_path: Path) -> None:
    file = tmp_path / "sessions" / "s.jsonl"
    talk = Conversation(file)
    talk.add(*STORY)
    talk.close()
    again = Conversation(file)
    assert again.records == STORY
    again.close()


@pytest.mark.parametrize("torn", [b'{"type": "Words", "te', b"\x00\x00"])
def test_a_torn_line_is_taken_off_and_the_next_stands_by_itself(tmp_path: Path, torn: bytes) -> None:
    file = tmp_path / "s.jsonl"
    talk = Conversation(file)
    talk.add(*STORY)
    talk.close()
    with file.open("ab") as end:
        end.write(torn)
    again = Conversation(file)
    again.add(Words(text="And?"))
    again.close()
    last = Conversation(file)
    assert last.records == [*STORY, Words(text="And?")]
    last.close()


def test_a_call_is_open_until_it_has_a_result() -> None:
    assert pending(STORY) == (RUN,)
    assert begun(STORY, RUN)
    assert not begun(STORY, READ)
    assert pending([*STORY, Result(call="2", text="ok", ok=True)]) == ()
    assert pending([Prompt(text="x")]) == ()


def test_how_often_the_same_was_called_before() -> None:
    again = Call(id="9", tool="read", arguments=READ.arguments)
    assert earlier(STORY, again) == 1
    assert earlier(STORY, RUN) == 0


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
    text = str(in_view(records))
    for kept in ("Do it.", "Hurry.", "Which?", "the blue one", "half done", "More."):
        assert kept in text
    assert "I work." not in text


def test_a_conversation_as_messages() -> None:
    records = [*STORY, Result(call="2", text="", ok=True), Compacted(summary="so far")]
    roles = [message["role"] for message in chat(records[:-1])]  # type: ignore[index,call-overload]
    assert roles == ["system", "user", "assistant", "tool", "tool"]
    assert "so far" in str(chat(records)[-1])


def test_arguments_that_are_no_json_are_repeated_as_json() -> None:
    wrong = Call(id="1", tool="read", arguments="{oops")
    (_, message) = chat([Reply(text="", calls=(wrong,))])
    said = message["tool_calls"][0]["function"]["arguments"]  # type: ignore[index,call-overload]
    assert json.loads(str(said)) == {"unreadable": "{oops"}


def test_results_are_clipped_where_a_summary_is_wanted() -> None:
    assert len(str(chat_for_summary(STORY))) < len(str(chat(STORY)))


def test_clipping_keeps_both_ends() -> None:
    assert clip("short", 10) == "short"
    assert clip("a" * 50 + "b" * 50, 20).startswith("aaaaaaaaaa\n[... 80")
    assert clip("a" * 50 + "b" * 50, 20).endswith("bbbbbbbbbb")
