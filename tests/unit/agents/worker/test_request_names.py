from __future__ import annotations

from pathlib import Path

from coworkd.agents.worker.request_names import RequestNames


def test_the_same_call_has_the_same_name_in_a_later_start(tmp_path: Path) -> None:
    first = RequestNames(tmp_path).name("permit", {"a": 1, "b": 2}, ())
    assert RequestNames(tmp_path).name("permit", {"b": 2, "a": 1}, ()) == first
    assert RequestNames(tmp_path).name("permit", {"a": 1}, ()) != first
    assert RequestNames(tmp_path).name("question", {"a": 1, "b": 2}, ()) != first


def test_an_approval_is_good_for_one_call_also_over_starts(tmp_path: Path) -> None:
    requests = RequestNames(tmp_path)
    first = requests.name("permit", "x", ())
    requests.mark_used(first)
    second = requests.name("permit", "x", ())
    assert second != first
    assert RequestNames(tmp_path).name("permit", "x", ()) == second
    assert requests.name("permit", "x", (second,)) not in (first, second)
