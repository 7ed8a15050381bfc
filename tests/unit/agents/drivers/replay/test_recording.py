from __future__ import annotations

import pytest

from coworkd.agents.drivers.replay.recording import (
    Ask,
    CommitAll,
    Edit,
    End,
    Pause,
    Permit,
    Read,
    RecordedEnd,
    ReportUsage,
    Run,
    Say,
    Step,
    Tokens,
    ToolStep,
    Write,
    describe,
    fill_answers,
    fill_step,
    parse_recording,
)
from coworkd.agents.port import AnswerDecision, InboxAnswer
from coworkd.core.errors import AgentError

HEADER = '{"recording": 1, "agent": "claude", "model": "some"}\n'


@pytest.mark.parametrize(
    ("line", "step"),
    [
        ('{"say": "hi"}', Say(say="hi")),
        ('{"read": "a"}', Read(read="a")),
        ('{"write": "a", "text": "t"}', Write(write="a", text="t")),
        ('{"edit": "a", "old": "o", "new": "n"}', Edit(edit="a", old="o", new="n")),
        ('{"run": "make"}', Run(run="make")),
        ('{"run": "make", "expect": null}', Run(run="make", expect=None)),
        ('{"run": "make", "expect": 2}', Run(run="make", expect=2)),
        ('{"ask": "?", "name": "q.md"}', Ask(ask="?", name="q.md")),
        (
            '{"permit": "?", "tool": "run", "arguments": "x", "name": "p.md", "otherwise": [{"say": "no"}]}',
            Permit(permit="?", tool="run", arguments="x", name="p.md", otherwise=(Say(say="no"),)),
        ),
        (
            '{"usage": {"input": 1, "output": 2, "cost_usd": 0.5}}',
            ReportUsage(usage=Tokens(input=1, output=2, cost_usd=0.5)),
        ),
        ('{"commit": "All"}', CommitAll(commit="All")),
        ('{"pause": 2}', Pause(pause=2.0)),
        ('{"end": "failed", "message": "m"}', End(end=RecordedEnd.FAILED, message="m")),
    ],
)
def test_steps(line: str, step: Step) -> None:
    assert parse_recording(f"{HEADER}\n{line}\n", "r.jsonl") == (step,)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "r.jsonl:1: the first line of a recording must be"),
        ('{"say": "hi"}\n', "r.jsonl:1: the first line of a recording must be"),
        ('{"recording": 2}\n', "r.jsonl:1: the first line of a recording must be"),
        (HEADER + "say hi", "r.jsonl:2: this is not JSON"),
        (HEADER + '\n\n{"say": "hi"}\n["say"]', "r.jsonl:5: a step must be a JSON object"),
        (HEADER + '{"shout": "hi"}', "r.jsonl:2: a step needs exactly one of .*; found none in shout"),
        (
            HEADER + '{"say": "hi", "run": "ls"}',
            "r.jsonl:2: a step needs exactly one of .*; found say and run together",
        ),
        (HEADER + '{"say": "hi", "loud": true}', "r.jsonl:2: `say` has no key loud"),
        (HEADER + '{"write": "a"}', "r.jsonl:2: Write needs text"),
        (HEADER + '{"pause": "2"}', "r.jsonl:2: expected float, found '2'"),
        (HEADER + '{"end": "vanished"}', "r.jsonl:2: 'vanished' is not a valid RecordedEnd"),
        (
            HEADER + '{"permit": "?", "tool": "", "arguments": "", "name": "p", "otherwise": [3]}',
            "r.jsonl:2: every item of `otherwise` must be a step",
        ),
    ],
)
def test_mistakes_are_told_with_their_line(text: str, message: str) -> None:
    with pytest.raises(AgentError, match=message):
        parse_recording(text, "r.jsonl")


ANSWERS = {
    "body.md": InboxAnswer(decision=AnswerDecision.REPLY, comment="c", body="blue\n"),
    "comment.md": InboxAnswer(decision=AnswerDecision.REJECTED, comment="not now"),
    "word.md": InboxAnswer(decision=AnswerDecision.APPROVED),
}


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("plain {{text}}", "plain {{text}}"),
        ("{{answer:body.md}}, {{answer: body.md }}", "blue, blue"),
        ("{{answer:comment.md}}", "not now"),
        ("{{answer:word.md}}", "approved"),
        ("[{{answer:nobody.md}}]", "[]"),
    ],
)
def test_answers_are_filled_in(text: str, filled: str) -> None:
    assert fill_answers(text, ANSWERS.get) == filled


@pytest.mark.parametrize(
    ("step", "filled", "described"),
    [
        (Write(write="a", text="{{answer:body.md}}"), Write(write="a", text="blue"), ("write", "a")),
        (Edit(edit="a", old="o", new="{{answer:body.md}}"), Edit(edit="a", old="o", new="blue"), ("edit", "a")),
        (Run(run="echo {{answer:body.md}}"), Run(run="echo blue"), ("run", "echo blue")),
        (CommitAll(commit="{{answer:body.md}}"), CommitAll(commit="blue"), ("commit", "blue")),
        (Read(read="{{answer:body.md}}"), Read(read="{{answer:body.md}}"), ("read", "{{answer:body.md}}")),
    ],
)
def test_steps_are_filled_in(step: ToolStep, filled: ToolStep, described: tuple[str, str]) -> None:
    assert fill_step(step, ANSWERS.get) == filled
    assert describe(filled) == described
