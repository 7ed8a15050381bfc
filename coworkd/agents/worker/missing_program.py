"""Whether a program ended at once because it, or what it needs to start, is not there or not visible in its sandbox.

Known by the exit code and the messages of what starts programs: bubblewrap, our own launchers, `env` and the loader of
shared libraries. Pure but for a look at the program's first line.
"""

from __future__ import annotations

import re
from pathlib import Path

from coworkd.agents.port import Assignment
from coworkd.core.terminal_text import plain_text

_LAUNCHERS = ((1, "bwrap: execvp "), (127, "cannot start "))
"""Exit code and first words of bubblewrap, and of our own launchers, that cannot execute a program."""
_NOT_FOUND = 127
_NEEDS = re.compile(r"(?:\S*/)?env: \S.*|\S+: error while loading shared libraries: .*")
"""The last line of a script whose interpreter `env` does not find, and of a program without one of its libraries."""
_FIRST_LINE = 256


def refused_by_launcher(code: int, stderr: str) -> bool:
    """Whether the program was not even executed."""
    return any(code == exit_ and stderr.startswith(words) for exit_, words in _LAUNCHERS)


def missing_program_reason(assignment: Assignment, program: str, code: int, stderr: str) -> str:
    """What is missing, and what to do about it; empty where the program could start."""
    agent = f"agents/{assignment.agent.name}.md"
    if refused_by_launcher(code, stderr):
        interpreter = _interpreter(Path(assignment.worktree, program))
        missing = f"its interpreter {interpreter!r}" if interpreter else "it"
        return f"cannot start {program!r}: {missing} is not visible in the sandbox; {_advice(agent)}"
    last = next((line for line in reversed(plain_text(stderr).splitlines()) if line.strip()), "").strip()
    if code == _NOT_FOUND and _NEEDS.fullmatch(last):
        return f"cannot start {program!r}: it says `{last}`; install what it needs, or {_advice(agent)}"
    return ""


def _advice(agent: str) -> str:
    return f"start coworkd with its folder in PATH, or name the folder in `sandbox: {{allow_paths: [...]}}` of {agent}"


def _interpreter(file: Path) -> str:
    """What the first line of a script names; empty: it is no script."""
    try:
        with file.open("rb") as opened:
            line = opened.read(_FIRST_LINE).split(b"\n", 1)[0]
    except OSError:
        return ""
    words = line.removeprefix(b"#!").split()
    return words[0].decode(errors="replace") if line.startswith(b"#!") and words else ""
