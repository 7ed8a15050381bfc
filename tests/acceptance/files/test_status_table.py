"""What a status means that a person writes, from every place where a task can stand."""

from __future__ import annotations

import pytest

from tests.acceptance.files.workspace import Workspace

EDIT = 'echo "$COWORK_TASK" >> "$SCRATCH/ran"\necho made > "made.$COWORK_TASK"\necho "I did $COWORK_TASK"'
HOLD = 'echo "$COWORK_TASK" >> "$SCRATCH/ran"\nexec sleep 300'
ASK = """
echo "$COWORK_TASK" >> "$SCRATCH/ran"
printf -- '---\\nkind: question\\n---\\nWhich colour?\\n' > "$COWORK_OUTBOX/q.md"
exec sleep 300
"""
FAIL = 'echo "$COWORK_TASK" >> "$SCRATCH/ran"\nexit 3'


def desk(work: Workspace) -> Workspace:
    work.config("agent: ed\nconcurrency: 12\n")
    for name, script in {"ed": EDIT, "hold": HOLD, "ask": ASK, "fail": FAIL}.items():
        work.agent(name, script)
    return work.up()


def ran(work: Workspace, task: str) -> int:
    return work.traces("ran").count(task)


def standing(work: Workspace, task: str, at: str) -> None:
    """A task that stands there."""
    if at in ("draft", "paused", "cancelled"):
        work.task(task, status=at)
        work.wait("it is known", lambda: work.card(task).get("status") == at)
        return
    agent = {"running": "hold", "waiting": "ask", "failed": "fail"}.get(at, "ed")
    work.task(task, agent=agent, on_error="skip")
    work.until(task, "review" if at == "done" else at)
    if at == "done":
        work.finish(task)
    if at in ("running", "waiting"):
        work.wait("the agent is at work", lambda: ran(work, task))


PLACES = ("draft", "running", "waiting", "review", "done", "failed", "paused", "cancelled")


def test_ready_starts_a_new_attempt_wherever_no_agent_is_at_work(work: Workspace) -> None:
    desk(work)
    startable = ("draft", "review", "done", "failed", "paused", "cancelled")
    for at in startable:
        standing(work, f"t-{at}", at)
    before = {at: ran(work, f"t-{at}") for at in startable}
    for at in startable:
        work.set(f"tasks/t-{at}.md", "status", "ready")
    for at in startable:
        work.wait(f"ready on {at} runs", lambda at=at: ran(work, f"t-{at}") == before[at] + 1)
    for at in ("review", "done"):
        work.until(f"t-{at}", "review")
        assert work.field(f"tasks/t-{at}.md", "cowork.attempt") == "2"


def test_ready_on_a_task_at_work_is_put_back_and_shown(work: Workspace) -> None:
    desk(work)
    for at in ("running", "waiting"):
        standing(work, f"t-{at}", at)
        work.set(f"tasks/t-{at}.md", "status", "ready")
        work.until(f"t-{at}", at)
        work.problem(f"tasks/t-{at}.md", "ready", at)
        assert ran(work, f"t-{at}") == 1
        work.wait("it is in the inbox", lambda at=at: f"tasks/t-{at}.md" in work.read("inbox.md"))


@pytest.mark.parametrize("word", ["paused", "cancelled"])
def test_stopping_words_apply_to_anything_but_done(work: Workspace, word: str) -> None:
    desk(work)
    places = [at for at in PLACES if at != word]
    for at in places:
        standing(work, f"t-{at}", at)
    for at in places:
        work.set(f"tasks/t-{at}.md", "status", word)
    for at in places:
        task = f"t-{at}"
        if at == "done":
            work.until(task, "done")
            work.problem(f"tasks/{task}.md", "done")
        else:
            work.wait(f"{word} on {at}", lambda task=task: work.card(task)["status"] == word)
            assert work.status(task) == word
            assert not work.problems(f"tasks/{task}.md")
    for at in ("running", "waiting"):
        runs = work.json("show", f"t-{at}")["runs"]
        work.wait("its run ended", lambda at=at: work.json("show", f"t-{at}")["runs"][0]["state"] == "ended")
        assert len(runs) == 1


