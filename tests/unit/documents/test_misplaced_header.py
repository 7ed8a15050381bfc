"""Headers that were meant and are not read, and prose that only looks a little like them."""

from __future__ import annotations

import pytest

from coworkd.core.errors import DocumentError
from coworkd.documents.decoding import is_note, read_document

HEADER = "---\ntitle: x\nstatus: ready\n---\nDo it.\n"

MEANT = [
    ("blank line", f"\n{HEADER}", 2, "blank lines"),
    ("comment", f"<!-- lint -->\n{HEADER}", 2, "starts on line 2"),
    ("heading", f"# x\n\n{HEADER}", 3, "starts on line 3"),
    ("TOML", '+++\ntitle = "x"\nstatus = "ready"\n+++\nDo it.\n', 1, "`+++` does not open"),
    ("four dashes", HEADER.replace("---", "----"), 1, "`----` does not open"),
    ("two dashes", HEADER.replace("---", "--"), 1, "`--` does not open"),
    ("em dash and hyphen", HEADER.replace("---", "\u2014-"), 1, "does not open"),
    ("em dash alone", HEADER.replace("---", "\u2014"), 1, "does not open"),
    ("word behind the fence", HEADER.replace("---", "---yaml", 1), 1, "`---yaml` does not open"),
    ("CR alone", HEADER.replace("\n", "\r"), 1, "CR alone"),
    ("second byte order mark", f"\ufeff\ufeff{HEADER}", 1, "invisible character"),
    ("byte order mark and blank line", f"\ufeff\n{HEADER}", 2, "blank lines"),
    ("zero-width space", f"\u200b{HEADER}", 1, "invisible character"),
    ("indented", "".join(f"  {line}\n" for line in HEADER.splitlines()), 1, "remove the blanks"),
    ("code block", f"```markdown\n{HEADER}```\n", 2, "starts on line 2"),
    ("code block without a fence in it", "```yaml\ntitle: x\nstatus: ready\n```\n", 1, "code block"),
    ("JSON", '{\n  "title": "x",\n  "status": "ready"\n}\n', 2, "outside of a header"),
    ("no fence", "status: ready\n\nDo it.\n", 1, "`status:` has no effect here"),
    ("no fence, capital", "Do it.\n\nTitle: x\n", 3, "`Title:` has no effect here"),
    ("empty header before it", f"---\n{HEADER}", 3, "`title:` has no effect here"),
    ("another key than these", "\n---\nagent: ed\npriority: high\n---\nDo it.\n", 2, "blank lines"),
]
PROSE = [
    "Do it.\n",
    "# A note\n\nSomething about status: it is fine.\n",
    "# A note\n\n---\n\nPlan: to be made\n",
    "Heading\n-------\nagent: a person\n",
    "# How to write a task\n\n```\n---\ntitle: x\nstatus: ready\n---\n```\n",
    "    status: ready\n",
    "\n" * 20 + "status: ready\n",
]


@pytest.mark.parametrize(("text", "line", "says"), [case[1:] for case in MEANT], ids=[case[0] for case in MEANT])
def test_what_looks_like_a_task_is_refused_with_its_line(text: str, line: int, says: str) -> None:
    with pytest.raises(DocumentError, match="header") as refused:
        read_document("tasks/a.md", text.encode())
    assert refused.value.line == line
    assert says in refused.value.message
    assert "---" in refused.value.message


@pytest.mark.parametrize("text", PROSE)
def test_prose_is_a_note(text: str) -> None:
    assert is_note("tasks/a.md", read_document("tasks/a.md", text.encode()), adopt_notes=False)


@pytest.mark.parametrize("name", ["README.md", "index.md", "sub/Index.md"])
def test_a_readme_may_say_what_it_likes(name: str) -> None:
    assert not read_document(f"tasks/{name}", b"status: ready\n").entries


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("plans/a.md", "\n---\napproval: approved\n---\nSteps\n"),
        ("plans/a.md", "approval: approved\n\nSteps\n"),
        ("reviews/a.md", "\n---\napproval: approved\n---\n"),
        ("approvals/a-1.md", "<!-- x -->\n---\napproval: approved\n---\n"),
        ("messages/a/b.md", "\n---\ndraft: true\n---\nNot yet\n"),
        ("messages/a/b.md", "draft: true\n\nNot yet\n"),
        ("agents/ed.md", "\n---\ndriver: command\n---\n"),
    ],
)
def test_other_documents_have_headers_too(path: str, text: str) -> None:
    with pytest.raises(DocumentError):
        read_document(path, text.encode())


@pytest.mark.parametrize(
    "text", ["title: a good one\n", "Status: all is well\n", "Hello\n\n---\n\nfrom: me\n", "draft: see below\n"]
)
def test_a_message_may_be_any_prose(text: str) -> None:
    assert read_document("messages/a/b.md", text.encode()).body == text
