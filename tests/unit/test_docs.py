"""The documentation is current: links lead somewhere, and every package, command, key, table and state is described."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Collection, Mapping
from contextlib import closing
from dataclasses import fields
from enum import StrEnum
from pathlib import Path
from typing import Any, TypeVar

import click
import pytest

from coworkd.agents.registry import DRIVERS
from coworkd.cli.app import COMMANDS, coworkd
from coworkd.core.model import Kind, Status
from coworkd.core.state_machine import StateMachine
from coworkd.core.task_states import DAEMON_MOVES, MOVES
from coworkd.documents.schema.tables import SCHEMAS
from coworkd.store import pattern_rows, rows
from coworkd.store.migrations import migrate
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
    lines = [line for line in (ROOT / "docs/security.md").read_text(encoding="utf-8").splitlines() if line[:1] == "|"]
    named = [re.findall(r"`(test_\w+)`", row.rsplit("|", 2)[1]) for row in lines if row[:6] not in ("| thre", "| --- ")]
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
    named_in = [row for row in COMMAND_LINE.splitlines() if re.search(rf"`coworkd ([a-z\\|-]+\\\|)?{name}\b", row)]
    assert len(named_in) == 1
    options = [option for option in command(name).params if isinstance(option, click.Option)]
    named = {"--json", *re.findall(r"--?[a-z-]+", named_in[0])}
    assert [option.name for option in options if named.isdisjoint(option.opts)] == []


def test_no_command_is_documented_that_does_not_exist() -> None:
    named = re.findall(r"`coworkd ([a-z\\|-]+)", FORMAT + (ROOT / "README.md").read_text(encoding="utf-8"))
    assert {name for names in named for name in names.split("\\|")} <= set(COMMANDS)


def test_every_driver_is_in_the_format() -> None:
    (sentence,) = re.findall(r"in agents every `driver` but ([^;]+)\.\n", FORMAT)
    assert set(re.findall(r"`(\w+)`", sentence)) == set(DRIVERS)


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
    pages = [(ROOT / page).read_text(encoding="utf-8") for page in ("docs/architecture.md", "docs/dispatch.md")]
    assert any(drawn in page for page in pages), drawn


def diagram() -> str:
    """What coworkd does by itself with a task."""
    return drawing(DAEMON_MOVES, Status.DRAFT)


def table() -> str:
    """What a person may write, as docs/architecture.md shows it."""
    head = ["you write \\ it is", *Status]
    body = [[f"`{wanted}`", *(_cell(wanted, now) for now in Status)] for wanted in MOVES]
    return "\n".join(f"| {' | '.join(row)} |" for row in [head, ["---"] * len(head), *body])


def _cell(wanted: Status, now: Status) -> str:
    return "" if wanted is now else MOVES[wanted].get(now, "put back")


@pytest.mark.parametrize("drawn", [diagram, table], ids=["diagram", "table"])
def test_the_lifecycle_is_drawn_from_its_tables(drawn: Callable[[], str]) -> None:
    assert drawn() in (ROOT / "docs/architecture.md").read_text(encoding="utf-8"), drawn()


DATA_MODEL = (ROOT / "docs/architecture.md").read_text(encoding="utf-8").partition("\n## Data model\n")[2]
DATA_MODEL = DATA_MODEL.partition("\n## ")[0]
ROWS = [row for name, row in {**vars(rows), **vars(pattern_rows)}.items() if name.endswith("Row")]


def test_every_table_is_in_the_data_model() -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        migrate(connection)
        made = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
        tables = {name for (name,) in made}
    assert tables == set(re.findall(r"^\| `(\w+)` \| [^|]+ \| [^|]+ \|$", DATA_MODEL, re.MULTILINE))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.__name__)
def test_every_field_of_a_row_is_in_the_data_model(row: Any) -> None:
    section = DATA_MODEL.partition(f"`{row.__name__}`")[2].partition("\n**`")[0]
    assert {field.name for field in fields(row)} - set(re.findall(r"`(\w+)`", section)) == set()
