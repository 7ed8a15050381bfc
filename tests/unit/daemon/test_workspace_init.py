from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from coworkd.agents.discovery import InstalledProgram, ProgramLogin, agent_file_text
from coworkd.agents.known_programs import PROGRAMS
from coworkd.core.model import AgentSpec, Settings
from coworkd.daemon.workspace_init import InitResult, checks, config_text, init_report, project_checks
from coworkd.documents.decoding import decode
from coworkd.documents.markdown import parse, parse_yaml
from coworkd.system.sandbox.network_rules import Rules


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({}, []),
        ({"README.md": "pytest"}, []),
        ({"pyproject.toml": '[project]\nname = "x"\n'}, []),
        ({"pyproject.toml": "[tool.pytest.ini_options]\n"}, ["python3 -m pytest -q"]),
        ({"setup.cfg": "[tool:pytest]\n"}, ["python3 -m pytest -q"]),
        ({"requirements-dev.txt": "pytest==8\n"}, ["python3 -m pytest -q"]),
        ({"pytest.ini": ""}, ["python3 -m pytest -q"]),
        ({"tests/conftest.py": ""}, ["python3 -m pytest -q"]),
        ({"tests/test_a.py": "import pytest\n"}, ["python3 -m pytest -q"]),
        ({"test_a.py": "import unittest\n"}, ["python3 -m unittest -q"]),
        ({"tests/test_a.py": "", "tests/__init__.py": ""}, ["python3 -m unittest -q"]),
        ({"tests/test_a.py": ""}, ["python3 -m unittest discover -q -s tests"]),
        ({"tests/notes.txt": "pytest"}, []),
        ({"package.json": '{"scripts": {"test": "jest"}}'}, ["npm test"]),
        ({"package.json": '{"scripts": {"test": "jest"}}', "pnpm-lock.yaml": ""}, ["pnpm test"]),
        ({"package.json": '{"scripts": {"test": "jest"}}', "yarn.lock": ""}, ["yarn test"]),
        ({"package.json": '{"scripts": {"test": "echo \\"Error: no test specified\\" && exit 1"}}'}, []),
        ({"package.json": '{"scripts": {"test": ["x"]}}'}, []),
        ({"package.json": "{"}, []),
        ({"package.json": "[]"}, []),
        ({"Cargo.toml": ""}, ["cargo test --quiet"]),
        ({"go.mod": ""}, ["go test ./..."]),
        ({"Makefile": "all:\n\ntest: all\n\t./run\n"}, ["make test"]),
        ({"Makefile": "check:\n\t./run\n"}, ["make check"]),
        ({"Makefile": "test := x\nlatest:\n"}, []),
        ({"Makefile": "test:\n", "go.mod": ""}, ["go test ./..."]),
        (
            {"pytest.ini": "", "package.json": '{"scripts": {"test": "x"}}'},
            ["python3 -m pytest -q", "npm test"],
        ),
    ],
    ids=str,
)
def test_what_verifies_a_project(files: Mapping[str, str], expected: list[str]) -> None:
    assert checks(list(files), files.get) == expected


def test_the_files_of_a_project_are_read(tmp_path: Path) -> None:
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_a.py").write_bytes(b"import pytest\xff\n")
    (tmp_path / "package.json").symlink_to("/dev/zero")
    assert project_checks(tmp_path) == ["python3 -m pytest -q"]
    assert project_checks(tmp_path / "tests") == ["python3 -m pytest -q"]


@pytest.mark.parametrize(
    ("agents", "default"), [([], ""), (["claude"], "claude"), (["claude", "codex"], "")], ids=["none", "one", "two"]
)
def test_the_one_agent_that_is_here_is_the_default(agents: list[str], default: str) -> None:
    text = config_text(agents, ["npm test"])
    settings = decode("config.yaml", parse_yaml(text.encode())).of(Settings)
    assert settings.agent == default
    assert settings.verify == ()
    assert all(name in text for name in agents)
    told_what = decode("config.yaml", parse_yaml(text.replace("# verify", "verify").encode())).of(Settings)
    assert told_what.verify == ("npm test",), "the line is good as it stands"


@pytest.mark.parametrize("driver", PROGRAMS)
def test_an_agent_s_file_opens_its_provider_s_hosts(driver: str) -> None:
    found = InstalledProgram(
        program=PROGRAMS[driver], path=f"/bin/{driver}", login=ProgramLogin(signed_in=True, key_variable="")
    )
    spec = decode(f"agents/{driver}.md", parse(agent_file_text(found).encode())).of(AgentSpec)
    assert spec.sandbox.network == PROGRAMS[driver].hosts
    assert Rules(spec.sandbox.network)
    assert spec.login == "mine"


def situation(*drivers: str, default: str = "", trusted: bool = True, has_commit: bool = True) -> InitResult:
    unsigned = [
        InstalledProgram(
            program=PROGRAMS[driver], path=f"/bin/{driver}", login=ProgramLogin(signed_in=False, key_variable="")
        )
        for driver in drivers
    ]
    return InitResult(
        folder="/r/.cowork", is_new=True, written=drivers, not_signed_in=unsigned, agents=drivers, default=default,
        trusted=trusted, has_commit=has_commit,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("now", "said", "command"),
    [
        (situation(), "command: [my-agent", "coworkd up --detach"),
        (situation("claude", default="claude"), "are done by claude", "coworkd up --detach"),
        (
            situation("claude", "codex"),
            "write `agent: claude` into .cowork/config.yaml (or codex)",
            "coworkd up --detach",
        ),
        (situation("codex"), "codex is not signed in: run `codex` once", "coworkd up --detach"),
        (situation(has_commit=False), "no commit yet", 'git commit --allow-empty -m "Start"'),
        (situation(trusted=False), "git brought these files along", "coworkd trust"),
    ],
)
def test_one_next_command_is_named(now: InitResult, said: str, command: str) -> None:
    lines = init_report(now)
    assert said in "\n".join(lines)
    assert lines[-1] == f"next: {command}"
    assert sum(line.startswith("next:") for line in lines) == 1


@pytest.mark.parametrize("agents", [(), ("codex",), ("claude", "codex")])
def test_everything_that_is_told_fits_a_terminal(agents: tuple[str, ...]) -> None:
    lines = "\n".join(init_report(situation(*agents))).splitlines()
    assert not [line for line in lines[1:] if len(line) > 80]
