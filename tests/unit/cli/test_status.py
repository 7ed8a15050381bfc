"""What commands have in common, and how the board looks."""

from __future__ import annotations

import dataclasses
from dataclasses import replace

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.board.views.attention import AttentionItem, AttentionKind
from coworkd.board.views.status import BoardView, Card
from coworkd.cli.app import COMMANDS, coworkd
from coworkd.cli.output import WIDTH, columns, hanging_indent, plain
from coworkd.cli.status import DONE_SHOWN, render
from coworkd.core.disk_use import DiskUse
from coworkd.core.model import Status

NOW = 1_700_000_000.0


def leaves(command: click.Command) -> list[click.Command]:
    """The command, or those of a group."""
    return (
        [leaf for sub in command.commands.values() for leaf in leaves(sub)]
        if isinstance(command, click.Group)
        else [command]
    )


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_prints_json_and_explains_itself(name: str) -> None:
    found = coworkd.get_command(click.Context(coworkd), name)
    assert found is not None
    assert found.name == name
    assert found.help
    for leaf in leaves(found):
        assert "--json" in [word for parameter in leaf.params for word in parameter.opts]
        assert all(option.help for option in leaf.params if isinstance(option, click.Option))


def card(name: str, status: Status = Status.READY, why: str = "", title: str = "A title") -> Card:
    return Card(
        id=name, title=title, status=status, agent="ann", path=f"tasks/{name}.md", blocked_by=(), why=why, by="",
        cost_usd=None, tokens=0, since=NOW - 90, elsewhere=False,
    )  # fmt: skip


def board(*cards: Card, waiting: tuple[AttentionItem, ...] = ()) -> BoardView:
    return BoardView(instance="ann-1", cards=cards, waiting=waiting, problems=(), usd_today=0.0)


def shown(view: BoardView) -> list[str]:
    return click.unstyle(render(view, "coworkd is up (pid 7)", NOW)).splitlines()


def test_an_empty_board_says_how_to_begin() -> None:
    assert shown(board()) == [
        "coworkd is up (pid 7), 0 running, 0 waiting for you",
        "",
        'No tasks yet. Write one: coworkd new "Fix the login page"',
    ]


@pytest.mark.parametrize(
    ("undelivered", "said"),
    [
        (0, ""),
        (1, "1 landed change is not in your branch yet: `coworkd land` brings it there"),
        (2, "2 landed changes are not in your branch yet: `coworkd land` brings them there"),
    ],
)
def test_what_waits_on_the_integration_branch_is_told_with_the_command(undelivered: int, said: str) -> None:
    lines = shown(dataclasses.replace(board(card("a", Status.DONE, "landed")), undelivered=undelivered))
    assert lines[-1].strip() == (said or lines[3].strip())


def test_a_line_says_why_or_else_what() -> None:
    lines = shown(board(card("a", Status.RUNNING, "ann at work for 1 min, attempt 1"), card("bcd")))
    assert lines[2:] == [
        "Tasks",
        "  running    a    1m    ann at work for 1 min, attempt 1",
        "  ready      bcd  1m    A title",
    ]


def test_what_waits_is_a_path_good_to_copy_and_what_to_do() -> None:
    path = "messages/report-title/20261121T040050Z-scribe-50b8e79c-question-1.md"
    item = AttentionItem(kind=AttentionKind.QUESTION, path=path, task="report-title", since=NOW, what="answer it " * 9)
    lines = shown(board(waiting=(item,)))
    assert lines[3] == f"  question   0s    .cowork/{path}"
    assert lines[4:6] == [" " * 19 + "answer it " * 5 + "answer it", " " * 19 + "answer it answer it answer it"]


def test_only_the_last_of_what_is_done_is_listed() -> None:
    lines = shown(board(card("open"), *(card(f"t{number}", Status.DONE) for number in range(30))))
    assert len(lines) == 3 + 1 + DONE_SHOWN + 1
    assert lines[-1] == "  and 25 more done or cancelled: `coworkd list`"


WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=200)


@given(st.lists(st.tuples(st.sampled_from(Status), WORDS, WORDS), max_size=30))
def test_no_board_is_wider_than_a_terminal_or_commands_it(rows: list[tuple[Status, str, str]]) -> None:
    """Single words that are wider stay whole, so that what is a path stays good to copy."""
    words = [(status, " ".join(w[:20] for w in why.split()), title) for status, why, title in rows]
    cards = [card(f"task-{n}", status, why, title) for n, (status, why, title) in enumerate(words)]
    text = click.unstyle(render(board(*cards), "coworkd is down", NOW))
    assert plain(text) == text
    assert all(len(line) <= WIDTH for line in text.split("\n") if line.isascii() and len(line.split()) > 6)


def test_a_title_takes_one_line_and_ids_that_begin_alike_differ() -> None:
    begin = "a-rather-long-task-id-that-goes-on"
    lines = shown(board(*(card(f"{begin}-{number}", title="many words " * 9) for number in (1, 11))))
    assert lines[3:] == [
        f"  ready      a-rather-long-task…{end}  1m    many words many words many …"
        for end in ("goes-on-1", "oes-on-11")
    ]


def test_long_reasons_are_cut_after_three_lines() -> None:
    text = hanging_indent("  x", "word " * 200)
    assert text.count("\n") == 2
    assert text.endswith(" …")


@pytest.mark.parametrize(
    ("head", "text", "lines"),
    [
        ("  a", "one two", ["  a  one two"]),
        ("  a", "word " * 20, ["  a  " + " ".join(["word"] * 15), "     " + " ".join(["word"] * 5)]),
        ("  a" + "-" * 60, "b" * 20, ["  a" + "-" * 60, "      " + "b" * 20]),
        ("  a" + "-" * 90, "one two", ["  a" + "-" * 90, "      one two"]),
        ("  a" + "-" * 60, "/" * 90, ["  a" + "-" * 60, "      " + "/" * 90]),
    ],
)
def test_a_text_that_does_not_fit_beside_its_head_begins_below_it(head: str, text: str, lines: list[str]) -> None:
    assert hanging_indent(head, text).split("\n") == lines


@pytest.mark.parametrize(
    ("cells", "line"),
    [
        ((("abc", 5), ("d", 1)), "abc    d"),
        ((("abcdef", 4),), "abc…"),
        ((("寿司寿司", 5),), "寿司…"),
        ((("寿司", 5), ("x", 1)), "寿司   x"),
        ((("a\nb\x1b[31m", 16),), "a b<U+001B>[31m "),
    ],
)
def test_cells_are_as_wide_as_they_should_be(cells: tuple[tuple[str, int], ...], line: str) -> None:
    assert columns(*cells) == line


def test_a_running_task_counts_in_the_head() -> None:
    view = replace(board(card("a", Status.RUNNING)), usd_today=1.234)
    assert shown(view)[0] == "coworkd is up (pid 7), 1 running, 0 waiting for you, $1.23 in 24 h"


def test_what_the_disk_holds_is_shown_once_it_was_measured() -> None:
    use = DiskUse(slots=1_240_000_000, gates=340_000_000, caches=12_000_000, other=5_000, at=0.0)
    assert shown(replace(board(card("a", Status.RUNNING)), disk=use))[1] == (
        "disk  1.6 GB: slots 1.2 GB, gates 340 MB, caches 12 MB, other 5 kB"
    )


def test_what_is_to_be_typed_stays_on_one_line() -> None:
    text = (
        "a connection was refused, and this line allows it: `sandbox: {network: [registry.example]}` in agents/ann.md"
    )
    shown = hanging_indent("bad   network       ", text)
    assert "`sandbox: {network: [registry.example]}`" in shown
    assert max(map(len, shown.splitlines())) <= 80
