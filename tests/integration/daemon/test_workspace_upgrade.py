"""A workspace as earlier versions left it, and what the daemon makes of it when it starts."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from coworkd.board.generated_documents import GeneratedDocuments
from coworkd.core.file_names import temporary_name
from coworkd.daemon.workspace_upgrade import upgrade_workspace
from coworkd.store import Database, DocumentRow
from coworkd.sync.ignored_names import IGNORED
from coworkd.system.git import Repo

EARLIER = "approvals/\nconflicts/\ninbox.md\n*.live.md\n"
NOW = 1_700_000_000.0


class Place:
    """A repository with a workspace of the first version, and its database."""

    def __init__(self, root: Path) -> None:
        subprocess.run(["git", "init", "-q", str(root)], check=True)
        self.repo = Repo.open(root)
        self.folder = root / ".cowork"
        self.db = Database(root / "state.db")
        self.write(".gitignore", EARLIER)
        self.exclude = root / ".git" / "info" / "exclude"
        self.exclude.write_text(
            "# mine\n.cowork/approvals/\n.cowork/conflicts/\n.cowork/inbox.md\n.cowork/**/*.live.md\n"
        )

    def write(self, path: str, text: str) -> None:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def review(self, path: str, task: str) -> None:
        """A review as coworkd wrote it, in the folder and in the database."""
        text = f"---\napproval: pending\nstatus: open\ncowork:\n  rev: 1\n  task: {task}\n---\nVerified.\n"
        self.write(path, text)
        GeneratedDocuments(self.db).put(path, text.encode(), NOW)

    def upgrade(self, *busy: str) -> None:
        upgrade_workspace(self.repo, self.db, lambda path: path not in busy)

    def files(self) -> set[str]:
        return {file.relative_to(self.folder).as_posix() for file in self.folder.rglob("*") if file.is_file()}

    def known(self) -> set[str]:
        return {row.path for row in self.db.all(DocumentRow)}


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path)
    yield made
    made.db.close()
    made.repo.close()


def test_the_names_that_git_ignores_are_completed_once(place: Place) -> None:
    for _ in range(2):
        place.upgrade()
        assert (place.folder / ".gitignore").read_text().split() == list(IGNORED)
        excluded = place.exclude.read_text().splitlines()
        assert excluded[0] == "# mine"
        assert len(excluded) == len(set(excluded)) == 1 + len(IGNORED)
    names = ["plans.md", "reports/x.md", "reviews/a.preflight.md", "reviews/a.d/check-1.log", "messages/a/files/x.png",
             "messages/a/x.live.md", "approvals/a-1.md", "conflicts/a.md", "inbox.md"]  # fmt: skip
    (place.folder / ".gitignore").unlink()
    ignored = place.repo.run("check-ignore", *(f".cowork/{name}" for name in names)).text.splitlines()
    assert ignored == [f".cowork/{name}" for name in names]
    kept = place.repo.run("check-ignore", ".cowork/tasks/plans.md", ".cowork/reviews/a.d/1.md", check=False)
    assert not kept.text


def test_an_ignore_file_that_a_person_changed_stays(place: Place) -> None:
    place.write(".gitignore", f"{EARLIER}secret/\n")
    place.upgrade()
    assert (place.folder / ".gitignore").read_text() == f"{EARLIER}secret/\n"


def test_nothing_is_written_while_git_is_in_the_middle_of_something(place: Place) -> None:
    place.review("reviews/a.1.md", "a")
    place.upgrade(".gitignore", "reviews/a.1.md")
    assert (place.folder / ".gitignore").read_text() == EARLIER
    assert "reviews/a.1.md" in place.files()
    place.upgrade()
    assert "reviews/a.d/1.md" in place.files()


def test_earlier_reviews_move_with_all_that_is_known_of_them(place: Place) -> None:
    place.review("reviews/a.md", "a")
    place.review("reviews/a.1.md", "a")
    place.review("reviews/a.2.md", "a")
    place.review("reviews/b.1.md", "b.1")
    place.write("reviews/c.3.md", "---\ncowork:\n  task: c\n---\nThe database was lost.\n")
    place.write("reviews/d.1.md", "Not a review.\n")
    for _ in range(2):
        place.upgrade()
        moved = {"reviews/a.md", "reviews/a.d/1.md", "reviews/a.d/2.md", "reviews/b.1.md", "reviews/c.d/3.md"}
        assert place.files() == {*moved, "reviews/d.1.md", ".gitignore"}
        assert place.known() == moved - {"reviews/c.d/3.md"}


def test_a_review_that_is_there_already_is_not_replaced(place: Place) -> None:
    place.review("reviews/a.1.md", "a")
    place.write("reviews/a.d/1.md", "Mine.\n")
    place.upgrade()
    assert (place.folder / "reviews/a.d/1.md").read_text() == "Mine.\n"
    assert (place.folder / "reviews/a.1.md").exists()


def test_a_branch_without_the_folder_gets_none(place: Place) -> None:
    place.folder.rename(place.folder.with_name("aside"))
    place.upgrade()
    assert not place.folder.exists()


def test_git_does_not_see_the_file_that_a_write_begins_with(place: Place) -> None:
    place.upgrade()
    place.write("tasks/a.md", "---\n---\n")
    place.write(f"tasks/{temporary_name('a.md', 'token')}", "half")
    assert place.repo.run("ls-files", "--others", "--exclude-standard", ".cowork/tasks").out.split() == [
        b".cowork/tasks/a.md"
    ]


def test_the_list_that_the_last_version_wrote_is_replaced(place: Place) -> None:
    place.write(".gitignore", "".join(f"{name}\n" for name in IGNORED[:-1]))
    place.upgrade()
    assert (place.folder / ".gitignore").read_text().split() == list(IGNORED)
