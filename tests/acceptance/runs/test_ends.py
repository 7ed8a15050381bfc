"""How runs and the daemon are ended: by a person, by a clock, by a signal, by force. Nothing is left behind."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import threading
from contextlib import suppress
from pathlib import Path

import pytest

from tests.acceptance.workbench import EDIT, Workbench

STUBBORN = (
    "trap '' TERM INT; echo half > half.txt; setsid sleep 300 & (setsid bash -c 'trap \"\" TERM; sleep 300' &)\n"
    "touch @SCRATCH@/up; while true; do sleep 0.2; done\n"
)


def agents(w: Workbench) -> list[int]:
    """Living processes that runs started, and their workers."""
    return w.survivors(b"COWORK_RUN=")


def working(w: Workbench, **fields: object) -> None:
    w.agent("mule", STUBBORN)
    w.config("agent: mule\napprove: []\nbackoff: 0.1\n")
    w.task("t", "Work.", **fields)
    w.up()
    w.wait("it works", lambda: (w.scratch / "up").exists())


def kept(w: Workbench) -> bool:
    refs = w.git("for-each-ref", "--format=%(refname)", "refs/cowork").splitlines()
    return any("half.txt" in w.tree(ref) for ref in refs)


@pytest.mark.parametrize("status", ["paused", "cancelled", "done"])
def test_a_person_stops_it(w: Workbench, status: str) -> None:
    working(w)
    w.set("tasks/t.md", "status", status)
    w.wait("nothing is left", lambda: not agents(w), 20)
    w.wait("its work is kept", lambda: kept(w))
    assert w.status("t") == status
    if status != "done":
        w.agent("mule", "echo 1 > f")
        w.set("tasks/t.md", "status", "ready")
        w.until("t", "done")


def test_deleting_the_file_stops_it(w: Workbench) -> None:
    working(w)
    w.cow("tasks/t.md").unlink()
    w.wait("nothing is left", lambda: not agents(w), 25)
    w.wait("its work is kept", lambda: kept(w))
    assert not w.cow("tasks/t.md").exists()


def test_time_runs_out(w: Workbench) -> None:
    working(w, timeout="1s", max_attempts=1)
    w.until("t", "failed")
    assert not agents(w)
    assert kept(w)
    assert "time" in w.json("show", "t")["why"]


def test_silence_runs_out(w: Workbench) -> None:
    w.agent("mute", "sleep 300", limits="{stall: 1s}")
    w.config("agent: mute\n")
    w.task("t", max_attempts=1)
    w.up()
    w.until("t", "failed")
    assert not agents(w)


def test_what_it_started_ends_with_it(w: Workbench) -> None:
    w.agent("ed", "setsid sleep 300 & nohup sleep 300 & (sleep 300 &) ; echo 1 > f")
    w.config("agent: ed\napprove: []\n")
    w.task("t")
    w.up()
    w.until("t", "done")
    assert not agents(w)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_interrupts_and_the_next_start_goes_on(w: Workbench, number: signal.Signals) -> None:
    working(w, max_attempts=1)
    assert w.down(number) == 0
    assert not w.survivors()
    assert w.status("t") == "ready"
    w.agent("mule", "echo $COWORK_ATTEMPT > f")
    w.up()
    w.until("t", "done")
    assert w.landed("f") == "1"


def test_with_nohup_it_outlives_its_terminal(w: Workbench) -> None:
    w.agent(
        "mule",
        "touch " + str(w.scratch) + "/up; while [ ! -e " + str(w.scratch) + "/go ]; do sleep 0.1; done; echo 1 > f",
    )
    w.config("agent: mule\napprove: []\n")
    w.task("t")
    w.up("nohup")
    w.wait("it works", lambda: (w.scratch / "up").exists())
    assert w.daemon is not None
    w.daemon.send_signal(signal.SIGHUP)
    (w.scratch / "go").touch()
    w.until("t", "done")
    assert w.down() == 0


def test_the_daemons_death_ends_its_agents(w: Workbench) -> None:
    working(w, max_attempts=1)
    w.kill9()
    w.daemon = None
    w.wait("nothing is left", lambda: not w.survivors(), 20)
    w.agent("mule", "echo $COWORK_ATTEMPT > f")
    w.up()
    w.until("t", "done")
    assert w.landed("f") == "1"


def test_killed_while_it_verifies(w: Workbench) -> None:
    w.agent("ed", EDIT)
    w.config('agent: ed\napprove: []\nverify: ["touch ' + str(w.scratch) + '/v; sleep 2"]\n')
    w.task("t")
    w.up()
    w.wait("verification", lambda: (w.scratch / "v").exists())
    w.kill9()
    w.up()
    w.until("t", "done")
    assert w.landed("done.t") == "t"
    w.down()
    assert not w.survivors()


def test_up_twice_down_and_down_again(w: Workbench) -> None:
    assert w.cmd("down").returncode == 0
    done = w.cmd("up", "--detach")
    found = re.search(r"ready (\d+) ", done.stdout)
    assert found, done.stdout
    again = w.cmd("up", check=False)
    assert again.returncode == 1
    assert found.group(1) in again.stdout + again.stderr
    assert w.json("status")["daemon"] == {"running": True, "pid": int(found.group(1))}
    w.cmd("down")
    assert not w.survivors()
    w.cmd("down")
    assert w.json("status")["daemon"]["running"] is False


def test_killed_ten_times_every_task_lands_once_in_order(w: Workbench) -> None:
    w.agent("ed", "sleep 0.$((RANDOM % 5)); " + EDIT)
    w.config("agent: ed\napprove: []\nconcurrency: 3\n")
    names = [f"t{i:02}" for i in range(20)]
    needs = {name: [names[at - 1]] * (at % 3 != 0) + [names[at - 4]] * (at > 4 and at % 2) for at, name in
             enumerate(names)}  # fmt: skip
    for name in names:
        w.task(name, depends_on=f"[{', '.join(needs[name])}]")
    chance = random.Random(7)
    for _ in range(10):
        w.up()
        threading.Event().wait(chance.uniform(0.3, 2.2))
        w.kill9()
    w.up()
    for name in names:
        w.until(name, "done", seconds=90)
    for name in names:
        assert w.landed(f"done.{name}").split() == [name]
    subjects = w.git("log", "--first-parent", "--reverse", "--format=%B%x00", "cowork/integration").split("\0")
    landings = [found.group(1) for text in subjects if (found := re.search(r"Cowork-Task: (\S+)", text))]
    assert sorted(landings) == names, landings
    for name, before in needs.items():
        assert all(landings.index(other) < landings.index(name) for other in before), (name, landings)
    assert w.down() == 0
    assert not w.survivors()


def test_no_process_is_ours_without_a_workspace(w: Workbench) -> None:
    """The search for survivors can find one."""
    child = subprocess.Popen(["sleep", "30"], cwd=w.repo)
    try:
        assert child.pid in w.survivors()
    finally:
        os.kill(child.pid, signal.SIGKILL)
        child.wait()


# ---- loops


def test_a_loop_goes_on_until_what_is_promised_is_proven(w: Workbench) -> None:
    w.agent("ed", 'echo "$COWORK_ATTEMPT" >> @SCRATCH@/rounds; echo line >> work.txt; n=$(wc -l < work.txt); cat > last.txt;'
            ' [ $n -lt 2 ] || echo "<promise>DONE</promise>"')  # fmt: skip
    w.config('agent: ed\napprove: []\nverify: ["test $(wc -l < work.txt) -ge 4"]\n')
    w.task("t", loop='{promise: "<promise>DONE</promise>", max_iterations: 9}')
    w.up()
    w.until("t", "done")
    assert (w.scratch / "rounds").read_text().split() == ["1"] * 4
    assert w.landed("work.txt").split() == ["line"] * 4
    assert "This is round 4 of at most 9" in w.landed("last.txt")
    assert "### Round 3" in w.landed("last.txt")
    assert "> <promise>DONE</promise>" in w.landed("last.txt"), "what the rounds before said is handed on"
    runs = w.json("show", "t")["runs"]
    assert [(run["attempt"], run["round"]) for run in runs] == [(1, 1), (1, 2), (1, 3), (1, 4)]
    shown = w.cmd("show", "t").stdout
    assert "`<promise>DONE</promise>` was not said" in shown
    assert [w.git("show", f"{run['kept']}:work.txt").split() for run in runs] == [["line"] * n for n in (1, 2, 3, 4)]
    kept = w.json("recover", "t")["kept"]
    assert {run["kept"] for run in runs[:3]} <= {item["commit"] for item in kept}, "each round is a checkpoint"


def test_a_loop_goes_on_with_the_round_in_which_the_daemon_was_killed(w: Workbench) -> None:
    w.agent("ed", "n=$(cat n 2>/dev/null || echo 0); echo $((n+1)) > n; echo $((n+1)) >> @SCRATCH@/rounds;"
            " if [ $n = 1 ] && mkdir @SCRATCH@/once; then sleep 60; fi; [ $n -lt 2 ] || echo PROMISED")  # fmt: skip
    w.config('agent: ed\napprove: []\nverify: ["true"]\n')
    w.task("t", loop="{promise: PROMISED, max_iterations: 5}")
    w.up()
    w.wait("the second round", lambda: (w.scratch / "once").exists())
    w.kill9()
    w.up()
    w.until("t", "done")
    assert (w.scratch / "rounds").read_text().split() == ["1", "2", "2", "3"]
    assert w.landed("n") == "3"


def test_a_loop_that_promises_without_proof_ends_and_says_why(w: Workbench) -> None:
    w.agent("liar", "cat > /dev/null; date +%N >> work.txt; echo PROMISED")
    w.config('agent: liar\napprove: []\nverify: ["false"]\n')
    w.task("t", loop="{promise: PROMISED, max_iterations: 3}")
    w.up()
    w.until("t", "failed")
    runs = w.json("show", "t")["runs"]
    assert [run["round"] for run in runs] == [1, 2, 3]
    why = w.json("show", "t")["why"]
    assert "not done after 3 rounds (`max_iterations`)" in why
    assert "false" in why, "what was red is named"
    assert not w.landed("work.txt")


def test_a_loop_in_which_nothing_changes_ends_and_says_why(w: Workbench) -> None:
    w.agent("idle", "cat > /dev/null; echo PROMISED")
    w.config("agent: idle\napprove: []\n")
    w.task("t", loop="{promise: PROMISED, max_iterations: 50}")
    w.up()
    w.until("t", "failed")
    assert "no progress" in w.json("show", "t")["why"]
    assert "no file differs from the start" in w.json("show", "t")["why"]
    assert len(w.json("show", "t")["runs"]) == 3


def test_a_loop_is_paused_in_a_round_and_goes_on_with_it(w: Workbench) -> None:
    w.agent("ed", "cat > /dev/null; n=$(wc -l < work.txt 2>/dev/null || echo 0); echo line >> work.txt;"
            " if [ $n = 1 ] && mkdir @SCRATCH@/once; then sleep 300; fi; [ $n -lt 3 ] || echo PROMISED")  # fmt: skip
    w.config("agent: ed\napprove: []\n")
    w.task("t", loop="{promise: PROMISED, max_iterations: 9}")
    w.up()
    w.wait("the second round", lambda: (w.scratch / "once").exists())
    assert "round 2 of 9 (round 1: `PROMISED` was not said)" in w.card("t")["why"]
    assert w.json("show", "t")["loop"] == {"state": "running", "round": 2, "max_rounds": 9}
    w.cmd("pause", "t")
    w.wait("nothing is left", lambda: not agents(w), 20)
    assert w.status("t") == "paused"
    w.wait("it stands still", lambda: "paused, round 2 of 9" in w.cmd("show", "t").stdout)
    w.cmd("ready", "t")
    w.until("t", "done")
    assert [run["round"] for run in w.json("show", "t")["runs"]] == [1, 2, 2, 3]
    assert len(w.landed("work.txt").split()) == 4, "what the paused round had done is gone on with"


@pytest.mark.parametrize(("victims", "reason"), [("bash", "failed"), ("python", "crashed")], ids=["agent", "worker"])
def test_a_round_whose_agent_or_worker_is_killed_is_over_and_none_is_left_out(
    w: Workbench, victims: str, reason: str
) -> None:
    w.agent("ed", "cat > /dev/null; n=$(wc -l < work.txt 2>/dev/null || echo 0); echo line >> work.txt;"
            " if [ $n = 1 ] && mkdir @SCRATCH@/once; then sleep 300; fi; [ $n -lt 3 ] || echo PROMISED")  # fmt: skip
    w.config("agent: ed\napprove: []\n")
    w.task("t", loop="{promise: PROMISED, max_iterations: 9}")
    w.up()
    w.wait("the second round", lambda: (w.scratch / "once").exists())
    killed = [pid for pid in agents(w) if program(pid).startswith(victims)]
    assert killed, [program(pid) for pid in agents(w)]
    for pid in killed:
        with suppress(ProcessLookupError):  # one of them may end with the other
            os.kill(pid, signal.SIGKILL)
    w.until("t", "done")
    runs = w.json("show", "t")["runs"]
    assert [run["round"] for run in runs] == [1, 2, 3, 4]
    assert runs[1]["reason"] == reason
    assert len(w.landed("work.txt").split()) == 4, "what the round had done is gone on with"


def program(pid: int) -> str:
    try:
        return Path(os.readlink(f"/proc/{pid}/exe")).name
    except OSError:
        return ""


# ---- what must never be


def test_done_with_nothing_changed_asks_a_person(w: Workbench) -> None:
    w.agent("idle", "cat > /dev/null; echo 'All done!'")
    w.config("agent: idle\napprove: []\n")
    w.task("t")
    w.up()
    w.until("t", "review")
    assert w.field("reviews/t.md", "approval") == "pending"
    assert "**Nothing changed.**" in w.text("reviews/t.md")


def test_an_agent_that_ignores_signals_and_hides_in_sessions_is_gone_after_cancel(w: Workbench) -> None:
    working(w)
    before = agents(w)
    assert len(before) > 1
    w.cmd("cancel", "t")
    w.wait("nothing is left", lambda: not agents(w), 20)
    assert [pid for pid in before if is_alive(pid)] == []
    assert w.status("t") == "cancelled"


def is_alive(pid: int) -> bool:
    """Whether the process is there, and not only waits to be reaped."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"
