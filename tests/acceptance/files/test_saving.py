"""Saving: when a file takes effect, what stays of its bytes, and what an old buffer may and may not do."""

from __future__ import annotations

from tests.acceptance.files.workspace import Workspace, stays

EDIT = 'echo "$COWORK_TASK" >> "$SCRATCH/ran"\ncat > "prompt.$COWORK_TASK"\necho "I did $COWORK_TASK"'


def desk(work: Workspace, quiet: float = 1) -> Workspace:
    work.config("agent: ed\nconcurrency: 12\n", quiet=quiet)
    work.agent("ed", EDIT)
    return work.up()


def ran(work: Workspace, task: str) -> int:
    return work.traces("ran").count(task)


def test_quiet_is_waited_out_unless_someone_says_so(work: Workspace) -> None:
    desk(work, quiet=600)
    work.task("explicit", status="ready")
    work.task("resting", status=None)
    work.task("empty", "", status=None)
    work.cmd("new", "By command")
    work.wait("the command line does not wait for quiet", lambda: ran(work, "by-command"))
    work.wait("nor does an explicit ready", lambda: ran(work, "explicit"))
    assert not ran(work, "resting")
    assert "ready" in work.card("resting")["why"]
    work.config("agent: ed\nconcurrency: 12\n", quiet=6)
    for word in ("one", "two", "three"):
        stays("typing", lambda: True, 1.0)
        work.task("implicit", f"Words {word}\n", status=None)
    stays("autosaves put the start off", lambda: not ran(work, "implicit"), 5)
    work.until("implicit", "review")
    assert "Words three" in work.git("show", "refs/cowork/sub/implicit/1:prompt.implicit")
    assert ran(work, "implicit") == 1
    assert work.card("empty")["status"] == "draft"
    assert work.read("tasks/empty.md") == "---\ntitle: empty\n---\n"


def test_ready_waits_while_the_body_is_being_typed(work: Workspace) -> None:
    desk(work)
    for count in range(6):
        work.task("typed", f"{'word ' * count}\n", status="ready")
        stays("it is being typed", lambda: not ran(work, "typed"), 0.6)
    work.until("typed", "review")
    assert "word word word word word" in work.git("show", "refs/cowork/sub/typed/1:prompt.typed")


STRANGE = {
    "crlf": '---\r\n# note\r\ntitle:   "Q: a \'b\'"   # why\r\nstatus: ready # go\r\nlabels:\r\n  - one\r\n  - "two" # keep\r\n---\r\nBody  \r\n\r\n\tend',
    "bom": "\ufeff---\ntitle: 'with a mark'\nstatus:   ready\nx-mine: {b: 1,  a: [2,3]}\n---\nBody\n",
    "flow": "---\n{title: flow,   status: ready, tags: [a,  b]}\n---\nBody",
    "block": "---\ntitle: >-\n  folded\n  words\nstatus: ready\nnotes: |\n  kept: as it is\n\n  really\n---\n\n\n# Body\n\n",
    "quoted": '---\n"title": \'q\'\n"status": "ready"   # said\nTags:\n- x\n- y\n---\nBody\n\n\n',
    "typed": "---\ntitle: types\nversion: 1.10\nwhen: 12:30\nno: off\nnumber: 0123\nstatus: ready\n# last words\n---\nBody",
    "given": "---\ntitle: map\ncowork:   # yours\nstatus: ready\n---\nBody\n",
}


def test_bytes_survive_a_whole_life(work: Workspace) -> None:
    for name, text in STRANGE.items():
        work.save(f"tasks/{name}.md", text.encode())
    desk(work)
    for name in STRANGE:
        work.finish(name)
    for name, text in STRANGE.items():
        now = work.read(f"tasks/{name}.md")
        head, body = text.rsplit("---", 1)
        assert now.endswith("---" + body), name
        lines = [line for line in head.splitlines(True) if "status" not in line and line.strip("\r\n")]
        if name != "given":
            assert [line for line in lines if line in now] == lines or name == "flow", (name, now)
        assert now.startswith("\ufeff") == text.startswith("\ufeff")
        if name == "crlf":
            assert "\n" not in now.replace("\r\n", "")
    crlf = work.read("tasks/crlf.md")
    assert "status: done # go\r\n" in crlf
    assert '"status": "done"   # said' in work.read("tasks/quoted.md") or "# said" in work.read("tasks/quoted.md")
    assert "{title: flow,   status: done, tags: [a,  b]" in work.read("tasks/flow.md")
    assert ran(work, "crlf") == 1


