"""What must hold once the daemon has come to rest, whatever a person has done to the branches."""

from __future__ import annotations

import re

from coworkd.core.model import Status
from coworkd.store import TaskRow
from coworkd.store.submissions import merge_queue
from tests.integration.landing.person import Person
from tests.integration.landing.workplace import INTEGRATION, Workplace

_MISSING = re.compile(r"is in neither|could not be merged again")
_AT_WORK = frozenset({Status.READY, Status.RUNNING, Status.MERGING})


def check(workplace: Workplace, person: Person) -> None:
    """Raise AssertionError for the first promise that is broken."""
    person.check_untouched()
    here, there = person.files_merged(INTEGRATION, "main"), person.files("main")
    told = workplace.told()
    for row in workplace.tasks():
        _check_task(row, here | there, here, person, [text for text in told if row.path in text])
    _check_dropped(person, here, there, told)
    _check_order(workplace, person, told)
    _check_dependencies(workplace, person)
    assert not person.git("fsck", "--connectivity-only", "--no-dangling", "--no-progress")


def _check_task(row: TaskRow, anywhere: set[str], here: set[str], person: Person, told: list[str]) -> None:
    missing = any(_MISSING.search(text) for text in told)
    if row.status is Status.DONE and row.landed and not missing:
        assert row.id in anywhere | person.removed, f"{row.id} has landed, and is gone in silence"
    if row.status is Status.DONE and row.reverted and not missing:
        assert row.id not in here, f"{row.id} was taken back, and is there in silence"


def _check_dropped(person: Person, here: set[str], there: set[str], told: list[str]) -> None:
    back = (person.dropped & here) | (person.dropped & (person.subjects(INTEGRATION) - person.subjects("main")))
    if person.stands_on_integration():
        # A worktree of the person holds the branch where it was: it cannot follow, and that is shown of this branch.
        about = [text for text in told if INTEGRATION in text]
        assert not back or about, f"cannot go, and nothing is shown: {sorted(back)} {told}"
    else:
        assert not back, f"came back: {sorted(back)}"
    handmade = person.handmade - person.dropped - person.uncertain
    assert handmade <= here | there, f"made by hand and gone: {sorted(handmade - here - there)}"


def _check_order(workplace: Workplace, person: Person, told: list[str]) -> None:
    """What is not as it should be is shown; what is, is not."""
    integration, target = person.commit_of(INTEGRATION), person.commit_of("main")
    # What merges is brought in with the next landing.
    follows = bool(integration) and person.try_git("merge-tree", "--write-tree", integration, target)
    waiting = [row.key for row in merge_queue(workplace.db)]
    unfinished = [f"{row.id} {row.status}: {row.reason}" for row in workplace.tasks() if row.status in _AT_WORK]
    if not follows or waiting or unfinished:
        assert told, f"not in order, and nothing is shown: follows={follows} {waiting} {unfinished}"
    elif not person.stands_on_integration():
        about = [text for text in told if "config.yaml" in text]
        assert not about, f"in order, and still shown: {about}"


def _check_dependencies(workplace: Workplace, person: Person) -> None:
    for task, base, needed in workplace.starts:
        there = {name.removesuffix(".txt") for name in person.git("ls-tree", "--name-only", base).splitlines()}
        absent = set(needed) - there - person.removed
        assert not absent, f"{task} started without {sorted(absent)}, which it needs"
    workplace.starts.clear()
