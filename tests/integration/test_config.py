from __future__ import annotations

import threading
from pathlib import Path

import pytest

from coworkd import config


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


def test_the_instance_is_named_once(tmp_path: Path) -> None:
    first = config.instance(tmp_path / "private")
    name, _, token = first.rpartition("-")
    assert name
    assert len(token) == 4
    assert config.instance(tmp_path / "private") == first
    assert config.instance(tmp_path / "other") != first


def test_places_stay_the_same_when_the_repository_moves(tmp_path: Path, state: Path) -> None:
    before = config.paths(tmp_path / "repo", tmp_path / "common")
    after = config.paths(tmp_path / "elsewhere", tmp_path / "common")
    assert before.state == after.state
    assert before.state.parent == state / "coworkd"
    assert before.state.name.startswith("repo-")
    assert after.folder == tmp_path / "elsewhere" / ".cowork"


def test_what_a_power_cut_left_empty_is_named_anew(tmp_path: Path, state: Path) -> None:
    (tmp_path / "common" / "cowork").mkdir(parents=True)
    (tmp_path / "common" / "cowork" / "repo-id").write_text("")
    made = config.paths(tmp_path / "repo", tmp_path / "common")
    assert made.state.parent == state / "coworkd"
    assert config.paths(tmp_path / "repo", tmp_path / "common") == made


def test_whoever_comes_second_reads_what_the_first_wrote(tmp_path: Path) -> None:
    start, found = threading.Barrier(8), list[str]()

    def name() -> None:
        start.wait(20)
        found.append(config.instance(tmp_path / "private"))

    threads = [threading.Thread(target=name) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert set(found) == {(tmp_path / "private" / "instance").read_text().strip()}
    assert [file.name for file in (tmp_path / "private").iterdir()] == ["instance"]
