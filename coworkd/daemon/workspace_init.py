"""What `init` writes and tells: settings that fit the project, agents for the programs that are here.

Pure, but for `project_checks`, which reads the project's files.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from coworkd.agents.discovery import InstalledProgram, agent_file_text, installed_programs
from coworkd.agents.known_programs import PROGRAMS
from coworkd.agents.registry import DRIVERS
from coworkd.core.errors import DocumentError, UserError
from coworkd.core.model import Settings
from coworkd.daemon.workspace_upgrade import write_ignore_files
from coworkd.documents.decoding import decode
from coworkd.documents.markdown import parse_yaml
from coworkd.system import paths_and_settings
from coworkd.system.git import Repo
from coworkd.system.git.repository_trust import Trust
from coworkd.system.paths_and_settings import FOLDER

Read = Callable[[str], str | None]
"""The text of a file of the project, by its path from the top; None where there is none."""

_PYTEST = re.compile(r"\bpytest\b")
_MAKE_TEST = re.compile(r"^(test|check)[ \t]*:(?!=)", re.MULTILINE)
_NPM_DEFAULT = "no test specified"
_LOCK_FILES = (("pnpm-lock.yaml", "pnpm"), ("yarn.lock", "yarn"), ("bun.lock", "bun run"), ("bun.lockb", "bun run"))

EXAMPLE = """\
  ---
  driver: command
  command: [my-agent, --flag]    # the prompt is its standard input
  ---"""


@dataclass(frozen=True, slots=True, kw_only=True)
class InitResult:
    """What `init` found and did."""

    folder: str
    is_new: bool
    written: Sequence[str]
    """Agents whose files were written."""
    not_signed_in: Sequence[InstalledProgram]
    """Those of their programs that are not signed in."""
    agents: Sequence[str]
    """Names of all agents that there are files of."""
    default: str
    """The agent that the settings name; empty: none."""
    trusted: bool
    has_commit: bool


_MAX_FILES = 5000
_MAX_CHARACTERS = 1_000_000


def project_checks(root: Path) -> list[str]:
    """Commands that verify the project at `root`, as far as files at its top and in its folders of tests tell."""
    folders = [folder for folder in (root, root / "tests", root / "test") if folder.is_dir()]
    found = (file for folder in folders for file in sorted(folder.iterdir()) if file.is_file())
    names = [file.relative_to(root).as_posix() for file in islice(found, _MAX_FILES)]
    return checks(names, lambda name: _text(root / name))


def _text(file: Path) -> str | None:
    try:
        with file.open(errors="replace") as content:
            return content.read(_MAX_CHARACTERS)
    except OSError:
        return None


def checks(names: Sequence[str], read: Read) -> list[str]:
    """Commands that verify the project, as far as its files tell. `names` are the paths of its files."""
    found = [*_python_checks(names, read), *_node_checks(names, read)]
    found += ["cargo test --quiet"] if "Cargo.toml" in names else []
    found += ["go test ./..."] if "go.mod" in names else []
    return found or _make_checks(names, read)


def _python_checks(names: Sequence[str], read: Read) -> list[str]:
    """pytest where anything of the project names it, unittest where there are tests without it."""
    tests = [name for name in names if _is_python_test(name)]
    settings = ("pyproject.toml", "setup.cfg", "tox.ini", "setup.py", "requirements.txt", "requirements-dev.txt")
    named = {"pytest.ini", "conftest.py", "tests/conftest.py"} & set(names)
    if named or any(_PYTEST.search(read(name) or "") for name in (*settings, *tests[:20]) if name in names):
        return ["python3 -m pytest -q"]
    if not tests:
        return []
    folders = {name.rpartition("/")[0] for name in tests}
    start = sorted(folder for folder in folders if folder and f"{folder}/__init__.py" not in names)
    return [f"python3 -m unittest discover -q -s {start[0]}" if start else "python3 -m unittest -q"]


def _is_python_test(name: str) -> bool:
    folder, _, file = name.rpartition("/")
    return file.startswith("test") and file.endswith(".py") and folder in ("", "tests", "test")


def _node_checks(names: Sequence[str], read: Read) -> list[str]:
    if "package.json" not in names:
        return []
    try:
        script = json.loads(read("package.json") or "")["scripts"]["test"]
    except (ValueError, KeyError, TypeError):
        return []
    if not isinstance(script, str) or not script.strip() or _NPM_DEFAULT in script:
        return []
    return [f"{next((tool for lock, tool in _LOCK_FILES if lock in names), 'npm')} test"]


def _make_checks(names: Sequence[str], read: Read) -> list[str]:
    for name in ("GNUmakefile", "makefile", "Makefile"):
        if name in names and (target := _MAKE_TEST.search(read(name) or "")):
            return [f"make {target[1]}"]
    return []


def config_text(agents: Sequence[str], verify: Sequence[str]) -> str:
    """The settings of a new workspace: the one agent that is here is the default."""
    if len(agents) == 1:
        agent = f"agent: {agents[0]}".ljust(24) + "# who does tasks that name no agent: agents/NAME.md"
    else:
        which = f"# one of: {', '.join(agents)}" if agents else "# who does tasks that name no agent: agents/NAME.md"
        agent = f"# agent: {agents[0] if agents else 'NAME'}".ljust(24) + which
    line = f"# verify: {json.dumps(list(verify) or ['make test'])}"
    why = "run on the merged result; without it every landing needs a person"
    return f"""\
