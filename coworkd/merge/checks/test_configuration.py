"""Whether a changed file says how the project's tests are collected, run or measured. Pure.

Files that hold other settings too are compared by those of their sections that are about tests.
"""

from __future__ import annotations

import configparser
import json
import posixpath
import tomllib
from collections.abc import Callable, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import pairwise
from typing import Any, cast

from coworkd.merge.checks.shell_words import inside, invocations

_WHOLE_FILES = (
    *("conftest.py", "pytest.ini", ".pytest.ini", "pytest.toml", ".pytest.toml", "nose.cfg", "noxfile.py"),
    *(".coveragerc", ".coveragerc.toml", "jest.config.*", "jest.setup.*", "vitest.config.*", "vitest.workspace.*"),
    *("vitest.setup.*", "setuptests.*", "playwright.config.*", "cypress.config.*", "cypress.json", "karma.conf.*"),
    *(".mocharc*", "mocha.opts", "ava.config.*", ".nycrc*", "nyc.config.*", ".c8rc*", "wdio.conf.*", "jasmine.json"),
    *("phpunit.xml*", ".rspec", "spec_helper.rb", "rails_helper.rb", "test_helper.rb", "testng.xml", "nextest.toml"),
    *("tarpaulin.toml", ".tarpaulin.toml", "codecov.yml", ".codecov.yml", ".gotestsum*", "dune-test", "bunfig.toml"),
)
"""By the file's own name, whatever its folder, without regard to case."""
_LINT_TABLES = ("ruff", "mypy", "pyright", "basedpyright", "pylint", "flake8", "ty", "bandit", "black", "isort")
_LINTERS = frozenset({"flake8", "isort", "pycodestyle", "pydocstyle", "pylint", "yapf", "mypy", "pep8", "autopep8"})
_CONFIG_OPTIONS = ("-c", "--config", "--config-file", "--configuration", "--rcfile", "--project", "-p")
_INI_PREFIXES = ("tool:pytest", "pytest", "coverage:", "tox")
_SCRIPTS = ("pretest", "test", "posttest")
_UNREADABLE = "unreadable"


def changes_test_configuration(path: str, old: str | None, new: str | None) -> bool:
    """Whether changing `path` from `old` to `new` (None: it is not there) changes how tests are run."""
    name = posixpath.basename(path).casefold()
    if any(fnmatchcase(name, pattern) for pattern in _WHOLE_FILES):
        return True
    read_settings = _SECTIONS.get(name)
    return read_settings is not None and _test_settings(read_settings, old) != _test_settings(read_settings, new)


def changes_lint_configuration(path: str, old: str | None, new: str | None) -> bool:
    """Whether it changes what linters and type checkers find, in a file that holds other settings too."""
    return path.endswith("pyproject.toml") and _test_settings(_linters, old) != _test_settings(_linters, new)


def named_configuration(commands: Sequence[str]) -> frozenset[str]:
    """The files that commands name as their configuration, such as `-c ci/pytest.ini` or `--config=x.js`."""
    return frozenset(
        inside(one.folder, value)
        for command in commands
        for one in invocations(command)
        if one.name not in ("bash", "sh", "python", "git")
        for value in _option_values(one.arguments)
    )


def _option_values(words: Sequence[str]) -> list[str]:
    joined = [value for word in words for option, _, value in [word.partition("=")] if option in _CONFIG_OPTIONS]
    apart = [value for option, value in pairwise(words) if option in _CONFIG_OPTIONS]
    return [value for value in (*joined, *apart) if value]


Section = Callable[[str], object]


def _test_settings(read_settings: Section, text: str | None) -> object:
    if text is None:
        return {}
    try:
        return read_settings(text)
    except (ValueError, configparser.Error, RecursionError):
        # What cannot be read may say anything.
        return f"{_UNREADABLE}: {text}"


def _pyproject(text: str) -> object:
    tool = _table(tomllib.loads(text), "tool")
    found = {name: tool[name] for name in ("pytest", "coverage", "tox", "nox", "unittest") if name in tool}
    return found | {"hatch": _hatch(_table(tool, "hatch"))} if "hatch" in tool else found


def _linters(text: str) -> object:
    tool = _table(tomllib.loads(text), "tool")
    return {name: tool[name] for name in _LINT_TABLES if name in tool}


def _hatch(settings: Mapping[str, Any]) -> object:
    """The scripts of its environments, and its own test runner."""
    environments = _table(settings, "envs")
    scripts = {name: _table(environments, name).get("scripts") for name in environments}
    return {name: found for name, found in scripts.items() if found}


def _ini(text: str) -> object:
    reader = configparser.RawConfigParser(strict=False)
    reader.read_string(text)
    return {name: dict(reader[name]) for name in reader.sections() if _is_about_tests(name)}


def _is_about_tests(section: str) -> bool:
    return section in ("aliases", "test", "nosetests") or section.startswith(_INI_PREFIXES)


def _tox(text: str) -> object:
    reader = configparser.RawConfigParser(strict=False)
    reader.read_string(text)
    sections = (name for name in reader.sections() if name.split(":")[0].split("-")[0] not in _LINTERS)
    return {name: dict(reader[name]) for name in sections}


def _package_json(text: str) -> object:
    loaded: object = json.loads(text)
    whole: Mapping[str, Any] = cast("Mapping[str, Any]", loaded) if isinstance(loaded, dict) else {}
    found = {name: whole[name] for name in ("jest", "vitest", "mocha", "ava", "nyc", "c8", "tap") if name in whole}
    scripts = _table(whole, "scripts")
    return found | {name: line for name, line in scripts.items() if name in _SCRIPTS or name.startswith("test:")}


def _cargo(text: str) -> object:
    whole = tomllib.loads(text)
    targets = [*_tables(whole, "bin"), *_tables(whole, "example"), _table(whole, "lib")]
    found = {
        "tests": whole.get("test"),
        "benches": whole.get("bench"),
        "profile": _table(_table(whole, "profile"), "test"),
        "switched off": [one.get("name") for one in targets if one.get("test") is False or one.get("doctest") is False],
        "automatic": (_table(whole, "package").get("autotests"), _table(whole, "package").get("autobenches")),
        "members": [_table(whole, "workspace").get(name) for name in ("members", "exclude", "default-members")],
    }
    return {name: value for name, value in found.items() if value and value not in ((None, None), [None, None, None])}


def _table(value: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = value.get(name)
    return cast("Mapping[str, Any]", found) if isinstance(found, dict) else {}


def _tables(value: Mapping[str, Any], name: str) -> list[Mapping[str, Any]]:
    found = value.get(name)
    several = cast("list[object]", found) if isinstance(found, list) else []
    return [cast("Mapping[str, Any]", one) for one in several if isinstance(one, dict)]


_SECTIONS: Mapping[str, Section] = {
    "pyproject.toml": _pyproject,
    "setup.cfg": _ini,
    "tox.ini": _tox,
    "package.json": _package_json,
    "cargo.toml": _cargo,
}
