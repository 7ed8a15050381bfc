from __future__ import annotations

import pytest

from coworkd.core.model import Check
from coworkd.merge.blame import (
    Blame,
    BlameFacts,
    CheckFailure,
    blame,
    failure_of,
    failure_on_tip,
    needs_repetition,
    needs_tip,
    red_without_change_reason,
)

EXIT, TIMEOUT, NOT_FOUND, NOT_RUNNABLE = (
    CheckFailure.EXIT,
    CheckFailure.TIMEOUT,
    CheckFailure.NOT_FOUND,
    CheckFailure.NOT_RUNNABLE,
)
KILLED, SETUP, DISK_FULL = CheckFailure.KILLED, CheckFailure.SETUP, CheckFailure.DISK_FULL


def check(
    command: str = "pytest -q", code: int = 1, tail: str = "", *, late: bool = False, setup: bool = False
) -> Check:
    return Check(command=command, exit=code, seconds=1.0, tail=tail, timed_out=late, setup=setup)


@pytest.mark.parametrize(
    ("failure", "proof", "tip", "expected"),
    [
        # what is green without the change is its author's, whatever it looks like
        *[
            (failure, own, None, Blame.AGENT)
            for failure in CheckFailure
            for own in (False, True)
            if failure is not DISK_FULL
        ],
        # the workspace's commands: red without it, too
        (EXIT, False, EXIT, Blame.WORKSPACE),
        (TIMEOUT, False, TIMEOUT, Blame.WORKSPACE),
        (EXIT, False, TIMEOUT, Blame.WORKSPACE),
        (SETUP, False, SETUP, Blame.WORKSPACE),
        (NOT_FOUND, False, NOT_FOUND, Blame.MACHINE),
        (NOT_RUNNABLE, False, NOT_RUNNABLE, Blame.MACHINE),
        (KILLED, False, KILLED, Blame.MACHINE),
        (EXIT, False, KILLED, Blame.MACHINE),
        # a task's own commands prove what the change is for: red without it by nature
        (EXIT, True, EXIT, Blame.AGENT),
        (TIMEOUT, True, TIMEOUT, Blame.AGENT),
        (NOT_RUNNABLE, True, NOT_RUNNABLE, Blame.AGENT),
        (EXIT, True, NOT_FOUND, Blame.AGENT),
        (NOT_FOUND, True, NOT_FOUND, Blame.MACHINE),
        (KILLED, True, KILLED, Blame.MACHINE),
        # a full disk fails anything
        (DISK_FULL, False, None, Blame.MACHINE),
        (DISK_FULL, True, None, Blame.MACHINE),
        (EXIT, False, DISK_FULL, Blame.MACHINE),
    ],
)
def test_who_is_to_blame(failure: CheckFailure, proof: bool, tip: CheckFailure | None, expected: Blame) -> None:
    assert blame(BlameFacts(failure=failure, proof=proof, tip_failure=tip)) is expected


@pytest.mark.parametrize(
    ("red", "expected"),
    [
        (check(code=1), EXIT),
        (check(code=2, tail="bash: line 1: x: command not found\n"), EXIT),
        (check(code=-15, late=True), TIMEOUT),
        (check(code=127, tail="bash: line 1: pytset: command not found\n"), NOT_FOUND),
        (check(code=127, tail="bash: pytset: command not found\n"), NOT_FOUND),
        (check(code=127, tail="bash: ./x.sh: No such file or directory\n"), NOT_RUNNABLE),
        (check(code=126), NOT_RUNNABLE),
        (check(code=-9), KILLED),
        (check(code=137), KILLED),
        (check(code=139), KILLED),
        (check(code=127, setup=True), SETUP),
    ],
)
def test_how_a_check_failed(red: Check, expected: CheckFailure) -> None:
    assert failure_of(red) is expected
    assert failure_of(red, disk_full=True) is DISK_FULL


def test_the_tip_is_asked_about_the_very_check() -> None:
    tip = (check("lint", 1), check("pytest -q", 0), check("npm ci", 127, setup=True))
    assert failure_on_tip(check("pytest -q"), tip) is None
    assert failure_on_tip(check("lint"), tip) is EXIT
    assert failure_on_tip(check("npm ci"), tip) is None
    assert failure_on_tip(check("npm ci", setup=True), tip) is SETUP


def test_the_tip_is_checked_only_where_it_can_tell() -> None:
    assert all(needs_tip(failure, proof=False) for failure in CheckFailure if failure is not DISK_FULL)
    assert [failure for failure in CheckFailure if needs_tip(failure, proof=True)] == [NOT_FOUND, KILLED]
    assert [failure for failure in CheckFailure if needs_repetition(failure)] == [KILLED, SETUP]


def test_the_reason_names_command_end_and_last_words() -> None:
    told = red_without_change_reason(check(code=127, tail="...\nbash: line 1: pytset: command not found\n\n"))
    assert told == (
        "the verification `pytest -q` is red without any change, too (exit 127): bash: line 1: pytset: command not found"
    )
    assert "the set-up command" in red_without_change_reason(check(setup=True))
