"""Ports and caches: no two places of a workspace share any."""

from __future__ import annotations

from pathlib import Path

import pytest

from coworkd.core.model import CacheTool
from coworkd.system.sandbox.policy import UNCONFINED, Confinement
from coworkd.system.work_environment import PORTS, gate_variables, slot_variables, with_caches

EPHEMERAL = 32768


@pytest.mark.parametrize("workspace", ["repo-000000000000", "repo-0123456789ab", "other-ffffffffffff"])
def test_no_two_slots_and_gates_have_a_port_in_common(workspace: str) -> None:
    state = Path("/state") / workspace
    gates = [state / "gates" / name for name in (*map(str, range(1, 17)), "target", "doctor")]
    found = [*(slot_variables(state, number) for number in range(1, 301)), *(gate_variables(state, at) for at in gates)]
    firsts = [int(variables["COWORK_PORT"]) for variables in found]
    taken = [port + n for port in firsts for n in range(PORTS)]
    assert len(set(taken)) == len(taken)
    assert all(1024 < port < EPHEMERAL for port in taken)


def test_a_slot_keeps_its_ports() -> None:
    state = Path("/state/repo-1")
    assert slot_variables(state, 2) == slot_variables(state, 2)


def test_tools_are_led_to_the_copies_that_are_there(tmp_path: Path) -> None:
    state = tmp_path / "repo-1"
    for folder in ("slots/1/caches/npm", "slots/1/caches/cargo", "caches/npm", "caches/pip"):
        (state / folder).mkdir(parents=True)
    one, two = slot_variables(state, 1), slot_variables(state, 2)
    assert one.pop("COWORK_PORT") != two.pop("COWORK_PORT")
    assert one == {
        "npm_config_cache": str(state / "slots/1/caches/npm"),
        "CARGO_HOME": str(state / "slots/1/caches/cargo"),
    }
    assert two == {}
    assert set(CacheTool) == {"npm", "pip", "cargo"}


def test_only_the_copies_can_be_written(tmp_path: Path) -> None:
    state, slot = tmp_path, tmp_path / "slots/1"
    for folder in (state / "caches/npm", slot / "caches/npm"):
        folder.mkdir(parents=True)
    held = Confinement(means=UNCONFINED, run="r", workdir="/w", writable=("/w",), readable=("/o",))
    opened = with_caches(held, state, slot)
    assert opened.writable == ("/w", str(slot / "caches/npm"))
    assert opened.readable == ("/o", str(state / "caches/npm"))
    assert with_caches(held, state, tmp_path / "slots/2") == held
