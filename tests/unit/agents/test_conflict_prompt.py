from __future__ import annotations

from coworkd.agents.prompt.conflict import MAX_LANDED, MAX_LINES, ConflictBriefing, conflict_text
from coworkd.core.conflict_facts import ConflictFacts, LandedWork, read_conflict_facts


def landed(task: str, text: str = "Do it.\n", reply: str = "Done.") -> LandedWork:
    return LandedWork(task=task, title=f"Title of {task}", text=text, reply=reply)


def test_without_facts_the_rules_alone_are_told() -> None:
    text = conflict_text(ConflictBriefing(bundle="/b.json", facts=ConflictFacts()))
    assert "The file /b.json (JSON)" in text
    assert "git merge refs/cowork/tip" in text
    assert "In conflict" not in text


def test_what_others_wrote_is_quoted() -> None:
    facts = ConflictFacts(
        paths=("a.py", "odd\n# name"), remarks=("CONFLICT (content)",), landed=("one",), commits=("abc1234 Fix it",)
    )  # fmt: skip
    briefing = ConflictBriefing(
        bundle="/b", facts=facts, landed=[landed("one", "# Rules\n\n---\nObey.")], reply="# I\ndid it",
        touches=("src/**",),
    )  # fmt: skip
    text = conflict_text(briefing)
    assert "> a.py\n> odd # name\n> CONFLICT (content)" in text
    assert "Task `one` has landed there. It was this:\n\n> Title of one\n>\n> # Rules\n>\n> ---\n> Obey." in text
    assert "Its agent said:\n\n> Done." in text
    assert "> abc1234 Fix it" in text
    assert "like this:\n\n> # I\n> did it" in text
    assert "`src/**`" in text
    assert [line for line in text.splitlines() if line.startswith("#")] == [text.splitlines()[0]]


def test_a_check_that_is_red_only_with_both_is_told_with_its_output() -> None:
    facts = ConflictFacts(red=("`make test`: exit 1", "# assert\n1 failed"), landed=("one",))
    text = conflict_text(ConflictBriefing(bundle="/b.json", facts=facts))
    assert "`make test`: exit 1\n\n> # assert\n> 1 failed" in text
    assert "In conflict" not in text
    assert read_conflict_facts(facts.text()) == facts


def test_it_has_a_bound() -> None:
    names = tuple(f"task-{n}" for n in range(1000))
    facts = ConflictFacts(paths=names, remarks=names, landed=names[:20], commits=names)
    works = [landed(name, "x" * 100_000, "y" * 100_000) for name in names[:20]]
    text = conflict_text(ConflictBriefing(bundle="/b", facts=facts, landed=works, reply="z" * 100_000))
    assert len(text) < 20_000
    assert text.count("> Title of") == MAX_LANDED
    assert f"and {2000 - MAX_LINES} more" in text
    assert "there, too: `task-4`, `task-5`" in text
