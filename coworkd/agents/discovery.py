"""Which agents' programs are on this machine, in which version, and whether they are signed in.

Nothing is started that connects to anything: a program is asked for its version, away from its user's home, and its
login is looked for where it keeps it.
"""

from __future__ import annotations

import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from coworkd.agents.known_programs import PROGRAMS, AgentProgram
from coworkd.system.process import commands
from coworkd.system.process.commands import ProcessSpec

_PATIENCE = 10.0
_VERSION = re.compile(r"\d+(?:\.\d+)+[\w.+-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """How a program can sign in."""

    mine: bool
    """Its user has signed it in."""
    key: str
    """The variable of the environment that holds a key for it; empty: none does."""

    def __str__(self) -> str:
        ways = [*(["its user's login"] if self.mine else []), *([f"${self.key}"] if self.key else [])]
        return " and ".join(ways) or "not signed in"


@dataclass(frozen=True, slots=True, kw_only=True)
class Installed:
    """One program that is there."""

    program: AgentProgram
    path: str
    login: Login


def installed(home: Path, environ: Mapping[str, str]) -> Iterator[Installed]:
    """Every program of a driver that the search path has."""
    for program in PROGRAMS.values():
        path = shutil.which(program.program, path=environ.get("PATH"))
        if path is not None:
            yield Installed(program=program, path=path, login=login(program, home, environ))


def login(program: AgentProgram, home: Path, environ: Mapping[str, str]) -> Login:
    return Login(
        mine=any((home / name).is_file() for name in program.logins),
        key=next((name for name in program.keys if environ.get(name)), ""),
    )


def version(found: Installed) -> str:
    """What it says its version is; empty when it does not."""
    with tempfile.TemporaryDirectory(prefix="cowork-", ignore_cleanup_errors=True) as folder:
        place, mark = Path(folder), f"version-{secrets.token_hex(4)}"
        env = commands.clean_environment(home=place, tmp=place, run=mark, repo="")
        argv = (found.path, *found.program.version)
        ended = commands.run(ProcessSpec(argv=argv, cwd=place, env=env, timeout=_PATIENCE, marker=mark))
    told = _VERSION.search(ended.tail) if ended.ok else None
    return told.group() if told else ""


def agent_file(found: Installed) -> str:
    """The text of an `agents/NAME.md` that starts this program."""
    program = found.program
    if found.login.mine:
        way = "login: mine                # lend it your own login"
    elif found.login.key:
        way = f"login: key                 # it is given {found.login.key} of the daemon's environment"
    else:
        way = f"# login: mine              # once `{program.program}` is signed in; or key, for {program.keys[0]}"
    hosts = "".join(f"    - {host}\n" for host in program.hosts)
    reach = f"sandbox:\n  network:                 # whom it reaches from its sandbox, and no other\n{hosts}"
    return f"---\ndriver: {program.driver}\n{way}\n{reach}---\n"
