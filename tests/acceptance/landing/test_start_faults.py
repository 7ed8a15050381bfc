"""What keeps slots from being made is said once, holds what depends on it without an attempt, and ends by itself."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.acceptance.landing.site import Site

EDIT = 'echo x >> @/runs; cat > /dev/null; echo "$COWORK_TASK" > made.$COWORK_TASK; echo ok'
TASKS = ("t1", "t2", "t3")
HEAD = 'approve: [merge]\nmax_attempts: 1\nconcurrency: 3\nverify: ["test -e app.py"]\n'


def _begin(w: Site, settings: str = "") -> None:
    w.agent("ed", EDIT.replace("@", str(w.scratch)))
    w.config(HEAD + settings)
    for task in TASKS:
        w.task(task)
    w.up()


def _runs(w: Site) -> int:
    file = w.scratch / "runs"
    return len(file.read_text().splitlines()) if file.exists() else 0


def _why(w: Site, task: str) -> str:
    return next((card["why"] for card in w.board()["tasks"] if card["id"] == task), "")


def _held(w: Site, path: str, *said: str) -> None:
    """One problem says it, and every task waits without an attempt."""
    for task in TASKS:
        w.wait(f"{task} waits", lambda task=task: "no slot can be made ready" in _why(w, task))
    found = [one for one in w.board()["problems"] if "no slot can be made ready" in one["message"]]
    assert [problem["path"] for problem in found] == [path], found
    for words in said:
        assert words in found[0]["message"]
        w.wait("the inbox", lambda words=words: words in w.text("inbox.md"))
    assert any("no slot can be made ready" in item["what"] for item in w.board()["waiting"])
    assert "no slot can be made ready" in w.cmd("status").stdout
    assert "no slot can be made ready" in w.cmd("show", TASKS[0]).stdout
    assert {w.status(task) for task in TASKS} == {"ready"}
    assert _runs(w) == 0


def _goes_on(w: Site) -> None:
    for task in TASKS:
        w.reviewed(task)
    assert _runs(w) == len(TASKS)
    assert {w.field(f"tasks/{task}.md", "attempt") for task in TASKS} == {"1"}
    assert "no slot can be made ready" not in w.problems()


@pytest.mark.parametrize(
    ("wrong", "right", "said"),
    [
        ("copy: [/etc/hostname]\n", "", "`copy`"),
        ("copy: [.cowork/config.yaml]\n", "", "`copy`"),
        ('setup: ["true"]\nsandbox: {allow_paths: [relative]}\n', 'setup: ["true"]\n', "`sandbox`"),
        ('setup: ["true"]\nsandbox: {network: ["https://a.example/"]}\n', 'setup: ["true"]\n', "HOST:PORT"),
    ],
)
def test_a_setting_that_cannot_be_meant(w: Site, wrong: str, right: str, said: str) -> None:
    _begin(w, wrong)
    _held(w, "config.yaml", said)
    w.config(HEAD + right)
    _goes_on(w)


def test_a_folder_of_the_settings_that_is_made_later(w: Site) -> None:
    folder = w.root / "later"
    _begin(w, f'setup: ["true"]\nsandbox: {{allow_paths: [{folder}]}}\n')
    _held(w, "config.yaml", str(folder))
    folder.mkdir()
    _goes_on(w)


def test_a_filter_that_slots_refuse(w: Site) -> None:
    w.write(".gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n")
    w.commit("attributes")
    _begin(w)
    _held(w, "", ".gitattributes sends files through the filter 'lfs'")
    w.write(".gitattributes", "*.bin -text\n")
    w.git("commit", "-qam", "no filter")
    _goes_on(w)


def test_a_filter_that_only_git_info_names(w: Site) -> None:
    attributes = w.repo / ".git" / "info" / "attributes"
    attributes.parent.mkdir(exist_ok=True)
    attributes.write_text("*.bin filter=lfs\n")
    _begin(w)
    _held(w, "", ".git/info/attributes sends files through the filter 'lfs'")
    attributes.unlink()
    _goes_on(w)


def test_a_submodule(w: Site) -> None:
    w.git("update-index", "--add", "--cacheinfo", f"160000,{w.git('rev-parse', 'HEAD')},lib")
    w.git("commit", "-qm", "a submodule")
    _begin(w)
    _held(w, "", "submodules are not supported: lib")
    w.git("rm", "-q", "--cached", "lib")
    w.git("commit", "-qm", "no submodule")
    _goes_on(w)


def test_a_partial_clone(w: Site) -> None:
    w.git("config", "remote.origin.promisor", "true")
    _begin(w)
    _held(w, "", "partial clone", "git fetch --refetch")
    w.git("config", "--unset", "remote.origin.promisor")
    _goes_on(w)


def test_ready_has_slots_be_tried_at_once(w: Site) -> None:
    """A copied file that is a folder in the commit: nothing tells that the checkout is as it should be again."""
    w.write("conf/a", "x\n")
    w.commit("a folder")
    (w.repo / "conf" / "a").unlink()
    (w.repo / "conf").rmdir()
    w.write("conf", "a file\n")
    _begin(w, "copy: [conf]\n")
    _held(w, "config.yaml", "conf")
    (w.repo / "conf").unlink()
    w.cmd("ready", TASKS[0])
    _goes_on(w)


def test_a_task_that_needs_no_new_slot_goes_on_meanwhile(w: Site, tmp_path: Path) -> None:
    gate = w.scratch / "gate"
    w.agent("slow", f"cat > /dev/null; while ! test -e {gate}; do sleep 0.1; done; echo x > slow; echo ok")
    w.config(HEAD)
    w.task("going", agent="slow")
    w.up()
    w.wait("it works", lambda: w.status("going") == "running" and w.card("going")["runs"][0]["state"] == "working")
    w.agent("ed", EDIT.replace("@", str(w.scratch)))
    w.config(HEAD + "copy: [../outside]\n")
    for task in TASKS:
        w.task(task)
    _held(w, "config.yaml", "../outside")
    gate.touch()
    w.wait(
        "its work is in",
        lambda: "what it made is being verified" in w.card("going")["why"] or w.status("going") == "review",
    )
    w.config(HEAD)
    w.reviewed("going")
    _goes_on(w)
