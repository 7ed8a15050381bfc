from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from uuid import uuid4

import pytest

from coworkd.system.process.commands import Exit, ProcessSpec, clean_environment, run, spawn, sweep
from coworkd.system.process.supervisor_starts import supervisor_server
from coworkd.system.process_tree import RUN_MARK
from tests.survivors import alive, children, hear, wait_gone

ROOT = Path(__file__).parents[4]


@pytest.fixture(params=["alone", "forked"], autouse=True)
def started(request: pytest.FixtureRequest) -> Iterator[str]:
    """How supervisors are started: each by itself, or forked from a server."""
    with supervisor_server() if request.param == "forked" else nullcontext():
        yield request.param


@pytest.fixture
def token() -> str:
    """Appears in the command line of everything that a test leaves to be killed."""
    return f"token-{uuid4().hex}"


def spec(tmp_path: Path, *argv: str, **changes: object) -> ProcessSpec:
    env = clean_environment(home=tmp_path, tmp=tmp_path, run="overwritten", repo="repo-1")
    values: dict[str, object] = {"argv": argv, "cwd": tmp_path, "env": env, "marker": uuid4().hex} | changes
    return ProcessSpec(**values)  # pyright: ignore[reportArgumentType] - a table of keyword arguments


def shell(tmp_path: Path, script: str, **changes: object) -> Exit:
    return run(spec(tmp_path, "bash", "-c", script, **changes))


@pytest.fixture
def fifo(tmp_path: Path) -> Path:
    os.mkfifo(tmp_path / "fifo")
    return tmp_path / "fifo"


@pytest.mark.parametrize(
    ("script", "code", "tail"),
    [
        ("true", 0, ""),
        ("echo out; echo err >&2; exit 3", 3, "out\nerr\n"),
        ("kill -9 $$", -9, ""),
        ("pwd -P | grep -c pytest", 0, "1\n"),
    ],
)
def test_exit_and_output(tmp_path: Path, script: str, code: int, tail: str) -> None:
    ended = shell(tmp_path, script)
    assert (ended.code, ended.tail, ended.ok) == (code, tail, code == 0)


def test_a_command_inherits_no_ignored_signals(tmp_path: Path) -> None:
    """As from a shell that started the daemon in the background, or from `nohup`."""
    ignored = (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP, signal.SIGUSR1)
    before = [signal.signal(number, signal.SIG_IGN) for number in ignored]
    try:
        ended = shell(tmp_path, "grep SigIgn /proc/self/status")
    finally:
        for number, handler in zip(ignored, before, strict=True):
            signal.signal(number, handler)
    mask = int(ended.tail.split()[1], 16)
    assert [number for number in signal.valid_signals() if mask & 1 << number - 1] == []


def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    ended = run(spec(tmp_path, "no-such-program"))
    assert ended.code == 127
    assert "no-such-program" in ended.tail


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    assert run(spec(tmp_path, "true", cwd=tmp_path / "gone")).code == 127


def test_standard_error_apart(tmp_path: Path) -> None:
    ended = shell(tmp_path, "echo out; echo err >&2", merge_stderr=False)
    assert (ended.tail, ended.error_tail) == ("out\n", "err\n")


def test_standard_input_larger_than_a_pipe(tmp_path: Path) -> None:
    assert run(spec(tmp_path, "wc", "-c", stdin=b"x" * 3_000_000)).tail.strip() == "3000000"


def test_standard_input_that_no_one_reads(tmp_path: Path) -> None:
    assert run(spec(tmp_path, "true", stdin=b"x" * 3_000_000)).ok


def test_200_megabytes_are_drained_and_capped(tmp_path: Path) -> None:
    ended = shell(
        tmp_path,
        "head -c 200000000 /dev/zero | tr '\\0' x; echo end",
        output_limit=100_000,
        output_path=tmp_path / "out",
    )
    assert ended.ok
    assert ended.truncated
    kept = (tmp_path / "out").read_bytes()
    assert len(kept) < 100_100
    assert b"\n[... 199900004 bytes cut ...]\n" in kept
    assert kept.endswith(b"xend\n")


def test_timeout_ends_what_ignores_the_request(tmp_path: Path, token: str) -> None:
    ended = shell(tmp_path, f"trap '' TERM; sleep 1000; : {token}; sleep 1000", timeout=0.2, grace=0.2)
    assert ended.timed_out
    assert not ended.ok
    assert ended.code == -9
    assert alive(token) == []


def test_the_polite_request_comes_first(tmp_path: Path) -> None:
    ended = shell(tmp_path, "trap 'echo bye; exit 7' TERM; sleep 1000 & wait", timeout=0.2)
    assert (ended.timed_out, ended.code, ended.tail) == (True, 7, "bye\n")


def test_cancel_ends_the_whole_tree(tmp_path: Path, token: str, fifo: Path) -> None:
    script = (
        f"setsid bash -c 'sleep 1000; : {token}' & (setsid bash -c 'sleep 1001; : {token}' &) ; echo up > {fifo}; wait"
    )
    cancelled, results = threading.Event(), list[Exit]()
    thread = threading.Thread(
        target=lambda: results.append(run(spec(tmp_path, "bash", "-c", script, grace=0.5), cancelled.is_set))
    )
    thread.start()
    assert hear(fifo) == "up"
    assert alive(token)
    cancelled.set()
    thread.join(20)
    assert results[0].cancelled
    assert alive(token) == []


