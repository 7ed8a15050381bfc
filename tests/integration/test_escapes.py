"""Ways out of the sandbox: each is tried inside, where it must fail, and outside, where it works.

All are tried in one start of the sandbox, and in one without. What this machine cannot do even outside is skipped.
"""

from __future__ import annotations

import os
import shlex
import shutil
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from coworkd import process
from coworkd.confine.confinement import Confinement, Limits, Means
from coworkd.model import SandboxLevel
from coworkd.sandbox import Sandbox

HEAD = (
    "import ctypes, os, socket, sys; libc = ctypes.CDLL(None, use_errno=True)\n"
    "def call(*args):\n"
    "    if libc.syscall(*args) < 0 and ctypes.get_errno() in (1, 38): sys.exit(1)\n"
)
X86 = os.uname().machine == "x86_64"

SHELL = {
    "read a key of ssh": "cat $OUT/home/.ssh/id_ed25519",
    "list the home": "ls $OUT/home/.ssh",
    "read the daemon's environment": "cat /proc/$HOST/environ",
    "walk through the daemon's root": "ls /proc/$HOST/root/",
    "write the checkout": "echo x >>$OUT/repo/app.py",
    "write git's configuration": "git config -f $OUT/repo/.git/config core.fsmonitor evil",
    "plant a hook": "cp /bin/sh $OUT/repo/.git/hooks/pre-commit",
    "write the database": "echo x >>$OUT/repo/.git/cowork/state.db",
    "approve its own review": "echo 'approval: approved' >>$OUT/repo/.cowork/reviews/t.md",
    "read another slot": "cat $OUT/slots/2/work/secret",
    "write another slot": "echo x >>$OUT/slots/2/work/secret",
    "write /etc": "touch /etc/coworkd-escape && rm /etc/coworkd-escape",
    "write /usr": "touch /usr/coworkd-escape && rm /usr/coworkd-escape",
    "write the root": "mkdir /coworkd-escape && rmdir /coworkd-escape",
    "read the passwords": "cat /etc/shadow",
    "signal the daemon": "kill -0 $HOST",
    "mount": "mkdir -p m && mount -t tmpfs none m && umount m",
    "make a user namespace": "unshare --user true",
    "enter the daemon's namespaces": "nsenter --target $HOST --mount true",
    "change root": "chroot / true",
    "name the machine": "hostname $(hostname)",
    "change the kernel's settings": "cat /proc/sys/vm/swappiness >s && cat s >/proc/sys/vm/swappiness",
    "reach for the magic key": "(: >/proc/sysrq-trigger)",
    "make a device": "mknod d b 254 0",
    "make a program that becomes another user": "cp /bin/true su && chmod u+s su",
    "follow a link out": "ln -sf $OUT/home l && cat l/.ssh/id_ed25519",
    "link a file in": "ln -f $OUT/home/.ssh/id_ed25519 h && cat h",
    "climb out by dots": "cat ../out/home/.ssh/id_ed25519",
    "point git elsewhere": "git --git-dir=$OUT/repo/.git config x.y z",
    "see the machine's devices": "test -e /sys/class/net/lo || test -e /dev/kmsg",
}
PYTHON = {
    "ask the daemon's socket": "socket.socket(socket.AF_UNIX).connect(os.environ['OUT'] + '/socket')",
    "ask an abstract socket": "socket.socket(socket.AF_UNIX).connect('\\0' + os.environ['ABSTRACT'])",
    "reach a service of this machine": "socket.create_connection(('127.0.0.1', int(os.environ['PORT'])), 5)",
    "find a way to the cloud's metadata": (
        "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(('169.254.169.254', 80))"
    ),
    "find a way to a name server": "socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(('192.0.2.53', 53))",
    "open a raw socket": "socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)",
    "open a packet socket": "socket.socket(socket.AF_PACKET, socket.SOCK_RAW)",
    "open a virtual socket": "socket.socket(socket.AF_VSOCK, socket.SOCK_STREAM)",
    "be traced": "sys.exit(libc.ptrace(0, 0, 0, 0) != 0)",
    "type for the user": (
        "import fcntl, pty; os.setsid(); a, b = pty.openpty(); fcntl.ioctl(b, 0x540E, 0); fcntl.ioctl(b, 0x5412, b'x')"
    ),
    "set up io_uring": "call(425, 1, ctypes.create_string_buffer(256))",
    "take a file descriptor of another": "call(438, os.pidfd_open(os.getpid()), 1, 0)",
    "open a mount tree": "call(428, -100, b'/', 0)",
}
NUMBERED = {
    "read the keyring": "call(250, 0, -3, 0)",
    "add a key": "call(248, b'user', b'coworkd', b'x', 1, -2)",
    "handle page faults": "call(323, 1)",
    "load a program into the kernel": "call(321, 0, 0, 0)",
    "watch the processor": "call(298, ctypes.create_string_buffer(128), 0, -1, -1, 0)",
    "read another's memory": "call(310, os.getpid(), 0, 0, 0, 0, 0)",
    "name a file by handle": "call(303, -100, b'/', ctypes.create_string_buffer(256), ctypes.create_string_buffer(8), 0)",
}
ATTEMPTS = {
    **SHELL,
    **{
        name: f"{shlex.quote(sys.executable)} -I -S -c {shlex.quote(HEAD + code)}"
        for name, code in (PYTHON | (NUMBERED if X86 else {})).items()
    },
}


