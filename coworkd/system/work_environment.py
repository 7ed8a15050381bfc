"""What a slot or a gate has of its own beside its checkout: a range of ports, and its copies of package caches.

STATE/caches/TOOL             the shared cache, written by set-up alone (see `slots.package_caches`)
STATE/slots/N/caches/TOOL     the copy of one slot, made again for each run; `gates/G/caches/TOOL` likewise
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from coworkd.core.model import CacheTool
from coworkd.system.sandbox.policy import Confinement

PORTS = 10
"""Ports of each slot and each gate, from `COWORK_PORT` on."""
_FIRST_PORT, _PORTS_END = 20000, 32760
"""Below the ports that the kernel gives to connections."""
_RANGES = (_PORTS_END - _FIRST_PORT) // PORTS
_NAMED_GATES = 200
"""Places for the gates that have no number."""
_VARIABLES = {
    CacheTool.NPM: "npm_config_cache",
    CacheTool.PIP: "PIP_CACHE_DIR",
    CacheTool.CARGO: "CARGO_HOME",
}


def slot_variables(state: Path, number: int) -> dict[str, str]:
    """The variables by which programs in a slot find what is its own."""
    return _variables(_port(state.name, 2 * (number - 1)), state / "slots" / str(number))


def gate_variables(state: Path, gate: Path) -> dict[str, str]:
    """The variables by which programs in a gate find what is its own."""
    number = int(gate.name) if gate.name.isdecimal() else -(zlib.crc32(gate.name.encode()) % _NAMED_GATES)
    return _variables(_port(state.name, 2 * number - 1), gate)


def _variables(port: int, folder: Path) -> dict[str, str]:
    return {"COWORK_PORT": str(port), **cache_variables(cache_folder(folder), caches_of(folder))}


def _port(workspace: str, place: int) -> int:
    """No two places of a workspace have the same; those of two workspaces seldom do."""
    first = zlib.crc32(workspace.encode()) % _RANGES
    return _FIRST_PORT + (first + place) % _RANGES * PORTS


def cache_folder(folder: Path) -> Path:
    """The copies of caches that a slot or gate has, whose folder this is; the shared ones for `STATE`."""
    return folder / "caches"


def caches_of(folder: Path) -> tuple[CacheTool, ...]:
    """The tools whose cache a slot, a gate or `STATE` has."""
    return tuple(tool for tool in CacheTool if (cache_folder(folder) / tool).is_dir())


def cache_variables(folder: Path, tools: Iterable[CacheTool]) -> dict[str, str]:
    """The variables that lead each tool to its part of a folder of caches."""
    return {_VARIABLES[tool]: str(folder / tool) for tool in tools}


def with_caches(confinement: Confinement, state: Path, folder: Path) -> Confinement:
    """Opened for the copies of caches that a slot or gate has; the shared ones can be read and never written."""
    copies = tuple(str(cache_folder(folder) / tool) for tool in caches_of(folder))
    shared = tuple(str(cache_folder(state) / tool) for tool in caches_of(state)) if copies else ()
    return replace(confinement, writable=(*confinement.writable, *copies), readable=(*confinement.readable, *shared))
