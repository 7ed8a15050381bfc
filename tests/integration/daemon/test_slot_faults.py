"""Everything that can keep a slot from being made, in a real repository: each is typed where it is found."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

import pytest

from coworkd.core.model import SandboxSpec
from coworkd.core.start_faults import FaultScope, StartFault, StartFaultKind
from coworkd.daemon.slot_jobs import SlotJobs
from coworkd.dispatch.executors.slot_results import ReviewedWork, SlotFailed, SlotReady, SlotRequest
from coworkd.merge.branch_jobs import RunBase
from tests.integration.gitkit import Checkout, checkout

ORDER = SlotRequest(
    number=1, task="t", run="r1", attempt=1, epoch=0, agent="ed", start_from="", restore="", reviewed=None,
    branch="cowork/integration", target="main", tip="", setup=(), copy=(), sandbox=SandboxSpec(),
)  # fmt: skip
NO_COMMIT = "1" * 40


@pytest.fixture
def user(tmp_path: Path) -> Checkout:
    made = checkout(tmp_path / "repo")
    made.commit("start", {"a.txt": "a\n"})
    return made


def prepare(user: Checkout, order: SlotRequest) -> SlotReady | SlotFailed:
    base = RunBase(commit=user.git("rev-parse", "HEAD"))
    shop = SlotJobs(user.root, user.root.parent / "state", lambda _branches, _needed, _stack: base, threading.Event())
    made = shop.prepare(order)
    assert isinstance(made, SlotReady | SlotFailed), made
    return made


def fault(user: Checkout, order: SlotRequest = ORDER) -> StartFault:
    made = prepare(user, order)
    assert isinstance(made, SlotFailed), made
    assert made.fault.reason
    return made.fault


def test_a_slot_is_made(user: Checkout) -> None:
    assert isinstance(prepare(user, ORDER), SlotReady)


@pytest.mark.parametrize(
    ("order", "kind"),
    [
        (replace(ORDER, setup=("exit 3",)), StartFaultKind.SET_UP),
        (replace(ORDER, copy=("/etc/hostname",)), StartFaultKind.COPY),
        (replace(ORDER, copy=("../x",)), StartFaultKind.COPY),
        (replace(ORDER, copy=(".git/config",)), StartFaultKind.COPY),
        (replace(ORDER, setup=("true",), sandbox=SandboxSpec(allow_paths=("/no/such",))), StartFaultKind.SANDBOX),
        (replace(ORDER, setup=("true",), sandbox=SandboxSpec(network=("a b",))), StartFaultKind.SANDBOX),
    ],
)
def test_settings(user: Checkout, order: SlotRequest, kind: StartFaultKind) -> None:
    found = fault(user, order)
    assert (found.kind, found.scope, found.policy.path) == (kind, FaultScope.WORKSPACE, "config.yaml")


def test_a_commit_that_slots_refuse_is_everybodys_unless_the_task_alone_starts_from_it(user: Checkout) -> None:
    plain = user.git("rev-parse", "HEAD")
    user.commit("attributes", {".gitattributes": "*.bin filter=lfs\n"})
    filtered = user.git("rev-parse", "HEAD")
    found = fault(user)
    assert (found.kind, found.scope) == (StartFaultKind.FILES, FaultScope.WORKSPACE)
    user.git("reset", "-q", "--hard", plain)
    found = fault(user, replace(ORDER, start_from=filtered))
    assert (found.kind, found.scope) == (StartFaultKind.FILES, FaultScope.TASK)


@pytest.mark.parametrize(
    "order", [replace(ORDER, start_from=NO_COMMIT), replace(ORDER, tip=NO_COMMIT), replace(ORDER, start_from="gone")]
)
def test_a_commit_that_is_gone(user: Checkout, order: SlotRequest) -> None:
    found = fault(user, order)
    assert (found.kind, found.scope) == (StartFaultKind.START_COMMIT, FaultScope.TASK)


def test_reviewed_work_whose_base_is_gone_does_not_hold_anybody_else(user: Checkout) -> None:
    reviewed = ReviewedWork(commit=user.git("rev-parse", "HEAD"), base=NO_COMMIT)
    assert isinstance(prepare(user, replace(ORDER, reviewed=reviewed)), SlotReady)


def test_a_partial_clone(user: Checkout) -> None:
    user.git("config", "remote.origin.promisor", "true")
    found = fault(user)
    assert (found.kind, found.scope) == (StartFaultKind.CLONE, FaultScope.WORKSPACE)
    assert str(user.root / ".git" / "config") in found.watched


def test_an_object_that_is_missing(user: Checkout) -> None:
    blob = user.git("rev-parse", "HEAD:a.txt")
    (user.root / ".git" / "objects" / blob[:2] / blob[2:]).unlink()
    found = fault(user)
    assert (found.kind, found.scope) == (StartFaultKind.SLOT, FaultScope.WORKSPACE)
    assert "git fsck" in found.advice()


def test_a_copied_file_that_is_a_folder_in_the_commit(user: Checkout) -> None:
    user.commit("a folder", {"conf/a": "x\n"})
    (user.root / "conf" / "a").unlink()
    (user.root / "conf").rmdir()
    (user.root / "conf").write_text("a file\n")
    assert fault(user, replace(ORDER, copy=("conf",))).kind is StartFaultKind.COPY
