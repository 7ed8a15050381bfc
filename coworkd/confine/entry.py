"""Into the sandbox: everything that has to be there outside before a confined process starts, and to go after it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from coworkd.confine import groups, surroundings
from coworkd.confine.bubblewrap import command
from coworkd.confine.confinement import Confinement
from coworkd.confine.proxy import Proxy, Report
from coworkd.model import SandboxLevel

PROXY_PORT = 3128
"""On the sandbox's own loopback."""
_INSIDE = str(Path(__file__).with_name("inside.py"))
_HOSTS = "localhost,127.0.0.1,::1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A command as it is to be started, and what to call when it and all that it started have gone."""

    argv: tuple[str, ...]
    env: Mapping[str, str]
    leave: Callable[[], None]


def enter(
    confinement: Confinement | None, argv: Sequence[str], env: Mapping[str, str], report: Report = lambda _: None
) -> Entry:
    """The command in its sandbox; as it is where nothing confines. Raises OSError when the sandbox cannot be made."""
    if confinement is None or confinement.means.level is SandboxLevel.NONE:
        return Entry(argv=tuple(argv), env=env, leave=_nothing)
    held = _with_tools(confinement, env)
    joins = groups.join(held.means, held.run, held.limits)
    if not held.network:
        wrapped, outer = command(held, surroundings.system(), argv, env, joins)
        return Entry(argv=wrapped, env=outer, leave=lambda: groups.leave(held.means, held.run))
    proxy = Proxy(held.network, report)
    network = replace(held, readable=(*held.readable, str(proxy.path), _INSIDE, *surroundings.interpreter()))
    through = {**env, **_proxied()}
    wrapped, outer = command(network, surroundings.system(), _through(proxy, argv), through, joins)

    def leave() -> None:
        proxy.close()
        groups.leave(held.means, held.run)

    return Entry(argv=wrapped, env=outer, leave=leave)


def prefix(confinement: Confinement | None) -> tuple[str, ...]:
    """What stands in front of a command without a network, whose environment holds nothing of an agent's."""
    if confinement is None or confinement.means.level is SandboxLevel.NONE:
        return ()
    return command(_with_tools(confinement, os.environ), surroundings.system(), (), {})[0]


def _with_tools(confinement: Confinement, env: Mapping[str, str]) -> Confinement:
    tools = surroundings.toolchains(env.get("PATH", os.defpath), os.path.realpath(Path.home()))
    return replace(confinement, readable=(*confinement.readable, *tools))


def _through(proxy: Proxy, argv: Sequence[str]) -> tuple[str, ...]:
    ports = [str(PROXY_PORT), *(f"{target.port}={_written(target.host)}:{target.port}" for target in proxy.here)]
    return (os.path.realpath(sys.executable), "-I", "-S", _INSIDE, str(proxy.path), *ports, "--", *argv)


def _written(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _proxied() -> dict[str, str]:
    """Variables by which programs find the proxy; the sandbox's own loopback is reached without."""
    url = f"http://127.0.0.1:{PROXY_PORT}"
    names = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    found = {spelt: url for name in names for spelt in (name, name.lower())}
    return found | {"NO_PROXY": _HOSTS, "no_proxy": _HOSTS, "NODE_USE_ENV_PROXY": "1"}


def _nothing() -> None:
    pass
