"""`coworkd import` through the installed command."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from tests.acceptance.landing.site import Site

SAMPLES = Path(__file__).parents[2] / "fixtures" / "imports"
KEPT = ("tasks", "plans")


def imported(w: Site, path: str, *words: str) -> dict[str, Any]:
    return json.loads(w.cmd("import", path, "--json", *words).stdout)


def files(w: Site) -> dict[str, bytes]:
    folder = w.repo / ".cowork"
    found = [path for kind in KEPT for path in (folder / kind).rglob("*.md")]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def test_a_dry_run_counts_and_writes_nothing(w: Site) -> None:
    shutil.copytree(SAMPLES, w.repo / "samples")
    before = files(w)
    found = imported(w, "samples/backlog", "--dry-run")
    assert [found[name] for name in ("tasks", "plans", "done", "drafts", "cancelled", "skipped")] == [3, 1, 1, 1, 1, 1]
    assert [(one["path"], one["line"]) for one in found["problems"]] == [
        ("samples/backlog/tasks/led-1 - Books.md", 7), ("samples/backlog/tasks/led-1.10 - Print.md", 8)
    ]  # fmt: skip
    assert files(w) == before


def test_nothing_that_is_imported_starts_and_no_command_in_it_runs(w: Site) -> None:
    shutil.copytree(SAMPLES, w.repo / "samples")
    w.agent("ed", "cat > /dev/null; echo x > made; echo ok")
    w.config("agent: ed\napprove: []\nverify: ['true']\n")
    w.up()
    w.cmd("import", "samples/backlog")
    w.cmd("import", "samples/openspec")
    w.wait("all of them", lambda: len(w.board()["tasks"]) == 8)
    assert {task["status"] for task in w.board()["tasks"]} == {"draft", "done", "cancelled"}
    assert "(verify: make sum)" in w.text("tasks/ledger/led-1.2.md")
    w.cmd("ready", "led-1.2")
    w.wait("its landing", lambda: w.card("led-1.2")["status"] == "done")
    assert "make sum" not in w.text("reviews/led-1.2.md").partition("## Verification")[2].partition("##")[0]
    assert w.cmd("plan", "add-gate").stdout.count("Posts") == 1


def test_a_second_import_changes_only_what_was_not_edited_here(w: Site) -> None:
    source = w.repo / "prd.json"
    source.write_bytes((SAMPLES / "prd.json").read_bytes())
    imported(w, "prd.json")
    before = files(w)
    again = imported(w, "prd.json")
    assert (again["unchanged"], again["written"], again["updated"]) == (4, 0, 0)
    assert files(w) == before

    mine = ".cowork/tasks/clock/clock-us-002.md"
    w.write(mine, (w.repo / mine).read_text() + "\nIn brass.\n")
    source.write_text(source.read_text().replace("Tock", "Tock twice").replace("Chime", "Chime at noon"))
    third = imported(w, "prd.json")
    assert (third["updated"], third["edited"]) == (1, ["tasks/clock/clock-us-002.md"])
    assert "In brass." in w.text("tasks/clock/clock-us-002.md")
    assert "title: Chime at noon" in w.text("tasks/clock/clock-us-003.md")


def test_what_a_running_daemon_wrote_into_a_file_stays_in_it(w: Site) -> None:
    source = w.repo / "prd.json"
    source.write_bytes((SAMPLES / "prd.json").read_bytes())
    w.agent("ed", "cat > /dev/null; exit 1")
    w.config("agent: ed\nmax_attempts: 1\n")
    imported(w, "prd.json")
    w.up()
    w.cmd("ready", "clock-us-002")
    w.wait("its end", lambda: w.card("clock-us-002")["status"] == "failed")
    source.write_text(source.read_text().replace("Chime", "Chime at noon").replace("Tock", "Tock twice"))
    again = imported(w, "prd.json")
    assert (again["updated"], again["edited"]) == (1, ["tasks/clock/clock-us-002.md"]), "its status is another"
    w.wait("the title", lambda: w.card("clock-us-003")["title"] == "Chime at noon")


def test_a_file_of_the_same_name_is_not_written_over(w: Site) -> None:
    shutil.copy(SAMPLES / "prd.json", w.repo / "prd.json")
    w.write(".cowork/tasks/clock/clock-us-001.md", "---\nstatus: draft\n---\nMine.\n")
    found = imported(w, "prd.json")
    assert [one["path"] for one in found["problems"]] == [".cowork/tasks/clock/clock-us-001.md"]
    assert w.text("tasks/clock/clock-us-001.md").endswith("Mine.\n")


def test_what_is_no_backlog_is_refused(w: Site) -> None:
    shutil.copytree(SAMPLES, w.repo / "samples")
    before = files(w)
    for path, says in (("samples/interactions.jsonl", "issues.jsonl"), ("samples/none", "no such file")):
        done = w.cmd("import", path, check=False)
        assert (done.returncode, says in done.stderr) == (1, True)
    assert files(w) == before


def test_init_names_a_backlog_that_is_there(bare: Site) -> None:
    (bare.repo / ".beads").mkdir()
    shutil.copy(SAMPLES / "issues.jsonl", bare.repo / ".beads" / "issues.jsonl")
    assert "`coworkd import .beads/issues.jsonl --dry-run`" in bare.cmd("init").stdout


def test_the_example_of_the_documentation_prints_what_it_says(w: Site) -> None:
    page = (Path(__file__).parents[3] / "docs" / "importing.md").read_text()
    w.write("prd.json", page.partition("```json\n")[2].partition("```")[0])
    expected = page.rpartition("$ coworkd import prd.json\n")[2].partition("```")[0]
    assert w.cmd("import", "prd.json").stdout == expected
