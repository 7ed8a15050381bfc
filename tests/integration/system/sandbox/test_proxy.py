"""The way out of a sandbox, with real servers on loopback."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from coworkd.core.model import SandboxLevel
from coworkd.system.process import commands
from coworkd.system.sandbox.policy import Confinement, SandboxCapabilities
from coworkd.system.sandbox.proxy import socket_parent
from coworkd.system.sandbox_probes.detection import find


class Hello(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, format: str, *args: object) -> None:
        """Quietly."""


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Hello) as server:
        threading.Thread(target=server.serve_forever).start()
        yield server.server_port
        server.shutdown()


@pytest.fixture(params=[SandboxLevel.BUBBLEWRAP, SandboxLevel.LANDLOCK])
def means(request: pytest.FixtureRequest, tmp_path: Path) -> SandboxCapabilities:
    found = find(tmp_path / "state", request.param)
    if found.level is SandboxLevel.NONE:
        pytest.skip(f"no such sandbox here: {found.unavailable_reason}")
    return found


def inside(
    means: SandboxCapabilities, root: Path, script: str, *network: str, tells_refused: bool = False
) -> commands.Exit:
    work = root / "work"
    work.mkdir(exist_ok=True)
    name = f"proxy-{root.name}-{os.getpid()}"
    env = commands.clean_environment(home=work, tmp=work, run=name, repo=name)
    confinement = Confinement(means=means, run=name, workdir=str(work), writable=(str(work),), network=network)
    spec = commands.ProcessSpec(
        argv=("bash", "-c", script),
        cwd=work,
        env=env,
        timeout=60.0,
        marker=name,
        confinement=confinement,
        tells_refused=tells_refused,
    )
    return commands.run(spec)


ASK = "python3 -c 'import sys, urllib.request as u; print(u.urlopen(sys.argv[1], timeout=20).read().decode())' "


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
def test_a_listed_service_of_this_machine_is_found_at_its_own_address(
    means: SandboxCapabilities, tmp_path: Path, port: int, host: str
) -> None:
    ended = inside(means, tmp_path, f"{ASK} http://{host}:{port}/", f"{host}:{port}")
    assert (ended.code, ended.tail.strip()) == (0, "hello"), ended


def test_through_the_proxy_as_programs_ask_it(means: SandboxCapabilities, tmp_path: Path, port: int) -> None:
    ended = inside(means, tmp_path, f"NO_PROXY= no_proxy= {ASK} http://127.0.0.1:{port}/", f"127.0.0.1:{port}")
    assert (ended.code, ended.tail.strip()) == (0, "hello"), ended


def test_what_is_not_listed_is_refused_and_says_so(means: SandboxCapabilities, tmp_path: Path, port: int) -> None:
    listed = inside(means, tmp_path, f"NO_PROXY= no_proxy= {ASK} http://127.0.0.1:{port}/", "allowed.example")
    assert listed.code != 0
    assert "403" in listed.tail, listed
    assert listed.refused == (f"127.0.0.1:{port}",)
    closed = inside(means, tmp_path, f"{ASK} http://127.0.0.1:{port}/")
    assert closed.code != 0
    assert closed.refused == (), "there is no proxy to ask"


def test_the_socket_s_path_stays_short_however_long_that_of_the_temporary_folder_is() -> None:
    assert socket_parent("/var/tmp") == "/var/tmp"
    assert socket_parent("/var/tmp/" + "x" * 90) == "/tmp"


@pytest.mark.parametrize("network", [(), ("allowed.example",)])
def test_each_refused_host_is_told_once_as_it_would_be_listed(
    means: SandboxCapabilities, tmp_path: Path, network: tuple[str, ...]
) -> None:
    hosts = (
        "https://registry.example/x",
        "https://registry.example/y",
        "http://plain.example/",
        "https://a.example:8443/",
    )
    ask = "; ".join(f"{ASK} {host}" for host in hosts)
    ended = inside(means, tmp_path, ask, *network, tells_refused=True)
    assert ended.code != 0
    assert ended.refused == ("registry.example", "plain.example:80", "a.example:8443")


def test_the_program_inside_ends_as_it_would_outside(means: SandboxCapabilities, tmp_path: Path, port: int) -> None:
    assert inside(means, tmp_path, "exit 7", f"127.0.0.1:{port}").code == 7


def test_another_port_of_this_machine_stays_closed_beside_a_listed_one(
    means: SandboxCapabilities, tmp_path: Path, port: int
) -> None:
    with ThreadingHTTPServer(("127.0.0.1", 0), Hello) as other:
        threading.Thread(target=other.serve_forever).start()
        script = f"{ASK} http://127.0.0.1:{port}/ && NO_PROXY='*' {ASK} http://127.0.0.1:{other.server_port}/"
        ended = inside(means, tmp_path, script, f"127.0.0.1:{port}")
        other.shutdown()
    assert ended.code != 0
    assert ended.tail.startswith("hello")
    assert "hello" not in ended.tail.removeprefix("hello")
