"""Files that are taken in together come to the same as one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from coworkd.diagnostics.simulation.database import SimDatabase
from coworkd.diagnostics.simulation.faults import Faults
from coworkd.documents.decoding import kind_of
from coworkd.sync.disk.folder import Folder
from coworkd.sync.file_content import FileContent
from coworkd.sync.git_knowledge import GitKnowledge
from coworkd.sync.git_questions import ContentOrigin, GitAnswers, GitQuestions
from coworkd.sync.ingest.ingester import Ingester

NOW = 1_700_000_000.0

TEXTS = [
    "---\nstatus: ready\n---\nDo it.\n",
    "---\nstatus: done\ndepends_on: [b, c]\n---\nDone.\n",
    "---\ntitle: x\ncowork:\n  id: a\n  rev: 3\n  by: anna-0001\n---\nMine.\n",
    "---\ntitle: x\ncowork:\n  id: a\n  rev: 3\n  by: ben-0002\n---\nTheirs.\n",
    "---\nstatus: running\ncowork: {id: b, rev: 2}\n---\nIt ran.\n",
    "---\nstatsu: ready\n---\nA slip.\n",
    "---\nstatus: In Progress\n---\nA word for draft.\n",
    "---\n: [\n---\nNo YAML.\n",
    "No header.\n",
    "",
]
PATHS = ["tasks/a.md", "tasks/b.md", "tasks/x/a.md", "tasks/x/b.md", "tasks/README.md", "messages/a/1.md"]
SETTINGS = ["", "quiet: 3\n", "adopt_notes: true\n"]

files = st.lists(st.tuples(st.sampled_from(PATHS), st.sampled_from(TEXTS)), max_size=8)


def reading(path: str, text: str) -> FileContent:
    kind = kind_of(path)
    assert kind is not None
    return FileContent.of(path, kind, text.encode(), NOW - 5)


def foreign(asked: GitQuestions) -> GitAnswers:
    return GitAnswers(origins={file.key: ContentOrigin(from_git=b"Theirs" in file.data) for file in asked.files})


def after(batches: Sequence[Sequence[FileContent]]) -> tuple[dict[str, list[tuple[object, ...]]], dict[str, str]]:
    """Every table, and what was refused last."""
    db = SimDatabase(Faults())  # a copy of one empty database: nothing is migrated each time
    intake = Ingester(db, Folder(Path("/nowhere"), Path("/nowhere")), "anna-0001", GitKnowledge(foreign))
    refused: dict[str, str] = {}
    for batch in batches:
        errors = intake.ingest(batch, NOW).refused
        for one in batch:
            refused.pop(one.path, None)
        refused.update({path: str(error) for path, error in errors.items()})
    tables = [row["name"] for row in db.query("SELECT name FROM sqlite_master WHERE type = 'table'")]
    found = {name: sorted((tuple(row) for row in db.query(f"SELECT * FROM {name}")), key=repr) for name in tables}
    db.close()
    return found, refused


@settings(max_examples=150, deadline=None)
@given(files, files, st.sampled_from(SETTINGS))
@example(
    first=[("tasks/b.md", TEXTS[3]), ("tasks/a.md", TEXTS[0])],
    second=[("tasks/b.md", TEXTS[0]), ("tasks/x/a.md", TEXTS[3]), ("tasks/a.md", TEXTS[3])],
    config="",
)
@example(first=[], second=[("tasks/a.md", TEXTS[2]), ("tasks/b.md", TEXTS[2])], config="")
def test_many_at_once_come_to_the_same_as_one_by_one(
    first: list[tuple[str, str]], second: list[tuple[str, str]], config: str
) -> None:
    """Each path once in a batch, the second batch over what the first one left."""
    before = [reading("config.yaml", config), *(reading(*one) for one in dict(first).items())]
    behind = [reading(*one) for one in dict(second).items()]
    assert after([before, behind]) == after([[one] for one in (*before, *behind)])
