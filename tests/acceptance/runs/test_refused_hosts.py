"""A connection that the sandbox refuses is named, with the line that would allow it."""

from __future__ import annotations

import pytest

from tests.acceptance.workbench import Workbench

ASK = "python3 -c 'import urllib.request as u; u.urlopen(\"https://registry.example/x\", timeout=20)'"
LINE = "`sandbox: {network: [registry.example]}`"


@pytest.fixture
def sandboxed(w: Workbench) -> Workbench:
    w.agent("ann", "true")
    if w.json("doctor")["checks"] and "none," in w.cmd("doctor", check=False).stdout:
        pytest.skip("no sandbox here")
    return w


@pytest.mark.parametrize("network", ["", "{network: [allowed.example]}"], ids=["none", "another"])
def test_it_is_in_the_message_the_reason_and_what_waits(sandboxed: Workbench, network: str) -> None:
    w = sandboxed
    w.agent("ann", f"{ASK} 2>/dev/null || exit 4\n", **({"sandbox": network} if network else {}))
    w.config("agent: ann\n")
    w.task("a", max_attempts=1)
    w.up()
    w.until("a", "failed")
    assert w.survivors(b"COWORK_RUN") == []
    (message,) = w.messages("a")
    (item,) = [item for item in w.json("status")["waiting"] if item["task"] == "a"]
    for text in (message, w.card("a")["why"], item["what"]):
        assert "refused connections to registry.example" in text
        assert f"{LINE} to .cowork/agents/ann.md" in text


def test_a_run_that_ends_well_all_the_same_says_it_in_its_message(sandboxed: Workbench) -> None:
    w = sandboxed
    w.agent("ann", f"{ASK} 2>/dev/null; echo x > x.txt\n")
    w.config("agent: ann\n")
    w.task("a")
    w.up()
    w.until("a", "review")
    (message,) = w.messages("a")
    assert LINE in message


def test_a_set_up_that_needs_the_network_says_whom(sandboxed: Workbench) -> None:
    w = sandboxed
    w.agent("ann", "true")
    w.config(f"agent: ann\nsetup:\n  - |\n    {ASK} 2>/dev/null || exit 4\n")
    w.task("a", max_attempts=1)
    w.up()
    w.wait("the reason", lambda: f"{LINE} to .cowork/config.yaml" in w.card("a")["why"] + w.problems())


def test_doctor_names_it(sandboxed: Workbench) -> None:
    w = sandboxed
    w.agent("ann", f"{ASK} 2>/dev/null || exit 4\n")
    done = w.cmd("doctor", "--agent", "ann", check=False)
    assert done.returncode == 1
    assert "refused connections to registry.example" in done.stdout
    assert LINE in done.stdout
