"""What is pure of the sandbox: command lines, the filter, who may be reached."""

from __future__ import annotations

import errno
import struct
from dataclasses import replace

import pytest

from coworkd.core.errors import ConfigError
from coworkd.core.model import SandboxLevel
from coworkd.system.sandbox import landlock_command, seccomp
from coworkd.system.sandbox.bubblewrap import System, command, mounts
from coworkd.system.sandbox.landlock_launch import LandlockRequest
from coworkd.system.sandbox.network_rules import RefusedError, Rules, Target, parse_request, parse_target
from coworkd.system.sandbox.policy import Confinement, SandboxCapabilities, opened, outermost

MEANS = SandboxCapabilities(
    level=SandboxLevel.BUBBLEWRAP, bwrap="/usr/bin/bwrap", filter="/state/f", protected=("/repo", "/state")
)
HELD = Confinement(means=MEANS, run="r", workdir="/w", writable=("/w", "/h"), readable=("/objects", "/w/sub"))


def test_what_lies_in_something_writable_is_not_mounted_again() -> None:
    assert outermost(["/a/b", "/a", "/ab", "/a/b/c"]) == ("/a", "/ab")
    assert mounts(HELD) == [("--bind", "/h"), ("--ro-bind-try", "/objects"), ("--bind", "/w")]


@pytest.mark.parametrize("path", ["/repo", "/repo/.cowork", "/", "/state/slots/2"])
def test_no_wish_opens_what_is_protected(path: str) -> None:
    with pytest.raises(ConfigError, match="never happens"):
        opened(HELD, [path])
    assert "/other" in opened(HELD, ["/other"]).writable


def test_loaders_and_shells_outside_do_not_obey_the_environment() -> None:
    env = {"LD_PRELOAD": "/w/evil.so", "BASH_ENV": "/w/evil", "KEY": "secret", "COWORK_RUN": "r"}
    argv, outer = command(HELD, System(), ("true",), env)
    assert outer == {"KEY": "secret", "COWORK_RUN": "r"}
    assert "secret" not in " ".join(argv)
    at = argv.index("LD_PRELOAD")
    assert argv[at - 1 : at + 2] == ("--setenv", "LD_PRELOAD", "/w/evil.so")
    assert argv[-2:] == ("--", "true")


def test_the_command_line_of_landlock() -> None:
    means = replace(MEANS, level=SandboxLevel.LANDLOCK, filter="/state/f")
    env = {"LD_PRELOAD": "/w/evil.so", "KEY": "secret"}
    held = replace(HELD, means=means)
    argv, outer = landlock_command.command(held, ("/usr",), ("true", "--"), env, joins=("/cg/procs",), ports=(3128,))
    assert outer == {"KEY": "secret"}
    words = argv[argv.index("read") :]
    assert words[-3:] == ("--", "true", "--")
    said = LandlockRequest(list(words))
    assert said.program == ["true", "--"]
    assert said.all("write") == ["/h", "/w"]
    assert said.all("read") == ["/objects", "/proc", "/usr"], "what lies in something writable is not opened again"
    assert not {"/tmp", "/dev/shm", "/dev", "/sys", "/"} & {*said.all("read"), *said.all("write"), *said.all("device")}
    assert (said.all("port"), said.all("join"), said.one("filter"), said.one("dir")) == (
        ["3128"], ["/cg/procs"], "/state/f", "/w",
    )  # fmt: skip
    assert said.all("env") == ["LD_PRELOAD=/w/evil.so", "GIT_CONFIG_NOSYSTEM=1"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["read"], "not in list"), (["read", "--"], "shorter"), (["rad", "/x", "--"], "means nothing"),
        (["read", "/x"], "not in list"),
    ],
)  # fmt: skip
def test_words_that_mean_nothing_start_nothing(words: list[str], says: str) -> None:
    with pytest.raises(ValueError, match=says):
        LandlockRequest(words)


