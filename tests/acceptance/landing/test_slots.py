"""Agents work in slots of their own: made ready for them, and unable to harm the user's repository."""

from __future__ import annotations

from collections.abc import Generator
from pathlib import Path

import pytest

from tests.acceptance.landing.site import Site

EDIT = 'cat > /dev/null; echo "$COWORK_TASK" > made.$COWORK_TASK; echo ok'


def test_set_up_runs_once_per_slot_and_copies_what_is_untracked(w: Site) -> None:
    w.write(".gitignore", "env.test\ndeps/\n")
    w.commit("ignore")
    w.write("env.test", "SECRET=1\n")
    runs = w.scratch / "setups"
    w.agent("ed", "cat > /dev/null; cat deps/x env.test > made.$COWORK_TASK; echo ok")
    w.config(
        "approve: []\nconcurrency: 1\ncopy: [env.test]\n"
        f'setup: ["mkdir -p deps && echo dep > deps/x && echo x >> {runs}"]\n'
        'verify: ["grep -q SECRET env.test && test -e deps/x"]\n'
    )
    w.task("a")
    w.task("b", "depends_on: [a]\n")
    w.up()
    w.until("a", "done")
    w.until("b", "done")
    assert w.show("cowork/integration:made.b") == "dep\nSECRET=1"
    assert not {"env.test", "deps/x"} & w.tree()
    assert runs.read_text().count("x") <= 2


def test_a_set_up_that_fails_is_told(w: Site) -> None:
    w.agent("ed", EDIT)
    w.config('setup: ["echo no network today; exit 3"]\nmax_attempts: 2\n')
    w.task("a")
    w.up()
    w.wait("it waits", lambda: "no slot can be made ready" in w.card("a")["why"])
    assert "no network today" in w.card("a")["why"]
    assert "set-up" in w.card("a")["why"]
    assert w.status("a") == "ready"


def test_an_agent_may_do_anything_to_its_own_repository(w: Site) -> None:
    w.write("app.py", "x = 2\n")
    w.git("stash", "push", "-q")
    w.git("branch", "precious")
    w.agent(
        "wild",
        """
        cat > /dev/null
        echo wip >> app.py; git stash; git stash drop
        git stash list > stashes.txt; git branch -a > branches.txt
        git config user.name Mallory; git config core.hooksPath /nowhere; git config --global alias.x '!false'
        git branch -D precious main; git gc --prune=now --quiet; git reflog expire --expire=now --all
        mkdir -p .cowork/tasks; echo evil > .cowork/tasks/evil.md
        echo done > made; git add -A -f; git commit -qm 'all of it'
        git checkout -q --detach; echo ok
        """,
    )
    w.config("")
    config = (w.repo / ".git/config").read_bytes()
    w.task("t", agent="wild")
    w.up()
    review = w.reviewed("t")
    assert ".cowork" in review
    w.approve("t")
    w.until("t", "done")
    assert "made" in w.tree()
    assert ".cowork/tasks/evil.md" not in w.tree()
    assert w.show("cowork/integration:stashes.txt") == ""
    assert w.git("rev-parse", "precious") == w.git("rev-parse", "main")
    assert "WIP" in w.git("stash", "list")
    assert (w.repo / ".git/config").read_bytes() == config


def test_gc_and_clean_in_mid_run_harm_nothing(w: Site) -> None:
    go, there = w.scratch / "go", w.scratch / "there"
    w.agent(
        "ed",
        f"touch {there}; until test -e {go}; do sleep 0.1; done; git log -1 > made.$COWORK_TASK; echo ok",
    )
    w.config('approve: []\nverify: ["true"]\n')
    w.agent("quick", EDIT)
    w.task("first", agent="quick")
    w.up()
    w.until("first", "done")
    w.task("t")
    w.wait("the agent", there.exists)
    w.git("reflog", "expire", "--expire=now", "--all")
    w.git("gc", "--prune=now", "--quiet")
    kept = w.text("tasks/t.md")
    w.git("add", "-A")
    w.git("commit", "-qm", "the workspace, too")
    w.git("clean", "-ffdxq")
    go.touch()
    w.until("t", "done")
    assert kept.split("status")[0] in w.text("tasks/t.md")
    assert {"made.first", "made.t"} <= w.tree()


@pytest.fixture
def odd(tmp_path: Path) -> Generator[Site]:
    long = "/".join(["a-rather-long-folder-name"] * 5)
    site = Site(tmp_path, name=f"{long}/mein größtes Depot (neu) ' $x")
    site.commit("start")
    site.init()
    yield site
    site.close()