def test_what_a_command_leaves_behind_ends_with_it(tmp_path: Path, token: str) -> None:
    # One process: of two, a shell whose command is ended a moment earlier prints that.
    ended = shell(tmp_path, f"setsid nohup bash -c 'trap \"\" TERM; exec -a {token} sleep 1000' & echo done")
    assert (ended.code, ended.tail) == (0, "done\n")
    assert alive(token) == []


def test_a_cleared_environment_does_not_hide(tmp_path: Path, token: str) -> None:
    shell(tmp_path, f"(env -i setsid /bin/bash -c '/bin/sleep 1000; : {token}' &)")
    assert alive(token) == []


def test_nothing_survives_a_killed_daemon(tmp_path: Path, token: str, fifo: Path) -> None:
    script = f"setsid bash -c 'echo $$ > {fifo}; sleep 1000; : {token}' & wait"
    program = (
        "import sys; from pathlib import Path; from coworkd.system.process.commands import ProcessSpec, run;"
        "_, script, path, mark = sys.argv;"
        "run(ProcessSpec(argv=('bash', '-c', script), cwd=Path('/'), env={'PATH': path}, marker=mark))"
    )
    daemon = subprocess.Popen(
        [sys.executable, "-c", program, script, os.environ["PATH"], token], env={"PYTHONPATH": str(ROOT)}
    )
    deep = int(hear(fifo))
    daemon.kill()
    daemon.wait()
    assert wait_gone(deep)
    assert all(wait_gone(pid) for pid in alive(token))


def test_a_killed_supervisor_is_cleaned_up_after(tmp_path: Path, token: str) -> None:
    ended = shell(tmp_path, f"setsid bash -c 'sleep 1000; : {token}' & kill -9 $PPID; sleep 1000; : {token}")
    assert ended.code == -9
    assert all(wait_gone(pid, 5) for pid in alive(token))


def test_no_zombies_and_no_open_files(tmp_path: Path) -> None:
    shell(tmp_path, "true")
    others = children()
    before = sorted(os.listdir("/proc/self/fd"))
    for _ in range(3):
        shell(tmp_path, "sleep 0 & true", stdin=b"x")
    assert sorted(os.listdir("/proc/self/fd")) == before
    assert children() <= others


def test_environment_is_clean(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "secret")
    monkeypatch.setenv("WANTED", "yes")
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    env = clean_environment(
        home=tmp_path / "home",
        tmp=tmp_path / "tmp",
        run="r1",
        repo="p1",
        extra={"ADDED": "1", "COWORK_RUN": "forged"},
        passed=["WANTED", "ABSENT"],
    )
    assert env["PATH"] == os.environ["PATH"]
    assert {"HOME": str(tmp_path / "home"), "TMPDIR": str(tmp_path / "tmp"), "TERM": "dumb"}.items() <= env.items()
    assert {"WANTED": "yes", "ADDED": "1", "LC_ALL": "C.UTF-8"}.items() <= env.items()
    assert {"COWORK_RUN": "r1", "COWORK_REPO": "p1"}.items() <= env.items()
    assert all(value.startswith(str(tmp_path)) for name, value in env.items() if name.startswith("XDG_"))
    assert not {"SOME_API_KEY", "ABSENT"} & env.keys()


def test_the_command_sees_only_its_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_API_KEY", "secret")
    assert "secret" not in shell(tmp_path, "env; tr '\\0' '\\n' < /proc/$PPID/environ").tail


@pytest.mark.parametrize("name", ["COWORK_RUN", "COWORK_REPO"])
def test_sweep_finds_by_mark_and_takes_descendants(tmp_path: Path, token: str, fifo: Path, name: str) -> None:
    env = {"PATH": os.environ["PATH"], name: token}
    script = f"env -i /bin/bash -c 'echo $$ > {fifo}; exec -a {token} /bin/sleep 1000' & wait"
    child = spawn(("bash", "-c", script), cwd=tmp_path, env=env)
    deep = int(hear(fifo))
    assert sweep(name, token, grace=1.0) >= 2
    assert child.wait(10) is not None
    assert wait_gone(deep)
    child.close()
    assert sweep(name, token) == 0


def test_sweep_spares_the_caller_and_its_ancestors(token: str) -> None:
    program = f"from coworkd.system.process.commands import sweep; print(sweep('COWORK_RUN', '{token}', grace=0.0))"
    env = {"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT), RUN_MARK: token}
    ended = subprocess.run(
        ["bash", "-c", '"$0" -c "$1"; echo parent lives', sys.executable, program],
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout == "0\nparent lives\n"


def test_orphans_are_reaped_and_children_are_not(tmp_path: Path, fifo: Path) -> None:
    program = (
        "import os, sys; from pathlib import Path; from coworkd.system.process.commands import reap_orphans, spawn;"
        "from coworkd.system.process_tree import become_subreaper; become_subreaper();"
        "child = spawn(('bash', '-c', '(sleep 0.01 & echo $!); exit 5'), cwd=Path('/'), env=dict(os.environ));"
        "orphan = int(child.stdout.readline());"
        "os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT);"
        "reap_orphans(); code = child.wait();"
        "os.waitid(os.P_PID, orphan, os.WEXITED | os.WNOWAIT); reap_orphans();"
        "print(code, os.path.exists(f'/proc/{orphan}'))"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env={"PATH": os.environ["PATH"], "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ended.stdout, ended.stderr) == ("5 False\n", "")
