"""The thread that supervises agents ends: it is started again, and no run stays at work for ever."""

from __future__ import annotations

import ctypes
import shutil
import threading
from collections.abc import Generator
from pathlib import Path

import pytest

from coworkd.agents.port import Ended, EndReason
from coworkd.dispatch.executors.local import LocalExecutor
from coworkd.dispatch.executors.port import RunEvent
from tests.sessions import bash

PATIENCE = 20.0


class Runs:
    """An executor of real workers, and what it has told so far."""

    def __init__(self) -> None:
        self.told = threading.Event()
        self.executor = LocalExecutor(self.told.set)
        self.events: list[RunEvent] = []

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


def end(thread: threading.Thread) -> None:
    """Have it raise SystemExit at its next instruction, as nothing in it expects."""
    assert thread.ident is not None
    assert ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread.ident), ctypes.py_object(SystemExit)) == 1


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_watching_thread_that_ended_is_started_again(tmp_path: Path, runs: Runs) -> None:
    first = watcher()
    one, two = (bash(_folder(tmp_path, name), script) for name, script in (("one", "sleep 1"), ("two", "echo two")))
    runs.executor.submit(one)
    end(first)
    runs.executor.submit(two)  # wakes the thread
    first.join(PATIENCE)
    assert not first.is_alive(), "the fault did not fire"
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
