"""What goes when slots, gates and caches take too much, and what waits."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from coworkd.core.disk_use import (
    SPARE_BYTES,
    DiskUse,
    IdlePlace,
    disk_excess,
    disk_limit_reason,
    places_to_remove,
)

GB = 1_000_000_000
PLACES = st.lists(
    st.builds(
        IdlePlace, name=st.text("abc/123", min_size=1), size=st.integers(0, GB), used_at=st.floats(0, 1e9)
    ), max_size=8,
)  # fmt: skip


def use(total: int) -> DiskUse:
    return DiskUse(slots=total, gates=0, caches=0, other=0, at=1.0)


def test_without_a_bound_only_a_full_disk_is_too_much() -> None:
    assert disk_excess(500 * GB, None, free=GB) == 0
    assert disk_excess(GB, None, free=0) == SPARE_BYTES


def test_what_is_over_the_bound_is_too_much() -> None:
    assert disk_excess(5 * GB, 5 * GB, free=GB) == 0
    assert disk_excess(5 * GB, 3 * GB, free=GB) == 2 * GB
    assert disk_excess(5 * GB, 4 * GB, free=SPARE_BYTES - 7) == GB
    assert disk_excess(4 * GB, 4 * GB, free=SPARE_BYTES - 7) == 7


@given(PLACES, st.integers(1, 4 * GB))
def test_the_longest_idle_go_first_and_no_more_than_it_takes(idle: list[IdlePlace], excess: int) -> None:
    chosen = places_to_remove(idle, excess)
    stayed = list(idle)
    for place in chosen:
        stayed.remove(place)
    assert all(place.used_at <= other.used_at for place in chosen for other in stayed)
    assert not stayed or sum(place.size for place in chosen) >= excess
    assert sum(place.size for place in chosen[:-1]) < excess


def test_starts_wait_only_once_the_bound_is_reached_and_say_what_to_do() -> None:
    assert disk_limit_reason(None, GB) == ""
    assert disk_limit_reason(use(9 * GB), None) == ""
    assert disk_limit_reason(use(GB - 1), GB) == ""
    reason = disk_limit_reason(use(3 * GB), 2 * GB)
    assert "take 3.0 GB" in reason
    assert "is 2.0 GB" in reason
    assert "config.yaml" in reason


def test_it_is_said_in_words() -> None:
    found = DiskUse(slots=1_240_000_000, gates=340_000_000, caches=5_000, other=0, at=0.0)
    assert str(found) == "1.6 GB: slots 1.2 GB, gates 340 MB, caches 5 kB, other 0 kB"
