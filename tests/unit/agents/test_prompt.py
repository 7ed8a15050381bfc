from __future__ import annotations

import re
from importlib.resources import files
from string import Formatter

from coworkd.agents.prompt import (
    ConflictBriefing,
    PromptContext,
    ReviewedChange,
    Template,
    ThreadMessage,
    build_prompt,
    render,
)
from coworkd.core.conflict_facts import ConflictFacts
from coworkd.core.model import AgentSpec, Criterion, TaskSpec

AGENT = AgentSpec(name="a", prompt="  You are careful.\n")
TASK = TaskSpec(body="Do it.\n\n- [ ] works (verify: make test)\n")


def test_the_bare_prompt() -> None:
    text = build_prompt(AGENT, TASK, "A title", PromptContext())
    assert text.startswith("You are careful.\n\n# A title\n\nDo it.\n\n- [ ] works (verify: make test)\n\n---\n")
    assert text.endswith("when the answer is there.\n")
    assert "## Messages" not in text
    assert "failed" not in text


def test_parts_come_in_order_and_empty_ones_not_at_all() -> None:
    thread = (ThreadMessage(sender="", text="Use blue.\n"), ThreadMessage(sender="claude", text="Done?"))
    background = PromptContext(
        failure="boom\n", conflict=ConflictBriefing(bundle="/bundles/1", facts=ConflictFacts()), thread=thread
    )
    criteria = (Criterion(line=2, text="works", command="make test", ticked=False),)
    text = build_prompt(AgentSpec(name="a"), TaskSpec(criteria=criteria), "T", background)
    marks = [
        "# T",
        "coworkd runs the commands of the criteria above",
        "## Messages\n\nFrom the user:\n\nUse blue.\n\nFrom claude:\n\nDone?",
        "## The attempt before this one failed\n\nboom",
        "## Your submission conflicts with what has landed since\n\nYour worktree holds",
        "\n\nThe file /bundles/1 ",
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
    assert model.endswith("Do not change\nanything in `.cowork/`.\n")


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


def test_every_kind_of_text_has_a_file_and_every_file_a_kind() -> None:
    names = {
        file.name.removesuffix(".md") for file in files("coworkd.agents.prompt").iterdir() if file.name.endswith(".md")
    }
    assert names == set(Template)


def test_every_text_is_written_for_its_reader() -> None:
    for template in Template:
        text = (files("coworkd.agents.prompt") / f"{template}.md").read_text(encoding="utf-8")
        placeholders = {name for _, name, _, _ in Formatter().parse(text) if name is not None}
        assert all(re.fullmatch("[a-z_]+", name) for name in placeholders), template
        values = {name: f"<{name}>" for name in placeholders}
        shown = render(template, **values)
        assert all(value in shown for value in values.values())
        assert shown == shown.rstrip("\n")
        assert max(map(len, text.splitlines())) <= 120


def test_an_agent_is_told_of_what_has_not_landed_and_is_in_its_worktree() -> None:
    text = build_prompt(AGENT, TASK, "A title", PromptContext(stacked_on=("low", "mid")))
    assert "changes of other tasks that have not landed yet: low, mid. Build on them" in text
