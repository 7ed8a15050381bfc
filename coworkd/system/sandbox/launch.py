"""Into the sandbox: everything that has to be there outside before a confined process starts, and to go after it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from coworkd.core.model import SandboxLevel
from coworkd.system.sandbox import cgroups, landlock_command, visible_paths
from coworkd.system.sandbox.bubblewrap import command
from coworkd.system.sandbox.network_rules import Refusal
from coworkd.system.sandbox.policy import Confinement, contains
from coworkd.system.sandbox.proxy import Proxy

PROXY_PORT = 3128
"""On the sandbox's own loopback."""
_INSIDE = str(Path(__file__).with_name("init_shim.py"))
_HOSTS = "localhost,127.0.0.1,::1"


@dataclass(frozen=True, slots=True, kw_only=True)
class SandboxEntry:
    """A command as it is to be started, and what to call when it and all that it started have gone."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    leave: Callable[[], None]


def enter(confinement: Confinement | None, argv: Sequence[str], env: Mapping[str, str]) -> SandboxEntry:
    """The command in its sandbox; as it is where nothing confines. Raises OSError when the sandbox cannot be made."""
    if confinement is None or confinement.means.level is SandboxLevel.NONE:
        return SandboxEntry(argv=tuple(argv), env=env, leave=_nothing)
    held = _with_tools(confinement, env)
    groups = cgroups.join(held.means, held.run, held.limits)
    proxy = _proxy(held) if held.network or held.report else None
    through = {**env, **_proxied(proxy.port or PROXY_PORT)} if proxy else env
    start = _with_landlock if held.means.level is SandboxLevel.LANDLOCK else _with_bubblewrap
    wrapped, outer = start(held, argv, through, groups.joins, proxy)

    def leave() -> None:
        if proxy:
            proxy.close()
        groups.leave()

    return SandboxEntry(argv=wrapped, env=outer, leave=leave)


def shows(confinement: Confinement, path: str, env: Mapping[str, str]) -> bool:
    """Whether a whole path leads to the same inside as outside."""
    held, real = _with_tools(confinement, env), os.path.realpath(path)
    places = (*held.writable, *held.readable, *visible_paths.system().folders)
    return any(contains(place, real) for place in places)


def prefix(confinement: Confinement | None) -> tuple[str, ...]:
    """What stands in front of a command without a network, whose environment holds nothing of an agent's."""
    if confinement is None or confinement.means.level is SandboxLevel.NONE:
        return ()
    held = _with_tools(confinement, os.environ)
    start = _with_landlock if held.means.level is SandboxLevel.LANDLOCK else _with_bubblewrap
    return start(held, (), {}, (), None)[0]


def _proxy(held: Confinement) -> Proxy:
    return Proxy(held.network, held.report or _ignore, on_loopback=held.means.level is SandboxLevel.LANDLOCK)


def _with_bubblewrap(
    held: Confinement, argv: Sequence[str], env: Mapping[str, str], joins: Sequence[str], proxy: Proxy | None
) -> tuple[tuple[str, ...], dict[str, str]]:
    if proxy is None:
        return command(held, visible_paths.system(), argv, env, joins)
    network = replace(held, readable=(*held.readable, str(proxy.path), _INSIDE, *visible_paths.interpreter()))
    return command(network, visible_paths.system(), _through(proxy, argv), env, joins)


def _with_landlock(
    held: Confinement, argv: Sequence[str], env: Mapping[str, str], joins: Sequence[str], proxy: Proxy | None
) -> tuple[tuple[str, ...], dict[str, str]]:
    ports = (proxy.port, *(target.port for target in proxy.here)) if proxy else ()
    # A home below one of the system's folders is a service's own: it is no part of the system.
    hidden = (*held.means.protected, os.path.realpath(Path.home()))
    shown = visible_paths.parts_around(visible_paths.system().folders, hidden)
    return landlock_command.command(held, shown, argv, env, joins=joins, ports=ports)


def _with_tools(confinement: Confinement, env: Mapping[str, str]) -> Confinement:
    search, home = env.get("PATH", os.defpath), os.path.realpath(Path.home())
    tools = visible_paths.toolchains(search, home, confinement.writable)
    if confinement.means.level is SandboxLevel.LANDLOCK:
        tools = visible_paths.parts_around(tools, confinement.means.protected)
    return replace(confinement, readable=(*confinement.readable, *tools))


def _through(proxy: Proxy, argv: Sequence[str]) -> tuple[str, ...]:
    ports = [str(PROXY_PORT), *(f"{target.port}={_written(target.host)}:{target.port}" for target in proxy.here)]
    return (os.path.realpath(sys.executable), "-I", "-S", _INSIDE, str(proxy.path), *ports, "--", *argv)


def _written(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _proxied(port: int) -> dict[str, str]:
    """Variables by which programs find the proxy; listed services of this machine are reached without."""
    url = f"http://127.0.0.1:{port}"
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    found = {spelt: url for name in names for spelt in (name, name.lower())}
    return found | {"NO_PROXY": _HOSTS, "no_proxy": _HOSTS, "NODE_USE_ENV_PROXY": "1"}


def _nothing() -> None:
    pass


def _ignore(_refusal: Refusal) -> None:
    pass
