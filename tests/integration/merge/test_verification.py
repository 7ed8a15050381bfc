from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from coworkd.core.model import Check
from coworkd.merge.blame import missing_command
from coworkd.merge.verification import TREE_CHECK, Verification, gate_context, verify
from coworkd.system.git import Repo
from tests.integration.gitkit import Checkout, checkout


@pytest.fixture
def user(tmp_path: Path) -> Checkout:
    return checkout(tmp_path / "project")


@pytest.fixture
def repo(user: Checkout) -> Iterator[Repo]:
    with user.open() as repo:
        yield repo


@pytest.fixture
def gate(tmp_path: Path) -> Path:
    return tmp_path / "state" / "gate-1"


def verified(
    repo: Repo, gate: Path, commit: str, *commands: str, setup: tuple[str, ...] = (), copy: tuple[str, ...] = ()
) -> tuple[Check, ...]:
    context = gate_context(
        gate, marker=f"verify-{gate.parent.parent.name}-{os.getpid()}", repo_mark="test", timeout=30.0
    )
    return verify(repo, gate, commit, Verification(commands=commands, setup=setup, copy=copy), context)


def test_commands_run_on_exactly_the_commit(user: Checkout, repo: Repo, gate: Path) -> None:
    commit = user.branch("work", "main", {"new.txt": "new\n"})
    user.write("app.py", "dirty\n")
    user.write("untracked.txt", "u\n")
    before = user.state()
    see = "cat new.txt; git rev-parse HEAD; head -1 app.py; ls -A; git status --porcelain"
    (check,) = verified(repo, gate, commit, see)
    assert check.green
    assert check.tail.split() == ["new", commit, "line", "1", ".git", ".gitignore", "app.py", "new.txt", "src"]
    assert user.state() == before


def test_the_first_red_stops(user: Checkout, repo: Repo, gate: Path) -> None:
    commit = user.git("rev-parse", "main")
    checks = verified(repo, gate, commit, "echo fine", "echo broken; exit 3", "touch never")
    assert [(check.command, check.exit) for check in checks] == [("echo fine", 0), ("echo broken; exit 3", 3)]
    assert checks[-1].tail.strip() == "broken"


def test_no_command_verifies_nothing(user: Checkout, repo: Repo, gate: Path) -> None:
    assert verified(repo, gate, user.git("rev-parse", "main")) == ()


def test_a_command_that_takes_too_long_is_red(user: Checkout, repo: Repo, gate: Path) -> None:
    context = replace(
        gate_context(gate, marker=f"verify-slow-{os.getpid()}", repo_mark="test", timeout=30.0), timeout=0.3
    )
    (check,) = verify(repo, gate, user.git("rev-parse", "main"), Verification(commands=("sleep 60",)), context)
    assert check.timed_out
    assert not check.green


