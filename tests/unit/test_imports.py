"""What is imported when: a command must feel instant, and the daemon must stay small."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.commands import ROOT

MODELS = {"litellm", "mcp", "openai"}
HEAVY = MODELS | {"git", "watchdog", "sqlite_utils", "rich", "yaml", "frontmatter", "filelock"}


def imported(program: str) -> set[str]:
    """Top-level names of all modules that are there after `program`."""
    ended = subprocess.run(
        [sys.executable, "-c", f"{program}\nimport sys\nprint(*{{name.split('.')[0] for name in sys.modules}})"],
        cwd=ROOT, capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    return set(ended.stdout.split())


@pytest.mark.parametrize("module", ["coworkd.cli.status", "coworkd.cli.workspace", "coworkd.system.control_socket"])
def test_status_imports_nothing_heavy(module: str) -> None:
    assert imported(f"import coworkd.cli, {module}") & HEAVY == set()


def test_neither_daemon_nor_commands_import_a_model_library() -> None:
    program = (
        "import importlib\nfrom coworkd.daemon import composition\nfrom coworkd.cli.app import COMMANDS\n"
        "for module, _ in COMMANDS.values(): importlib.import_module(f'coworkd.cli.{module}')"
    )
    found = imported(program)
    assert "watchdog" in found
    assert found & MODELS == set()


def test_a_worker_imports_neither_models_nor_the_daemon_s_libraries() -> None:
    assert (
        imported("import coworkd.agents.worker_main") & (MODELS | {"git", "watchdog", "sqlite_utils", "click"}) == set()
    )
