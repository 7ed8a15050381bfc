"""Watching a real folder: what is heard, and what is done where nothing is."""

from __future__ import annotations

import os
import shutil
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from watchdog.observers import Observer
from watchdog.observers.api import BaseObserver, EventEmitter
from watchdog.observers.inotify_move_event_grouper import InotifyMoveEventGrouper

from coworkd.sync.disk.watcher import NOTHING_CHANGED, PROBE, PROBE_TIMEOUT, WatchedChanges, Watcher
from coworkd.sync.guards import SETTLE_IN_PLACE


class DeafObserver(BaseObserver):
    """Lives, and never says anything: a file system without events."""

    def __init__(self) -> None:
        super().__init__(EventEmitter)


class Full(BaseObserver):
    """Stands for a system that gives no more watches."""

    def __init__(self) -> None:
        super().__init__(EventEmitter)

    def start(self) -> None:
        raise OSError(28, "inotify watch limit reached")


class Station:
    """A watcher, and somebody who waits for what it hears. Time is the machine's, but for what is said to be late."""

    def __init__(self, root: Path, *kinds: Callable[[], BaseObserver]) -> None:
        self.root = root / "ws"
        self.rung = threading.Event()
        self.reflog = root / "HEAD"
        self.refs = root / "refs"
        self.refs.mkdir(parents=True, exist_ok=True)
        self.late = 0.0
        self.made = 0
        self._kinds = kinds or (Observer,)
        self.watcher = Watcher(self.root, self.rung.set, reflog=self.reflog, refs=[root / "refs"], observers=self._next)

    def _next(self) -> BaseObserver:
        self.made += 1
        return self._kinds[min(self.made, len(self._kinds)) - 1]()

    def now(self) -> float:
        return time.monotonic() + self.late

    def start(self) -> Station:
        self.watcher.start(self.now())
        self.settle()
        return self

    def take(self) -> WatchedChanges:
        return self.watcher.take_changes(self.now())

    def settle(self) -> None:
        """Until nothing is asked and nothing is new."""
        self.until(lambda news: news == NOTHING_CHANGED and self.watcher.deadline() is None)

    def until(self, wanted: Callable[[WatchedChanges], bool]) -> WatchedChanges:
        end = time.monotonic() + 10
        while time.monotonic() < end:
            news = self.take()
            if wanted(news):
                return news
            self.rung.wait(0.02)
            self.rung.clear()
        raise AssertionError("it was not heard of")

    def hears(self, name: str) -> None:
        (self.root / name).write_text("text")
        self.until(lambda news: name in news.paths)


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "ws" / "tasks").mkdir(parents=True)
    return tmp_path


@pytest.fixture
def station(root: Path) -> Iterator[Station]:
    station = Station(root).start()
    yield station
    station.watcher.stop()


def test_a_save_is_heard_and_a_look_is_not(station: Station) -> None:
    station.hears("tasks/a.md")
    station.hears("tasks/c.md")  # events come in their order: of a.md there are no more
    station.settle()
    (station.root / "tasks" / "a.md").read_text()
    os.listdir(station.root / "tasks")
    (station.root / "tasks" / "b.md").write_text("text")
    news = station.until(lambda news: "tasks/b.md" in news.paths)
    assert "tasks/a.md" not in news.paths


def test_the_folder_taken_away_and_brought_back_is_heard_again(station: Station, root: Path) -> None:
    station.root.rename(root / "aside")
    station.until(lambda news: news.everything)
    (root / "aside").rename(station.root)
    station.until(lambda news: news.everything)
    station.settle()
    station.hears("tasks/a.md")


def test_a_folder_deleted_and_made_again_is_heard(station: Station) -> None:
    shutil.rmtree(station.root)
    (station.root / "tasks").mkdir(parents=True)
    station.until(lambda news: news.everything)
    station.settle()
    station.hears("tasks/a.md")


def test_another_folder_in_its_place_is_seen_without_any_event(root: Path) -> None:
    station = Station(root, DeafObserver, Observer)
    station.watcher.start(station.now())
    station.take()
    station.root.rename(root / "aside")
    station.root.mkdir()
    station.until(lambda news: news.everything)
    station.settle()
    station.hears("a.md")
    station.watcher.stop()


def test_a_folder_that_is_not_there_yet_is_waited_for(root: Path) -> None:
    shutil.rmtree(root / "ws")
    station = Station(root).start()
    (station.root / "tasks").mkdir(parents=True)
    station.until(lambda news: news.everything)
    station.settle()
    station.hears("tasks/a.md")
    station.watcher.stop()


