"""Who is to blame, found out on real git: the tip is checked alone, once for each tree, commands and machine."""

from __future__ import annotations

import os
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from coworkd.merge.blame import Blame
from coworkd.merge.red_candidates import BlameFinder, BlameFinding, WorkspaceChecks
from coworkd.merge.verification import Verification
from coworkd.merge.verifier import GateRun, TipChecks, Verifier
from coworkd.system.git import Repo
from coworkd.system.sandbox.policy import UNCONFINED
from tests.integration.gitkit import Checkout, checkout


class Candidates:
    """A repository, its gates, and what is said of candidates that are verified in them."""

    def __init__(self, root: Path) -> None:
        self.user: Checkout = checkout(root / "project")
        self.counted = root / "counted"
        self.verifier = Verifier(root / f"state-{os.getpid()}", threading.Event(), lambda: UNCONFINED)
        self.tip = self.user.git("rev-parse", "main")

    def counting(self, command: str) -> str:
        return f"echo x >> {self.counted}; {command}"

    @property
    def count(self) -> int:
        return len(self.counted.read_text().splitlines()) if self.counted.exists() else 0

    def judge(
        self, commit: str, *commands: str, own: tuple[str, ...] = (), setup: tuple[str, ...] = (), loop: bool = False
    ) -> BlameFinding | None:
        """Who is to blame for a candidate; None where it is green."""

        def run(on: str) -> GateRun:
            verification = Verification(commands=(*commands, *own), setup=setup)
            return GateRun(commit=on, verification=verification, timeout=60.0, gate="1", output="t")

        with Repo.open(self.user.root) as repo:
            checks = self.verifier.check(repo, run(commit), lambda: False)
            assert checks is not None
            if all(check.green for check in checks):
                return None
            workspace = WorkspaceChecks(commands=commands, loop=loop)
            return BlameFinder(self.verifier).find_blame(repo, run(self.tip), workspace, checks[-1], lambda: False)

    def run(self, on: str, commands: tuple[str, ...], gate: str = "1") -> GateRun:
        return GateRun(commit=on, verification=Verification(commands=commands), timeout=60.0, gate=gate, output="t")

    def verify(self, commit: str, *commands: str) -> int:
        """How often the commands that count were run to verify a candidate."""
        before = self.count
        with Repo.open(self.user.root) as repo:
            assert self.verifier.check_candidate(repo, self.run(commit, commands), lambda: False)
        return self.count - before

    def check_tip_at_once(self, command: str) -> list[TipChecks]:
        """What two verifications in gates of their own are told of the tip, which they ask for at the same time."""

        def check(gate: str) -> TipChecks:
            with Repo.open(self.user.root) as repo:
                found = self.verifier.check_tip(repo, self.run(self.tip, (command,), gate), lambda: False)
            assert found is not None
            return found

        with ThreadPoolExecutor(2) as pool:
            return list(pool.map(check, ("1", "2")))


@pytest.fixture
def candidates(tmp_path: Path) -> Candidates:
    return Candidates(tmp_path)


def blamed(judged: BlameFinding | None) -> Blame | None:
    return judged.blame if judged else None


def test_what_a_change_breaks_is_its_authors(candidates: Candidates) -> None:
    commit = candidates.user.branch("work", "main", {"app.py": None})
    assert blamed(candidates.judge(commit, "test -e app.py")) is Blame.AGENT
    assert blamed(candidates.judge(commit, "head -1 app.py", "true")) is Blame.AGENT


def test_what_is_red_on_the_tip_is_the_workspaces_and_a_repair_is_green(candidates: Candidates) -> None:
    other = candidates.user.branch("other", "main", {"other.txt": "x\n"})
    repair = candidates.user.branch("repair", "main", {"repaired": "x\n"})
    assert blamed(candidates.judge(other, "test -e repaired")) is Blame.WORKSPACE
    assert candidates.judge(repair, "test -e repaired") is None


def test_each_command_is_judged_by_itself(candidates: Candidates) -> None:
    """The first command is red on the tip; a candidate that repairs it answers for what it breaks instead."""
    commit = candidates.user.branch("work", "main", {"repaired": "x\n", "app.py": None})
    assert blamed(candidates.judge(commit, "test -e repaired", "test -e app.py")) is Blame.AGENT


