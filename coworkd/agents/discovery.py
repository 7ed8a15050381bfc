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

_VERSION_TIMEOUT = 10.0
_VERSION = re.compile(r"\d+(?:\.\d+)+[\w.+-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProgramLogin:
    """How a program can sign in."""

    signed_in: bool
    """Its user has signed it in."""
    key_variable: str
    """The variable of the environment that holds a key for it; empty: none does."""

    def __str__(self) -> str:
        ways = [
            *(["its user's login"] if self.signed_in else []),
            *([f"${self.key_variable}"] if self.key_variable else []),
        ]
        return " and ".join(ways) or "not signed in"


@dataclass(frozen=True, slots=True, kw_only=True)
class InstalledProgram:
    """One program that is there."""

    program: AgentProgram
    path: str
    login: ProgramLogin


def installed_programs(home: Path, environ: Mapping[str, str]) -> Iterator[InstalledProgram]:
    """Every program of a driver that the search path has."""
    for program in PROGRAMS.values():
        path = shutil.which(program.executable, path=environ.get("PATH"))
        if path is not None:
            yield InstalledProgram(program=program, path=path, login=find_login(program, home, environ))


def find_login(program: AgentProgram, home: Path, environ: Mapping[str, str]) -> ProgramLogin:
    return ProgramLogin(
        signed_in=any((home / name).is_file() for name in program.login_files),
        key_variable=next((name for name in program.key_variables if environ.get(name)), ""),
    )


def installed_version(found: InstalledProgram) -> str:
    """The version that it prints; empty when it prints none."""
    with tempfile.TemporaryDirectory(prefix="cowork-", ignore_cleanup_errors=True) as folder:
        place, mark = Path(folder), f"version-{secrets.token_hex(4)}"
        env = commands.clean_environment(home=place, tmp=place, run=mark, repo="")
        argv = (found.path, *found.program.version_arguments)
        ended = commands.run(ProcessSpec(argv=argv, cwd=place, env=env, timeout=_VERSION_TIMEOUT, marker=mark))
    told = _VERSION.search(ended.tail) if ended.ok else None
    return told.group() if told else ""


def agent_file_text(found: InstalledProgram) -> str:
    """The text of an `agents/NAME.md` that starts this program."""
    program = found.program
    if found.login.signed_in:
        way = "login: mine                # lend it your own login"
    elif found.login.key_variable:
        way = f"login: key                 # it is given {found.login.key_variable} of the daemon's environment"
    else:
        key = program.key_variables[0]
        way = f"# login: mine              # once `{program.executable}` is signed in; or key, for {key}"
    hosts = "".join(f"    - {host}\n" for host in program.hosts)
    reach = f"sandbox:\n  network:                 # whom it reaches from its sandbox, and no other\n{hosts}"
    return f"---\ndriver: {program.driver}\n{way}\n{reach}---\n"