def test_done_closes_anything_by_hand_and_releases_dependants(work: Workspace) -> None:
    desk(work)
    places = [at for at in PLACES if at != "done"]
    for at in places:
        standing(work, f"t-{at}", at)
        work.task(f"after-{at}", depends_on=f"[t-{at}]")
    work.wait("dependants are blocked", lambda: all(work.card(f"after-{at}").get("blocked_by") for at in places))
    for at in places:
        work.set(f"tasks/t-{at}.md", "status", "done")
    for at in places:
        work.wait(f"done on {at}", lambda at=at: work.card(f"t-{at}")["status"] == "done")
        work.wait(f"the dependant of {at} runs", lambda at=at: ran(work, f"after-{at}"))
    assert "refs/cowork/sub/t-review/1" in work.card("t-review")["why"]
    assert work.git("rev-parse", "--verify", "refs/cowork/sub/t-review/1")
    work.wait("a stopped run ended", lambda: work.json("show", "t-running")["runs"][0]["state"] == "ended")
    assert "made.t-review" not in work.git("ls-tree", "-r", "--name-only", "cowork/integration", ok=False)


def test_draft_takes_a_task_off_the_board_unless_an_agent_is_at_work(work: Workspace) -> None:
    desk(work)
    places = [at for at in PLACES if at != "draft"]
    for at in places:
        standing(work, f"t-{at}", at)
    for at in places:
        work.set(f"tasks/t-{at}.md", "status", "draft")
    for at in places:
        if at in ("running", "waiting"):
            work.until(f"t-{at}", at)
            work.problem(f"tasks/t-{at}.md", "draft")
        else:
            work.wait(f"draft on {at}", lambda at=at: work.card(f"t-{at}")["status"] == "draft")
            assert not work.problems(f"tasks/t-{at}.md")


def test_the_words_of_coworkd_are_put_back(work: Workspace) -> None:
    desk(work)
    words = ("running", "waiting", "review", "merging", "failed")
    for word in words:
        work.task(f"new-{word}", status=word)
        work.task(f"old-{word}", status="draft")
    work.wait("drafts are known", lambda: all(work.card(f"old-{word}") for word in words))
    for word in words:
        work.set(f"tasks/old-{word}.md", "status", word)
    for word in words:
        for age in ("new", "old"):
            work.until(f"{age}-{word}", "draft")
            work.problem(f"tasks/{age}-{word}.md", word, "coworkd")
    standing(work, "over", "failed")
    work.set("tasks/over.md", "status", "running")
    work.until("over", "failed")
    work.problem("tasks/over.md", "running")
    assert work.traces("ran") == ["over"]


def test_other_words_for_a_status(work: Workspace) -> None:
    desk(work)
    drafts = {"todo": "To Do", "open": "open", "pending": "Pending", "progress": "In Progress"}
    for task, word in {**drafts, "done": "Done", "closed": "closed", "loud": "READY"}.items():
        work.task(task, status=word)
    work.task("other-key", status=None, Status="Ready")
    work.wait("closed", lambda: work.card("closed").get("status") == "done")
    for task in drafts:
        assert work.card(task)["status"] == "draft"
        assert work.status(task) == drafts[task], "a word that means what holds is left as it is"
    assert work.card("done")["status"] == "done"
    work.until("loud", "review")
    work.until("other-key", "review")
    assert "\nStatus: review" in work.read("tasks/other-key.md")
    assert "\nstatus:" not in work.read("tasks/other-key.md")
    work.problem("tasks/progress.md", "In Progress", "draft")
    assert sorted(work.traces("ran")) == ["loud", "other-key"]


def test_a_word_that_is_none_holds_the_file_and_is_explained(work: Workspace) -> None:
    desk(work)
    work.task("odd", status="redy")
    shown = work.problem("tasks/odd.md", "redy", "ready")
    assert shown["line"] == 3
    assert work.status("odd") == "redy"
    work.set("tasks/odd.md", "status", "ready")
    work.until("odd", "review")
    assert not work.problems("tasks/odd.md")