def test_the_tip_is_checked_once_for_all_candidates(candidates: Candidates) -> None:
    commands = (candidates.counting("test -e repaired"), "test ! -e bad")
    for name in ("one", "two", "three"):
        commit = candidates.user.branch(name, "main", {f"{name}.txt": "x\n"})
        assert blamed(candidates.judge(commit, *commands)) is Blame.WORKSPACE
    assert candidates.count == 3 + 1
    candidates.user.commit("the workspace alone", {".cowork/tasks/a.md": "a\n"})
    candidates.tip = candidates.user.git("rev-parse", "main")
    commit = candidates.user.branch("four", "main", {"four.txt": "x\n"})
    assert blamed(candidates.judge(commit, *commands)) is Blame.WORKSPACE
    assert candidates.count == 3 + 1 + 1, "a tip that differs in `.cowork/` alone is the same to a verification"


def test_a_tree_that_was_green_is_not_checked_again(candidates: Candidates) -> None:
    """The commands that it was green with count, and each that they begin with; what is red is always run again."""
    commit = candidates.user.branch("work", "main", {"made.txt": "x\n"})
    same = candidates.user.branch("same", "main", {"made.txt": "x\n", ".cowork/tasks/a.md": "a\n"})
    one, two = candidates.counting("true"), "test -e made.txt"
    assert candidates.verify(commit, one, two) == 1
    assert candidates.verify(same, one, two) == 0
    assert candidates.verify(same, one) == 0
    assert candidates.verify(same, one, two, "true") == 1, "another command"
    assert candidates.verify(candidates.tip, one, two) == 1, "another tree"
    assert candidates.verify(candidates.tip, one, two) == 1, "it was red"
    assert (candidates.verifier.output_folder("t") / "1.log").exists()


def test_two_that_need_the_same_tip_have_it_checked_once(candidates: Candidates) -> None:
    found = candidates.check_tip_at_once(candidates.counting("sleep 0.2"))
    assert len(found) == 2
    assert found[0] == found[1]
    assert candidates.count == 1


def test_a_machine_that_changed_since_is_looked_at_again(candidates: Candidates, tmp_path: Path) -> None:
    """What is remembered of a green tip does not make an agent answer for a program that is gone."""
    program = tmp_path / "checker"
    program.write_text("#!/bin/sh\ntest ! -e bad\n")
    program.chmod(0o755)
    bad = candidates.user.branch("bad", "main", {"bad": "x\n"})
    good = candidates.user.branch("good", "main", {"good": "x\n"})
    assert blamed(candidates.judge(bad, str(program))) is Blame.AGENT
    program.unlink()
    assert blamed(candidates.judge(good, str(program))) is Blame.MACHINE
    program.write_text("#!/bin/sh\ntest ! -e bad\n")
    program.chmod(0o755)
    assert blamed(candidates.judge(bad, str(program))) is Blame.AGENT


def test_a_set_up_is_its_authors_only_where_it_works_without_the_change(candidates: Candidates) -> None:
    commit = candidates.user.branch("work", "main", {"pyproject.toml": "broken\n"})
    assert blamed(candidates.judge(commit, "true", setup=("! grep broken pyproject.toml",))) is Blame.AGENT
    judged = candidates.judge(commit, "true", setup=("exit 9",))
    assert judged is not None
    assert judged.on_tip is not None
    assert (judged.blame, judged.on_tip.checks[-1].setup) == (Blame.WORKSPACE, True)
    assert blamed(candidates.judge(commit, own=("true",), setup=("exit 8",))) is Blame.WORKSPACE


def test_a_proof_is_the_authors_unless_it_cannot_be_run(candidates: Candidates) -> None:
    commit = candidates.user.branch("work", "main", {"new.txt": "x\n"})
    assert blamed(candidates.judge(commit, "true", own=("test -e never",))) is Blame.AGENT
    assert blamed(candidates.judge(commit, "true", own=("bash never.sh",))) is Blame.AGENT
    judged = candidates.judge(commit, "true", own=("no-such-program-here",))
    assert judged is not None
    assert (judged.blame, judged.own) == (Blame.MACHINE, True)


def test_a_loop_is_red_until_it_is_done(candidates: Candidates) -> None:
    commit = candidates.user.branch("work", "main", {"new.txt": "x\n"})
    assert blamed(candidates.judge(commit, "test -e never", loop=True)) is Blame.AGENT
    judged = candidates.judge(commit, "no-such-program-here", loop=True)
    assert judged is not None
    assert (judged.blame, judged.own) == (Blame.MACHINE, False)