def judged(machine: str, number: int, *arguments: int, namespaces: bool = True) -> int:
    """What the filter answers: the program, carried out."""
    program = seccomp.program(machine, namespaces=namespaces)
    assert program is not None
    lines = list(struct.iter_unpack("=HBBI", program))
    given = [*arguments, *[0] * (6 - len(arguments))]
    data = struct.pack("=iIQ6Q", number, seccomp.ARCHITECTURES[machine].audit, 0, *given)
    held, at = 0, 0
    while True:
        code, then, otherwise, value = lines[at]
        at += 1
        match code:
            case 0x20:
                held = int.from_bytes(data[value : value + 4], "little")
            case 0x06:
                return value
            case 0x54:
                held &= value
            case 0x15 | 0x35 | 0x45:
                jumps = {0x15: held == value, 0x35: held >= value, 0x45: bool(held & value)}[code]
                at += then if jumps else otherwise
            case _:
                raise AssertionError(code)


@pytest.mark.parametrize("machine", list(seccomp.ARCHITECTURES))
def test_the_filter(machine: str) -> None:
    numbers = seccomp.ARCHITECTURES[machine].numbers

    def ask(name: str, *arguments: int) -> int:
        return judged(machine, numbers[name], *arguments)

    for name in ("ptrace", "keyctl", "bpf", "mount", "userfaultfd", "kexec_load", "open_by_handle_at", "setns"):
        assert ask(name) == seccomp.REFUSED, name
    for name in ("io_uring_setup", "clone3"):
        assert ask(name) == seccomp.MISSING, name
    assert [ask("socket", family) for family in (1, 2, 10, 16)] == [seccomp.ALLOW] * 4
    assert {ask("socket", family) for family in (17, 38, 40)} == {0x50000 | errno.EAFNOSUPPORT}
    assert ask("ioctl", 0, 0x5412) == ask("ioctl", 0, 0x541C) == seccomp.REFUSED
    assert ask("ioctl", 0, 0x5401) == seccomp.ALLOW
    assert ask("clone", 0x10000000) == ask("unshare", 0x20000) == seccomp.REFUSED
    assert ask("clone", 0x11) == ask("unshare", 0x400) == seccomp.ALLOW
    assert ask("fchmod", 3, 0o4755) == ask("openat", 0, 0, 0o101, 0o4755) == seccomp.REFUSED
    assert ask("fchmod", 3, 0o755) == ask("openat", 0, 0, 0, 0o4755) == seccomp.ALLOW
    assert judged(machine, 0) == judged(machine, 63) == seccomp.ALLOW


@pytest.mark.parametrize("machine", list(seccomp.ARCHITECTURES))
def test_the_filter_where_no_namespaces_hide_anything(machine: str) -> None:
    numbers = seccomp.ARCHITECTURES[machine].numbers
    no_family = 0x50000 | errno.EAFNOSUPPORT

    def ask(name: str, *arguments: int) -> int:
        return judged(machine, numbers[name], *arguments, namespaces=False)

    stream, datagram, raw, sequence, close_on_exec, now = 1, 2, 3, 5, 0o2000000, 0o4000
    for family in (2, 10):
        assert (
            ask("socket", family, stream | close_on_exec | now, 0) == ask("socket", family, stream, 6) == seccomp.ALLOW
        )
        for kind in (datagram, raw, sequence, 10):
            assert ask("socket", family, kind | close_on_exec, 0) == no_family
        for protocol in (132, 256, 262, 17, 1):
            assert ask("socket", family, stream, protocol) == no_family
    for family in (1, 16, 17, 38, 40, 43):
        assert ask("socket", family, stream, 0) == no_family
    assert ask("socketpair", 1, stream | now) == ask("socketpair", 1, sequence) == seccomp.ALLOW
    assert {ask("socketpair", 1, datagram), ask("socketpair", 1, raw), ask("socketpair", 30, stream)} == {no_family}
    for name, flags in (("sendto", (0, 0, 0)), ("sendmsg", (0, 0)), ("sendmmsg", (0, 0, 0))):
        assert ask(name, *flags, 0x20000000 | 0x40) == seccomp.REFUSED
        assert ask(name, *flags, 0x4000) == seccomp.ALLOW
    assert ask("prlimit64", 0, 7) == seccomp.ALLOW
    assert ask("prlimit64", 4711, 7) == ask("listen", 3, 1) == seccomp.REFUSED
    for name in ("shmget", "shmat", "semop", "msgsnd", "mq_open"):
        assert ask(name) == seccomp.MISSING, name
        assert judged(machine, numbers[name]) == seccomp.ALLOW, "with namespaces it is harmless"
    for name in ("setxattr", "fsetxattr", "lremovexattr", "setxattrat"):
        assert ask(name) == 0x50000 | errno.EOPNOTSUPP, name
    for name in ("ptrace", "keyctl", "bpf", "mount", "setns", "pidfd_getfd"):
        assert ask(name) == seccomp.REFUSED, name
    assert ask("io_uring_setup") == seccomp.MISSING
    assert ask("ioctl", 0, 0x5412) == ask("clone", 0x10000000) == seccomp.REFUSED


