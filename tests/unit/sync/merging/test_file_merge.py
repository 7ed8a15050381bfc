"""Merging documents by fields: what is clean, what a person must choose, and what stays as it was written."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.documents.markdown import compose, parse
from coworkd.sync.merging.conflict_markers import Markers
from coworkd.sync.merging.file_merge import FileMerge, merge_files

BASE = """\
---
# what it is
title: One
status: ready
priority: high      # soon
labels: [ui]
---
First.

Second.

Third.
"""


def merged(base: str, ours: str, theirs: str, path: str = "tasks/one.md") -> FileMerge:
    found = merge_files(path, base.encode(), ours.encode(), theirs.encode(), Markers())
    assert found is not None
    return found


def changed(*pairs: tuple[str, str], base: str = BASE) -> str:
    for old, new in pairs:
        assert old in base
        base = base.replace(old, new)
    return base


CLEAN = {
    "neighbouring fields": (
        [("title: One", "title: Two")],
        [("status: ready", "status: paused")],
        [("title: One\nstatus: ready", "title: Two\nstatus: paused")],
    ),
    "the same word twice": (
        [("status: ready", "status: done")],
        [("status: ready", "status: Closed")],
        [("status: ready", "status: done")],
    ),
    "labels from both sides": (
        [("[ui]", "[ui, mine]")],
        [("[ui]", "[theirs]")],
        [("[ui]", "[mine, theirs]")],
    ),
    "different lines of the body": (
        [("First.", "Erst.")],
        [("Third.", "Dritt.")],
        [("First.", "Erst."), ("Third.", "Dritt.")],
    ),
    "a field and the body": (
        [("First.", "Erst.")],
        [("title: One", "title: Two")],
        [("First.", "Erst."), ("title: One", "title: Two")],
    ),
    "a comment and the value beside it": (
        [("priority: high      # soon", "priority: low      # soon")],
        [("# what it is", "# what it was")],
        [("priority: high", "priority: low"), ("# what it is", "# what it was")],
    ),
    "a comment at a value that the other side changed": (
        [("priority: high", "priority: low")],
        [("# soon", "# at once")],
        [("priority: high      # soon", "priority: low      # at once")],
    ),
    "a key gone, a key come": (
        [("labels: [ui]\n", "")],
        [("title: One\n", "title: One\nagent: bob\n")],
        [("labels: [ui]\n", ""), ("title: One\n", "title: One\nagent: bob\n")],
    ),
    "keys added at the same place": (
        [("labels: [ui]\n", "labels: [ui]\nagent: bob\n")],
        [("labels: [ui]\n", "labels: [ui]\nmode: build\n")],
        [("labels: [ui]\n", "labels: [ui]\nmode: build\nagent: bob\n")],
    ),
    "a key under another name": (
        [("title: One", "title: Two")],
        [("labels: [ui]", "tags: [ui, new]")],
        [("title: One", "title: Two"), ("labels: [ui]", "labels: [ui, new]")],
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CLEAN)
def test_merges_clean(case: str) -> None:
    ours, theirs, wanted = CLEAN[case]
    found = merged(BASE, changed(*ours), changed(*theirs))
    assert (found.data.decode(), found.conflicts) == (changed(*wanted), ())


@pytest.mark.parametrize(
    ("ours", "theirs", "field", "marked"),
    [
        (
            [("title: One", "title: Two")],
            [("title: One", "title: Three")],
            "title",
            "<<<<<<< ours\ntitle: Two\n=======\ntitle: Three\n>>>>>>> theirs\nstatus: ready\n",
        ),
        (
            [("priority: high      # soon\n", "")],
            [("priority: high", "priority: low")],
            "priority",
            "labels: [ui]\n<<<<<<< ours\n=======\npriority: low      # soon\n>>>>>>> theirs\n---\n",
        ),
        (
            [("Second.", "Zweit.")],
            [("Second.", "Segundo.")],
            "body",
            "First.\n\n<<<<<<< ours\nZweit.\n=======\nSegundo.\n>>>>>>> theirs\n\nThird.\n",
        ),
    ],
)
def test_shows_a_conflict_around_its_lines(
    ours: list[tuple[str, str]], theirs: list[tuple[str, str]], field: str, marked: str
) -> None:
    found = merged(BASE, changed(*ours), changed(*theirs))
    assert found.conflicts == (field,)
    assert marked in found.data.decode()
    assert found.data.count(b"<<<<<<<") == 1


def test_a_conflict_leaves_the_rest_merged() -> None:
    ours = changed(("title: One", "title: Two"), ("First.", "Erst."))
    theirs = changed(("title: One", "title: Three"), ("status: ready", "status: paused"), ("Third.", "Dritt."))
    text = merged(BASE, ours, theirs).data.decode()
    assert all(words in text for words in ("status: paused", "Erst.", "Dritt.", "title: Two", "title: Three"))


def with_map(status: str, **facts: str | int) -> str:
    lines = "".join(f"  {key}: {value}\n" for key, value in facts.items())
    return changed(("status: ready\n", f"status: {status}\n"), ("labels: [ui]\n", f"labels: [ui]\ncowork:\n{lines}"))


def test_the_higher_revision_of_one_instance_wins() -> None:
    base = with_map("ready", id="one", rev=1, by="anna-1")
    ours = with_map("running", id="one", rev=2, by="anna-1", attempt=1)
    theirs = with_map("done", id="one", rev=5, by="anna-1", attempt=2, landed="abc")
    for first, second in ((ours, theirs), (theirs, ours)):
        found = merged(base, first, second)
        assert (found.data.decode(), found.conflicts) == (theirs, ())


def test_a_persons_word_beside_a_written_map_is_kept() -> None:
    base = with_map("running", id="one", rev=2, by="anna-1")
    ours = with_map("paused", id="one", rev=2, by="anna-1")
    theirs = with_map("running", id="one", rev=3, by="anna-1", cost_usd="0.2")
    found = merged(base, ours, theirs)
    assert (found.data.decode(), found.conflicts) == (
        with_map("paused", id="one", rev=3, by="anna-1", cost_usd="0.2"),
        (),
    )


@pytest.mark.parametrize(("mine", "other"), [("running", "running"), ("review", "waiting"), ("running", "done")])
def test_two_owners_are_for_a_person(mine: str, other: str) -> None:
    found = merged(BASE, with_map(mine, rev=1, by="anna-1"), with_map(other, rev=2, by="bert-2"))
    assert found.conflicts == (("cowork",) if mine == other else ("cowork", "status"))
    assert b"by: anna-1" in found.data
    assert b"by: bert-2" in found.data
    assert b"=======\ncowork:\n" in found.data


def test_two_owners_who_are_done_are_not_in_each_others_way() -> None:
    theirs = with_map("done", rev=4, by="bert-2", landed="b")
    found = merged(BASE, with_map("done", rev=3, by="anna-1", landed="a"), theirs)
    assert (found.data.decode(), found.conflicts) == (theirs, ())


def test_one_revision_twice_is_for_a_person() -> None:
    found = merged(BASE, with_map("failed", rev=2, by="a"), with_map("failed", rev=2, by="a", cost_usd=1))
    assert found.conflicts == ("cowork",)


FORM = "---\napproval: {}\ncomment: ''\ncowork:\n  rev: {}\n  request: {}\n---\nA change.\n"


def test_an_approval_never_counts_for_another_request() -> None:
    base, ours, theirs = (
        FORM.format("pending", 1, "r1"),
        FORM.format("approved", 1, "r1"),
        FORM.format("pending", 2, "r2"),
    )
    for first, second in ((ours, theirs), (theirs, ours)):
        found = merged(base, first, second, "reviews/one.md")
        assert (found.data.decode(), found.conflicts) == (theirs, ())


def test_a_rejection_is_always_kept() -> None:
    base, ours, theirs = (
        FORM.format("pending", 1, "r1"),
        FORM.format("rejected", 1, "r1"),
        FORM.format("pending", 2, "r2"),
    )
    assert b"approval: rejected" in merged(base, ours, theirs, "reviews/one.md").data


def test_two_new_forms_are_not_mixed() -> None:
    sides = [FORM.format("pending", 1, "r1"), FORM.format("approved", 2, "r2"), FORM.format("pending", 2, "r3")]
    found = merged(sides[0], sides[1], sides[2], "reviews/one.md")
    assert found.conflicts == ("file",)
    assert found.data.decode() == f"<<<<<<< ours\n{sides[1]}=======\n{sides[2]}>>>>>>> theirs\n"


def test_windows_line_endings_and_marks_are_layout() -> None:
    ours = "\ufeff" + changed(("title: One", "title: Two")).replace("\n", "\r\n")
    theirs = changed(("Third.", "Dritt."))
    wanted = "\ufeff" + changed(("title: One", "title: Two"), ("Third.", "Dritt.")).replace("\n", "\r\n")
    assert merged(BASE, ours, theirs).data.decode() == wanted
    assert merged(BASE, theirs, ours).data.decode() == wanted


def test_settings_without_fences() -> None:
    base = "version: 1\n# how many\nconcurrency: 2\n"
    found = merged(base, f"{base}quiet: 3\n", base.replace("2", "4"), "config.yaml")
    assert (found.data.decode(), found.conflicts) == ("version: 1\n# how many\nconcurrency: 4\nquiet: 3\n", ())


def test_both_sides_added_the_file() -> None:
    found = merged("", changed(("title: One", "title: Two")), BASE)
    assert found.conflicts == ("title",)
    assert merged("", BASE, BASE) == FileMerge(data=BASE.encode())


def test_no_header_at_all() -> None:
    assert merged("a\n\nb\n", "A\n\nb\n", "a\n\nB\n").data == b"A\n\nB\n"


def test_one_side_puts_a_header_on_top() -> None:
    assert merged("a\n", "a\nb\n", "---\ntitle: x\n---\na\n").data == b"---\ntitle: x\n---\na\nb\n"


@pytest.mark.parametrize(
    "theirs",
    [
        pytest.param("---\ntitle: [x\n---\n", id="broken YAML"),
        pytest.param("---\ntitle: x\ntitle: y\n---\n", id="a duplicate key"),
        pytest.param("---\nlabels: [a]\ntags: [b]\n---\n", id="a key under two names"),
        pytest.param("---\n<<<<<<< ours\ntitle: x\n=======\n>>>>>>> theirs\n---\n", id="a conflict already"),
    ],
)
def test_what_cannot_be_read_is_not_merged_by_fields(theirs: str) -> None:
    assert merge_files("tasks/one.md", BASE.encode(), BASE.encode(), theirs.encode(), Markers()) is None


@pytest.mark.parametrize("path", ["log/2026-01/run.json", "skills/x/SKILL.md", "tasks/.hidden.md"])
def test_other_files_are_not_merged_by_fields(path: str) -> None:
    assert merge_files(path, b"", b"a: 1\n", b"b: 1\n", Markers()) is None


VALUES = (
    st.none()
    | st.sampled_from(["a", "b", "no", "0123", "x: y"])
    | st.lists(st.sampled_from(["p", "q", "r"]), max_size=3)
)
DOCUMENTS = st.builds(
    lambda fields, body: compose({k: v for k, v in fields.items() if v is not None}, body),
    st.fixed_dictionaries({"title": VALUES, "labels": VALUES, "own key": VALUES, "status": VALUES}),
    st.lists(st.sampled_from(["one\n", "two\n", "three\n"]), max_size=4).map("".join),
)


def values(data: bytes) -> Mapping[str, object]:
    return {entry.key: entry.value for entry in parse(data).entries}


@given(DOCUMENTS, DOCUMENTS, DOCUMENTS)
def test_conflicts_are_the_same_from_either_side(base: bytes, ours: bytes, theirs: bytes) -> None:
    one, other = (merge_files("tasks/a.md", base, *sides, Markers()) for sides in ((ours, theirs), (theirs, ours)))
    assert one is not None
    assert other is not None
    assert one.conflicts == other.conflicts
    assert (b"<<<<<<< " in one.data) == bool(one.conflicts)


@given(DOCUMENTS, DOCUMENTS)
def test_one_changed_side_is_the_result(base: bytes, ours: bytes) -> None:
    for sides in ((ours, base), (base, ours)):
        found = merge_files("tasks/a.md", base, *sides, Markers())
        assert found is not None
        assert found.conflicts == ()
        assert values(found.data) == values(ours)
        assert parse(found.data).body == parse(ours).body
