from __future__ import annotations

import re
import shutil
import threading
from pathlib import Path

import pytest

from coworkd.core.errors import ConfigError
from coworkd.core.model import SandboxLevel, SandboxMode, UserSandbox, UserSettings
from coworkd.system import paths_and_settings
from coworkd.system.user_settings import read_user_settings


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    return tmp_path / "state"


def write_settings(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "config" / "coworkd" / "config.yaml"
    file.parent.mkdir(parents=True)
    file.write_text(text)
    return file


def test_without_a_file_the_user_sets_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    assert read_user_settings() == UserSettings()


def test_the_users_own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("HOME", "/home/anna")
    write_settings(
        tmp_path,
        "notify: [notify-send hello, 'cat >> log']\nsandbox: {mode: require, use: landlock}\nallowed_signers: ~/.ssh/signers\n"
        "budget: {usd_per_day: 20}\nconcurrency: 2\nmine: kept\n",
    )
    assert read_user_settings() == UserSettings(
        notify=("notify-send hello", "cat >> log"), sandbox=UserSandbox(mode=SandboxMode.REQUIRE, use=SandboxLevel.LANDLOCK),
        allowed_signers="/home/anna/.ssh/signers", budget_usd_per_day=20.0, concurrency=2,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("\nconcurrency: many\n", ":2: `concurrency`: "),
        ("concurency: 3\n", ":1: `concurency` is not known here and looks like `concurrency`"),
        ("sandbox: {mod: off}\n", ":1: `sandbox.mod`: not known here; did you mean `mode`?"),
        ("sandbox: {use: landlok}\n", ":1: `sandbox.use`: `landlok` is not one of bubblewrap, landlock"),
        ("sandbox: {use: none}\n", "`none` is not one of bubblewrap, landlock"),
        ("allowed_signers: signers\n", "`signers` is not a whole path"),
        ("notify: [a\n", "config.yaml:"),
    ],
)
def test_what_cannot_be_meant_is_said_with_its_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, text: str, says: str
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    file = write_settings(tmp_path, text)
    with pytest.raises(ConfigError, match=re.escape(says)) as raised:
        read_user_settings()
    assert str(raised.value).startswith(str(file))


def test_the_instance_is_named_once(tmp_path: Path) -> None:
    first = paths_and_settings.instance(tmp_path / "private")
    name, _, token = first.rpartition("-")
    assert name
    assert len(token) == 4
    assert paths_and_settings.instance(tmp_path / "private") == first
    assert paths_and_settings.instance(tmp_path / "other") != first


def test_places_stay_the_same_when_the_repository_moves(tmp_path: Path, state: Path) -> None:
    before = paths_and_settings.paths(tmp_path / "repo", tmp_path / "common")
    after = paths_and_settings.paths(tmp_path / "elsewhere", tmp_path / "common")
    assert before.state == after.state
    assert before.state.parent == state / "coworkd"
    assert before.state.name.startswith("repo-")
    assert after.folder == tmp_path / "elsewhere" / ".cowork"


def test_what_a_power_cut_left_empty_is_named_again(tmp_path: Path, state: Path) -> None:
    (tmp_path / "common" / "cowork").mkdir(parents=True)
    (tmp_path / "common" / "cowork" / "repo-id").write_text("")
    made = paths_and_settings.paths(tmp_path / "repo", tmp_path / "common")
    assert made.state.parent == state / "coworkd"
    assert paths_and_settings.paths(tmp_path / "repo", tmp_path / "common") == made


def test_whoever_comes_second_reads_what_the_first_wrote(tmp_path: Path) -> None:
    start, found = threading.Barrier(8), list[str]()

    def name() -> None:
        start.wait(20)
        found.append(paths_and_settings.instance(tmp_path / "private"))

    threads = [threading.Thread(target=name) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert set(found) == {(tmp_path / "private" / "instance").read_text().strip()}
    assert [file.name for file in (tmp_path / "private").iterdir()] == ["instance"]


def begun(tmp_path: Path) -> Path:
    """A workspace at work: named twice, so that its place is known."""
    common = tmp_path / "repo" / ".git"
    paths_and_settings.paths(tmp_path / "repo", common)
    made = paths_and_settings.paths(tmp_path / "repo", common)
    (made.private / "pid").write_text("1\n")
    return made.state


def test_a_copy_of_a_repository_has_a_name_of_its_own(tmp_path: Path) -> None:
    original = begun(tmp_path)
    shutil.copytree(tmp_path / "repo", tmp_path / "copy")
    copy = paths_and_settings.paths(tmp_path / "copy", tmp_path / "copy" / ".git")
    assert copy.state != original
    assert not copy.pid.exists(), "its original's daemon is none of its business"
    assert [path.name for path in (tmp_path / "copy" / ".git").glob("cowork.copied-*/pid")] == ["pid"], (
        "nothing is lost"
    )
    assert paths_and_settings.paths(tmp_path / "copy", tmp_path / "copy" / ".git") == copy
    assert paths_and_settings.paths(tmp_path / "repo", tmp_path / "repo" / ".git").state == original


def test_what_was_moved_or_restored_in_its_place_goes_on(tmp_path: Path) -> None:
    original = begun(tmp_path)
    (tmp_path / "repo").rename(tmp_path / "moved")
    assert paths_and_settings.paths(tmp_path / "moved", tmp_path / "moved" / ".git").state == original
    shutil.copytree(tmp_path / "moved", tmp_path / "backup")
    shutil.rmtree(tmp_path / "moved")
    (tmp_path / "backup").rename(tmp_path / "moved")
    assert paths_and_settings.paths(tmp_path / "moved", tmp_path / "moved" / ".git").state == original
    shutil.copytree(tmp_path / "moved", tmp_path / "elsewhere")
    shutil.rmtree(tmp_path / "moved")
    assert paths_and_settings.paths(tmp_path / "elsewhere", tmp_path / "elsewhere" / ".git").state == original, (
        "moved by copying"
    )
