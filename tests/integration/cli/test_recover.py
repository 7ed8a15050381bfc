"""`coworkd recover`: what was kept is listed, and comes back without harming anything."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.gitkit import Checkout, checkout
from tests.integration.product import coworkd, done, told


@pytest.fixture
def at(tmp_path: Path) -> Checkout:
    """A workspace with a piece of every kind of kept work."""
    made = checkout(tmp_path / "repo")
    done(made.root, "init")
    start = made.commit("workspace", {})
    work = made.branch("scratch", "main", {"app.py": "better\n", "new.py": "new\n"})
    made.git("branch", "-qD", "scratch")
    for ref, commit in (("snap/dark-mode/1", work), ("sub/dark-mode/1", work), ("base/r1", start), ("cand/7", work)):
        made.git("update-ref", f"refs/cowork/{ref}", commit)
    private = made.root / ".git/cowork"
    (private / "trash").mkdir(parents=True, exist_ok=True)
    (private / "trash/1700000000000-dark-mode.md.3f2a91bc").write_text("older words\n")
    (private / "damaged-1.db").write_text("not a database")
    made.write(".cowork/conflicts/other-0a1b2c3d4e5f.md", "their words\n")
    return made


def test_lists_everything_with_date_task_and_size(at: Checkout) -> None:
    found = told(at.root, "recover")["kept"]
    shown = {(item["what"], item["task"], item["files"], item["bytes"]) for item in found}
    assert shown == {
        ("unsubmitted", "dark-mode", 2, None),
        ("submission", "dark-mode", 2, None),
        ("start", "", 1, None),
        ("replaced", "dark-mode", 1, 12),
        ("conflict", "other", 1, 12),
        ("database", "", 1, 14),
    }
    replaced = next(item for item in found if item["what"] == "replaced")
    assert replaced["at"] == "2023-11-14T22:13:20Z"
    assert [item["at"] for item in found] == sorted((item["at"] for item in found), reverse=True)
    lines = done(at.root, "recover").splitlines()
    assert all(any(line.endswith(item["name"]) for line in lines) for item in found), "each is good to copy"
    assert all(len(line) <= 80 for line in lines if len(line.split()) > 1)


def test_lists_one_task(at: Checkout) -> None:
    assert {item["what"] for item in told(at.root, "recover", "dark-mode")["kept"]} == {
        "unsubmitted",
        "submission",
        "replaced",
    }


def test_restores_a_commit_as_a_branch(at: Checkout) -> None:
    before = at.state()
    assert done(at.root, "recover", "snap/dark-mode/1", "--branch", "rescued") == "rescued\n"
    assert at.git("show", "rescued:new.py") == "new"
    assert at.git("rev-parse", "refs/cowork/snap/dark-mode/1") == at.git("rev-parse", "rescued")
    at.git("branch", "-qD", "rescued")
    assert at.state() == before


def test_restores_the_files_of_a_commit(at: Checkout, tmp_path: Path) -> None:
    before = at.state()
    answer = told(at.root, "recover", "refs/cowork/sub/dark-mode/1", "--to", str(tmp_path / "out/here"))
    assert answer["path"] == str(tmp_path / "out/here")
    assert (tmp_path / "out/here/app.py").read_text() == "better\n"
    assert (tmp_path / "out/here/src/one.txt").read_text() == "one\n"
    assert at.state() == before


def test_writes_every_file_that_is_missing_and_nothing_else(tmp_path: Path) -> None:
    user = checkout(tmp_path / "repo")
    done(user.root, "init")
    for name in ("a", "b"):
        done(user.root, "new", f"Do {name}", "--draft")
    folder = user.root / ".cowork"
    tasks = {path.name: path.read_bytes() for path in (folder / "tasks").glob("*.md")}
    kept, gone = sorted(tasks)
    (folder / "tasks" / kept).write_text("mine\n")
    (folder / "tasks" / gone).unlink()
    assert told(user.root, "recover", "--missing")["restored"] == [f"tasks/{gone}"]
    assert (folder / "tasks" / gone).read_bytes() == tasks[gone]
    assert (folder / "tasks" / kept).read_text() == "mine\n"
    assert done(user.root, "recover", "--missing") == "no file is missing\n"


def test_restores_a_file_into_a_folder(at: Checkout, tmp_path: Path) -> None:
    trashed = at.root / ".git/cowork/trash/1700000000000-dark-mode.md.3f2a91bc"
    done(at.root, "recover", str(trashed), "--to", str(tmp_path))
    assert (tmp_path / trashed.name).read_text() == "older words\n"
    assert trashed.exists()


def test_restores_a_slot_that_was_set_aside(at: Checkout, tmp_path: Path) -> None:
    name = (at.root / ".git/cowork/repo-id").read_text().strip()
    slot = tmp_path / "state/coworkd" / name / "slots/1.broken-1"
    slot.mkdir(parents=True)
    (slot / "work.txt").write_text("work")
    found = [item for item in told(at.root, "recover")["kept"] if item["what"] == "slot"]
    assert [(item["name"], item["bytes"]) for item in found] == [(str(slot), 4)]
    done(at.root, "recover", str(slot), "--to", str(tmp_path / "back"))
    assert (tmp_path / "back/work.txt").read_text() == "work"


@pytest.mark.parametrize(
    ("args", "code", "why"),
    [
        (("snap/dark-mode/1", "--branch", "main"), 1, "there is a branch main already"),
        (("snap/dark-mode/1", "--branch", "a..b"), 1, "not a name that git allows"),
        (("snap/dark-mode/1", "--to", "app.py"), 1, "exists already"),
        (("dark-mode", "--branch", "x"), 2, "name the piece to restore"),
        (("--branch", "x"), 2, "name the piece to restore"),
        (("other", "--branch", "x"), 1, "is no commit"),
        (("nobody",), 1, "nothing is kept under `nobody`"),
        (("dark-mode", "--branch", "x", "--to", "y"), 2, "choose one"),
    ],
)
def test_never_overwrites_and_never_guesses(at: Checkout, args: tuple[str, ...], code: int, why: str) -> None:
    before = at.state()
    found = coworkd(at.root, "recover", *args)
    assert (found.returncode, why in found.stderr) == (code, True), found.stderr
    assert at.state() == before


def test_earlier_and_deleted_versions_of_a_document(at: Checkout) -> None:
    for number in (1, 2, 3):
        at.write(".cowork/tasks/plan.md", f"---\nstatus: draft\n---\nversion {number}\n")
        done(at.root, "status")
    found = told(at.root, "recover", "tasks/plan.md")["kept"]
    assert [(item["what"], item["task"], item["files"]) for item in found] == [("version", "plan", 1)] * 2
    assert (
        "version 2"
        in Path(done(at.root, "recover", found[0]["name"], "--to", str(at.root / "a.md")).strip()).read_text()
    )
    assert [item["name"] for item in told(at.root, "recover", "plan")["kept"]] == [item["name"] for item in found]
    assert not [item for item in told(at.root, "recover")["kept"] if item["what"] == "version"]
    assert "and 2 earlier versions of files" in done(at.root, "recover")


def test_a_version_comes_back_under_the_name_of_its_file(at: Checkout) -> None:
    at.write(".cowork/tasks/plan.md", "---\nstatus: draft\n---\nfirst\n")
    done(at.root, "status")
    at.write(".cowork/tasks/plan.md", "---\nstatus: draft\n---\nsecond\n")
    done(at.root, "status")
    (item,) = told(at.root, "recover", ".cowork/tasks/plan.md")["kept"]
    (at.root / "rescued").mkdir()
    assert done(at.root, "recover", item["name"], "--to", str(at.root / "rescued")).strip().endswith("rescued/plan.md")
    assert "first" in (at.root / "rescued/plan.md").read_text()
