"""`coworkd fsck`: nothing to say about a sound workspace, and every damage found, told, and repaired where it can be."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from coworkd.daemon.lifecycle import once
from coworkd.diagnostics.fsck.check import CheckedWorkspace, check
from coworkd.diagnostics.fsck.finding import Inconsistency, Subject
from coworkd.store import Database
from coworkd.store.database import VERSION
from coworkd.sync.disk.folder import Folder
from coworkd.system import paths_and_settings
from coworkd.system.control_socket import Op
from coworkd.system.git import Repo
from coworkd.system.process import commands
from tests.acceptance.workbench import Workbench

WAIT = (
    'printf -- "---\\napproval: pending\\ntool: run\\narguments: x\\n---\\nMay I?\\n" > $COWORK_OUTBOX/p.md;'
    ' while [ ! -e "$COWORK_INBOX/p.md" ]; do sleep 0.1; done'
)


class Site:
    """A workspace at rest, its daemon down: a task landed, one in review, one that waits for a permission."""

    def __init__(self, w: Workbench) -> None:
        self.w = w
        self.paths = paths_and_settings.paths(w.repo, w.repo / ".git")

    def sql(self, statement: str, *values: object) -> list[tuple[object, ...]]:
        with sqlite3.connect(self.paths.database) as db:
            found = db.execute(statement, values).fetchall()
        db.close()
        return found

    def findings(self) -> list[Inconsistency]:
        db = Database(self.paths.database, read_only=True)
        try:
            db.verify()
            with Repo.open(self.paths.root) as repo:
                place = CheckedWorkspace(
                    db=db, folder=Folder(self.paths.folder, self.paths.trash), repo=repo, audit=self.paths.audit,
                    instance=paths_and_settings.instance(self.paths.private), key=paths_and_settings.key(self.paths.private),
                    alive=lambda run: commands.lives(commands.RUN_MARK, run),
                )  # fmt: skip
                return list(check(place))
        finally:
            db.close()

    def repair(self) -> list[Inconsistency]:
        assert once(self.paths, Op.REPAIR).ok
        return self.findings()


@pytest.fixture(scope="module")
def at_rest(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Workbench, Path]]:
    """A workspace with its daemon down, and a copy of all its files as they were then."""
    folder = tmp_path_factory.mktemp("fsck")
    w = Workbench(folder / "cw")
    try:
        w.agent("ed", 'echo "$COWORK_TASK" > $COWORK_TASK.txt')
        w.agent("ask", WAIT)
        w.config("agent: ed\nverify: ['true']\n")
        w.task("done", approve="[]")
        w.task("seen")
        w.task("asks", agent="ask")
        w.up()
        w.until("done", "done")
        w.until("seen", "review")
        w.until("asks", "waiting")
        w.wait("the form", lambda: w.approvals("May I?"))
        w.wait("the records", lambda: len(list(w.cow("log").glob("*/*.json"))) == 2)
        assert w.cmd("fsck").stdout == "everything agrees\n", "with the daemon up and an agent at work"
        w.down()
        copy = folder / "copy"
        shutil.copytree(w.root, copy, symlinks=True)
        yield w, copy
    finally:
        w.close()


@pytest.fixture
def site(at_rest: tuple[Workbench, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """The workspace as it was when its daemon ended, whatever an earlier test did to it."""
    w, copy = at_rest
    shutil.rmtree(w.root)
    shutil.copytree(copy, w.root, symlinks=True)
    monkeypatch.setenv("XDG_STATE_HOME", w.env["XDG_STATE_HOME"])
    monkeypatch.setenv("HOME", w.env["HOME"])
    try:
        yield Site(w)
    finally:
        w.down()


def a_row_that_differs(site: Site) -> None:
    site.sql("UPDATE tasks SET status = iif(status = 'done', 'failed', 'done') WHERE id = 'done'")


def a_lost_task(site: Site) -> None:
    site.sql("DELETE FROM tasks WHERE id = 'done'")


def a_task_counted_as_gone(site: Site) -> None:
    site.sql("UPDATE tasks SET gone = 1 WHERE id = 'done'")


def a_silent_change(site: Site) -> None:
    path = site.w.cow("tasks/done.md")
    path.write_bytes(path.read_bytes() + b"more\n")
    found = os.lstat(path)
    site.sql(
        "UPDATE stats SET mtime_ns = ?, ctime_ns = ?, size = ?, inode = ?, mode = ? WHERE path = 'tasks/done.md'",
        found.st_mtime_ns, found.st_ctime_ns, found.st_size, found.st_ino, found.st_mode,
    )  # fmt: skip


def a_damaged_want(site: Site) -> None:
    site.sql("UPDATE documents SET want = x'00' WHERE path = 'tasks/done.md'")


def a_damaged_base(site: Site) -> None:
    site.sql("UPDATE bases SET bytes = x'00' WHERE rowid = (SELECT min(rowid) FROM bases WHERE path = 'tasks/done.md')")


def a_task_without_file(site: Site) -> None:
    row = dict(zip([c[1] for c in site.sql("PRAGMA table_info(tasks)")],
                   site.sql("SELECT * FROM tasks WHERE id = 'done'")[0], strict=True))  # fmt: skip
    row |= {"id": "ghost", "path": "tasks/ghost.md"}
    names = ", ".join(f'"{name}"' for name in row)
    site.sql(f"INSERT INTO tasks ({names}) VALUES ({', '.join('?' * len(row))})", *row.values())


def a_lost_submission_ref(site: Site) -> None:
    site.w.git("update-ref", "-d", "refs/cowork/sub/seen/1")


def an_unknown_ref(site: Site) -> None:
    tree = site.w.git("write-tree")
    site.w.git("update-ref", "refs/cowork/sub/seen/9", site.w.git("commit-tree", "-m", "kept", "-p", "HEAD", tree))


def a_lost_form(site: Site) -> None:
    site.w.cow("approvals/asks-1.md").unlink()


def a_lost_trash_file(site: Site) -> None:
    site.sql("INSERT INTO trash (name, path, sha, check_at) VALUES ('0-none', 'tasks/done.md', 'x', 1e12)")


def a_run_of_no_task(site: Site) -> None:
    site.sql("UPDATE runs SET state = 'preparing', ended = NULL, task = 'nobody' WHERE task = 'done'")


def a_task_at_work_without_run(site: Site) -> None:
    site.sql("UPDATE submissions SET state = 'retired' WHERE task = 'seen'")
    site.sql("UPDATE tasks SET status = 'running' WHERE id = 'seen'")


def the_audits_end(site: Site) -> None:
    path = max(site.paths.audit.glob("*.jsonl"))
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-2]))


REPAIRED = [
    (a_row_that_differs, Subject.FILE, "the database failed"),
    (a_task_counted_as_gone, Subject.FILE, "counts as gone"),
    (a_lost_task, Subject.FILE, "no task for it"),
    (a_silent_change, Subject.FILE, "other bytes"),
    (a_damaged_want, Subject.DATABASE, "damaged"),
    (a_damaged_base, Subject.BASE, "damaged"),
    (a_task_without_file, Subject.DATABASE, "never seen"),
    (a_lost_submission_ref, Subject.REF, "is gone"),
    (an_unknown_ref, Subject.REF, "knows nothing"),
    (a_lost_form, Subject.REQUEST, "waits for an answer"),
    (a_lost_trash_file, Subject.TRASH, "is not there"),
    (the_audits_end, Subject.AUDIT, "are gone"),
    (a_run_of_no_task, Subject.RUN, "there is not"),
    (a_task_at_work_without_run, Subject.RUN, "no run of it"),
]


@pytest.mark.parametrize(("harm", "subject", "says"), REPAIRED, ids=[harm.__name__ for harm, _, _ in REPAIRED])
def test_damage_is_found_and_repaired(site: Site, harm: Callable[[Site], None], subject: Subject, says: str) -> None:
    assert site.findings() == []
    words = site.w.cow("tasks/done.md").read_bytes()
    harm(site)
    found = site.findings()
    assert any(one.subject is subject and says in one.says and one.repairable for one in found), found
    assert site.findings() == found, "looking changes nothing"
    assert site.repair() == []
    if harm is not a_silent_change:
        assert site.w.cow("tasks/done.md").read_bytes().endswith(words[-20:])
    assert not list(site.paths.folder.rglob("*~"))


def test_a_damaged_base_keeps_its_bytes(site: Site) -> None:
    a_damaged_base(site)
    site.repair()
    assert site.sql("SELECT count(*) FROM bases WHERE bytes = x'00'")[0][0] == 1


@pytest.mark.parametrize("what", ["entry", "left out", "record"])
def test_what_was_changed_by_hand_stays_wrong_and_as_it_is(site: Site, what: str) -> None:
    path = min(site.paths.audit.glob("*.jsonl")) if what != "record" else min(site.w.cow("log").glob("*/*.json"))
    whole = path.read_bytes()
    lines = whole.splitlines(keepends=True)
    if what == "left out":
        path.write_bytes(b"".join([*lines[:3], *lines[4:]]))
    else:
        path.write_bytes(whole.replace(b'"done"', b'"gone"', 1))
    harmed = path.read_bytes()
    subject = Subject.RECORD if what == "record" else Subject.AUDIT
    assert [one.subject for one in site.findings()] == [subject]
    assert [one.subject for one in site.repair()] == [subject]
    assert path.read_bytes().startswith(harmed)
    path.write_bytes(whole + path.read_bytes()[len(harmed) :])
    assert site.findings() == []


def test_the_command(site: Site) -> None:
    w = site.w
    a_row_that_differs(site)
    told = w.cmd("fsck", check=False)
    assert told.returncode == 1
    assert "wrong     file tasks/done.md" in told.stdout
    assert [one["subject"] for one in json.loads(w.cmd("fsck", "--json", check=False).stdout)["findings"]] == ["file"]
    repaired = w.cmd("fsck", "--repair")
    assert "repaired  file tasks/done.md" in repaired.stdout
    w.up()
    w.wait("the daemon", lambda: w.json("status")["daemon"]["running"])
    w.git("update-ref", "-d", "refs/cowork/sub/seen/1")
    assert w.cmd("fsck", check=False).returncode == 1
    assert w.cmd("fsck", "--repair").returncode == 0
    assert w.cmd("fsck").stdout == "everything agrees\n"
    w.down()
    site.sql(f"PRAGMA user_version = {VERSION - 1}")
    assert "brings it up to date" in " ".join(w.cmd("fsck", check=False).stdout.split()), "by an earlier coworkd"
    site.sql(f"PRAGMA user_version = {VERSION}")
    site.paths.database.write_bytes(b"not a database" * 1000)
    for tail in ("-wal", "-shm"):
        site.paths.database.with_name(f"state.db{tail}").unlink(missing_ok=True)
    assert "database state.db" in w.cmd("fsck", check=False).stdout
    assert w.cmd("fsck", "--repair").returncode == 0
