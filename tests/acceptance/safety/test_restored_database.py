"""A backup of the database, put back, does not know what was decided since: nothing of it is carried out again."""

from __future__ import annotations

import shutil

from tests.acceptance.workbench import Workbench


def test_a_restored_backup_carries_nothing_out_again(work: Workbench) -> None:
    work.config("agent: main\n")
    work.agent("main", "echo x >> x.txt\n")
    work.up()
    work.task("one", verify="['true']")
    work.until("one", "review")
    work.wait("asked", lambda: work.field("reviews/one.md", "approval") == "pending")
    work.down()
    private = work.repo / ".git" / "cowork"
    backup = shutil.copytree(private, work.root / "backup", ignore=shutil.ignore_patterns("socket", "lock"))
    work.up()
    work.finish("one")
    landed = work.git("rev-parse", "cowork/integration")
    work.down()
    for file in private.glob("state.db*"):
        file.unlink()
    for file in backup.glob("state.db*"):
        shutil.copy(file, private / file.name)
    work.up()
    work.wait("it is said", lambda: "older copy" in (work.root / "daemon.log").read_text())
    work.stays("nothing lands again", lambda: work.git("rev-parse", "cowork/integration") == landed, seconds=4)
    kinds = [line for line in work.cmd("events").stdout.splitlines() if '"database restored"' in line]
    assert len(kinds) == 1
    assert work.cmd("status").returncode == 0
