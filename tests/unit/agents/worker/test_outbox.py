from __future__ import annotations

import os
import select
from pathlib import Path

import pytest

from coworkd.agents.port import Asked, AskKind, Posted
from coworkd.agents.worker.outbox import MAX_FILE_BYTES, MAX_FILES, SETTLE_SECONDS, Outbox, read_message
from coworkd.system.folder_events import FolderEvents

QUESTION = b"---\nkind: question\ntitle: Colours\n---\n\nWhich colour?\n"


@pytest.mark.parametrize(
    ("content", "event"),
    [
        (b"Just so you know.\n", Posted(name="m.md", text="Just so you know.\n")),
        (b"---\nkind: progress\n---\nHalf.\n", Posted(name="m.md", text="---\nkind: progress\n---\nHalf.\n")),
        (
            QUESTION,
            Asked(request="m.md", kind=AskKind.QUESTION, text="Which colour?", title="Colours"),
        ),
        (
            b"---\napproval: pending\ntool: run\narguments: npm install\n---\nMay I?\n",
            Asked(request="m.md", kind=AskKind.PERMISSION, text="May I?", tool="run", arguments="npm install"),
        ),
        (
            b"---\nkind: question\napproval: pending\narguments: {path: a b}\n---\nMay I?",
            Asked(request="m.md", kind=AskKind.PERMISSION, text="May I?", arguments='{"path": "a b"}'),
        ),
        (b"---\napproval: approved\n---\nI may.", Posted(name="m.md", text="---\napproval: approved\n---\nI may.")),
        (b"", Posted(name="m.md", text="")),
    ],
)
def test_what_a_file_says(content: bytes, event: Asked | Posted) -> None:
    assert read_message("m.md", content) == event


def test_what_is_not_utf8_is_said_so() -> None:
    event = read_message("m.md", b"abc\xff")
    assert isinstance(event, Posted)
    assert "not UTF-8 (byte 3)" in event.text


def test_a_bad_header_makes_a_plain_message_with_a_remark() -> None:
    event = read_message("m.md", b"---\nkind: question\nkind: question\n---\nWhich?\n")
    assert isinstance(event, Posted)
    assert "Which?" in event.text
    assert "could not be read" in event.text


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "outbox"


def outbox(folder: Path, *answered: str) -> Outbox:
    return Outbox(folder, folder.parent / "ledger", lambda name: name in answered)


def names(events: list[Asked | Posted]) -> list[str]:
    return [event.request if isinstance(event, Asked) else event.name for event in events]


def test_a_file_is_taken_when_it_has_settled(folder: Path) -> None:
    box = outbox(folder)
    (folder / "a.md").write_text("half")
    assert list(box.poll(0.0)) == []
    (folder / "a.md").write_text("half a sentence")
    assert list(box.poll(SETTLE_SECONDS)) == []
    assert list(box.poll(2 * SETTLE_SECONDS)) == [Posted(name="a.md", text="half a sentence")]
    assert list(box.poll(9.0)) == []


def test_a_folder_that_nothing_changes_in_is_not_looked_at(folder: Path) -> None:
    box = outbox(folder)
    if box.fd is None:
        pytest.skip("this system tells nothing of changes")
    assert box.seconds_to_look(0.0) == 0.0
    assert list(box.poll(0.0)) == []
    assert box.seconds_to_look(0.0) is None
    (folder / "a.md").write_text("words")
    assert select.select([box.fd], [], [], 20.0)[0]
    box.note_change()
    assert select.select([box.fd], [], [], 0.0)[0] == []
    assert list(box.poll(9.0)) == []
    due = box.seconds_to_look(9.0)
    assert due is not None
    assert due <= SETTLE_SECONDS
    assert names(list(box.poll(9.5))) == ["a.md"]
    assert box.seconds_to_look(9.5) is None
    box.close()


def test_a_folder_that_tells_nothing_is_looked_at_again_and_again(folder: Path) -> None:
    silent = FolderEvents(folder / "missing")
    box = Outbox(folder, folder.parent / "ledger", lambda _: False, silent)
    assert box.fd is None
    assert list(box.poll(3.0)) == []
    due = box.seconds_to_look(3.0)
    assert due is not None
    assert 0.0 < due < 1.0
    box.close()


