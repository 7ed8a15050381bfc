from __future__ import annotations

from coworkd.core.model import Check
from coworkd.merge.check_results import CheckResult, CheckResults


def result(*commands: str, red: str = "", reached: str = "", output: str = "o") -> CheckResult:
    """The result of these commands, up to the one that is red."""
    ran = commands[: commands.index(red) + 1] if red else commands
    checks = tuple(Check(command=one, exit=int(one == red), seconds=0.0, reached=reached) for one in ran)
    return CheckResult(commands=commands, checks=checks, output=output)


def test_the_same_commands_on_the_same_tree_are_found() -> None:
    results = CheckResults()
    results.keep("t", result("a", "b"))
    assert results.find("t", ("a", "b")) == result("a", "b")
    assert results.find("other", ("a", "b")) is None


def test_green_results_count_for_the_commands_that_they_begin_with() -> None:
    results = CheckResults()
    results.keep("t", result("a", "b"))
    assert results.find("t", ("a",)) == result("a")
    assert results.find("t", ("b",)) is None, "it was run after another command"
    assert results.find("t", ("a", "b", "c")) is None


def test_red_results_count_for_the_same_commands_alone() -> None:
    results = CheckResults()
    results.keep("t", result("a", "b", red="b"))
    assert results.find("t", ("a",)) is None
    found = results.find("t", ("a", "b"))
    assert found is not None
    assert not found.green


def test_what_did_not_run_on_the_tree_alone_is_not_green() -> None:
    assert result("a").green
    assert not result("a", reached="a checkout").green
    assert not result("a", "b", red="a").green


def test_the_trees_that_were_used_longest_ago_are_forgotten() -> None:
    results = CheckResults(most=2)
    assert results.keep("one", result("a", output="1")) == ()
    results.keep("two", result("a", output="2"))
    results.find("one", ("a",))
    assert results.keep("three", result("a", output="3")) == ("2",)
    assert results.find("two", ("a",)) is None
    assert results.find("one", ("a",)) is not None
