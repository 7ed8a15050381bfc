"""Files that cannot be read as what they should be: never changed, never half-applied, always explained."""

from __future__ import annotations

import os

import pytest

from tests.acceptance.files.workspace import Workspace, stays

EDIT = 'echo "$COWORK_TASK" >> "$SCRATCH/ran"\necho made > "made.$COWORK_TASK"\necho "I did $COWORK_TASK"'

BAD = {
    "yaml": (b"---\ntitle: a\nstatus: ready\nlabels: [a\n---\nBody\n", 4, "bracket"),
    "colon": (b"---\ntitle: a: b\nstatus: ready\n---\nBody\n", 2, "quotes"),
    "tab": (b"---\nbudget:\n\tusd: 2\nstatus: ready\n---\nBody\n", 3, "spaces"),
    "duplicate": (b"---\nstatus: draft\ntitle: a\nstatus: ready\n---\nBody\n", 4, "twice"),
    "twins": (b"---\nstatus: ready\ndepends_on: [x]\nDepends-On: [y]\n---\nBody\n", 4, "same key"),
    "alias-twins": (b"---\nstatus: ready\nlabels: [x]\ntags: [y]\n---\nBody\n", 4, "same key"),
    "markers": (
        b"---\ntitle: a\n<<<<<<< HEAD\nstatus: ready\n=======\nstatus: draft\n>>>>>>> x\n---\nBody\n",
        3,
        "conflict",
    ),
    "valid-marker": (b"---\n<<<<<<< HEAD: 1\nstatus: ready\n---\nBody\n", 2, "conflict"),
    "body-markers": (b"---\nstatus: ready\n---\n<<<<<<< HEAD\na\n=======\nb\n>>>>>>> x\n", 4, "conflict"),
    "type": (b"---\nstatus: ready\ntimeout: soon\n---\nBody\n", 3, "45m"),
    "list": (b"---\nstatus: ready\ntitle: [a, b]\n---\nBody\n", 3, "text"),
    "number": (b"---\nstatus: ready\nmax_attempts: many\n---\nBody\n", 3, "max_attempts"),
    "priority": (b"---\nstatus: ready\npriority: hgih\n---\nBody\n", 3, "high"),
    "unclosed": (b"---\nstatus: ready\nBody\n", 1, "---"),
    "utf8": b"---\nstatus: ready\n---\nB\xe9\n" and (b"---\nstatus: ready\n---\nB\xe9\n", 4, "UTF-8"),
    "nul": (b"---\nstatus: ready\n---\nB\0\n", 4, "NUL"),
    "bomb": (b"---\na: &a [x, x]\nb: &b [*a, *a]\nstatus: ready\n---\nBody\n", 2, "alias"),
    "deep": (b"---\nstatus: ready\nx: " + b"[" * 2000 + b"]" * 2000 + b"\n---\nBody\n", 3, "deep"),
    "tag": (b"---\nstatus: ready\nx: !!python/object:os.system {}\n---\nBody\n", 3, "tag"),
    "scalar": (b"---\njust words\n---\nBody\n", 2, "key"),
    "large": (b"---\nstatus: ready\n---\n" + b"x" * 2_000_000 + b"\n", 0, "larger"),
}


def desk(work: Workspace, quiet: float = 1) -> Workspace:
    work.config("agent: ed\nconcurrency: 12\n", quiet=quiet)
    work.agent("ed", EDIT)
    return work


def test_bad_tasks_are_explained_and_stop_no_one_else(work: Workspace) -> None:
    desk(work)
    for name, (data, _, _) in BAD.items():
        work.save(f"tasks/{name}.md", data)
    work.up()
    work.task("good")
    work.finish("good")
    for name, (_, line, word) in BAD.items():
        shown = work.problem(f"tasks/{name}.md", word)
        assert shown["line"] == line, (name, shown)
    work.wait("in the inbox", lambda: all(f"tasks/{name}.md" in work.read("inbox.md") for name in BAD))
    assert "line 4" in work.read("inbox.md")
    kinds = {w["path"]: w["kind"] for w in work.json("status")["waiting"]}
    assert kinds["tasks/yaml.md"] == "problem"
    assert "tasks/yaml.md" in work.board()
    for name, (data, _, _) in BAD.items():
        assert work.path(f"tasks/{name}.md").read_bytes() == data
    assert work.traces("ran") == ["good"]
    for name in list(BAD)[:3]:
        work.path(f"tasks/{name}.md").unlink()
    work.save("tasks/type.md", "---\nstatus: ready\ntimeout: 5m\n---\nBody\n")
    work.until("type", "review")
    assert not work.problems("tasks/type.md")
    for name in list(BAD)[:3]:
        work.wait("a deleted file is no problem", lambda name=name: not work.problems(f"tasks/{name}.md"))