def test_the_environment_is_the_gates_own(
    user: Checkout, repo: Repo, gate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_TOKEN", "secret")
    (check,) = verified(repo, gate, user.git("rev-parse", "main"), "echo $HOME $TMPDIR; echo ${SECRET_TOKEN-none}")
    assert check.tail.split() == [str(gate / "home"), str(gate / "tmp"), "none"]


def test_a_missing_command_is_recognized_whatever_language_the_user_speaks(
    user: Checkout, repo: Repo, gate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in {"LANG": "de_DE.UTF-8", "LC_ALL": "C.UTF-8", "LANGUAGE": "de"}.items():
        monkeypatch.setenv(name, value)
    (check,) = verified(repo, gate, user.git("rev-parse", "main"), "no-such-command")
    assert missing_command(check) == "no-such-command"


def test_the_gate_moves_and_forgets_what_was_written(user: Checkout, repo: Repo, gate: Path) -> None:
    first = user.git("rev-parse", "main")
    second = user.branch("work", "main", {"src/one.txt": None, "app.py": "new\n"})
    leave = "touch left.txt left.log; mkdir -p .cowork; touch .cowork/x"
    assert all(check.green for check in verified(repo, gate, first, leave))
    written = (gate / "repo" / "work" / "src" / "two.txt").stat().st_ctime_ns
    (check,) = verified(repo, gate, second, "ls -A . src; cat app.py")
    assert check.tail.split() == [".:", ".git", ".gitignore", "app.py", "src", "src:", "two.txt", "new"]
    assert (gate / "repo" / "work" / "src" / "two.txt").stat().st_ctime_ns == written
    assert all(check.green for check in verified(repo, gate, first, "test -f src/one.txt"))


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("echo x >> app.py", "changed tracked files: app.py"),
        ("rm src/one.txt", "changed tracked files: src/one.txt"),
        ("echo x >> app.py; git update-index --assume-unchanged app.py", "changed tracked files: app.py"),
        ("git commit -q --allow-empty -m sneaky", "moved HEAD"),
        ("echo x >> app.py; git commit -q -a -m sneaky", "moved HEAD"),
        ("git checkout -q --orphan other", "moved HEAD"),
        ("rm -rf .git", "damaged its repository"),
    ],
)
def test_a_verification_that_changes_the_tree_is_red(
    user: Checkout, repo: Repo, gate: Path, command: str, said: str
) -> None:
    commit = user.git("rev-parse", "main")
    checks = verified(repo, gate, commit, command)
    assert checks[0].green
    assert (checks[-1].command, checks[-1].green) == (TREE_CHECK, False)
    assert said in checks[-1].tail
    (after,) = verified(repo, gate, commit, "git status --porcelain; git rev-parse HEAD; tail -1 app.py; ls src")
    assert after.tail.split() == [commit, "line", "20", "one.txt", "two.txt"]


def test_files_touched_but_not_changed_are_no_change(user: Checkout, repo: Repo, gate: Path) -> None:
    (check,) = verified(repo, gate, user.git("rev-parse", "main"), "cp app.py x; cat x > app.py; touch src/*")
    assert check.green


def test_what_the_candidate_configures_for_git_is_not_run(
    user: Checkout, repo: Repo, gate: Path, tmp_path: Path
) -> None:
    proof = tmp_path / "executed"
    hostile = f"git config core.fsmonitor 'touch {proof}'; git config filter.x.clean 'touch {proof}; cat'"
    commit = user.branch("work", "main", {".gitattributes": "* filter=x\n"})
    verified(repo, gate, commit, f"{hostile}; echo x >> app.py")
    verified(repo, gate, user.git("rev-parse", "main"), "true")
    assert not proof.exists()


def test_set_up_runs_before_and_only_when_a_lock_file_changed(user: Checkout, repo: Repo, gate: Path) -> None:
    first = user.commit("lock", {"uv.lock": "1\n"})
    setup = ("mkdir -p build && echo ran >> build/log",)
    go = "wc -l < build/log"
    checks = verified(repo, gate, first, go, setup=setup)
    assert [check.tail.strip() for check in checks] == ["1"]
    second = user.commit("other", {"app.py": "x\n"})
    assert [check.tail.strip() for check in verified(repo, gate, second, go, setup=setup)] == ["1"]
    third = user.commit("new lock", {"uv.lock": "2\n"})
    assert [check.tail.strip() for check in verified(repo, gate, third, go, setup=setup)] == ["1"]


def test_a_red_set_up_is_a_red_check(user: Checkout, repo: Repo, gate: Path) -> None:
    (check,) = verified(repo, gate, user.git("rev-parse", "main"), "true", setup=("exit 4",))
    assert (check.command, check.exit) == ("exit 4", 4)


def test_copied_files_are_there(user: Checkout, repo: Repo, gate: Path) -> None:
    user.write(".env.test", "KEY=1\n")
    (check,) = verified(repo, gate, user.git("rev-parse", "main"), "cat .env.test", copy=(".env.test",))
    assert check.tail.strip() == "KEY=1"


def test_output_is_logged_by_command(user: Checkout, repo: Repo, gate: Path) -> None:
    verified(repo, gate, user.git("rev-parse", "main"), "echo one", "echo two")
    assert sorted(os.listdir(gate / "logs")) == ["1.log", "2.log"]
    assert (gate / "logs" / "2.log").read_text() == "two\n"
