"""Each format, with counts and edges as a person would make them by hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from coworkd.core.errors import RefusedSourceError
from coworkd.interchange.detection import known_backlog, read_sources
from coworkd.interchange.items import ItemStatus, SourceKind
from coworkd.interchange.planning import PlannedItem, PlannedSource, plan_source

SAMPLES = Path(__file__).parents[2] / "fixtures" / "imports"


def read(name: str) -> list[PlannedSource]:
    return [plan_source(source) for source in read_sources(SAMPLES / name)]


def counts(name: str) -> tuple[int, ...]:
    found = read(name)
    by_status = [
        sum(one.count(status) for one in found) for status in (ItemStatus.DONE, ItemStatus.DRAFT, ItemStatus.CANCELLED)
    ]
    return (
        sum(one.tasks for one in found),
        sum(one.plans for one in found),
        *by_status,
        sum(one.skipped for one in found),
    )


def item(name: str, task: str) -> PlannedItem:
    return next(one for source in read(name) for one in source.items if one.item.id == task)


def problems(name: str) -> list[tuple[str, int]]:
    return [(Path(one.place.path).name, one.place.line) for source in read(name) for one in source.problems]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("backlog", (3, 1, 1, 1, 1, 1)),
        ("issues.jsonl", (3, 1, 1, 2, 0, 1)),
        ("prd.json", (3, 1, 1, 2, 0, 0)),
        ("specs", (3, 2, 1, 2, 0, 0)),
        ("specs/007-gate/tasks.md", (3, 2, 1, 2, 0, 0)),
        ("openspec", (5, 5, 2, 3, 0, 0)),
        ("tasks.json", (3, 1, 1, 2, 0, 1)),
        ("github.json", (3, 1, 1, 1, 1, 0)),
    ],
)
def test_tasks_plans_done_drafts_cancelled_and_skipped(name: str, expected: tuple[int, ...]) -> None:
    assert counts(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("backlog", [("led-1 - Books.md", 7), ("led-1.10 - Print.md", 8)]),
        ("issues.jsonl", [("issues.jsonl", 6)]),
        ("specs", [("tasks.md", 9)]),
        ("openspec", [("tasks.md", 9)]),
        ("tasks.json", [("tasks.json", 7)]),
        ("prd.json", []),
    ],
)
def test_what_cannot_come_in_is_a_problem_with_its_line(name: str, expected: list[tuple[str, int]]) -> None:
    assert problems(name) == expected


@pytest.mark.parametrize(
    ("name", "task", "needs"),
    [
        ("backlog", "led-1.2", ()),
        ("backlog", "led-2", ("led-1.2",)),
        ("issues.jsonl", "oak-1.2", ("oak-1.1", "oak-2")),
        ("prd.json", "clock-us-003", ("clock-us-002",)),
        ("specs", "007-gate-t002", ()),
        ("specs", "007-gate-t003", ("007-gate-t001",)),
        ("openspec", "add-gate-1.2-1", ("add-gate-1.2",)),
        ("openspec", "add-gate-2.2", ()),
        ("tasks.json", "main-1.2", ("main-1.1",)),
        ("tasks.json", "main-2", ("main-1.2",)),
    ],
)
def test_what_a_task_waits_for(name: str, task: str, needs: tuple[str, ...]) -> None:
    """A plan cannot be waited for: its last open tasks are, and its first open tasks wait for what it waits for."""
    assert item(name, task).depends_on == needs


@pytest.mark.parametrize(
    ("name", "task", "priority"),
    [
        ("issues.jsonl", "oak-2", 0.0),
        ("issues.jsonl", "oak-1.2", 2.5),
        ("prd.json", "clock-us-001", 0.0),
        ("prd.json", "clock-us-003", 2.0),
        ("tasks.json", "main-2", 3.0),
    ],
)
def test_priorities(name: str, task: str, priority: float) -> None:
    assert item(name, task).item.priority == priority


def test_an_archived_change_is_done() -> None:
    assert item("openspec", "old-gate-1.1").item.status is ItemStatus.DONE
    assert any("archived" in one.message for source in read("openspec") for one in source.notices)


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("interactions.jsonl", None, "`issues.jsonl`"),
        ("SKILL.md", "---\nname: x\n---\n", ".cowork/skills/"),
        ("other.json", '{"a": 1}', "holds no tasks"),
        ("torn.json", '{"userStories": [', "torn.json:1"),
        ("deep.json", "[" * 5000, "nested"),
        ("notes.md", "# Notes\n", "no list of tasks"),
        ("empty.jsonl", "", "no issue"),
        ("absent", None, "no such file"),
    ],
)
def test_what_is_no_backlog_is_refused_whole(tmp_path: Path, name: str, text: str | None, says: str) -> None:
    path = tmp_path / name if text is not None else SAMPLES / name
    if text is not None:
        path.write_text(text)
    with pytest.raises(RefusedSourceError, match=says):
        read_sources(path)


def test_another_format_than_the_one_named_is_refused() -> None:
    with pytest.raises(RefusedSourceError, match="is prd, not github"):
        read_sources(SAMPLES / "prd.json", SourceKind.GITHUB)


def test_a_backlog_is_found_where_its_tool_keeps_it(tmp_path: Path) -> None:
    assert known_backlog(tmp_path) is None
    (tmp_path / ".beads").mkdir()
    (tmp_path / ".beads" / "issues.jsonl").write_bytes((SAMPLES / "issues.jsonl").read_bytes())
    assert known_backlog(tmp_path) == Path(".beads/issues.jsonl")


def test_five_thousand_items_with_a_chain_of_dependencies(tmp_path: Path) -> None:
    lines = [
        f'{{"id": "n-{number}", "title": "t", "status": "open",'
        f' "dependencies": [{{"depends_on_id": "n-{number - 1}", "type": "blocks"}}]}}'
        for number in range(5000)
    ]
    (tmp_path / "issues.jsonl").write_text("\n".join(lines))
    [source] = [plan_source(one) for one in read_sources(tmp_path / "issues.jsonl")]
    assert (source.tasks, len(source.problems)) == (5000, 1)
