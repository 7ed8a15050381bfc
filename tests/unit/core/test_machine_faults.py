"""What counts as a fault of the machine, what is said of it, and when it is tried again."""

from __future__ import annotations

import errno
import os

import pytest

from coworkd.core.errors import RepoError, UserError
from coworkd.core.machine_faults import (
    FIRST_PAUSE,
    MAX_PAUSE,
    FaultKind,
    MachineFault,
    MachineFaultError,
    fault_of,
    first_suspension,
)


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        (errno.ENOSPC, FaultKind.DISK_FULL),
        (errno.EDQUOT, FaultKind.DISK_FULL),
        (errno.EFBIG, FaultKind.DISK_FULL),
        (errno.EROFS, FaultKind.READ_ONLY),
        (errno.EACCES, FaultKind.NO_PERMISSION),
        (errno.ENOENT, FaultKind.MISSING),
        (errno.EMFILE, FaultKind.OPEN_FILES),
        (errno.EAGAIN, FaultKind.PROCESSES),
        (errno.EIO, FaultKind.INPUT_OUTPUT),
    ],
)
def test_what_the_system_refuses_is_a_fault_of_the_machine(code: int, kind: FaultKind) -> None:
    fault = fault_of(OSError(code, os.strerror(code), "/some/file"))
    assert fault is not None
    assert (fault.kind, fault.path) == (kind, "/some/file")


@pytest.mark.parametrize(
    "error", [OSError(errno.EBADF, "bad"), OSError("no number"), ValueError("a bug"), UserError("a mistake")]
)
def test_bugs_and_mistakes_are_none(error: Exception) -> None:
    assert fault_of(error) is None


def test_git_that_fails_is_waited_for() -> None:
    fault = fault_of(RepoError("index.lock exists"))
    assert fault is not None
    assert "index.lock exists" in str(fault)


@pytest.mark.parametrize("kind", FaultKind)
def test_every_kind_is_said_with_place_and_advice(kind: FaultKind) -> None:
    said = str(MachineFault(kind=kind, path="/there", detail="details"))
    assert "(details): " in said
    assert said.count("{") == 0
    assert str(MachineFaultError(MachineFault(kind=kind, path="", detail="")))


def test_tries_come_ever_later_and_never_stop() -> None:
    full = MachineFault(kind=FaultKind.DISK_FULL, path="/", detail="")
    one = first_suspension(full, 100.0)
    assert (one.since, one.until) == (100.0, 100.0 + FIRST_PAUSE)
    pauses = [one.pause]
    for _ in range(20):
        one = one.prolonged(full, one.until)
        pauses.append(one.pause)
    assert pauses == sorted(pauses)
    assert pauses[-1] == MAX_PAUSE
    assert one.since == 100.0
