"""The database damaged, or put back from an old copy: what has happened since stays as it is."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.acceptance.files.workspace import Workspace, stays

EDIT = 'echo "$COWORK_TASK" >> "$SCRATCH/ran"\necho made > "made.$COWORK_TASK"'
SLOW = 'echo "$COWORK_TASK" >> "$SCRATCH/ran"\nwhile [ ! -e "$SCRATCH/go" ]; do sleep 0.1; done\necho made > "made.$COWORK_TASK"'


def copy(work: Workspace) -> Path:
    """A copy as a backup makes it; the daemon is down."""
    aside = work.root / "backup"
    aside.mkdir()
    for file in (work.repo / ".git" / "cowork").glob("*.db*"):
        shutil.copy2(file, aside / file.name)
    return aside


def restore(work: Workspace, aside: Path) -> None:
    work.forget()
    for file in aside.iterdir():
        shutil.copy2(file, work.repo / ".git" / "cowork" / file.name)


def damage(work: Workspace, _aside: Path) -> None:
    """A page in the middle of the file is gone."""
    for file in (work.repo / ".git" / "cowork").glob("*.db"):
        data = file.read_bytes()
        half = len(data) // 2 // 4096 * 4096
        file.write_bytes(data[:half] + b"\xa5" * 8192 + data[half + 8192 :])
    for file in (work.repo / ".git" / "cowork").glob("*.db-*"):
        file.unlink()


@pytest.mark.parametrize("lose", [restore, damage])
def test_what_was_done_stays_done(work: Workspace, lose: Callable[[Workspace, Path], None]) -> None:
    work.config("agent: ed\nconcurrency: 9")
    work.agent("ed", EDIT)
    work.agent("slow", SLOW)
    work.up()
    work.task("landed")
    work.task("refused")
    work.task("asked")
    work.task("runs", agent="slow")
    work.task("waits", depends_on="[runs]")
    for name in ("landed", "refused", "asked"):
        work.until(name, "review")
        work.wait("the review", lambda name=name: work.field(f"reviews/{name}.md", "approval") == "pending")
    work.until("runs", "running")
    work.kill()
    aside = copy(work)
    # After the copy: a yes that lands, a no, a message that is delivered, and new text.
    work.up()
    work.until("runs", "paused", "running", "ready")
    work.finish("landed")
    work.set("reviews/refused.md", "approval", "rejected")
    work.until("refused", "failed")
    (work.scratch / "go").touch()
    work.until("runs", "review", "paused")
    if work.status("runs") == "paused":
        work.set("tasks/runs.md", "status", "ready")
        work.until("runs", "review")
    work.task("typed", status="draft", body="Later. t00001x\n")
    work.wait("known", lambda: work.card("typed"))
    tip, ran = work.git("rev-parse", "cowork/integration"), sorted(work.traces("ran"))
    before = {name: work.status(name) for name in ("landed", "refused", "asked", "runs", "waits", "typed")}
    work.kill()
    lose(work, aside)
    work.up()
    stays("nothing lands or runs again", lambda: work.git("rev-parse", "cowork/integration") == tip
          and sorted(work.traces("ran")) == ran, 4)  # fmt: skip
    for name, status in before.items():
        work.until(name, status)
        assert work.card(name)["status"] == status
    assert "t00001x" in work.read("tasks/typed.md")
    # And it goes on from there.
    work.approve("asked")
    work.until("asked", "done")
    assert work.traces("ran").count("asked") == 1
