"""The level `landlock`: its first process, what it closes beside the kernel's own rules, and what it does not stop."""

from __future__ import annotations

import os
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from coworkd.core.model import SandboxLevel, SandboxMode, UserSandbox
from coworkd.system.process import commands
from coworkd.system.process_tree import TreeTermination, find_marked, members
from coworkd.system.sandbox.landlock_launch import CANNOT_CONFINE, CANNOT_START
from coworkd.system.sandbox.launch import prefix
from coworkd.system.sandbox.policy import Confinement, SandboxCapabilities
from coworkd.system.sandbox_probes.detection import Sandbox, find
from coworkd.system.sandbox_probes.escape_attempts import ATTEMPTS
from coworkd.system.sandbox_probes.escape_probes import find_escapes, probe_escapes

PATIENCE = 30.0


@pytest.fixture
def means(tmp_path: Path) -> SandboxCapabilities:
    found = find(tmp_path / "state", SandboxLevel.LANDLOCK)
    if found.level is SandboxLevel.NONE:
        pytest.skip(f"no Landlock here: {found.unavailable_reason}")
    return found


@pytest.fixture
def work(tmp_path: Path) -> Path:
    (tmp_path / "work").mkdir()
    return tmp_path / "work"


def confinement(means: SandboxCapabilities, work: Path) -> Confinement:
    return Confinement(means=means, run=mark(work), workdir=str(work), writable=(str(work),))


def mark(work: Path) -> str:
    return f"landlock-{work.parent.name}-{os.getpid()}"


def environment(work: Path) -> dict[str, str]:
    return commands.clean_environment(home=work, tmp=work, run=mark(work), repo=mark(work))


def shell(means: SandboxCapabilities, work: Path, script: str) -> commands.Exit:
    return commands.run(
        commands.ProcessSpec(
            argv=("bash", "-c", script), cwd=work, env=environment(work), timeout=PATIENCE, marker=mark(work),
            confinement=confinement(means, work),
        )
    )  # fmt: skip


def wait_until(what: str, holds: object) -> None:
    assert callable(holds)
    until = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < until, what
        select.select([], [], [], 0.02)


def test_every_attempt_works_outside_and_none_inside(means: SandboxCapabilities) -> None:
    trial = probe_escapes(means)
    assert trial.inside == frozenset()
    assert trial.proven == trial.outside
    if os.geteuid() == 0:
        assert trial.outside == set(ATTEMPTS)


def test_a_sandbox_that_leaks_is_found_out(means: SandboxCapabilities) -> None:
    """The control of the trial: with the filter of another level, which has namespaces, ways lead out."""
    leaking = Path(means.filter).with_name("leaking.bpf")
    leaking.write_bytes(Path(find(leaking.parent / "b", SandboxLevel.BUBBLEWRAP).filter).read_bytes())
    found = find_escapes(replace(means, filter=str(leaking)))
    assert {"sends a datagram", "asks a socket file"} <= found


def test_the_one_asked_for_is_used_and_no_other(tmp_path: Path, means: SandboxCapabilities) -> None:
    assert Sandbox(tmp_path / "a", UserSandbox(use=SandboxLevel.LANDLOCK)).means.level is SandboxLevel.LANDLOCK
    off = Sandbox(tmp_path / "b", UserSandbox(mode=SandboxMode.OFF, use=SandboxLevel.LANDLOCK)).means
    assert (off.level, off.disabled_by_user) == (SandboxLevel.NONE, True)


def test_without_its_filter_nothing_starts(means: SandboxCapabilities, work: Path) -> None:
    ended = shell(replace(means, filter=str(work / "absent")), work, "touch started")
    assert ended.code == CANNOT_CONFINE
    assert "the sandbox cannot be made" in ended.tail
    assert not (work / "started").exists()


def test_a_folder_of_the_run_that_is_gone_ends_the_start(means: SandboxCapabilities, work: Path) -> None:
    held = replace(confinement(means, work), writable=(str(work), str(work.parent / "gone")))
    spec = commands.ProcessSpec(
        argv=("touch", "started"), cwd=work, env=environment(work), marker=mark(work), confinement=held
    )
    assert commands.run(spec).code == CANNOT_CONFINE
    assert not (work / "started").exists()


