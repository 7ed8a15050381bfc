from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.merge.checks.test_configuration import changes_test_configuration, named_configuration

PYPROJECT = '[project]\nname = "x"\nversion = "1"\n\n[tool.ruff]\nline-length = 100\n\n[tool.pytest.ini_options]\naddopts = "-q"\n'
PACKAGE = '{"version": "1", "scripts": {"test": "jest", "build": "tsc"}, "jest": {"bail": true}}'
CARGO = '[package]\nname = "x"\n\n[dependencies]\nserde = "1"\n\n[[test]]\nname = "all"\n'
SETUP = "[metadata]\nname = x\n\n[tool:pytest]\naddopts = -q\n\n[flake8]\nmax-line-length = 100\n"
TOX = "[tox]\nenvlist = py\n\n[testenv]\ncommands = pytest\n\n[flake8]\nignore = E1\n"


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("conftest.py", "a", "b"),
        ("tests/deep/conftest.py", None, "import os; os._exit(0)\n"),
        ("pytest.ini", "[pytest]\n", "[pytest]\naddopts = --collect-only\n"),
        ("pytest.ini", "[pytest]\n", None),
        ("tox.ini", TOX, TOX.replace("pytest\n", "true\n")),
        ("tox.ini", TOX, None),
        ("setup.cfg", SETUP, SETUP.replace("-q", "--co")),
        ("setup.cfg", "[metadata]\nname = x\n", SETUP),
        ("setup.cfg", SETUP, "[tool:pytest\n"),
        ("pyproject.toml", PYPROJECT, PYPROJECT.replace("-q", "--ignore=tests")),
        ("pyproject.toml", PYPROJECT, PYPROJECT + "[tool.coverage.run]\nomit = ['*']\n"),
        ("lib/pyproject.toml", PYPROJECT, "[project]\nname = 'x'\n"),
        ("pyproject.toml", PYPROJECT, "[tool.pytest"),
        ("pyproject.toml", "", "[tool.hatch.envs.default.scripts]\ntest = 'true'\n"),
        ("package.json", PACKAGE, PACKAGE.replace('"jest",', '"true",')),
        ("package.json", PACKAGE, PACKAGE.replace("true}", "false}")),
        ("web/package.json", PACKAGE, None),
        ("Cargo.toml", CARGO, CARGO + "harness = false\n"),
        ("Cargo.toml", CARGO, CARGO + "\n[lib]\ntest = false\n"),
        ("Cargo.toml", CARGO, CARGO.replace("[package]", "[package]\nautotests = false")),
        (".coveragerc", "[run]\n", "[report]\nfail_under = 1\n"),
        ("jest.config.js", "a", "b"),
        ("web/vitest.config.mts", "a", "b"),
        ("Jest.Config.TS", "a", "b"),
        (".config/nextest.toml", "a", "b"),
    ],
)
def test_a_change_of_how_tests_are_run(path: str, old: str | None, new: str | None) -> None:
    assert changes_test_configuration(path, old, new)


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        ("pyproject.toml", PYPROJECT, PYPROJECT.replace('"1"', '"2"')),
        ("pyproject.toml", PYPROJECT, PYPROJECT.replace("100", "120")),
        ("pyproject.toml", PYPROJECT, PYPROJECT.replace("[tool.ruff]", "# a remark\n[tool.ruff]")),
        ("pyproject.toml", None, "[project]\nname = 'x'\n"),
        ("setup.cfg", SETUP, SETUP.replace("name = x", "name = y")),
        ("setup.cfg", SETUP, SETUP.replace("100", "90")),
        ("tox.ini", TOX, TOX.replace("E1", "E2")),
        ("tox.ini", TOX, TOX + "# a remark\n"),
        ("package.json", PACKAGE, PACKAGE.replace('"1"', '"2"').replace("tsc", "vite build")),
        ("Cargo.toml", CARGO, CARGO.replace('serde = "1"', 'serde = "2"')),
        ("Cargo.toml", None, '[package]\nname = "y"\n'),
        ("tests/test_a.py", "a", "b"),
        ("src/conftest_reader.py", "a", "b"),
        ("docs/pytest.ini.md", "a", "b"),
        ("setup.py", "a", "b"),
        ("src/config.ts", "a", "b"),
    ],
)
def test_an_ordinary_edit(path: str, old: str | None, new: str | None) -> None:
    assert not changes_test_configuration(path, old, new)


def test_configuration_that_a_command_names() -> None:
    commands = ["pytest -c ci/test.ini -q", "cd web && npx jest --config=ci.js", "bash -c 'tox -c other.ini'"]
    assert named_configuration(commands) == {"ci/test.ini", "web/ci.js", "other.ini"}
    assert named_configuration(["python -c 'x'", "bash -c y", "git -c a=b log"]) == frozenset()


@given(path=st.sampled_from(["pyproject.toml", "setup.cfg", "tox.ini", "package.json", "Cargo.toml"]), text=st.text())
def test_any_text_can_be_compared(path: str, text: str) -> None:
    assert not changes_test_configuration(path, text, text)
    changes_test_configuration(path, text, "")
