"""What a task is called, wherever its file lies and however it moves; and which files are no tasks."""

from __future__ import annotations

from tests.acceptance.files.workspace import Workspace, stays

EDIT = 'echo "$COWORK_TASK" >> "$SCRATCH/ran"\necho made > "made.$(printf %s "$COWORK_TASK" | md5sum | cut -c1-6)"\necho "I did it"'


def desk(work: Workspace, config: str = "") -> Workspace:
    work.config(f"agent: ed\nconcurrency: 12\n{config}")
    work.agent("ed", EDIT)
    return work


def ids(work: Workspace) -> dict[str, str]:
    return {card["path"]: card["id"] for card in work.json("list")["tasks"]}


READY = "---\nstatus: ready\n---\nDo it.\n"

NAMES = {
    "Plain.md": "plain",
    "Add a Dark Mode!.md": "add-a-dark-mode",
    "snake_case.v2.md": "snake_case.v2",
    "a..b.md": "a.b",
    "Ünï – cödé.md": "ünï-cödé",
    "re\u0301sume\u0301.md": "r\u00e9sum\u00e9",
    "日本語.md": "日本語",
    "thing.lock.md": "thing",
    "-dash.md": "dash",
    "quote'\"$HOME`x`.md": "quote-home-x",
    "x" * 120 + ".md": "x" * 80,
}


def test_ids_follow_file_names(work: Workspace) -> None:
    desk(work)
    for name in NAMES:
        work.save(f"tasks/{name}", READY)
    for path in ("setup.md", "api/setup.md", "web/deep/setup.md", "api/only.md"):
        work.save(f"tasks/{path}", READY)
    work.up()
    wanted = {f"tasks/{name}": task for name, task in NAMES.items()}
    work.wait("all are known", lambda: len(ids(work)) == len(NAMES) + 4)
    found = ids(work)
    assert {path: found[path] for path in wanted} == wanted
    assert found["tasks/api/only.md"] == "only"
    setups = {path: task for path, task in found.items() if path.endswith("/setup.md")}
    assert len(set(setups.values())) == 3
    assert "setup" in setups.values()
    assert set(setups.values()) <= {"setup", "api-setup", "deep-setup"}
    for path, task in found.items():
        work.wait(f"{path} runs", lambda path=path: work.field(path, "status") == "review")
        assert work.field(path, "cowork.id") == task
    for name, task in list(NAMES.items())[4:6]:
        assert work.read(f"reviews/{task}.md"), name
        assert work.run("show", task).returncode == 0


def test_files_move_with_their_tasks(work: Workspace) -> None:
    desk(work)
    work.agent(
        "slow", 'echo "$COWORK_TASK" >> "$SCRATCH/ran"\nwhile [ ! -e "$SCRATCH/go" ]; do sleep 0.1; done\necho x > x'
    )
    work.up()
    work.task("draft", status="draft")
    work.task("runs", agent="slow")
    work.task("over")
    work.until("runs", "running")
    work.finish("over")
    work.wait("known", lambda: work.card("draft"))
    folder = work.path("tasks/sub")
    folder.mkdir()
    work.path("tasks/draft.md").rename(work.path("tasks/renamed.md"))
    work.path("tasks/runs.md").rename(folder / "moved.md")
    work.path("tasks/over.md").rename(work.path("tasks/finished.md"))
    work.wait("a draft's id follows its name", lambda: work.card("renamed") and not work.card("draft"))
    work.wait("the others keep theirs", lambda: work.card("runs")["path"] == "tasks/sub/moved.md")
    work.wait("the others keep theirs", lambda: work.card("over")["path"] == "tasks/finished.md")
    stays("its agent works on", lambda: work.card("runs")["status"] == "running", 2.5)
    (work.scratch / "go").touch()
    work.wait("written where it is now", lambda: work.field("tasks/sub/moved.md", "status") == "review")
    work.set("reviews/runs.md", "approval", "approved")
    work.wait("landed", lambda: work.field("tasks/sub/moved.md", "status") == "done")
    assert not work.path("tasks/runs.md").exists()
    assert work.card("over")["status"] == "done"
    assert sorted(work.traces("ran")) == ["over", "runs"]
    assert not work.json("status")["problems"]
    # Moved and edited while nobody looked.
    work.down()
    text = work.read("tasks/finished.md").replace("Do it.", "Done it.")
    work.path("tasks/finished.md").unlink()
    work.save("tasks/sub/elsewhere.md", text)
    work.up()
    work.wait("found", lambda: work.card("over").get("path") == "tasks/sub/elsewhere.md")
    assert work.card("over")["status"] == "done"


