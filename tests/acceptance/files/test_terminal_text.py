"""What agents and commands print for a terminal does not command one from a Markdown file."""

from __future__ import annotations

from tests.acceptance.files.workspace import Workspace

ESCAPES = r"\033]0;title\007\033[31mred\033[0m 1%%\r 99%%\r\n"
NOISY = f"""
printf '{ESCAPES}'
printf -- '---\\nkind: progress\\n---\\nprogress {ESCAPES}' > "$COWORK_OUTBOX/note.md"
printf -- '---\\nkind: question\\n---\\nquestion {ESCAPES}' > "$COWORK_OUTBOX/ask.md"
while [ ! -e "$COWORK_INBOX/ask.md" ]; do sleep 0.1; done
printf 'made\\n' > "made.$COWORK_TASK"
"""


def raw(work: Workspace) -> list[str]:
    files = [*work.path("messages").rglob("*.md"), *work.path("reviews").rglob("*.md"), work.path("inbox.md")]
    return [file.name for file in files if "\x1b" in file.read_text()]


def test_no_control_sequences_in_any_file(work: Workspace) -> None:
    work.config(
        f"agent: ed\nmax_attempts: 1\nverify: [\"printf '{ESCAPES}'; test ! -e made.one\"]\n".replace("\\", "\\\\")
    )
    work.agent("ed", NOISY)
    work.up()
    work.task("one")
    work.until("one", "waiting")
    work.wait("a live message", lambda: list(work.path("messages/one").glob("*.live.md")))
    assert raw(work) == []
    work.cmd("reply", "one", "Go on")
    work.until("one", "failed")
    assert raw(work) == []
    texts = [file.read_text() for file in work.path("messages/one").glob("*.md")]
    assert any("\n 99%\n" in text for text in texts), texts
    assert "\x1b" not in work.cmd("status") + work.cmd("show", "one")


def test_the_review_of_what_was_said(work: Workspace) -> None:
    work.config("agent: ed\n")
    work.agent("ed", f"printf '{ESCAPES}'\nprintf 'made\\n' > made")
    work.up()
    work.task("one", title='"a \\e[31mred title"')
    work.until("one", "review")
    text = work.wait("written", lambda: work.read("reviews/one.md"))
    assert "\x1b" not in text
    assert ">  99%" in text or "> 99%" in text
    assert "<U+001B>" in work.cmd("show", "one")
    assert "\x1b" not in work.cmd("status") + work.read("inbox.md")
