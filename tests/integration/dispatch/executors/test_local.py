"""What a run depends on goes away while it is at work: it is found, and no run stays at work for ever."""

from __future__ import annotations

import os
import shutil
import signal
import threading
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import pytest

from coworkd.agents.port import Assignment, Ended, EndReason
from coworkd.agents.run_event_file import EVENTS_FILE
from coworkd.dispatch.executors.local import LocalExecutor
from coworkd.dispatch.executors.port import RunEvent
from coworkd.system import process_tree
from coworkd.system.process_tree import RUN_MARK
from tests.sessions import bash
from tests.survivors import hear, wait_gone

PATIENCE = 20.0


class Runs:
    """An executor of real workers, and what it has told so far."""

    def __init__(self) -> None:
        self.told = threading.Event()
        self.wakes_fail = False
        self.executor = LocalExecutor(self._wake, check_interval=0.1)
        self.events: list[RunEvent] = []

    def _wake(self) -> None:
        if self.wakes_fail:
            raise SystemExit  # as nothing in the thread that supervises agents expects
        self.told.set()

    def until(self, run: str) -> Ended:
        """How the run ends."""
        for _ in range(400):
            self.told.clear()
            for event in self.executor.events():
                self.events.append(event)
                self.executor.commit(event.run, event.offset)
            for event in self.events:
                if event.run == run and isinstance(event.event, Ended):
                    return event.event
            self.executor.ensure_supervision()
            self.told.wait(PATIENCE / 400)
        raise AssertionError(f"run {run} does not end: {self.events}")

    def until_stopped(self, workers: dict[str, int]) -> None:
        """Wait until exactly these are known to be stopped."""
        for _ in range(400):
            self.told.clear()
            if self.executor.stopped() == workers:
                return
            self.told.wait(PATIENCE / 400)
        raise AssertionError(f"{self.executor.stopped()} are stopped, not {workers}")


@pytest.fixture
def runs() -> Generator[Runs]:
    runs = Runs()
    yield runs
    runs.executor.close(2.0)


def _folder(tmp_path: Path, name: str) -> Path:
    """Runs of their own have folders, and so ids, of their own."""
    (tmp_path / name).mkdir()
    return tmp_path / name


def watcher() -> threading.Thread:
    (found,) = [thread for thread in threading.enumerate() if thread.name == "executor"]
    return found


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_watching_thread_that_ended_is_started_again(tmp_path: Path, runs: Runs) -> None:
    first = watcher()
    one, two = (bash(_folder(tmp_path, name), script) for name, script in (("one", "sleep 1"), ("two", "echo two")))
    runs.wakes_fail = True
    runs.executor.submit(one)
    runs.executor.submit(two)
    first.join(PATIENCE)
    assert not first.is_alive(), "the fault did not fire"
    runs.wakes_fail = False
    assert runs.until(one.run).reason is EndReason.DONE
    assert runs.until(two.run).reason is EndReason.DONE


def test_an_end_that_cannot_be_written_is_told_all_the_same(tmp_path: Path, runs: Runs) -> None:
    order = bash(_folder(tmp_path, "one"), "sleep 60")
    runs.executor.submit(order)
    folder = Path(order.run_dir)
    shutil.rmtree(folder)
    folder.write_text("no folder can be made here")
    runs.executor.kill(order.run)
    ended = runs.until(order.run)
    assert ended.reason in (EndReason.MACHINE, EndReason.CRASHED)
    assert not runs.executor.holds(order.run)


@pytest.mark.parametrize("how", ["removed", "replaced", "its folder"])
def test_a_run_whose_log_is_gone_is_given_up(tmp_path: Path, runs: Runs, how: str) -> None:
    """What it does is not known any more: it is ended, and told so."""
    os.mkfifo(tmp_path / "fifo")
    order = bash(_folder(tmp_path, "one"), f"echo $$ > {tmp_path}/fifo; sleep 1000")
    runs.executor.submit(order)
    agent = int(hear(tmp_path / "fifo"))
    log = Path(order.run_dir, EVENTS_FILE)
    if how == "its folder":
        shutil.rmtree(order.run_dir)
    else:
        log.unlink()
        if how == "replaced":
            log.touch()
    ended = runs.until(order.run)
    assert ended.reason is EndReason.CRASHED
    assert f"its log {log} was removed" in ended.message
    assert wait_gone(agent)
    assert not runs.executor.holds(order.run)


def server(order: Assignment) -> int:
    """The process that forked the worker of a run."""
    workers = process_tree.find_marked(RUN_MARK, order.run)
    (found,) = {parent(pid) for pid in workers} - workers
    return found


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[1])


def test_a_failure_counts_though_the_fork_server_is_gone(tmp_path: Path, runs: Runs) -> None:
    """Only the daemon's own end makes a failure one that does not count."""
    os.mkfifo(tmp_path / "fifo")
    os.mkfifo(tmp_path / "go")
    order = bash(_folder(tmp_path, "one"), f"echo up > {tmp_path}/fifo; read -r go < {tmp_path}/go; exit 3")
    runs.executor.submit(order)
    assert hear(tmp_path / "fifo") == "up"
    killed = server(order)
    os.kill(killed, signal.SIGKILL)
    assert wait_gone(killed)
    (tmp_path / "go").write_text("go\n")
    ended = runs.until(order.run)
    assert (ended.reason, ended.exit_code) == (EndReason.FAILED, 3)