def test_whoever_went_deaf_is_replaced(root: Path) -> None:
    station = Station(root, DeafObserver, Observer)
    station.watcher.start(station.now())
    assert station.take().everything
    station.late = PROBE_TIMEOUT
    assert station.take().everything, "what was not heard of may be anything"
    station.settle()
    assert not station.watcher.polling
    station.hears("tasks/a.md")
    station.watcher.stop()


def test_without_events_the_folder_is_looked_at_instead(root: Path) -> None:
    station = Station(root, DeafObserver)
    station.watcher.start(station.now())
    for _ in range(2):
        assert station.watcher.poll_interval(0.1) is None
        station.late += PROBE_TIMEOUT
        station.take()
    assert station.watcher.polling
    assert station.watcher.poll_interval(0.01) == 2.0
    assert station.watcher.poll_interval(1.0) == 20.0
    assert station.watcher.deadline() is None
    station.watcher.stop()


def test_where_the_system_gives_no_watches_the_folder_is_looked_at_instead(root: Path) -> None:
    station = Station(root, Full)
    station.watcher.start(station.now())
    assert "inotify watch limit" in station.watcher.polling
    assert station.take().everything
    station.watcher.stop()


def test_a_thread_that_ended_is_noticed(station: Station) -> None:
    observer = station.watcher._observer  # noqa: SLF001 - nothing else can end it
    assert observer is not None
    observer.stop()
    station.until(lambda news: news.everything)
    station.settle()
    station.hears("tasks/a.md")
    assert station.made == 2


def test_the_probe_leaves_nothing_behind_and_is_no_news(station: Station) -> None:
    station.watcher.probe(station.now())
    station.settle()
    assert not (station.root / PROBE).exists()
    assert station.take() == NOTHING_CHANGED


def test_a_burst_is_followed_by_a_look_at_everything(station: Station) -> None:
    for number in range(3000):
        (station.root / "tasks" / f"{number}.md").write_text("text")
    station.until(lambda news: news.everything)


def test_when_head_moves_everything_may_have_changed(station: Station) -> None:
    station.reflog.write_text("0000 1111 commit\n")
    assert station.take().everything
    assert not station.take().everything


def test_a_branch_that_moves_wakes_and_marks_nothing(station: Station) -> None:
    station.rung.clear()
    (station.refs / "main.lock").write_text("1111\n")
    assert station.rung.wait(10)
    (station.refs / "main.lock").rename(station.refs / "main")
    assert station.take() == NOTHING_CHANGED


def moved_out_and_in(station: Station, times: int) -> None:
    """A folder leaves the watched one and comes back: watchdog then registers what is in it a second time."""
    outside = station.root.parent / "outside"
    (station.root / "deep" / "er").mkdir(parents=True)
    for _ in range(times):
        (station.root / "deep").rename(outside)
        outside.rename(station.root / "deep")
    station.hears("after.md")


def test_folders_that_come_and_go_cause_no_warnings_and_are_heard_of(station: Station) -> None:
    with warnings.catch_warnings(record=True) as caught:
        moved_out_and_in(station, 20)
    assert [str(warning.message) for warning in caught] == []
    station.hears("deep/er/inside.md")


def test_the_library_warns_without_the_filter(station: Station) -> None:
    """The control: a newer watchdog that does not warn makes the filter needless, and this test fails."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        moved_out_and_in(station, 20)
    assert any("already exists for watch" in str(warning.message) for warning in caught)


def test_a_file_that_is_moved_out_holds_back_no_event_for_longer_than_a_save_settles(station: Station) -> None:
    assert InotifyMoveEventGrouper().delay <= SETTLE_IN_PLACE
    station.hears("tasks/a.md")
    (station.root / "tasks" / "a.md").rename(station.root.parent / "out.md")
    station.hears("tasks/b.md")


def test_a_folder_that_is_moved_and_one_that_is_moved_in_are_watched(station: Station, root: Path) -> None:
    (station.root / "tasks").rename(station.root / "moved")
    assert station.until(lambda news: bool(news.folders)).folders == {"tasks/", "moved/"}
    station.hears("moved/a.md")
    (root / "outside" / "below").mkdir(parents=True)
    (root / "outside").rename(station.root / "in")
    station.until(lambda news: "in/" in news.folders)
    station.hears("in/below/a.md")


def test_a_folder_that_comes_or_goes_says_nothing_of_the_others(station: Station) -> None:
    (station.root / ".hidden").mkdir()
    (station.root / "messages" / "dark-mode").mkdir(parents=True)
    news = station.until(lambda news: "messages/" in news.folders)
    assert news.folders <= {"messages/", "messages/dark-mode/"}
    assert not news.everything
    station.settle()
    shutil.rmtree(station.root / "messages")
    news = station.until(lambda news: "messages/" in news.folders)
    assert not news.everything
