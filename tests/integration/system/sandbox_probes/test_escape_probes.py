"""Ways out of the sandbox: each is tried inside of every kind, where it must fail, and outside, where it works.

All are tried in one start of each sandbox, and in one without. What this machine cannot do even outside is skipped.
"""

from __future__ import annotations

import ctypes
import os
import pty
import shlex
import shutil
import socket
import socketserver
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from coworkd.core.model import SandboxLevel
from coworkd.system.process import commands
from coworkd.system.sandbox.policy import Confinement, ResourceLimits, SandboxCapabilities
from coworkd.system.sandbox_probes.detection import find

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
    "see the machine's devices": "cat /sys/class/net/lo/address || head -c 1 /dev/kmsg",
    "read the workspace": "cat $OUT/repo/.cowork/reviews/t.md",
    "read the git directory": "cat $OUT/repo/.git/config",
    "read the checkout": "cat $OUT/repo/app.py",
    "read the daemon's memory": "head -c 1 /proc/$HOST/maps",
    "see what the daemon has open": "readlink /proc/$HOST/fd/0",
    "rename a file of the checkout": "mv $OUT/repo/app.py $OUT/repo/b.py && mv $OUT/repo/b.py $OUT/repo/app.py",
    "delete a file of the checkout": "rm $OUT/repo/spare",
    "move a file out": "echo x >planted && mv planted $OUT/repo/planted",
    "link a file out": "echo x >linked && ln linked $OUT/repo/linked",
    "make a link outside": "ln -s /etc/passwd $OUT/repo/pointer",
    "make a pipe outside": "mkfifo $OUT/repo/pipe",
    "read another's shared memory": "cat $SHARED",
}
PYTHON = {
    "ask the daemon's socket": "socket.socket(socket.AF_UNIX).connect(os.environ['OUT'] + '/socket')",
    "ask a session bus": "socket.socket(socket.AF_UNIX).connect(os.environ['OUT'] + '/bus')",
    "ask the agent of ssh": "socket.socket(socket.AF_UNIX).connect(os.environ['OUT'] + '/agent')",
    "write to the system's log": (
        "socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM).sendto(b'x', os.environ['OUT'] + '/log')"
    ),
    "write to a socket file from one end of a pair": (
        "socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)[0].sendto(b'x', os.environ['OUT'] + '/log')"
    ),
    "be answered by a datagram": (
        "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.settimeout(5);"
        " s.sendto(b'x', ('127.0.0.1', int(os.environ['ECHO']))); s.recv(1)"
    ),
    "connect in the first packet": (
        "socket.socket().sendto(b'x', socket.MSG_FASTOPEN, ('127.0.0.1', int(os.environ['PORT'])))"
    ),
    "connect by another protocol of streams": (
        "socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262).connect(('127.0.0.1', int(os.environ['PORT'])))"
    ),
    "empty a file while opening it": "os.open(os.environ['OUT'] + '/repo/app.py', os.O_WRONLY | os.O_TRUNC)",
    "empty a file by name": "os.truncate(os.environ['OUT'] + '/repo/app.py', 0)",
    "mark a file": "os.setxattr(os.environ['OUT'] + '/repo/app.py', 'user.coworkd', b'x')",
    "read the user's terminal": "os.open(os.environ['TERMINAL'], os.O_RDWR | os.O_NOCTTY)",
    "limit the daemon": "import resource; resource.prlimit(int(os.environ['HOST']), resource.RLIMIT_CORE)",
    "find the kernel's shared memory": "sys.exit(libc.shmget(int(os.environ['KEY']), 0, 0) < 0)",
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


LEVELS = (SandboxLevel.BUBBLEWRAP, SandboxLevel.LANDLOCK)


@pytest.fixture(scope="module", params=LEVELS)
def means(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> SandboxCapabilities:
    found = find(tmp_path_factory.mktemp("state"), request.param)
    if found.level is SandboxLevel.NONE:
        pytest.skip(f"no such sandbox here: {found.unavailable_reason}")
    return found


def outside(root: Path) -> None:
    """What a user has that an agent is after."""
    for folder in ("home/.ssh", "repo/.git/hooks", "repo/.git/cowork", "repo/.cowork/reviews", "slots/2/work"):
        (root / folder).mkdir(parents=True)
    files = ("home/.ssh/id_ed25519", "repo/app.py", "slots/2/work/secret", "repo/.cowork/reviews/t.md")
    for file in (*files, "repo/.git/config", "repo/spare"):
        (root / file).write_text("# x\n")


def services(root: Path, stack: ExitStack) -> dict[str, str]:
    """What listens on the user's machine, and the variables that say where."""
    abstract = f"coworkd-{os.getpid()}-{root.parent.name}"
    for address in (*(str(root / name) for name in ("socket", "bus", "agent")), f"\0{abstract}"):
        listener = stack.enter_context(socket.socket(socket.AF_UNIX))
        listener.bind(address)
        listener.listen()
    log = stack.enter_context(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
    log.bind(str(root / "log"))
    loopback = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
    echo = stack.enter_context(socketserver.ThreadingUDPServer(("127.0.0.1", 0), Echo))
    threading.Thread(target=echo.serve_forever, daemon=True).start()
    stack.callback(echo.shutdown)
    return {
        "ABSTRACT": abstract, "PORT": str(loopback.getsockname()[1]), "ECHO": str(echo.server_address[1]),
        "TERMINAL": terminal(stack), "KEY": shared_memory(stack), "SHARED": shared_file(stack, abstract),
    }  # fmt: skip


class Echo(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request[1].sendto(self.request[0], self.client_address)


def terminal(stack: ExitStack) -> str:
    ours, theirs = pty.openpty()
    stack.callback(os.close, ours)
    stack.callback(os.close, theirs)
    return os.ttyname(theirs)


def shared_memory(stack: ExitStack) -> str:
    key, libc = os.getpid(), ctypes.CDLL(None)
    segment = libc.shmget(key, 4096, 0o1600)
    stack.callback(libc.shmctl, segment, 0, None)
    return str(key)


def shared_file(stack: ExitStack, name: str) -> str:
    file = Path("/dev/shm", name)
    if file.parent.is_dir():
        file.write_text("secret")
        stack.callback(file.unlink)
    return str(file)


def tried(means: SandboxCapabilities | None, root: Path, stack: ExitStack) -> frozenset[str]:
    """The attempts that succeeded; `means` None: without a sandbox."""
    out, work = root / "out", root / "work"
    work.mkdir(parents=True)
    outside(out)
    lines = [
        f"if ( {how}\n) >/dev/null 2>&1 </dev/null; then echo {number}; fi"
        for number, how in enumerate(ATTEMPTS.values())
    ]
    script = root / "work" / "attempts.sh"
    script.write_text("\n".join([*lines, "echo end"]))
    told = {"OUT": str(out), "HOST": str(os.getpid()), **services(out, stack)}
    name = f"escapes-{root.name}-{os.getpid()}"
    env = commands.clean_environment(home=work, tmp=work, run=name, repo=name, extra=told)
    held = means and Confinement(
        means=means, run=name, workdir=str(work), writable=(str(work),), readable=(sys.base_prefix,)
    )
    spec = commands.ProcessSpec(
        argv=("bash", str(script)), cwd=work, env=env, timeout=120.0, marker=name, confinement=held
    )
    ended = commands.run(spec)
    *numbers, last = ended.tail.splitlines()
    assert last == "end", ended
    names = list(ATTEMPTS)
    return frozenset(names[int(number)] for number in numbers)


@pytest.fixture(scope="module")
def control(tmp_path_factory: pytest.TempPathFactory) -> Iterator[frozenset[str]]:
    with ExitStack() as stack:
        yield tried(None, tmp_path_factory.mktemp("control"), stack)


@pytest.fixture(scope="module")
def inside(means: SandboxCapabilities, tmp_path_factory: pytest.TempPathFactory) -> Iterator[frozenset[str]]:
    with ExitStack() as stack:
        yield tried(means, tmp_path_factory.mktemp("inside"), stack)


@pytest.mark.parametrize("attempt", list(ATTEMPTS))
def test_no_way_out(attempt: str, inside: frozenset[str], control: frozenset[str]) -> None:
    assert attempt not in inside
    if attempt not in control:
        pytest.skip("this user or this machine cannot do that outside either")


def test_the_controls_prove_something(control: frozenset[str]) -> None:
    if os.geteuid() == 0:
        assert len(control) >= 55, set(ATTEMPTS) - control


def held(means: SandboxCapabilities, root: Path, script: str, limits: ResourceLimits) -> commands.Exit:
    """A shell script in a small sandbox of its own."""
    name = f"limits-{root.name}-{os.getpid()}"
    env = commands.clean_environment(home=root, tmp=root, run=name, repo=name)
    confinement = Confinement(means=means, run=name, workdir=str(root), writable=(str(root),), limits=limits)
    spec = commands.ProcessSpec(
        argv=("bash", "-c", script), cwd=root, env=env, timeout=60.0, marker=name, confinement=confinement
    )
    return commands.run(spec)


def test_a_file_grows_to_its_limit_and_no_further(means: SandboxCapabilities, tmp_path: Path) -> None:
    ended = held(
        means,
        tmp_path,
        "head -c 3000000 /dev/zero >big; head -c 900000 /dev/zero >small",
        ResourceLimits(file_size=1 << 20),
    )
    assert (tmp_path / "big").stat().st_size <= 1 << 20
    assert (tmp_path / "small").stat().st_size == 900_000, ended


def test_what_is_thrown_into_tmp_has_a_limit(means: SandboxCapabilities, tmp_path: Path) -> None:
    if means.level is SandboxLevel.LANDLOCK:
        pytest.skip("there is no /tmp inside")
    ended = held(
        means, tmp_path, "head -c 3000000 /dev/zero >/tmp/big; stat -c %s /tmp/big", ResourceLimits(scratch=1 << 20)
    )
    assert int(ended.tail.splitlines()[-1]) <= 1 << 20


@pytest.mark.parametrize("folder", ["/tmp", "/var/tmp", "/dev/shm"])
def test_what_belongs_to_everybody_is_not_written(means: SandboxCapabilities, tmp_path: Path, folder: str) -> None:
    made = Path(folder, f"coworkd-made-{os.getpid()}-{means.level}")
    held(means, tmp_path, f"echo x >{made}; mkdir {made}.d", ResourceLimits())
    assert not made.exists()
    assert not Path(f"{made}.d").exists()


def test_a_fork_bomb_ends_at_the_limit(means: SandboxCapabilities, tmp_path: Path) -> None:
    if not means.groups:
        pytest.skip("no control group can be made here")
    script = "for i in $(seq 60); do sleep 30 & done 2>/dev/null; jobs -p | wc -l"
    assert held(means, tmp_path, script, ResourceLimits(processes=30)).tail.strip() != "60"
    assert held(means, tmp_path, script, ResourceLimits(processes=300)).tail.strip() == "60"


def test_nothing_survives_by_leaving_its_session(means: SandboxCapabilities, tmp_path: Path) -> None:
    held(
        means,
        tmp_path,
        "setsid bash -c '(while :; do echo x >>alive; sleep 0.05; done) & disown' & sleep 0.5",
        ResourceLimits(),
    )
    assert not commands.sweep("COWORK_RUN", f"limits-{tmp_path.name}-{os.getpid()}", grace=0.0)
    assert shutil.which("setsid")