def test_what_a_fork_server_had_not_forked_when_it_was_killed_is_forked_by_another(tmp_path: Path, runs: Runs) -> None:
    os.mkfifo(tmp_path / "fifo")
    one = bash(_folder(tmp_path, "one"), f"echo up > {tmp_path}/fifo; sleep 1000")
    two = bash(_folder(tmp_path, "two"), "echo two")
    runs.executor.submit(one)
    assert hear(tmp_path / "fifo") == "up"
    stopped = server(one)
    os.kill(stopped, signal.SIGSTOP)
    runs.executor.submit(two)
    os.kill(stopped, signal.SIGKILL)
    assert runs.until(two.run).reason is EndReason.DONE
    runs.executor.kill(one.run)
    assert runs.until(one.run).reason is EndReason.CANCELLED


def test_a_fork_server_that_does_not_answer_is_replaced(tmp_path: Path, runs: Runs) -> None:
    os.mkfifo(tmp_path / "fifo")
    os.mkfifo(tmp_path / "go")
    one = bash(_folder(tmp_path, "one"), f"echo up > {tmp_path}/fifo; read -r go < {tmp_path}/go")
    two = bash(_folder(tmp_path, "two"), "echo two")
    runs.executor.submit(one)
    assert hear(tmp_path / "fifo") == "up"
    stopped = server(one)
    os.kill(stopped, signal.SIGSTOP)
    runs.executor.fork_timeout = 0.1
    runs.executor.submit(two)
    assert wait_gone(stopped)
    runs.executor.fork_timeout = 60.0  # the new server may take its time to load
    assert runs.until(two.run).reason is EndReason.DONE
    (tmp_path / "go").write_text("go\n")
    assert runs.until(one.run).reason is EndReason.DONE


def switches(pid: int) -> int:
    """How often the threads of a process have gone to sleep."""
    found = [file.read_text() for file in Path(f"/proc/{pid}/task").glob("*/status")]
    lines = [line for text in found for line in text.splitlines() if line.startswith("voluntary")]
    return sum(int(line.split()[1]) for line in lines)


def test_an_agent_that_a_signal_stopped_is_not_ended_for_its_silence(tmp_path: Path, runs: Runs) -> None:
    os.mkfifo(tmp_path / "fifo")
    script = f"echo $$ > {tmp_path}/fifo; read -r go < {tmp_path}/go; echo again"
    order = replace(bash(_folder(tmp_path, "one"), script), stall=1.5)
    os.mkfifo(tmp_path / "go")
    runs.executor.submit(order)
    agent = int(hear(tmp_path / "fifo"))
    os.kill(agent, signal.SIGSTOP)
    worker, before = parent(agent), switches(parent(agent))
    for _ in range(2000):  # its worker looks at it at the end of its patience, and goes on waiting
        if switches(worker) >= before + 2:
            break
        runs.told.wait(0.01)
    assert switches(worker) >= before + 2
    os.kill(agent, signal.SIGCONT)
    (tmp_path / "go").write_text("go\n")
    assert runs.until(order.run).reason is EndReason.DONE


@pytest.mark.parametrize("stopped", ["worker", "server"])
def test_what_was_stopped_by_a_signal_goes_on_as_if_it_had_not_been(tmp_path: Path, runs: Runs, stopped: str) -> None:
    os.mkfifo(tmp_path / "fifo")
    os.mkfifo(tmp_path / "go")
    order = bash(_folder(tmp_path, "one"), f"echo $$ > {tmp_path}/fifo; echo words; read -r go < {tmp_path}/go")
    runs.executor.submit(order)
    agent = int(hear(tmp_path / "fifo"))
    pid = parent(agent) if stopped == "worker" else server(order)
    os.kill(pid, signal.SIGSTOP)
    (tmp_path / "go").write_text("go\n")
    if stopped == "server":
        assert wait_gone(agent)
    os.kill(pid, signal.SIGCONT)
    assert runs.until(order.run).reason is EndReason.DONE


def test_a_stopped_worker_is_known_until_it_goes_on(tmp_path: Path, runs: Runs) -> None:
    os.mkfifo(tmp_path / "fifo")
    os.mkfifo(tmp_path / "go")
    order = bash(_folder(tmp_path, "one"), f"echo $$ > {tmp_path}/fifo; read -r go < {tmp_path}/go")
    runs.executor.submit(order)
    worker = parent(int(hear(tmp_path / "fifo")))
    assert runs.executor.stopped() == {}
    os.kill(worker, signal.SIGSTOP)
    runs.until_stopped({order.run: worker})
    os.kill(worker, signal.SIGCONT)
    runs.until_stopped({})
    (tmp_path / "go").write_text("go\n")
    assert runs.until(order.run).reason is EndReason.DONE


def test_nothing_of_a_killed_worker_lives_on_whatever_it_hid(tmp_path: Path, runs: Runs) -> None:
    """No mark in its environment, no session and no parent of its run: it was below the worker, and that counts."""
    os.mkfifo(tmp_path / "fifo")
    hidden = f"env -i /usr/bin/setsid /bin/bash -c 'echo $$ > {tmp_path}/fifo; sleep 1000; sleep 1000' &"
    order = bash(_folder(tmp_path, "one"), f"({hidden}); sleep 1000")
    runs.executor.submit(order)
    deep = int(hear(tmp_path / "fifo"))
    found = process_tree.find_marked(RUN_MARK, order.run)
    (worker,) = {pid for pid in found if parent(pid) not in found}
    os.kill(worker, signal.SIGKILL)
    assert runs.until(order.run).reason is EndReason.CRASHED
    assert wait_gone(deep)
