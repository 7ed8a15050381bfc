from __future__ import annotations

from coworkd.agents.prompt import PromptContext, ReviewedChange, ThreadMessage, build_prompt
from coworkd.core.model import AgentSpec, Criterion, TaskSpec

AGENT = AgentSpec(name="a", prompt="  You are careful.\n")
TASK = TaskSpec(body="Do it.\n\n- [ ] works (verify: make test)\n")


def test_the_bare_prompt() -> None:
    text = build_prompt(AGENT, TASK, "A title", PromptContext())
    assert text.startswith("You are careful.\n\n# A title\n\nDo it.\n\n- [ ] works (verify: make test)\n\n---\n")
    assert text.endswith("started again with it.\n")
    assert "## Messages" not in text
    assert "failed" not in text


def test_parts_come_in_order_and_empty_ones_not_at_all() -> None:
    thread = (ThreadMessage(sender="", text="Use blue.\n"), ThreadMessage(sender="claude", text="Done?"))
    background = PromptContext(failure="boom\n", conflict="see it", thread=thread)
    criteria = (Criterion(line=2, text="works", command="make test", ticked=False),)
    text = build_prompt(AgentSpec(name="a"), TaskSpec(criteria=criteria), "T", background)
    marks = [
        "# T",
        "are run by coworkd; all must pass",
        "## Messages\n\nFrom the user:\n\nUse blue.\n\nFrom claude:\n\nDone?",
        "## The attempt before this one failed\n\nboom",
        "## Your submission collides with what has landed since\n\nsee it",
        "$COWORK_OUTBOX",
    ]
    places = [text.index(mark) for mark in marks]
    assert places == sorted(places)
    assert text.startswith("# T\n\n")
    assert "\n\n\n" not in text


def test_words_of_people_come_through_unchanged() -> None:
    odd = "---\n{braces} %s $VAR `ticks`\n```\ncode\n```"
    text = build_prompt(AGENT, TaskSpec(body=odd), "T {0}", PromptContext(thread=(ThreadMessage(sender="", text=odd),)))
    assert text.count(odd) == 2
    assert "# T {0}\n" in text


def test_only_agents_without_a_tool_to_ask_are_told_of_the_outbox() -> None:
    bare = PromptContext()
    assert "$COWORK_OUTBOX" in build_prompt(AGENT, TASK, "T", bare)
    model = build_prompt(AgentSpec(name="a", driver="llm"), TASK, "T", bare)
    assert "$COWORK_OUTBOX" not in model
    assert model.endswith("Leave `.cowork/`\nalone.\n")


def test_what_was_reviewed_is_described_after_the_messages() -> None:
    reviewed = ReviewedChange(attempt=2, files=["src/a.py (+3 -1)"], summary="Done.\n\nAll of it.\n")
    said = ThreadMessage(sender="", text="More colour.")
    text = build_prompt(AGENT, TaskSpec(body="Paint."), "Paint", PromptContext(reviewed=reviewed, thread=[said]))
    assert text.index("More colour.") < text.index("the change of attempt 2") < text.index("- src/a.py (+3 -1)")
    assert "> Done.\n>\n> All of it." in text


def test_a_long_review_is_told_in_part() -> None:
    reviewed = ReviewedChange(attempt=1, files=[f"f{n}" for n in range(250)], summary="")
    text = build_prompt(AGENT, TaskSpec(body="Paint."), "Paint", PromptContext(reviewed=reviewed))
    assert "- f99\n- and 150 more" in text
    assert "f100" not in text
