"""The counts of `tools/check_structure.py` can fail: each finds what it is about."""

from __future__ import annotations

import ast
import runpy
from pathlib import Path
from typing import Any

TOOL: dict[str, Any] = runpy.run_path(str(Path(__file__).parents[3] / "tools/check_structure.py"))


def trees(**texts: str) -> list[tuple[str, str, ast.Module]]:
    return [(name.replace("__", "/") + ".py", text, ast.parse(text)) for name, text in texts.items()]


def test_a_class_name_in_two_modules_is_found() -> None:
    assert TOOL["repeated_classes"](
        trees(a="class One: ...\nclass _Own: ...", b="class One: ...\nclass _Own: ...")
    ) == ["One: a.py, b.py"]


def test_sql_outside_the_store_is_found() -> None:
    text = 'x = "SELECT 1 FROM tasks"\ndb.scalar(x)\ndb.one(Row, "id = ?", 1)\nlist.one(1)\n"select a file"\n'
    assert TOOL["foreign_statements"](trees(coworkd__merge=text)) == [f"coworkd/merge.py:{line}" for line in (1, 2, 3)]
    assert TOOL["foreign_statements"](trees(coworkd__store__tasks=text)) == []


def test_long_functions_are_found() -> None:
    long = "def f():\n" + "    x = 1\n" * TOOL["MAX_FUNCTION_LINES"]
    assert TOOL["long_functions"](trees(a=long)) == [f"a.py:1: f, {TOOL['MAX_FUNCTION_LINES'] + 1} lines"]
    assert TOOL["long_functions"](trees(a=long.replace("    x = 1\n", "", 1))) == []


def test_private_words_are_found() -> None:
    found = [
        line
        for line in TOOL["stop_words"](trees(coworkd__a='"""Nobody is asked in this room."""'))
        if "coworkd/a" in line
    ]
    assert found == ["coworkd/a.py:1: Nobody", "coworkd/a.py:1: room"]
