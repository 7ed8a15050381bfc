"""Credentials for a program: its user's own login (`login: mine`) or a key of the daemon's environment.

The files are copied into the agent's home, where only its user can read them, again for every start. Nothing is ever
copied back, and nothing of them is logged.
"""

from __future__ import annotations

import os
from pathlib import Path

from coworkd.agents.known_programs import PROGRAMS, key_variables
from coworkd.agents.port import Assignment
from coworkd.core.errors import NotSignedInError
from coworkd.system.durable_files import replace_file


def provide_credentials(assignment: Assignment, user_home: Path) -> dict[str, str]:
    """The variables by which the agent's program signs in; with `login: mine` its files are copied first.

    Raises NotSignedInError when there are none.
    """
    agent = assignment.agent
    program = PROGRAMS.get(agent.driver)
    if program is None:
        return {}
    if agent.login == "mine":
        found = [name for name in program.login_files if os.path.isfile(user_home / name)]
        if not found:
            raise NotSignedInError(
                f"agent {agent.name!r} has `login: mine`, but ~/{program.login_files[0]} is not there: start"
                f" `{program.executable}` once and sign in, or give it a key (`login: key`)"
            )
        for name in found:
            _copy(_content(user_home / name), Path(assignment.home, name))
    return {name: os.environ[name] for name in key_variables(agent) if name in os.environ}


def _content(source: Path) -> bytes:
    try:
        return source.read_bytes()
    except OSError as error:
        raise NotSignedInError(f"the login in {source} cannot be read: {error.strerror}; make it readable") from error


def _copy(content: bytes, target: Path) -> None:
    """In one step, never readable by others on its way; a link in its place is replaced, not followed."""
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    replace_file(target, content, mode=0o600)
