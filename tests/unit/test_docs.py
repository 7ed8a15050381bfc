"""The documentation keeps up: its links lead somewhere, and every room of the house is on the plan."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import click
import pytest

from coworkd.cli.app import COMMANDS, coworkd
from coworkd.core.model import Kind, Status
from coworkd.core.state_machine import StateMachine
from coworkd.core.task_states import DAEMON_MOVES, MOVES
from coworkd.documents.schema.tables import SCHEMAS
from tests.unit.test_state_machines import MACHINES

_State = TypeVar("_State", bound=StrEnum)

ROOT = Path(__file__).parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])
PACKAGES = sorted(
    path.stem
    for path in (ROOT / "coworkd").iterdir()
    if not path.name.startswith("_") and (path.suffix == ".py" or (path / "__init__.py").exists())
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_every_package_is_on_the_plan(package: str) -> None:
    assert f"`{package}`" in (ROOT / "docs/architecture.md").read_text(encoding="utf-8")


def test_every_proof_of_a_defence_is_a_test() -> None:
    rows = [line for line in (ROOT / "docs/security.md").read_text(encoding="utf-8").splitlines() if line[:1] == "|"]
    named = [re.findall(r"`(test_\w+)`", row.rsplit("|", 2)[1]) for row in rows if row[:6] not in ("| thre", "| --- ")]
    assert all(named), "every threat of the table has its proof"
    written = {
        name
        for file in (ROOT / "tests").rglob("test_*.py")
        for name in re.findall(r"^(?:async )?def (test_\w+)", file.read_text(encoding="utf-8"), re.MULTILINE)
    }
    assert {name for names in named for name in names} - written == set()


def test_every_decision_is_in_the_index() -> None:
    folder = ROOT / "docs/adr"
    index = (folder / "README.md").read_text(encoding="utf-8")
    pages = {path.name for path in folder.glob("[0-9]*.md")}
    assert pages == set(re.findall(r"\((\d{4}-[a-z0-9-]+\.md)\)", index))


FORMAT = (ROOT / "docs/format.md").read_text(encoding="utf-8")
COMMAND_LINE = FORMAT.partition("\n## Command line\n")[2].partition("\n## ")[0]


def command(name: str) -> click.Command:
    found = coworkd.get_command(click.Context(coworkd), name)
    assert found is not None
    return found


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_in_the_format_with_all_it_takes(name: str) -> None:
    rows = [row for row in COMMAND_LINE.splitlines() if re.search(rf"`coworkd ([a-z\\|-]+\\\|)?{name}\b", row)]
    assert len(rows) == 1
    options = [option for option in command(name).params if isinstance(option, click.Option)]
    named = {"--json", *re.findall(r"--?[a-z-]+", rows[0])}
    assert [option.name for option in options if named.isdisjoint(option.opts)] == []


def test_no_command_is_documented_that_does_not_exist() -> None:
    named = re.findall(r"`coworkd ([a-z\\|-]+)", FORMAT + (ROOT / "README.md").read_text(encoding="utf-8"))
    assert {name for names in named for name in names.split("\\|")} <= set(COMMANDS)


@pytest.mark.parametrize(
    ("kind", "key"), [(kind, entry.name) for kind, schema in SCHEMAS.items() for entry in schema.fields], ids=str
)
def test_every_key_is_in_the_format(kind: Kind, key: str) -> None:
    assert re.search(rf"(^ *|`){key}(:|`)", FORMAT, re.MULTILINE), f"{kind}: {key}"


def drawing(moves: Mapping[_State, Collection[_State]], start: _State) -> str:
    """A state machine as docs/architecture.md draws it."""
    lines = [f"    {here} --> {there}" for here in type(start) for there in type(start) if there in moves[here]]
    return "\n".join(["```mermaid", "stateDiagram-v2", f"    [*] --> {start}", *lines, "```"])


@pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)
def test_a_state_machine_is_drawn_from_its_table(machine: StateMachine[Any]) -> None:
    drawn = drawing(machine.moves, machine.start)
    assert drawn in (ROOT / "docs/architecture.md").read_text(encoding="utf-8"), drawn


def diagram() -> str:
    """What coworkd does by itself with a task."""
    return drawing(DAEMON_MOVES, Status.DRAFT)


def table() -> str:
    """What a person may write, as docs/architecture.md shows it."""
    head = ["you write \\ it is", *Status]
    rows = [[f"`{wanted}`", *(_cell(wanted, now) for now in Status)] for wanted in MOVES]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *rows])


def _cell(wanted: Status, now: Status) -> str:
    return "" if wanted is now else MOVES[wanted].get(now, "put back")


@pytest.mark.parametrize("drawn", [diagram, table], ids=["diagram", "table"])
def test_the_lifecycle_is_drawn_from_its_tables(drawn: Callable[[], str]) -> None:
    assert drawn() in (ROOT / "docs/architecture.md").read_text(encoding="utf-8"), drawn()
