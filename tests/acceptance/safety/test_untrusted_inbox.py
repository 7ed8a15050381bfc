"""What waits for trust says since when, and `inbox.md` is not written again while nothing changes."""

from __future__ import annotations

from tests.acceptance.workbench import Workbench


def test_the_inbox_of_a_clone_stays_as_it_is(work: Workbench) -> None:
    work.task("theirs")
    work.git("add", "-A", "-f")
    work.git("commit", "-qm", "a workspace")
    origin = work.root / "origin"
    work.repo.rename(origin)
    work.git("clone", "-q", str(origin), str(work.repo), cwd=work.root)
    work.up()
    inbox = work.cow("inbox.md")
    work.wait("the inbox", lambda: inbox.exists() and "**trust**" in inbox.read_text())
    first, written = inbox.read_text(), inbox.stat().st_mtime_ns
    work.task("mine", status="draft")
    work.stays(
        "it is written once", lambda: (inbox.stat().st_mtime_ns, bool(work.json("status"))) == (written, True), 3
    )
    assert inbox.read_text() == first
    work.down()
    work.up()
    work.wait("up again", lambda: work.json("status")["daemon"]["running"])
    assert inbox.read_text() == first, "a restart is no news either"
