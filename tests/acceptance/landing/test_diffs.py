"""`coworkd diff` shows what would land or has landed, by delta or difftastic on a terminal that has one of them."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import threading

import pytest

from tests.acceptance.landing.site import COWORKD, Site

EDIT = """
echo "$COWORK_ATTEMPT of $COWORK_TASK" > made.$COWORK_TASK
printf 'x = 2\\n\\033[2J\\n' > app.py
"""
VIEWERS = {
    "delta": '{ echo "delta $*"; cat; }',
    "difft": 'for a; do last=$a; done; echo "difft $*"; find before after -type f | sort; cat -v after/app.py',
}


@pytest.fixture
def v(w: Site) -> Site:
    w.agent("ed", EDIT)
    w.config('verify: ["true"]\n')
    return w


def on_a_terminal(site: Site, *words: str) -> str:
    """What a command prints on a terminal."""
    ours, theirs = pty.openpty()
    seen: list[bytes] = []

    def read() -> None:
        try:
            while data := os.read(ours, 65536):
                seen.append(data)
        except OSError:
            pass  # the other side has closed

    reader = threading.Thread(target=read)
    reader.start()
    try:
        env = {**site.env, "TERM": "xterm", "COLUMNS": "100"}
        done = subprocess.run(
            [*COWORKD, *words], cwd=site.repo, env=env, stdin=theirs, stdout=theirs, stderr=subprocess.PIPE,
            check=False, timeout=60,
        )  # fmt: skip
    finally:
        os.close(theirs)
        reader.join()
        os.close(ours)
    assert done.returncode == 0, done.stderr
    return b"".join(seen).decode().replace("\r\n", "\n")


def install(site: Site, *names: str) -> None:
    folder = site.root / "bin"
    folder.mkdir(exist_ok=True)
    for name in names:
        program = folder / name
        program.write_text(f"#!/bin/sh\n{VIEWERS[name]}\n")
        program.chmod(0o755)
    site.env["PATH"] = f"{folder}:{site.env['PATH']}"


def test_the_change_is_what_would_land_and_then_what_has_landed(v: Site) -> None:
    v.up()
    v.task("t")
    v.reviewed("t")
    before = v.cmd("diff", "t").stdout
    assert "+1 of t" in before
    assert "\x1b[2J" in before, "what is no terminal gets it as it is, for git apply"
    v.write("mine.txt", "mine\n")
    v.commit("my own")
    v.task("other", agent="ed")
    v.cmd("approve", "t")
    v.until("t", "done")
    landing = v.git("rev-parse", "cowork/integration")
    said = json.loads(v.cmd("diff", "t", "--json").stdout)
    assert (said["submission"], said["state"], said["to"], said["diff"]) == (1, "landed", landing, before)
    assert v.cmd("diff", "t", "--number", "7", check=False).returncode == 1


def test_the_latest_submission_is_shown_and_each_other_by_its_number(v: Site) -> None:
    v.up()
    v.task("t")
    v.reviewed("t")
    v.cmd("changes", "t", "--comment", "once more")
    v.wait("a second review", lambda: v.field("reviews/t.md", "attempt") == "2")
    v.reviewed("t")
    assert "+2 of t" in v.cmd("diff", "t").stdout
    assert "+1 of t" in v.cmd("diff", "t", "--number", "1").stdout


def test_a_terminal_gets_it_by_delta_or_difft_and_without_what_would_command_it(v: Site) -> None:
    v.up()
    v.task("t")
    v.reviewed("t")
    plain = on_a_terminal(v, "diff", "t")
    assert "+<U+001B>[2J" in plain
    assert "\x1b[2J" not in plain
    install(v, "difft")
    by_difft = on_a_terminal(v, "diff", "t")
    assert by_difft.startswith("difft --color=always --width=")
    assert "after/app.py\nafter/made.t\nbefore/app.py\n" in by_difft
    assert "<U+001B>[2J" in by_difft
    install(v, "delta")
    by_delta = on_a_terminal(v, "diff", "t")
    assert by_delta.startswith("delta --paging=never --width=")
    assert by_delta.endswith(plain)
    assert on_a_terminal(v, "diff", "t", "--plain") == plain
    assert "delta" not in v.cmd("diff", "t").stdout
