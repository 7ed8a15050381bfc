"""What `diff` shows of text that an agent wrote."""

from __future__ import annotations

import pytest

from coworkd.cli.diff_viewers import diff_as_shown

DIFF = "diff --git a/a b/a\n@@ -1 +1 @@\n-old\n"


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("+plain\tand tabbed", "+plain\tand tabbed"),
        ("+\x1b[2Jcleared", "+<U+001B>[2Jcleared"),
        ("+\x1b]0;a title\x07", "+<U+001B>]0;a title<U+0007>"),
        ("+over\rwritten", "+over<U+000D>written"),
        ("+\x9b31m", "+<U+009B>31m"),
        ("+if admin\u202e", "+if admin<U+202E>"),
        ("+byte \udc9b31m", "+byte \ufffd31m"),
    ],
)
def test_a_diff_cannot_command_the_terminal_and_stays_whole_for_git_apply(line: str, shown: str) -> None:
    assert diff_as_shown(f"{DIFF}{line}\n", terminal=True) == f"{DIFF}{shown}\n"
    assert diff_as_shown(f"{DIFF}{line}\n", terminal=False) == f"{DIFF}{line}\n"
