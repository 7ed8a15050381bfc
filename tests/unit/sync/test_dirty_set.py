from __future__ import annotations

from coworkd.sync.dirty_set import DirtySet
from coworkd.sync.guards import MAX_SETTLE

A = "tasks/a.md"


def test_a_path_settles_from_its_notice_until_it_was_read() -> None:
    dirty = DirtySet()
    dirty.mark(A, 10.0)
    dirty.postpone(A, 10.05)
    assert dirty.is_settling(since=10.0)
    assert not dirty.is_settling(since=9.9), "it was noticed later"
    dirty.discard(A)
    assert not dirty.is_settling(since=10.0)


def test_a_path_that_is_only_looked_at_a_second_time_does_not_settle() -> None:
    dirty = DirtySet()
    dirty.mark_at(A, 10.0, 10.04)
    assert not dirty.is_settling(since=10.0)


def test_a_path_that_is_tried_again_later_is_not_waited_for() -> None:
    dirty = DirtySet()
    dirty.mark(A, 10.0)
    dirty.postpone(A, 10.0 + MAX_SETTLE + 0.1)
    assert not dirty.is_settling(since=10.0)