def test_a_file_is_written_when_its_run_starts_ends_and_lands(work: Workspace) -> None:
    desk(work)
    task = work.task("counted")
    seen: list[bytes] = []
    blocked = work.task("blocked", depends_on="[counted]").read_bytes()

    def look() -> bool:
        data = task.read_bytes()
        if not seen or seen[-1] != data:
            seen.append(data)
        return work.status("counted") == "review"

    work.wait("review", look)
    assert work.path("tasks/blocked.md").read_bytes() == blocked, "nothing is written before its run starts"
    work.finish("counted")
    assert int(work.field("tasks/counted.md", "cowork.rev")) <= 4
    work.until("blocked", "review")
    rest = work.path("tasks/counted.md").read_bytes()
    stays("nothing is written for its own sake", lambda: work.path("tasks/counted.md").read_bytes() == rest, 2)


def test_an_old_buffer_turns_nothing_back(work: Workspace) -> None:
    desk(work)
    work.task("stale")
    first = work.read("tasks/stale.md")
    work.until("stale", "review")
    at_review = work.read("tasks/stale.md")
    work.finish("stale")
    for buffer in (first, at_review):
        work.save("tasks/stale.md", buffer.replace("Do it.", "Do it, and more."))
        work.until("stale", "done")
        work.wait("the words are kept", lambda: "Do it, and more." in work.read("tasks/stale.md"))
        work.save("tasks/stale.md", buffer.replace("Do it.", "Do it, and even more."))
        work.wait("and the second ones", lambda: work.status("stale") == "done"
                  and "Do it, and even more." in work.read("tasks/stale.md"))  # fmt: skip
    assert work.field("tasks/stale.md", "cowork.landed")
    work.save("tasks/stale.md", "---\ntitle: stale\nstatus: ready\n---\nNo map.\n")
    work.until("stale", "done")
    assert work.field("tasks/stale.md", "cowork.id") == "stale"
    stays("it is not run again", lambda: ran(work, "stale") == 1, 3)
    assert not work.problems("tasks/stale.md")
    work.set("tasks/stale.md", "status", "ready")
    work.until("stale", "review")
    assert ran(work, "stale") == 2


def test_an_old_buffer_of_a_running_task(work: Workspace) -> None:
    desk(work)
    work.agent(
        "slow", 'echo "$COWORK_TASK" >> "$SCRATCH/ran"\nwhile [ ! -e "$SCRATCH/go" ]; do sleep 0.1; done\necho x > x'
    )
    work.task("slow", agent="slow")
    buffer = work.read("tasks/slow.md")
    work.wait("it runs", lambda: ran(work, "slow"))
    work.save("tasks/slow.md", buffer.replace("title: slow", "title: slower"))
    work.until("slow", "running")
    assert not work.problems("tasks/slow.md")
    assert "title: slower" in work.read("tasks/slow.md")
    work.save("tasks/slow.md", buffer.replace("title: slow", "title: slowest"))
    (work.scratch / "go").touch()
    work.until("slow", "review")
    assert "title: slowest" in work.read("tasks/slow.md")
    assert work.card("slow")["title"] == "slowest"
    assert ran(work, "slow") == 1


def test_a_version_that_no_one_knows_moves_nothing(work: Workspace) -> None:
    desk(work)
    work.task("lost")
    work.until("lost", "review")
    text = work.read("tasks/lost.md")
    rev = work.field("tasks/lost.md", "cowork.rev")
    odd = text.replace(f"rev: {rev}", "rev: 77").replace("status: review", "status: done").replace("Do it.", "Do!")
    work.save("tasks/lost.md", odd)
    work.problem("tasks/lost.md", "77")
    work.until("lost", "review")
    assert "Do!" in work.read("tasks/lost.md")
    review = work.read("reviews/lost.md")
    rev = work.field("reviews/lost.md", "cowork.rev")
    work.save(
        "reviews/lost.md", review.replace("approval: pending", "approval: approved").replace(f"rev: {rev}", "rev: 77")
    )
    stays("an approval from nowhere does not count", lambda: work.status("lost") == "review", 3)
    work.problem("reviews/lost.md", "77")
