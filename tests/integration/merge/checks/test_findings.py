"""What a change does to its checks and to others' work, read from real commits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from coworkd.core.policy.tool_risk import level_of
from coworkd.merge.checks.facts import ChangeContext, check_findings
from coworkd.merge.git.change_summary import ChangeSummary, summarise_change
from coworkd.merge.git.integration import MergeCommit, Submission, candidate, land
from coworkd.merge.reviews.change_risk import risk_features
from coworkd.system.git import Repo
from tests.integration.gitkit import Checkout, checkout

INTEGRATION = "cowork/integration"
TEST = "def test_one():\n    assert 1 + 1 == int('2')\n\ndef test_two():\n    assert int('3') == 3\n"
BASE: Mapping[str, str | None] = {
    "scripts/check.sh": "python -m pytest -q tests/\nsh scripts/more.sh\n",
    "scripts/more.sh": "true\n",
    "tests/test_a.py": TEST,
    "tests/conftest.py": "",
    "pyproject.toml": '[project]\nversion = "1"\n\n[tool.pytest.ini_options]\naddopts = "-q"\n\n[tool.ruff]\nline-length = 1\n',
    "lib.py": "alpha = 1\nbeta = 2\ngamma = 3\ndelta = 4\n",
    "Makefile": "check:\n\tbash scripts/check.sh\n",
}


@pytest.fixture
def user(tmp_path: Path) -> Checkout:
    made = checkout(tmp_path / "project")
    made.commit("base", BASE)
    made.git("branch", INTEGRATION)
    return made


@pytest.fixture
def repo(user: Checkout) -> Iterator[Repo]:
    with user.open() as repo:
        yield repo


def found(
    user: Checkout, repo: Repo, files: Mapping[str, str | None], *commands: str, needs: frozenset[str] = frozenset()
) -> str:
    tip = user.git("rev-parse", INTEGRATION)
    sub = user.branch("work", INTEGRATION, files)
    made = summarise_change(repo, tip, sub)
    context = ChangeContext(task="t", commands=commands, dependencies=needs)
    features = check_findings(repo, tip, sub, made.files, context)
    return "; ".join(f"{feature.level}: {feature.what}" for feature in features)


@pytest.mark.parametrize(
    ("files", "command", "what"),
    [
        ({"scripts/check.sh": "true\n"}, "bash scripts/check.sh", "high: scripts/check.sh is changed, which `bash"),
        ({"scripts/check.sh": None}, "bash scripts/check.sh", "high: scripts/check.sh is deleted"),
        ({"scripts/more.sh": "false\n"}, "bash scripts/check.sh", "high: scripts/more.sh is changed"),
        ({"scripts/more.sh": "false\n"}, "make check", "high: scripts/more.sh is changed, which `make check` executes"),
        ({"GNUmakefile": "check:\n\ttrue\n"}, "make check", "high: GNUmakefile is added"),
        ({"Makefile": "check:\n\ttrue\n"}, "make check", "high: Makefile is changed"),
        ({"tests/conftest.py": "collect_ignore = ['test_a.py']\n"}, "pytest", "tests/conftest.py: changes how tests are"),
        ({"pyproject.toml": '[project]\nversion = "1"\n'}, "pytest", "pyproject.toml: changes how tests are run"),
        ({"tests/test_a.py": None}, "pytest", "high: tests/test_a.py: existing tests are gone (test_one, test_two)"),
        ({"tests/test_a.py": TEST.replace("assert int", "int")}, "pytest", "assertions were removed (test_two)"),
        ({"tests/test_a.py": None, "tests/attic.txt": TEST}, "pytest", "existing tests are gone"),
        ({"Lib.py": "x\n"}, "pytest", "high: Lib.py and lib.py are one name"),
    ],
)  # fmt: skip
def test_a_change_of_what_verifies_is_found(
    user: Checkout, repo: Repo, files: Mapping[str, str | None], command: str, what: str
) -> None:
    assert what in found(user, repo, files, command)


@pytest.mark.parametrize(
    ("files", "command"),
    [
        ({"tests/test_b.py": TEST}, "pytest tests/"),
        ({"tests/test_b.py": TEST}, "python3 tests/test_b.py"),
        ({"tests/test_a.py": TEST + "\ndef test_new():\n    assert int('1')\n"}, "pytest tests/test_a.py"),
        ({"tests/test_a.py": None, "tests/test_moved.py": TEST}, "pytest tests/"),
        ({"lib.py": "alpha = 2\n"}, "bash scripts/check.sh"),
        ({"scripts/check.sh": "true\n"}, "pytest"),
        ({"scripts/new.sh": "true\n"}, "bash scripts/check.sh"),
        ({"README.md": "scripts/check.sh\n"}, "cat README.md"),
        ({"pyproject.toml": (BASE["pyproject.toml"] or "").replace('"1"', '"2"')}, "pytest"),
        ({"docs/a.md": "a\n"}, "pytest"),
    ],
)
def test_added_tests_and_ordinary_edits_are_no_reason(
    user: Checkout, repo: Repo, files: Mapping[str, str | None], command: str
) -> None:
    assert found(user, repo, files, command) == ""


def test_a_linter_that_is_told_otherwise_weighs_less(user: Checkout, repo: Repo) -> None:
    text = (BASE["pyproject.toml"] or "").replace("line-length = 1", "line-length = 200")
    assert (
        found(user, repo, {"pyproject.toml": text}, "pytest")
        == "medium: pyproject.toml: changes how the code is checked"
    )


def test_a_link_to_a_script_is_the_script(user: Checkout, repo: Repo) -> None:
    (user.root / "check").symlink_to("scripts/check.sh")
    user.commit("link")
    user.git("branch", "-f", INTEGRATION)
    assert "scripts/check.sh is changed" in found(user, repo, {"scripts/check.sh": "true\n"}, "./check")


def landed(user: Checkout, repo: Repo, task: str, files: Mapping[str, str | None], number: int) -> None:
    tip = user.git("rev-parse", INTEGRATION)
    commit = user.branch(f"of-{task}", INTEGRATION, files)
    made = candidate(repo, tip, Submission(task=task, attempt=1, number=1, commit=commit, title=task))
    assert isinstance(made, MergeCommit)
    assert land(repo, INTEGRATION, tip, made.commit, number)


def test_lines_put_back_to_before_another_landing(user: Checkout, repo: Repo) -> None:
    landed(user, repo, "one", {"lib.py": "alpha = 1\nbeta = 20\ngamma = 3\ndelta = 4\n"}, 1)
    landed(user, repo, "two", {"other.py": "x\n"}, 2)
    back = {"lib.py": "alpha = 1\nbeta = 2\ngamma = 3\nepsilon = 5\n"}
    assert found(user, repo, back, "true") == "high: lib.py: 1 line put back to the text before `one` landed"
    assert found(user, repo, back, "true", needs=frozenset({"one"})) == ""
    assert found(user, repo, {"lib.py": "alpha = 1\nbeta = 21\ngamma = 3\n"}, "true") == ""


def test_a_file_that_another_task_landed_is_deleted(user: Checkout, repo: Repo) -> None:
    landed(user, repo, "one", {"new.py": "first = 1\nsecond = 2\n"}, 1)
    assert "new.py: 2 lines put back to the text before `one`" in found(user, repo, {"new.py": None}, "true")


def test_the_same_task_may_take_its_own_landing_back(user: Checkout, repo: Repo) -> None:
    landed(user, repo, "t", {"lib.py": "alpha = 1\nbeta = 20\ngamma = 3\ndelta = 4\n"}, 1)
    assert found(user, repo, {"lib.py": BASE["lib.py"]}, "true") == ""


def test_what_weakens_the_checks_stands_before_other_reasons(user: Checkout, repo: Repo) -> None:
    tip = user.git("rev-parse", INTEGRATION)
    sub = user.branch("work", INTEGRATION, {"scripts/check.sh": "true\n", ".envrc": "x\n"})
    made = summarise_change(repo, tip, sub)
    context = ChangeContext(task="t", commands=("bash scripts/check.sh",))
    features = risk_features(
        ChangeSummary(
            files=made.files, insertions=1, deletions=1, diff_head="", truncated=False, risks=made.risks,
            findings=check_findings(repo, tip, sub, made.files, context),
        ),
        verified=True,
    )  # fmt: skip
    assert level_of(features) == "high"
    assert [feature.what.split(" ")[0].strip(":") for feature in features] == ["scripts/check.sh", ".envrc"]