def test_the_rest_is_taken_at_once(folder: Path) -> None:
    box = outbox(folder)
    (folder / "a.md").write_text("last words")
    assert names(list(box.poll_all(0.0))) == ["a.md"]


def test_hidden_and_other_files_are_not_looked_at(folder: Path) -> None:
    box = outbox(folder)
    for name in (".a.md", "b.txt", "c.md~", "md"):
        (folder / name).write_text("x")
    assert list(box.poll_all(0.0)) == []


def test_the_older_file_comes_first(folder: Path) -> None:
    box = outbox(folder)
    for at, name in enumerate(("z.md", "a.md")):
        (folder / name).write_text("x")
        os.utime(folder / name, (at, at))
    assert names(list(box.poll_all(0.0))) == ["z.md", "a.md"]


def test_once_per_content(folder: Path) -> None:
    box = outbox(folder)
    (folder / "a.md").write_text("one")
    assert names(list(box.poll_all(0.0))) == ["a.md"]
    os.utime(folder / "a.md", (1, 1))
    assert list(box.poll_all(0.0)) == []
    (folder / "a.md").write_text("two")
    assert list(box.poll_all(0.0)) == [Posted(name="a.md", text="two")]


def test_another_start_does_not_take_again_what_was_taken(folder: Path) -> None:
    first = outbox(folder)
    (folder / "a.md").write_text("one")
    (folder / "q.md").write_bytes(QUESTION)
    assert sorted(names(list(first.poll_all(0.0)))) == ["a.md", "q.md"]
    assert list(outbox(folder, "q.md").poll_all(0.0)) == []


def test_another_start_asks_again_what_was_not_answered(folder: Path) -> None:
    (folder / "..").resolve().joinpath("outbox").mkdir()
    (folder / "q.md").write_bytes(QUESTION)
    list(outbox(folder).poll_all(0.0))
    assert names(list(outbox(folder).poll_all(0.0))) == ["q.md"]


def test_an_event_that_was_not_recorded_comes_again(folder: Path) -> None:
    first = outbox(folder)
    (folder / "a.md").write_text("one")
    next(first.poll_all(0.0))  # and then the worker died
    assert names(list(outbox(folder).poll_all(0.0))) == ["a.md"]


def test_a_torn_ledger_line_is_passed_over(folder: Path) -> None:
    box = outbox(folder)
    (folder / "a.md").write_text("one")
    list(box.poll_all(0.0))
    with (folder.parent / "ledger").open("a") as ledger:
        ledger.write('["b.md", "12')
    assert list(outbox(folder).poll_all(0.0)) == []


@pytest.mark.parametrize(("size", "taken"), [(MAX_FILE_BYTES, True), (MAX_FILE_BYTES + 1, False)])
def test_the_size_of_a_message_is_bounded(folder: Path, size: int, taken: bool) -> None:
    box = outbox(folder)
    (folder / "a.md").write_text("x" * size)
    (event,) = box.poll_all(0.0)
    assert isinstance(event, Posted)
    assert ("not taken" not in event.text) is taken


def test_the_number_of_messages_is_bounded_and_said_once(folder: Path) -> None:
    box = outbox(folder)
    for number in range(MAX_FILES + 5):
        (folder / f"{number}.md").write_text("x")
    events = list(box.poll_all(0.0))
    assert len(events) == MAX_FILES + 1
    assert isinstance(events[-1], Posted)
    assert "not taken" in events[-1].text


def test_a_name_that_is_no_text_is_refused(folder: Path) -> None:
    box = outbox(folder)
    for name in (b"bad\xff.md", b"two\nlines.md"):
        (folder / os.fsdecode(name)).write_text("x")
    events = list(box.poll_all(0.0))
    assert names(events) == ["unreadable-name.md", "unreadable-name.md"]
    assert all(event.text.isascii() for event in events)


def test_an_outbox_that_is_a_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "outbox").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="outbox"):
        outbox(tmp_path / "outbox")