def test_a_program_that_is_not_there(means: SandboxCapabilities, work: Path) -> None:
    spec = commands.ProcessSpec(
        argv=("no-such-program",), cwd=work, env=environment(work), marker=mark(work),
        confinement=confinement(means, work),
    )  # fmt: skip
    ended = commands.run(spec)
    assert (ended.code, "cannot start 'no-such-program'" in ended.tail) == (CANNOT_START, True)


@pytest.mark.parametrize(("script", "code"), [("exit 7", 7), ("kill -TERM $$", 143), ("true", 0)])
def test_it_ends_as_the_program_does(means: SandboxCapabilities, work: Path, script: str, code: int) -> None:
    assert shell(means, work, script).code == code


def test_what_a_program_needs_of_its_own_works(means: SandboxCapabilities, work: Path) -> None:
    """Moves and links between its folders, pipes to itself, its own processes, git."""
    script = """
    set -e
    mkdir a b; echo x >a/f; mv a/f b/f; ln b/f a/g; ln -s b/f l; mkfifo p; cat <(echo y) >/dev/null; : >/dev/null
    sleep 60 & kill $!; cat /proc/self/environ /proc/self/status >/dev/null; head -c1 /dev/urandom >/dev/null
    git init -q r; cd r; git -c user.name=x -c user.email=x@example.com commit -q --allow-empty -m x; git log -1 --format=%s
    python3 -c 'import socket; a, b = socket.socketpair(); a.send(b"z"); print(b.recv(1).decode())'
    echo "$TMPDIR" | grep -q work; mktemp >/dev/null; test "$LD_TRACE" = kept
    """
    spec = commands.ProcessSpec(
        argv=("bash", "-c", script), cwd=work, env={**environment(work), "LD_TRACE": "kept"}, timeout=PATIENCE,
        marker=mark(work), confinement=confinement(means, work),
    )  # fmt: skip
    ended = commands.run(spec)
    assert (ended.code, ended.tail.split()) == (0, ["x", "z"]), ended


def test_no_descriptor_is_handed_on(means: SandboxCapabilities, work: Path) -> None:
    assert _read_by_descriptor(None, work) == "secret\n", "the control: without a sandbox it is"
    assert "secret" not in _read_by_descriptor(confinement(means, work), work)


def _read_by_descriptor(held: Confinement | None, work: Path) -> str:
    secret = work.parent / "secret"
    secret.write_text("secret\n")
    with secret.open() as file:
        argv = ("bash", "-c", f"cat <&{file.fileno()}")
        child = commands.spawn(
            argv, cwd=work, env=environment(work), keep=(file.fileno(),), stderr=commands.TOGETHER, confinement=held
        )
    return _said(child)


def _said(child: commands.Child) -> str:
    content = child.stdout.read()
    child.wait()
    child.close()
    return content.decode()


def test_it_has_no_terminal_and_a_session_of_its_own(means: SandboxCapabilities, work: Path) -> None:
    ended = shell(means, work, "ps -o sid= -p $$; echo $$; (: </dev/tty) 2>&1 || echo none")
    session, own, *rest = ended.tail.split()
    assert session == own
    assert rest[-1] == "none"


def test_it_cannot_gain_privileges(means: SandboxCapabilities, work: Path) -> None:
    ended = shell(means, work, "grep -E '^(NoNewPrivs|Seccomp|CapPrm|CapEff|CapBnd|CapInh|CapAmb):' /proc/self/status")
    found = dict(line.split(":\t") for line in ended.tail.splitlines())
    assert (found.pop("NoNewPrivs"), found.pop("Seccomp")) == ("1", "2")
    if os.geteuid() != 0:
        del found["CapBnd"]  # only who has privileges can give up what they could be
    assert set(found.values()) == {"0" * 16}


STARTS = """
import sys, time
from pathlib import Path
from coworkd.system.process import commands
from coworkd.system.sandbox.policy import Confinement, SandboxCapabilities
from coworkd.core.model import SandboxLevel
filter, work, mark, script = sys.argv[1:]
means = SandboxCapabilities(level=SandboxLevel.LANDLOCK, filter=filter)
env = commands.clean_environment(home=Path(work), tmp=Path(work), run=mark, repo=mark)
held = Confinement(means=means, run=mark, workdir=work, writable=(work,))
child = commands.spawn(("bash", "-c", script), cwd=Path(work), env=env, confinement=held)
print(child.pid, flush=True)
time.sleep(600)
"""
HIDES = """
env -i setsid bash -c 'while :; do echo $$ >hidden; sleep 0.05; done' >/dev/null 2>&1 &
while :; do sleep 0.05; done
"""