def test_calls_by_another_convention_end_the_process() -> None:
    for namespaces in (True, False):
        assert judged("x86_64", 0x40000000 + 16, namespaces=namespaces) == seccomp.KILL
    assert seccomp.program("pdp11") is None


@pytest.mark.parametrize(
    "text",
    [
        "evil.example\0allowed.example:443", "%61llowed.example:443", "allowed.example.:443", "allowed.example:",
        "user@allowed.example:443", "allowed.example:0443", "allowed.example:99999", "0x7f000001:80", "127.1:80",
        "2130706433:80", "allowed.example:443 ", "allowed..example:443", "\u0430llowed.example:443", "[::1%lo]:80",
        "[allowed.example]:443", ":443", "allowed.example/:443", "allowed.example#:443",
    ],
)  # fmt: skip
def test_what_is_no_plain_name_is_no_name(text: str) -> None:
    with pytest.raises(RefusedError):
        parse_target(text)


RULES = Rules(["allowed.example", "intern.example:8443", "127.0.0.1:8123", "localhost:9000"])


@pytest.mark.parametrize("target", [("allowed.example", 443), ("127.0.0.1", 8123), ("localhost", 9000)])
def test_who_is_listed_may_be_reached(target: tuple[str, int]) -> None:
    RULES.check(Target(host=target[0], port=target[1]))


@pytest.mark.parametrize(
    "target", [("allowed.example", 80), ("allowed.example", 22), ("www.allowed.example", 443), ("127.0.0.1", 80)]
)
def test_no_one_else(target: tuple[str, int]) -> None:
    with pytest.raises(RefusedError):
        RULES.check(Target(host=target[0], port=target[1]))
    with pytest.raises(RefusedError):
        Rules(["*"]).check(Target(host=target[0], port=22))


@pytest.mark.parametrize(
    ("host", "port", "address", "fit"),
    [
        ("allowed.example", 443, "93.184.216.34", True), ("allowed.example", 443, "127.0.0.1", False),
        ("allowed.example", 443, "10.0.0.1", False), ("allowed.example", 443, "::ffff:127.0.0.1", False),
        ("allowed.example", 443, "169.254.169.254", False), ("intern.example", 8443, "10.0.0.1", True),
        ("intern.example", 8443, "169.254.169.254", False), ("127.0.0.1", 8123, "127.0.0.1", True),
        ("localhost", 9000, "::1", True), ("localhost", 9000, "10.0.0.1", False),
    ],
)  # fmt: skip
def test_what_a_name_may_stand_for(host: str, port: int, address: str, fit: bool) -> None:
    assert RULES.fit(Target(host=host, port=port), address) is fit


def test_a_plain_request_goes_to_whom_its_first_line_names_and_alone() -> None:
    head = b"GET http://allowed.example/a?b#c HTTP/1.1\r\nHost: evil.example\r\nProxy-Connection: keep-alive\r\nX: y"
    asked = parse_request(head)
    assert (asked.target, asked.tunnel) == (Target(host="allowed.example", port=80), False)
    assert asked.head == b"GET /a?b HTTP/1.1\r\nHost: allowed.example\r\nX: y\r\nConnection: close\r\n\r\n"


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1", b"CONNECT http://allowed.example HTTP/1.1", b"GET https://allowed.example/ HTTP/1.1",
        b"GET http://allowed.example@evil.example/ HTTP/1.1", b"GET http://evil.example\\@allowed.example/ HTTP/1.1",
        b"CONNECT allowed.example:443 HTTP/2", b"CONNECT allowed.example:443 HTTP/1.1\r\n folded: x",
        b"CONNECT allowed.example:443 HTTP/1.1\nHost: x", b"CONNECT evil.example\0allowed.example:443 HTTP/1.1",
    ],
)  # fmt: skip
def test_requests_that_are_refused(head: bytes) -> None:
    with pytest.raises(RefusedError):
        parse_request(head)