def test_copies_are_problems_until_they_are_their_own(work: Workspace) -> None:
    desk(work).up()
    work.task("one")
    work.until("one", "review")
    text = work.read("tasks/one.md")
    work.save("tasks/a-copy.md", text)
    work.problem("tasks/a-copy.md", "tasks/one.md")
    stays("it is not run", lambda: work.traces("ran") == ["one"], 2)
    assert work.read("tasks/a-copy.md") == text
    assert work.card("one")["path"] == "tasks/one.md"
    work.down()
    work.up()
    work.problem("tasks/a-copy.md", "tasks/one.md")
    work.down()
    work.forget()
    work.up()
    work.problem("tasks/one.md", "tasks/a-copy.md")
    assert work.card("one")["path"] == "tasks/a-copy.md", "after a rebuild the first by path keeps the id"
    work.save("tasks/one.md", "---\ntitle: one\nstatus: ready\n---\nDo it.\n")
    work.path("tasks/a-copy.md").unlink()
    stays("time passes", lambda: True, 2)
    assert "one" not in ids(work).get("tasks/a-copy.md", "")


def test_a_copy_takes_over_when_the_first_is_deleted(work: Workspace) -> None:
    desk(work).up()
    work.task("one")
    work.finish("one")
    text = work.read("tasks/one.md")
    work.save("tasks/two.md", text)
    work.problem("tasks/two.md", "tasks/one.md")
    work.path("tasks/one.md").unlink()
    work.wait("it moved", lambda: work.card("one").get("path") == "tasks/two.md")
    assert work.card("one")["status"] == "done"
    assert not work.problems("tasks/two.md")


def test_notes_are_no_tasks(work: Workspace) -> None:
    desk(work)
    notes = {
        "README.md": READY, "api/index.md": READY, "Readme.md": READY, "empty.md": "", "blank.md": "\n\n",
        "words.md": "# Only words\n\nNo header.\n", ".hidden.md": READY, "#auto.md": READY, "notes.txt": READY,
        "swap.md~": READY,
    }  # fmt: skip
    for name, text in notes.items():
        work.save(f"tasks/{name}", text)
    work.up()
    work.task("real")
    work.until("real", "review")
    assert set(ids(work)) == {"tasks/real.md"}
    shown = work.cmd("list")
    assert "note" in shown
    assert "tasks/words.md" in shown
    for name, text in notes.items():
        assert work.read(f"tasks/{name}") == text
    assert not work.json("status")["problems"]
    work.config("agent: ed\nadopt_notes: true\n")
    work.until("words", "review")
    assert work.read("tasks/words.md").endswith("---\n# Only words\n\nNo header.\n")
    assert work.card("words")["title"] == "Only words"
    assert sorted(work.traces("ran")) == ["real", "words"]
    assert work.read("tasks/empty.md") == ""


def test_names_may_be_as_long_as_the_file_system_takes(work: Workspace) -> None:
    """Temporary files, kept versions, messages, reviews: all that is named after a file fits as well."""
    agent = "e" * 252
    work.config(f"agent: {agent}\nconcurrency: 4\n")
    folder = work.path("agents")
    folder.mkdir(exist_ok=True)
    work.agent("short", EDIT)
    (folder / "short.md").rename(folder / f"{agent}.md")
    stems = ["測" * 84, "x" * 230, "\N{GRINNING FACE}" * 63]
    for number, stem in enumerate(stems):
        (work.path("tasks") / f"{stem}.md").write_text(f"---\ntitle: t{number}\nstatus: ready\n---\nDo {number}.\n")
    work.up()
    for stem in stems:
        path = f"tasks/{stem}.md"
        work.wait(f"{stem[:5]} runs", lambda path=path: work.field(path, "status") == "review")
        task = work.field(path, "cowork.id")
        work.cmd("approve", task)
        work.wait("landed", lambda path=path: work.field(path, "status") == "done")
        assert any(agent[:40] in file.name for file in work.path(f"messages/{task}").glob("*.md"))
        work.cmd("reply", task, "Thank you")
        work.cmd("ready", task)
        work.wait("again", lambda path=path: work.field(path, "status") != "done")
    assert not [p for p in work.json("status")["problems"] if "cannot be" in p["message"]]