@pytest.fixture
def starter(means: SandboxCapabilities, work: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A process that has started a program which hides from its marks and its session."""
    argv = [sys.executable, "-c", STARTS, means.filter, str(work), mark(work), HIDES]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, cwd=Path(__file__).parents[4]) as started:
        wait_until("it hides", lambda: (work / "hidden").exists() and (work / "hidden").read_text().strip())
        yield started
        started.kill()


def alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def test_all_of_it_ends_with_the_process_that_started_it(starter: subprocess.Popen[bytes], work: Path) -> None:
    hidden = int((work / "hidden").read_text())
    assert alive(hidden)
    starter.send_signal(signal.SIGKILL)
    wait_until("nothing lives on", lambda: not alive(hidden))
    wait_until("nor the program", lambda: not find_marked("COWORK_RUN", mark(work)))


def test_what_hides_ends_with_the_program(means: SandboxCapabilities, work: Path) -> None:
    script = HIDES.replace("while :; do sleep 0.05; done\n", "until test -s hidden; do sleep 0.02; done")
    child = commands.spawn(
        ("bash", "-c", script), cwd=work, env=environment(work), confinement=confinement(means, work)
    )
    assert child.wait(PATIENCE) == 0
    child.close()
    assert not alive(int((work / "hidden").read_text()))


def test_a_program_that_is_asked_to_end_has_time(means: SandboxCapabilities, work: Path) -> None:
    script = "trap 'echo tidy >end; exit 3' TERM; echo x >up; while :; do sleep 0.02; done"
    child = commands.spawn(
        ("bash", "-c", script), cwd=work, env=environment(work), confinement=confinement(means, work)
    )
    wait_until("it is up", (work / "up").exists)
    ending = TreeTermination(lambda: members(child.pid, mark(work)), PATIENCE)
    ending.step()
    assert child.wait(PATIENCE) == 3
    child.close()
    assert (work / "end").read_text() == "tidy\n"


def test_what_is_protected_is_left_out_of_a_folder_that_all_may_read(means: SandboxCapabilities, work: Path) -> None:
    """A checkout below a folder on the search path is not shown with it."""
    tools = work.parent / "tools"
    for file in ("bin/tool", "src/checkout/secret", "src/other"):
        (tools / file).parent.mkdir(parents=True, exist_ok=True)
        (tools / file).write_text("#!/bin/sh\necho ran\n")
    (tools / "bin/tool").chmod(0o755)
    (tools / "pyvenv.cfg").touch()
    script = f"tool; cat {tools}/src/other {tools}/src/checkout/secret"
    env = {**environment(work), "PATH": f"{tools}/bin:/usr/bin:/bin"}

    def said(protected: tuple[str, ...]) -> commands.Exit:
        held = confinement(replace(means, protected=protected), work)
        return commands.run(commands.ProcessSpec(
            argv=("sh", "-c", script), cwd=work, env=env, marker=mark(work), confinement=held
        ))  # fmt: skip

    assert said(()).code == 0, "the control"
    ended = said((str(tools / "src/checkout"),))
    assert ended.code == 1
    assert ended.tail.startswith("ran\n#!/bin/sh\necho ran\n")
    assert "Permission denied" in ended.tail


def test_git_on_a_slot_starts_inside(means: SandboxCapabilities, work: Path) -> None:
    words = prefix(confinement(means, work))
    done = subprocess.run([*words, "cat", "/etc/shadow"], capture_output=True, check=False, timeout=PATIENCE)
    assert (done.returncode, b"Permission denied" in done.stderr) == (1, True)


def test_what_it_does_not_stop_is_as_documented(means: SandboxCapabilities, work: Path) -> None:
    """docs/security.md says these: when the kernel learns to refuse one, the page is to follow."""
    outside = work.parent / "outside"
    outside.mkdir()
    (outside / "known").write_text("x" * 42)
    script = (
        f"stat -c %s {outside}/known && chmod 640 {outside}/known && touch -cd @1 {outside}/known"
        f" && tr -d '\\0' </proc/{os.getpid()}/cmdline | grep -q . && echo seen"
    )
    ended = shell(means, work, script)
    assert ended.tail.split() == ["42", "seen"], ended
    known = (outside / "known").stat()
    assert (known.st_mode & 0o777, known.st_mtime) == (0o640, 1)