def test_long_and_odd_paths_and_a_move_while_the_daemon_is_down(odd: Site) -> None:
    odd.agent("ed", EDIT)
    odd.config('verify: ["test -e app.py"]\nquiet: 1\n'.replace("quiet: 1\n", ""))
    odd.task("größe ändern")
    odd.up()
    odd.wait("the task", lambda: odd.board()["tasks"])
    task = odd.board()["tasks"][0]["id"]
    assert task == "größe-ändern"
    odd.wait("the review", lambda: odd.field(f"reviews/{task}.md", "approval") == "pending")
    odd.down()
    moved = odd.root / "moved"
    odd.repo.rename(moved)
    odd.repo = moved
    assert "größe" in odd.cmd("status").stdout
    odd.up()
    odd.wait("a word about trust", lambda: any(item["kind"] == "trust" for item in odd.board()["waiting"]))
    odd.cmd("trust")
    odd.approve(task)
    odd.until("größe ändern", "done")
    assert "made.größe-ändern" in odd.git("-c", "core.quotePath=false", "ls-tree", "--name-only", "cowork/integration")
    odd.task("later")
    odd.finish("later")
    odd.cmd("land")


@pytest.mark.parametrize(
    ("attributes", "said"), [("*.bin filter=lfs diff=lfs merge=lfs -text\n", "lfs"), ("", "ubmodule")]
)
def test_what_slots_cannot_hold_is_refused_with_a_word(tmp_path: Path, attributes: str, said: str) -> None:
    site = Site(tmp_path)
    if attributes:
        site.write(".gitattributes", attributes)
    else:
        site.write("x", "x")
        site.commit("start")
        site.git("update-index", "--add", "--cacheinfo", f"160000,{site.git('rev-parse', 'HEAD')},lib")
        site.git("commit", "-qm", "a submodule")
    site.commit("more") if attributes else None
    site.init()
    site.agent("ed", EDIT)
    site.config("max_attempts: 1\n")
    site.task("t")
    site.up()
    try:
        site.wait("it is said", lambda: said in site.card("t")["why"] and said in site.problems())
        assert site.status("t") == "ready"
    finally:
        site.close()


SERVE = """
import os, pathlib, socket, sys, threading
here, who = pathlib.Path(sys.argv[1]), sys.argv[2]
with socket.create_server(("127.0.0.1", int(os.environ["COWORK_PORT"]) + 9)):
    (here / f"{who}.{os.getpid()}").write_text(os.environ["TMPDIR"])
    while len(places := [file.read_text() for file in here.glob(f"{who}.*")]) < 2:
        threading.Event().wait(0.05)
    if len(set(places)) < 2:
        sys.exit("a temporary folder is shared")
"""
"""Listens until another one listens, too."""


def test_servers_of_two_agents_and_of_two_verifications_run_at_the_same_time(w: Site) -> None:
    own = w.home / ".config" / "coworkd" / "config.yaml"
    own.parent.mkdir(parents=True, exist_ok=True)
    own.write_text("sandbox: {mode: off}\n")
    program = w.scratch / "serve.py"
    program.write_text(SERVE)
    serve = f"python3 {program} {w.scratch}"
    w.agent("ed", f"cat > /dev/null; {serve} agent && echo $COWORK_TASK > made.$COWORK_TASK; echo ok")
    w.config(
        "approve: [merge]\nparallel_verifications: 2\nverify_timeout: 50\nmax_attempts: 1\n"
        f'sandbox: {{allow_paths: [{w.scratch}]}}\nverify: ["{serve} verify"]\n'
    )
    w.task("a")
    w.task("b")
    w.up()
    w.reviewed("a")
    w.reviewed("b")


def test_a_workspace_that_git_clean_removed_comes_back_and_its_work_goes_on(w: Site) -> None:
    w.agent("ed", f"cat > /dev/null; while [ ! -e {w.scratch}/go ]; do sleep 0.05; done; echo made > made; echo ok")
    w.config('approve: []\nverify: ["true"]\n')
    for name in ("b", "c", "d", "e", "unwanted"):
        w.write(f".cowork/tasks/{name}.md", f"---\ntitle: {name}\nstatus: draft\n---\nDo it later.\n")
    w.task("a")
    w.up()
    w.until("a", "running")
    (w.repo / ".cowork/tasks/unwanted.md").unlink()
    w.wait("the deletion", lambda: "unwanted" not in [task["id"] for task in w.board()["tasks"]])
    w.git("clean", "-ffdxq", check=False)
    w.wait("the notice", lambda: "coworkd recover --missing" in w.cmd("status").stdout)
    restored = w.cmd("recover", "--missing").stdout.split()
    assert {"config.yaml", "agents/ed.md", *(f"tasks/{name}.md" for name in "abcde")} <= set(restored)
    assert "tasks/unwanted.md" not in restored
    (w.scratch / "go").touch()
    w.until("a", "done")
    assert "made" in w.tree()
    w.wait("no notice", lambda: "missing" not in w.cmd("status").stdout)
    assert w.problems() == ""
