"""Starting the program of an agent: the one place where a driver's process gets its environment and its confinement.

A driver that starts a program of its own does it here, so that whatever holds for one agent's process holds for all.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from coworkd import process
from coworkd.agents.base import Assignment


def launch(
    assignment: Assignment, argv: tuple[str, ...], tmp: Path, extra: Mapping[str, str] | None = None
) -> process.Child:
    """Start `argv` in the run's worktree with pipes for its three streams, in a clean environment.

    `tmp` is its temporary folder, which goes with the run; `extra` is added by the driver and stands above the agent's
    own `env`. Raises OSError when it cannot be started.
    """
    Path(assignment.home).mkdir(parents=True, exist_ok=True)
    env = process.clean_environment(
        home=Path(assignment.home),
        tmp=tmp,
        run=assignment.run,
        repo=assignment.repo_id,
        extra={**dict(assignment.agent.env), **(extra or {})},
        passed=assignment.agent.env_pass,
    )
    return process.spawn(argv, cwd=Path(assignment.worktree), env=env, stderr=process.PIPE)


def cannot_start(assignment: Assignment, program: str, error: OSError) -> str:
    """Why an agent's program did not start, and what to do, in words."""
    if not Path(assignment.worktree).is_dir():
        return f"its worktree {assignment.worktree} is not there"
    return (
        f"cannot start {program!r}: {error.strerror}; install it, or change `command` in "
        f"agents/{assignment.agent.name}.md"
    )
