"""Workers that are forked from a process which has loaded the models' library already."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from coworkd.agents import run_event_file
from coworkd.agents.json_codec import ASSIGNMENT_FILE, encode_assignment
from coworkd.agents.port import MACHINE_EXIT, AgentEvent, Assignment, Ended, EndReason, TextWritten
from coworkd.agents.registry import preloaded_modules
from coworkd.dispatch.executors.local import LocalExecutor
from coworkd.system import process_tree
from coworkd.system.process.fork_client import ForkServer, ForkServerProgram
from coworkd.system.process_tree import RUN_MARK
from tests.modelserver import Call, Flaw, ModelServer, Query, Reply, Turn, run, steps
from tests.runs import Bell
from tests.sessions import PATIENCE, Bench, Session, bash, modelled
from tests.survivors import children, hear, wait_gone

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="workers are forked on Linux alone")

KEY = "sk-canary-0042"


class Lab:
    def __init__(self, tmp_path: Path, closing: ExitStack, idle: float = 600.0) -> None:
        self.path = tmp_path
        self.bell = Bell()
        self.executor = LocalExecutor(self.bell, idle_timeout=idle)
        closing.callback(self.executor.close, 0.0)
        self.bench = Bench(tmp_path, closing)
        self.server = closing.enter_context(ModelServer())

    def order(self, name: str) -> Assignment:
        """A run of its own, in folders of its own."""
        folder = self.path / name
        folder.mkdir()
        order = modelled(Bench(folder, self.bench.closing), Session.SAYS)
        env = (("OPENAI_API_BASE", f"{self.server.url}/v1"),)
        return replace(order, agent=replace(order.agent, env=env))

    def events(self, order: Assignment) -> list[AgentEvent]:
        return [item.event for item in self.executor.events() if item.run == order.run]

    def end(self, order: Assignment) -> Ended:
        self.bell.wait(lambda: any(isinstance(event, Ended) for event in self.events(order)))
        return next(event for event in self.events(order) if isinstance(event, Ended))

    def text(self, order: Assignment) -> str:
        return "".join(event.text for event in self.events(order) if isinstance(event, TextWritten))


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lab]:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with ExitStack() as closing:
        yield Lab(tmp_path, closing)


def test_runs_share_what_was_loaded_and_nothing_else(lab: Lab) -> None:
    """Two at once, one of them killed: the other one ends as if nothing had happened."""

    def script(query: Query) -> Turn:
        return Reply(text="a reply in a number of pieces", flaw=Flaw.HELD)

    lab.server.script = script
    doomed, lucky = lab.order("doomed"), lab.order("lucky")
    for order in (doomed, lucky):
        lab.executor.submit(order)
    lab.bell.wait(lambda: bool(lab.text(doomed) and lab.text(lucky)))
    (victim,) = process_tree.find_marked(RUN_MARK, doomed.run)
    (neighbour,) = process_tree.find_marked(RUN_MARK, lucky.run)
    assert parent(victim) == parent(neighbour)
    assert KEY.encode() not in Path(f"/proc/{neighbour}/environ").read_bytes()
    os.kill(victim, signal.SIGKILL)
    ended = lab.end(doomed)
    assert ended.reason is EndReason.CRASHED
    assert "exit -9" in ended.message
    lab.server.release()
    assert lab.end(lucky).reason is EndReason.DONE
    assert lab.server.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_a_killed_fork_server_takes_no_one_with_it_and_is_replaced(lab: Lab) -> None:
    lab.server.script = steps(Reply(text="a reply in a number of pieces", flaw=Flaw.HELD))
    first, second = lab.order("first"), lab.order("second")
    lab.executor.submit(first)
    lab.bell.wait(lambda: bool(lab.text(first)))
    (worker,) = process_tree.find_marked(RUN_MARK, first.run)
    os.kill(parent(worker), signal.SIGKILL)
    lab.server.release()
    assert lab.end(first).reason is EndReason.DONE
    lab.executor.submit(second)
    assert lab.end(second).reason is EndReason.DONE


def test_a_full_disk_is_told_by_the_exit_code(tmp_path: Path) -> None:
    (tmp_path / "worker.log").symlink_to("/dev/full")
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[3]), RUN_MARK: "run"}
    order = bash(tmp_path, "echo words")
    folder = Path(order.run_dir)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / ASSIGNMENT_FILE).write_bytes(encode_assignment(order))
    (folder / run_event_file.EVENTS_FILE).symlink_to("/dev/full")
    with (tmp_path / "worker.log").open("ab") as log:
        program = ForkServerProgram(entry="coworkd.agents.worker_main:run_forked", modules=preloaded_modules("command"))
        server = ForkServer(program, env, log)
        try:
            worker = server.fork((str(folder),), cwd=folder, env=env, log=log)
            assert worker.wait(PATIENCE) == MACHINE_EXIT
            worker.close()
        finally:
            server.close()


def test_a_proxy_of_the_daemon_s_environment_is_used(lab: Lab, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, lab.server.url)
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    models = {
        "openai/gpt-4o-mini": "OPENAI",
        "anthropic/claude-sonnet-4-5": "ANTHROPIC",
        "gemini/gemini-2.5-flash": "GEMINI",
    }
    for number, (model, prefix) in enumerate(models.items()):
        env = ((f"{prefix}_API_BASE", f"http://{prefix.lower()}.invalid/v1"), (f"{prefix}_API_KEY", "none"))
        order = replace(lab.order(f"run-{number}"), run=f"proxied-{number}")
        lab.executor.submit(replace(order, agent=replace(order.agent, model=model, env=env)))
        assert lab.end(order).reason is EndReason.DONE
    hosts = [request.path.split("/")[2] for request in lab.server.requests]
    assert hosts == ["openai.invalid", "anthropic.invalid", "gemini.invalid"]


def test_a_killed_run_leaves_nothing_of_a_command(lab: Lab) -> None:
    os.mkfifo(lab.path / "fifo")
    lab.server.script = steps(Reply(calls=(run(f"echo up > {lab.path}/fifo; sleep 1000"),)))
    order = lab.order("run")
    lab.executor.submit(order)
    assert hear(lab.path / "fifo", 60.0) == "up"
    assert len(process_tree.find_marked(RUN_MARK, order.run)) > 1
    lab.executor.kill(order.run)
    assert lab.end(order).reason is EndReason.CANCELLED
    lab.bell.wait(lambda: not lab.executor.alive())
    assert process_tree.find_marked(RUN_MARK, order.run) == set()


def test_a_fork_server_that_is_not_needed_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    with ExitStack() as closing:
        lab = Lab(tmp_path, closing, idle=0.1)
        lab.server.script = steps(Reply(calls=(Call(name="finish", arguments={"summary": "done"}),)))
        order = lab.order("run")
        others = children()
        lab.executor.submit(order)
        (server,) = children() - others
        assert lab.end(order).reason is EndReason.DONE
        assert wait_gone(server)
        again = replace(order, run="again")
        lab.executor.submit(again)
        assert lab.end(again).reason is EndReason.DONE


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[1])
