"""Near misses: a slip of the pen is noticed, a word of its own is not."""

from __future__ import annotations

import pytest

from coworkd.core.model import Kind
from coworkd.documents.markdown import normalise_key
from coworkd.documents.schema.tables import SCHEMAS
from coworkd.documents.typos import distance, near_miss, suggestion

KNOWN = SCHEMAS[Kind.TASK].known

INNOCENT = [
    "note",
    "notes",
    "date",
    "type",
    "due",
    "assignee",
    "model",
    "owner",
    "author",
    "created",
    "updated",
    "deadline",
    "start",
    "end",
    "estimate",
    "points",
    "effort",
    "sprint",
    "epic",
    "milestone",
    "parent",
    "project",
    "team",
    "component",
    "area",
    "category",
    "kind",
    "version",
    "severity",
    "rank",
    "border",
    "orders",
    "older",
    "folder",
    "sizes",
    "sequence",
    "weight",
    "size",
    "url",
    "link",
    "links",
    "ref",
    "refs",
    "pr",
    "ticket",
    "source",
    "name",
    "slug",
    "summary",
    "description",
    "subject",
    "goal",
    "context",
    "scope",
    "output",
    "input",
    "tag",
    "state",
    "stats",
    "progress",
    "percent",
    "resolution",
    "reviewer",
    "approver",
    "approved",
    "cost",
    "price",
    "time",
    "spent",
    "color",
    "icon",
    "cover",
    "aliases",
    "cssclasses",
    "publish",
    "permalink",
    "layout",
    "lang",
    "comments",
    "related",
    "blocks",
    "next",
    "done",
    "completed",
    "archived",
    "pinned",
    "steps",
    "tests",
    "test",
    "files",
    "path",
    "branch",
    "commit",
    "env",
    "tools",
    "command",
    "prompt",
    "temperature",
    "node",
    "code",
    "mood",
    "made",
    "plane",
    "plant",
    "look",
    "pool",
    "lap",
    "page",
    "stage",
    "table",
    "level",
    "details",
    "risk",
    "value",
    "key",
    "id",
    "uid",
    "rev",
    "x-mine",
    "my_own",
    "touched",
    "verified",
]


@pytest.mark.parametrize("key", INNOCENT)
def test_ordinary_words_are_no_slips(key: str) -> None:
    assert near_miss(normalise_key(key), KNOWN) == ""


@pytest.mark.parametrize(
    ("key", "meant"),
    [
        ("depend_on", "dependson"),
        ("depends_upon", "dependson"),
        ("dependsOnn", "dependson"),
        ("depends", "dependson"),
        ("deps", "dependson"),
        ("dependency", "dependencies"),
        ("dependancies", "dependencies"),
        ("stauts", "status"),
        ("statsu", "status"),
        ("staus", "status"),
        ("titel", "title"),
        ("agnet", "agent"),
        ("priorty", "priority"),
        ("paln", "plan"),
        ("mdoe", "mode"),
        ("label", "labels"),
        ("lables", "labels"),
        ("touche", "touches"),
        ("verfy", "verify"),
        ("aprove", "approve"),
        ("on_eror", "onerror"),
        ("max_attempt", "maxattempts"),
        ("max_atempt", "maxattempts"),
        ("time_outs", "timeout"),
        ("bugdet", "budget"),
        ("patern", "pattern"),
        ("cowrok", "cowork"),
    ],
)
def test_slips_are_noticed(key: str, meant: str) -> None:
    assert near_miss(normalise_key(key), KNOWN) == meant


@pytest.mark.parametrize("kind", Kind)
def test_no_known_key_is_a_slip_for_another_of_its_kind(kind: Kind) -> None:
    known = SCHEMAS[kind].known
    assert {key: near_miss(key, known - {key}) for key in known if near_miss(key, known - {key})} == {}


@pytest.mark.parametrize(
    ("left", "right", "apart"),
    [("", "abc", 3), ("abc", "abc", 0), ("abc", "acb", 1), ("abc", "ab", 1), ("abc", "xbcd", 2), ("ca", "abc", 3)],
)
def test_distance(left: str, right: str, apart: int) -> None:
    assert distance(left, right) == distance(right, left) == apart


def test_suggestions() -> None:
    assert suggestion("redy", ["ready", "draft"]) == "; did you mean `ready`?"
    assert suggestion("xyzzy", ["ready", "draft"]) == ""