def test_the_last_good_version_stays_in_force(work: Workspace) -> None:
    desk(work).up()
    work.agent(
        "slow", 'echo "$COWORK_TASK" >> "$SCRATCH/ran"\nwhile [ ! -e "$SCRATCH/go" ]; do sleep 0.1; done\necho x > x'
    )
    work.task("runs", agent="slow")
    work.wait("it runs", lambda: work.traces("ran"))
    good = work.read("tasks/runs.md")
    bad = good.replace("title: runs", "title: [runs").replace("status: running", "status: cancelled")
    work.save("tasks/runs.md", bad)
    work.save("config.yaml", "version: 1\nagent: [nobody\n")
    work.save("agents/ed.md", "---\ndriver: command\ncommand: {a: b}\n---\n")
    work.problem("tasks/runs.md", "bracket")
    work.problem("config.yaml", "bracket")
    work.problem("agents/ed.md", "command")
    work.task("other")
    work.until("other", "review")
    (work.scratch / "go").touch()
    work.wait("it goes on to its review", lambda: work.card("runs")["status"] == "review")
    assert work.read("tasks/runs.md") == bad, "a file that cannot be read is not written"
    work.save("tasks/runs.md", good.replace("Do it.", "Do it well."))
    work.until("runs", "review")
    assert "Do it well." in work.read("tasks/runs.md")
    assert not work.problems("tasks/runs.md")


def test_a_task_that_lost_its_header_is_no_note(work: Workspace) -> None:
    desk(work).up()
    work.task("was")
    work.until("was", "review")
    text = work.read("tasks/was.md")
    for broken in ("", "Only words.\n"):
        work.save("tasks/was.md", broken)
        work.problem("tasks/was.md", "header")
        assert work.card("was")["status"] == "review"
        assert work.read("tasks/was.md") == broken
    work.save("tasks/was.md", text)
    work.wait("mended", lambda: not work.problems("tasks/was.md"))
    work.finish("was")
    assert work.traces("ran") == ["was"]


@pytest.mark.parametrize("down", [False, True])
def test_what_is_no_regular_file(work: Workspace, down: bool) -> None:
    desk(work)
    if not down:
        work.up()
    outside = work.root / "outside.md"
    outside.write_text("---\nstatus: ready\n---\nFrom outside.\n")
    tasks = work.path("tasks")
    (tasks / "link.md").symlink_to(outside)
    (tasks / "dangling.md").symlink_to(work.root / "nowhere")
    (tasks / ".#lock.md").symlink_to(work.root / "nowhere")
    os.mkfifo(tasks / "pipe.md")
    (tasks / "folder.md").mkdir()
    work.save("tasks/folder.md/inner.md", "---\nstatus: ready\n---\nInside.\n")
    if down:
        work.up()
    for name in ("link", "dangling"):
        work.problem(f"tasks/{name}.md", "symbolic link")
    for name in ("pipe", "folder"):
        work.problem(f"tasks/{name}.md", "regular file")
    work.until("folder.md/inner", "review")
    assert work.traces("ran") == ["inner"]
    assert outside.read_text() == "---\nstatus: ready\n---\nFrom outside.\n"
    assert not [p for p in work.json("status")["problems"] if "lock" in p["path"]]
    (tasks / "link.md").unlink()
    (tasks / "pipe.md").unlink()
    for name in ("link", "pipe"):
        work.wait("gone", lambda name=name: not work.problems(f"tasks/{name}.md"))
    work.task("link")
    work.until("link", "review")


def test_problems_are_told_while_the_daemon_is_down(work: Workspace) -> None:
    desk(work)
    data = BAD["yaml"][0]
    work.save("tasks/bad.md", data)
    stays("time passes", lambda: True, 2.2)
    assert work.problems("tasks/bad.md")
    assert "tasks/bad.md" in work.board()


NEAR = {
    "depend_on": ("[good]", "depends_on"),
    "dependson2": ("[good]", "depends_on"),
    "agnet": ("ed", "agent"),
    "lables": ("[x]", "labels"),
    "max_attempt": ("2", "max_attempts"),
    "aprove": ("[merge]", "approve"),
    "verfy": ("[x]", "verify"),
    "prioritty": ("high", "priority"),
}


def test_near_misses_hold_the_task_and_say_what_was_meant(work: Workspace) -> None:
    desk(work).up()
    for key, (value, _) in NEAR.items():
        work.task(f"near-{key}", **{key: value})
    work.task("own", **{"assignee": "anna", "Due-Date": "friday", "x-priority": "9", "model": "big"})
    work.until("own", "review")
    for key, (_, meant) in NEAR.items():
        shown = work.problem(f"tasks/near-{key}.md", f"`{key}`", f"`{meant}`")
        assert shown["line"] == 4, shown
        card = next(c for c in work.json("status")["tasks"] if c["path"] == f"tasks/near-{key}.md")
        assert meant in card["why"]
    assert work.traces("ran") == ["own"]
    assert "Due-Date: friday\n" in work.read("tasks/own.md")
    assert not work.problems("tasks/own.md")
    work.save("tasks/near-agnet.md", work.read("tasks/near-agnet.md").replace("agnet", "agent"))
    work.until("near-agnet", "review")
    assert not work.problems("tasks/near-agnet.md")


def test_keys_are_read_however_they_are_spelt(work: Workspace) -> None:
    desk(work).up()
    work.task("base", status="draft")
    for number, key in enumerate(
        ("depends_on", "Depends-On", "dependsOn", "DEPENDS ON", "dependencies", "Dependencies")
    ):
        work.task(f"needs-{number}", **{key: "[base]"})
    work.task("named", **{"depends-on": "base.md"})
    work.task("alone", dependsOn="base")
    names = [*(f"needs-{n}" for n in range(6)), "named", "alone"]
    work.wait("all are known", lambda: all(work.card(name) for name in names))
    for name in names:
        assert work.card(name)["blocked_by"] == ["base"], name
    stays("none starts", lambda: not work.traces("ran"), 1.5)
