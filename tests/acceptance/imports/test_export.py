"""`coworkd export`, and what comes back when it is imported again."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.landing.site import Site

SAMPLES = Path(__file__).parents[2] / "fixtures" / "imports"


def taken_in(w: Site) -> dict[str, Any]:
    """Everything as data, without what an import decides."""
    data = json.loads(w.cmd("export", "--to", "json").stdout)
    return {one["id"]: {key: one[key] for key in one if key != "path"} for one in (*data["plans"], *data["tasks"])}


@pytest.mark.parametrize(
    ("sample", "form", "names"),
    [("backlog", "backlog", ()), ("issues.jsonl", "beads", ()), ("prd.json", "prd", ("clock",))],
)
def test_out_and_in_again_is_the_same(w: Site, tmp_path: Path, sample: str, form: str, names: tuple[str, ...]) -> None:
    w.config("approve: []\n")
    w.cmd("import", str(SAMPLES / sample))
    out = w.scratch / {"backlog": "backlog", "beads": "issues.jsonl", "prd": "prd.json"}[form]
    w.cmd("export", *names, "--to", form, "--out", str(out))
    first = taken_in(w)
    again = Site(tmp_path / "again")
    again.commit("start")
    again.init()
    again.config("approve: []\n")
    again.cmd("import", str(out))
    assert taken_in(again) == first
    again.close()
    refused = w.cmd("export", *names, "--to", form, "--out", str(out), check=False)
    assert (refused.returncode, "is there already" in refused.stderr) == (1, True)


def test_a_task_with_its_thread_is_a_page_that_runs_nothing(w: Site) -> None:
    w.agent("ed", "cat > /dev/null; echo x > made; echo 'It is <b>done</b> <script>alert(1)</script>'")
    w.config("agent: ed\napprove: []\nverify: ['true']\n")
    w.up()
    w.task("a", body="Do <i>it</i>.")
    w.until("a", "done")
    page = w.cmd("export", "a", "--to", "html").stdout
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script" not in page
    assert "Do &lt;i&gt;it&lt;/i&gt;." in page
    assert "# a" in w.cmd("export", "a", "--to", "md").stdout
    [task] = json.loads(w.cmd("export", "a", "--to", "json").stdout)["tasks"]
    assert [(one["from"], one["kind"]) for one in task["messages"]] == [("ed", "result")]
    assert task["landed"]
    told = json.loads(w.cmd("export", "a", "--to", "md", "--json").stdout)
    assert (told["tasks"], told["out"], told["files"][0]["text"].startswith("# a")) == (1, None, True)


def test_a_table_holds_no_formula(w: Site) -> None:
    w.write(".cowork/tasks/a.md", '---\ntitle: "=cmd()"\nstatus: draft\nlabels: [x, y]\n---\nDo it.\n')
    w.up()
    w.wait("the task", lambda: len(w.board()["tasks"]) == 1)
    [row] = csv.DictReader(io.StringIO(w.cmd("export", "--to", "csv").stdout))
    assert (row["id"], row["title"], row["labels"]) == ("a", "'=cmd()", "x y")


def test_what_cannot_be_exported_is_said(w: Site) -> None:
    for words, says in ((("nothing", "--to", "md"), "no task or plan"), (("--to", "backlog"), "--out"),
                        (("--to", "prd"), "one plan")):  # fmt: skip
        done = w.cmd("export", *words, check=False)
        assert (done.returncode in (1, 2), says in done.stderr) == (True, True), done.stderr