@pytest.fixture(scope="module")
def means(tmp_path_factory: pytest.TempPathFactory) -> Means:
    found = Sandbox(tmp_path_factory.mktemp("state"), None).means
    if found.level is SandboxLevel.NONE:
        pytest.skip(f"no sandbox here: {found.why}")
    return found


def outside(root: Path) -> None:
    """What a user has that an agent is after."""
    for folder in ("home/.ssh", "repo/.git/hooks", "repo/.git/cowork", "repo/.cowork/reviews", "slots/2/work"):
        (root / folder).mkdir(parents=True)
    for file in ("home/.ssh/id_ed25519", "repo/app.py", "slots/2/work/secret", "repo/.cowork/reviews/t.md"):
        (root / file).write_text("x\n")


def tried(means: Means | None, root: Path, stack: ExitStack) -> frozenset[str]:
    """The attempts that succeeded; `means` None: without a sandbox."""
    out, work = root / "out", root / "work"
    work.mkdir(parents=True)
    outside(out)
    loopback = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    for address in (str(out / "socket"), f"\0coworkd-{os.getpid()}-{root.name}"):
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(address)
        listener.listen()
    lines = [
        f"if ( {how}\n) >/dev/null 2>&1 </dev/null; then echo {number}; fi"
        for number, how in enumerate(ATTEMPTS.values())
    ]
    script = root / "work" / "attempts.sh"
    script.write_text("\n".join([*lines, "echo end"]))
    told = {"OUT": str(out), "HOST": str(os.getpid()), "PORT": str(loopback.getsockname()[1])}
    name = f"escapes-{root.name}-{os.getpid()}"
    env = process.clean_environment(
        home=work, tmp=work, run=name, repo=name, extra={**told, "ABSTRACT": f"coworkd-{os.getpid()}-{root.name}"}
    )
    held = means and Confinement(
        means=means, run=name, workdir=str(work), writable=(str(work),), readable=(sys.base_prefix,)
    )
    spec = process.ProcessSpec(
        argv=("bash", str(script)), cwd=work, env=env, timeout=120.0, marker=name, confinement=held
    )
    ended = process.run(spec)
    *numbers, last = ended.tail.splitlines()
    assert last == "end", ended
    names = list(ATTEMPTS)
    return frozenset(names[int(number)] for number in numbers)


@pytest.fixture(scope="module")
def results(means: Means, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[frozenset[str], frozenset[str]]]:
    with ExitStack() as stack:
        yield (
            tried(means, tmp_path_factory.mktemp("inside"), stack),
            tried(None, tmp_path_factory.mktemp("control"), stack),
        )


@pytest.mark.parametrize("attempt", list(ATTEMPTS))
def test_no_way_out(attempt: str, results: tuple[frozenset[str], frozenset[str]]) -> None:
    inside, control = results
    assert attempt not in inside
    if attempt not in control:
        pytest.skip("this user or this machine cannot do that outside either")


def test_the_controls_prove_something(results: tuple[frozenset[str], frozenset[str]]) -> None:
    if os.geteuid() == 0:
        assert len(results[1]) >= 35, set(ATTEMPTS) - results[1]


def held(means: Means, root: Path, script: str, limits: Limits) -> process.Exit:
    """A shell script in a small sandbox of its own."""
    name = f"limits-{root.name}-{os.getpid()}"
    env = process.clean_environment(home=root, tmp=root, run=name, repo=name)
    confinement = Confinement(means=means, run=name, workdir=str(root), writable=(str(root),), limits=limits)
    spec = process.ProcessSpec(
        argv=("bash", "-c", script), cwd=root, env=env, timeout=60.0, marker=name, confinement=confinement
    )
    return process.run(spec)


def test_a_file_grows_to_its_limit_and_no_further(means: Means, tmp_path: Path) -> None:
    ended = held(
        means, tmp_path, "head -c 3000000 /dev/zero >big; head -c 900000 /dev/zero >small", Limits(file_size=1 << 20)
    )
    assert (tmp_path / "big").stat().st_size <= 1 << 20
    assert (tmp_path / "small").stat().st_size == 900_000, ended


def test_what_is_thrown_into_tmp_has_a_limit(means: Means, tmp_path: Path) -> None:
    ended = held(means, tmp_path, "head -c 3000000 /dev/zero >/tmp/big; stat -c %s /tmp/big", Limits(scratch=1 << 20))
    assert int(ended.tail.splitlines()[-1]) <= 1 << 20


def test_a_fork_bomb_ends_at_the_limit(means: Means, tmp_path: Path) -> None:
    if not means.groups:
        pytest.skip("no control group can be made here")
    script = "for i in $(seq 60); do sleep 30 & done 2>/dev/null; jobs -p | wc -l"
    assert held(means, tmp_path, script, Limits(processes=30)).tail.strip() != "60"
    assert held(means, tmp_path, script, Limits(processes=300)).tail.strip() == "60"


def test_nothing_survives_by_leaving_its_session(means: Means, tmp_path: Path) -> None:
    held(
        means,
        tmp_path,
        "setsid bash -c '(while :; do echo x >>alive; sleep 0.05; done) & disown' & sleep 0.5",
        Limits(),
    )
    assert not process.sweep("COWORK_RUN", f"limits-{tmp_path.name}-{os.getpid()}", grace=0.0)
    assert shutil.which("setsid")
