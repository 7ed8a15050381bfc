from __future__ import annotations

import difflib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from coworkd.merge.checks.restored_lines import Hunk, LandedHunks, hunks_of, restored_lines


def hunks(old: str, new: str) -> list[Hunk]:
    a, b = old.splitlines(), new.splitlines()
    codes = difflib.SequenceMatcher(a=a, b=b, autojunk=False).get_opcodes()
    return [Hunk(removed=tuple(a[i:j]), added=tuple(b[k:m])) for tag, i, j, k, m in codes if tag != "equal"]


def told(before: str, landed: str, after: str, path: str = "x.py") -> tuple[str, ...]:
    landing = LandedHunks(task="one", hunks={"x.py": hunks(before, landed)})
    return restored_lines({path: hunks(landed, after)}, [landing])


BASE = "alpha\nbeta\ngamma\ndelta\n"


@pytest.mark.parametrize(
    ("landed", "after", "count"),
    [
        ("alpha\nBETA!\ngamma\ndelta\n", BASE, 1),
        ("alpha\nBETA!\ngamma\ndelta\n", "new line\nalpha\nbeta\ngamma\nother\n", 1),
        ("alpha\nbeta\nadded one\nadded two\ngamma\ndelta\n", BASE, 2),
        ("alpha\ndelta\n", BASE, 2),
        ("ALPHA\nbeta\ngamma\nDELTA\n", BASE, 2),
        ("ALPHA\nbeta\ngamma\nDELTA\n", "alpha\nbeta\ngamma\nDELTA\n", 1),
        ("alpha\nBETA!\ngamma\ndelta\n", "alpha\nbeta\nmore here\ngamma\ndelta\n", 1),
        ("ALPHA\nBETA!\ngamma\ndelta\n", "ALPHA\nbeta\ngamma\ndelta\n", 1),
    ],
)
def test_lines_put_back_are_found(landed: str, after: str, count: int) -> None:
    assert told(BASE, landed, after) == (
        f"x.py: {count} line{'' if count == 1 else 's'} put back to the text before `one` landed",
    )


@pytest.mark.parametrize(
    ("landed", "after"),
    [
        ("alpha\nBETA!\ngamma\ndelta\n", "alpha\nBETA!\ngamma\nchanged\n"),
        ("alpha\nBETA!\ngamma\ndelta\n", "alpha\nBeta?\ngamma\ndelta\n"),
        ("alpha\nbeta\nadded one\nadded two\ngamma\ndelta\n", "alpha\nbeta\nadded one\ngamma\ndelta\n"),
        ("alpha\nbeta\n}\ngamma\ndelta\n", BASE),
        ("alpha\nbeta\n\ngamma\ndelta\n", BASE),
        ("alpha\nbeta\ngamma\ndelta\nmore\n", "alpha\nbeta\ngamma\ndelta\nmore\nand more\n"),
    ],
)
def test_ordinary_edits_are_no_reason(landed: str, after: str) -> None:
    assert told(BASE, landed, after) == ()


def test_another_file_is_no_reason() -> None:
    assert told(BASE, BASE.replace("beta", "BETA!"), BASE, path="y.py") == ()


LINES = st.lists(st.sampled_from(["alpha", "beta", "gamma", "delta", "epsilon"]), max_size=6).map("\n".join)


@given(before=LINES, landed=LINES)
def test_a_whole_revert_is_always_found(before: str, landed: str) -> None:
    landing = LandedHunks(task="one", hunks={"x": hunks(before, landed)})
    back = {"x": [Hunk(removed=one.added, added=one.removed) for one in landing.hunks["x"]]}
    assert bool(restored_lines(back, [landing])) is (before.splitlines() != landed.splitlines())


def test_hunks_of_a_diff() -> None:
    diff = (
        "diff --git a/x b/x\nindex 1..2 100644\n--- a/x\n+++ b/x\n@@ -1 +1,2 @@ def\n-old\n+--- new\n+more\n"
        "\\ No newline at end of file\n@@ -9,0 +11 @@\n+end\n"
        "diff --git a/gone b/gone\ndeleted file mode 100644\n--- a/gone\n+++ /dev/null\n@@ -1 +0,0 @@\n-bye\n"
        "diff --git a/bin b/bin\nBinary files a/bin and b/bin differ\n"
    )
    assert hunks_of(diff) == {
        "x": [Hunk(removed=("old",), added=("--- new", "more")), Hunk(removed=(), added=("end",))],
        "gone": [Hunk(removed=("bye",), added=())],
    }
    assert hunks_of("") == {}