# Settings of this workspace; every key is optional.
version: 1
{agent}
# concurrency: 4
{line}
#   ({why})
# approve: [merge]      # [] lands what is green without asking
"""


def init_report(result: InitResult) -> list[str]:
    """What was done, what is missing, and last the one command to type next."""
    lines = [f"{'made' if result.is_new else 'completed'} {result.folder}", *_agent_lines(result)]
    if not result.has_commit:
        lines.append("this repository has no commit yet: tasks start from one")
    if not result.trusted:
        lines.append("git brought these files along: `coworkd trust` shows what they run before anything starts")
    lines.append("`coworkd doctor --verify` tries your `verify` commands on the code as it is")
    return [*lines, f"next: {next_command(result)}"]


def next_command(result: InitResult) -> str:
    if not result.trusted:
        return "coworkd trust"
    return "coworkd up --detach" if result.has_commit else 'git commit --allow-empty -m "Start"'


def _agent_lines(result: InitResult) -> list[str]:
    names = result.agents
    lines = [f"wrote agents/{name}.md: its program is installed" for name in result.written]
    lines += [_sign_in_lines(one) for one in result.not_signed_in]
    if result.default:
        return [*lines, f"tasks that name no agent are done by {result.default} (`agent:` in .cowork/config.yaml)"]
    if names:
        choice = f"write `agent: {names[0]}` into .cowork/config.yaml" + _other_agents(names[1:])
        return [*lines, f"no agent is the default yet:\n  {choice}"]
    programs = ", ".join(PROGRAMS)
    return [
        f"no program of an agent is on your PATH ({programs}).",
        "Any program can be one: write it into .cowork/agents/NAME.md, and",
        "`agent: NAME` into .cowork/config.yaml:", *EXAMPLE.splitlines(),
    ]  # fmt: skip


def _other_agents(names: Sequence[str]) -> str:
    return f" (or {', '.join(names)})" if names else ""


def _sign_in_lines(found: InstalledProgram) -> str:
    program = found.program
    file = f".cowork/agents/{program.driver}.md"
    name = program.executable
    return f"{name} is not signed in: run `{name}` once, then write\n  `login: mine` into {file}"


def initialise(start: Path) -> InitResult:
    """Make `.cowork/` in the repository that holds `start`; returns what was found and done. Raises `UserError`."""
    with Repo.open(start) as repo:
        if repo.commit("refs/heads/cowork"):
            raise UserError("a branch named `cowork` is in the way of cowork/task/...: rename it first")
        paths_and_settings.prepare_state()
        trusted = _trust_new_workspace(repo)
        folder = repo.root / FOLDER
        is_new = not folder.exists()
        for name in ("tasks", "plans", "messages", "approvals", "reviews", "agents"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        agents = [found for found in installed_programs(Path.home(), os.environ) if found.program.driver in DRIVERS]
        names = [found.program.driver for found in agents]
        _write_new(folder / "config.yaml", config_text(names, project_checks(repo.root)))
        written = [found for found in agents if _write_agent(folder, found)]
        files = sorted(file.stem for file in (folder / "agents").glob("[!.#]*.md"))
        write_ignore_files(repo)
        paths = paths_and_settings.paths(repo.root, repo.common_dir)
        paths_and_settings.instance(paths.private)
        paths_and_settings.settle(paths.private, repo.root)
        unborn = repo.head().commit is None
    return InitResult(
        folder=str(folder), is_new=is_new, written=[found.program.driver for found in written], agents=files,
        not_signed_in=[found for found in written if not found.login.signed_in and not found.login.key_variable],
        default=_default_agent(folder),
        trusted=trusted, has_commit=not unborn,
    )  # fmt: skip


def _default_agent(folder: Path) -> str:
    """The agent that the settings name, as far as they can be read."""
    try:
        return decode("config.yaml", parse_yaml((folder / "config.yaml").read_bytes())).of(Settings).agent
    except (DocumentError, OSError):
        return ""


def _trust_new_workspace(repo: Repo) -> bool:
    """Trust a workspace that is made here; one that came by git has to be trusted by `coworkd trust`."""
    trust = Trust(paths_and_settings.trust_home(), repo)
    if not trust.holds and not repo.run("ls-files", "-z", "--", f":(top,icase){FOLDER}/").out:
        trust.give(trust.beginning())
    return trust.holds


def _write_agent(folder: Path, found: InstalledProgram) -> bool:
    """Write an agent for a program that is there, over nothing; whether it was written."""
    file = folder / "agents" / f"{found.program.driver}.md"
    if file.exists():
        return False
    file.write_text(agent_file_text(found))
    return True


def _write_new(path: Path, text: str) -> None:
    if not path.exists():
        path.write_text(text)
