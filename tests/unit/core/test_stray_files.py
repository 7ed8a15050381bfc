"""Which files a person may think are read, and which nobody does."""

from __future__ import annotations

import pytest

from coworkd.core.stray_files import stray_place, stray_reason


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("task/a.md", "did you mean `tasks/`"),
        ("Tasks/a.md", "did you mean `tasks/`"),
        ("taks/sub/a.md", "did you mean `tasks/`"),
        ("message/a/b.md", "did you mean `messages/`"),
        ("review/a.md", "did you mean `reviews/`"),
        ("approval/a-1.md", "did you mean `approvals/`"),
        ("agent/ed.md", "did you mean `agents/`"),
        ("whatever/a.md", "no folder of a workspace"),
        ("fix-it.md", "belongs in tasks/"),
        ("config.yml", "config.yaml alone"),
        ("Config.yaml", "config.yaml alone"),
        ("messages/a/reply.txt", "rename it to reply.md"),
        ("messages/a/reply.md.txt", "rename it to reply.md"),
        ("messages/a/reply.MD", "rename it to reply.md"),
        ("messages/a/reply", "rename it to reply.md"),
        ("messages/reply.md", "messages/TASK/"),
        ("messages/a/deep/reply.md", "messages/a/"),
        ("reviews/a.txt", "rename it to a.md"),
        ("reviews/sub/a.md", "folders of their own"),
        ("approvals/sub/a-1.md", "folders of their own"),
        ("agents/sub/ed.md", "folders of their own"),
        ("tasks/a.markdown", "rename it to a.md"),
        ("tasks/sub/a.MD", "rename it to a.md"),
    ],
)
def test_what_nothing_reads_is_told_with_what_to_do(path: str, says: str) -> None:
    assert says in stray_reason(path)


@pytest.mark.parametrize(
    "path",
    [
        "inbox.md", "plans.md", "README.md", "AGENTS.md", ".gitignore", "skills.lock", "tasks/notes.txt", "tasks/a.png",
        "tasks/.a.md.swp", "tasks/#a.md#", "tasks/a.md~", "messages/a/files/shot.md", "messages/a/shot.png",
        "messages/a/run.live.md", "messages/a/.hidden.md", "messages/README.md", "reviews/a.d/check-1.log",
        "reviews/a.d/1.md", "log/2024-01/x.json", "log/2024-01/x.md", "conflicts/a.md", "reports/verification.log",
        "templates/t.md", "skills/s/SKILL.md", "recordings/a.jsonl", "whatever/a.json", "schemas/task.json",
        "task/README.md",
    ],
)  # fmt: skip
def test_what_no_one_takes_for_a_document_has_no_notice(path: str) -> None:
    assert stray_reason(path) == ""


def test_a_folder_that_there_is_not_is_shown_once() -> None:
    assert stray_place("task/a.md") == stray_place("task/sub/b.md") == "task/"
    assert stray_place("messages/a/x.txt") == "messages/a/x.txt"
    assert stray_place("config.yml") == "config.yml"
