"""Nights, from outside."""

from __future__ import annotations

import pytest

from tests.acceptance.workbench import Workbench


@pytest.mark.parametrize(
    ("time", "words"),
    [("25:00", "`25:00` is not a time of the day; write for example `22:00`"), ("soon", "`soon` is not a time")],
)
def test_until_takes_a_time_of_the_day(w: Workbench, time: str, words: str) -> None:
    refused = w.cmd("up", "--until", time, check=False)
    assert refused.returncode == 2
    assert f"--until: {words}" in refused.stderr


def test_a_night_of_no_length_is_a_problem_with_its_line(w: Workbench) -> None:
    w.config("night: {from: 22:00, to: 22:00}\n")
    w.up()
    (problem,) = w.wait("the problem", lambda: w.json("status")["problems"])
    assert (problem["path"], problem["line"]) == ("config.yaml", 3)
    assert "`from` and `to` are the same time" in problem["message"]
