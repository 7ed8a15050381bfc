"""A whole night of a real daemon, from the evening to the morning, at times that the test says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from coworkd.core.clock import ManualClock
from coworkd.core.model import Status
from coworkd.core.nights import clock_text, date_text, next_moment
from coworkd.store import RunRow
from coworkd.store.tasks import find_task
from tests.integration.daemonkit import Place

MINUTE, HOUR = 60.0, 3600.0

AGENT = """\
---
driver: command
command:
  - bash
  - -c
  - |
    ask() { printf -- '---\\n%s\\n---\\n%s\\n' "$1" "$2" > "$COWORK_OUTBOX/q.md"; exit 75; }
    case "$COWORK_TASK" in
      asks) [ -e "$COWORK_INBOX/q.md" ] || ask 'kind: question' 'Which colour?' ;;
      wants) [ -e "$COWORK_INBOX/q.md" ] || ask $'approval: pending\\ntool: run\\narguments: npm publish' 'May I?' ;;
      limited) [ -e @SHARED@/limited ] || { touch @SHARED@/limited; exit 75; } ;;
      bad) echo "no idea how"; exit 1 ;;
      risky) echo 'exit 0 # always' > check.sh ;;
    esac
    cat "$COWORK_INBOX"/*.md 2>/dev/null
    echo "$COWORK_TASK" > "$COWORK_TASK.txt"
    printf '\\n## Assumptions\\n\\n- %s is short\\n' "$COWORK_TASK"
sandbox: {allow_paths: [@SHARED@]}
---
"""

CONFIG = """\
agent: main
quiet: 0
approve: []
max_attempts: 1
backoff: 3600
concurrency: 1
verify: ["sh check.sh"]
night: {from: 22:00, to: 07:00, max_tasks: 5}
"""


class NightPlace(Place):
    """A workspace at ten to ten in the evening."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        shared = root.parent / "shared"
        shared.mkdir()
        self.at.commit("a check", {"check.sh": "true\n"})
        self.at.write(".cowork/agents/main.md", AGENT.replace("@SHARED@", str(shared)))
        self.at.write(".cowork/config.yaml", CONFIG)
        self.clock.advance(next_moment(21 * 60 + 50, self.clock.now()) - self.clock.now())

    def ready(self, task: str, header: str = "") -> None:
        self.write(f"tasks/{task}.md", f"---\nstatus: ready\n{header}---\nDo it.\n")

    def write(self, path: str, text: str) -> None:
        """A person saves, and the watcher says so at once."""
        self.at.write(f".cowork/{path}", text)
        self.daemon.runner.services.engine.mark_dirty(path, self.clock.now())

    def status_of(self, task: str) -> Status | None:
        row = find_task(self.db, task)
        return row.status if row else None

    def runs_of(self, task: str) -> list[RunRow]:
        return self.db.all(RunRow, "task = ?", task)

    def reach(self, task: str, status: Status) -> None:
        self.turn_until(lambda: self.status_of(task) is status)

    def go_to(self, clock: str) -> None:
        hours, minutes = clock.split(":")
        self.clock.advance(next_moment(int(hours) * 60 + int(minutes), self.clock.now()) - self.clock.now())
        self.turn()

    def reports(self) -> list[str]:
        return sorted(path.name for path in (self.at.root / ".cowork/reports").glob("*.md"))

    def report(self) -> dict[str, list[str]]:
        """The lines of the one report, by their heading."""
        (name,) = self.reports()
        found: dict[str, list[str]] = {}
        for part in (self.at.root / ".cowork/reports" / name).read_text().split("\n## ")[1:]:
            title, *lines = part.splitlines()
            found[title] = [line for line in lines if line]
        return found


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[NightPlace]:
    for name in ("XDG_STATE_HOME", "XDG_CONFIG_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    made = NightPlace(tmp_path / "repo")
    try:
        yield made
    finally:
        made.close()


def test_a_whole_night(place: NightPlace) -> None:
    assert isinstance(place.clock, ManualClock)
    # In the evening a person is asked, and has gone.
    place.ready("asks")
    place.reach("asks", Status.WAITING)
    assert place.reports() == []

    place.go_to("22:00")
    place.reach("asks", Status.DONE)
    place.ready("limited")
    place.turn_until(lambda: place.runs_of("limited") and place.status_of("limited") is Status.READY)
    for task in ("bad", "wants", "risky"):
        place.ready(task)
    place.ready("builds-on-it", "depends_on: [risky]\n")
    place.reach("bad", Status.FAILED)
    place.reach("wants", Status.DONE)
    place.reach("risky", Status.REVIEW)
    place.ready("good")
    place.reach("good", Status.DONE)
    assert place.status_of("limited") is Status.READY, "it is waited for"
    place.clock.advance(HOUR + 15 * MINUTE)
    place.reach("limited", Status.DONE)

    # As many tasks as may have begun.
    place.go_to("03:00")
    place.ready("sixth")
    place.reach("sixth", Status.READY)
    for _ in range(5):
        place.turn()
    place.go_to("06:59")
    assert place.reports() == [], "the night is not over"
    assert place.status_of("sixth") is Status.READY

    place.go_to("07:00")
    place.turn()
    assert place.reports() == [f"{date_text(place.clock.now())}.md"]
    report = place.report()
    landed = {line.split(":")[0]: line for line in report["Landed"]}
    assert landed.keys() == {"- asks", "- wants", "- good", "- limited"}
    assert all(f"`coworkd revert {head[2:]}` takes it back" in line for head, line in landed.items())
    assert [line.split(":")[0] for line in report["Failed"]] == ["- [bad](../tasks/bad.md)"]
    parked = "- [risky](../reviews/risky.md): its risk is high, and no one was here: read its review; "
    assert any(line.startswith(parked) for line in report["Waits for you"])
    waiting = {line.split("]")[0][3:]: line for line in report["Did not start"]}
    assert waiting.keys() == {"builds-on-it", "sixth"}
    assert "waits for risky (review since" in waiting["builds-on-it"]
    assert "the night's tasks have begun: 5 (`night: {max_tasks}` in config.yaml)" in waiting["sixth"]
    assert "- asks: asked, with no one here to answer: Which colour?" in report["Assumptions"]
    assert "- good: good is short" in report["Assumptions"]
    assert report["Cost"][0].startswith("The cost of ")

    place.reach("sixth", Status.DONE)
    assert place.db.query("SELECT 1 FROM requests WHERE state = 'open' AND task != 'risky'") == []


def test_up_until_leaves_its_report_and_ends(place: NightPlace) -> None:
    place.write("config.yaml", CONFIG.rsplit("night:", 1)[0])
    place.restart(until=next_moment(7 * 60, place.clock.now()))
    place.ready("asks")
    place.reach("asks", Status.DONE)
    assert not place.daemon.stopping
    place.clock.advance(next_moment(7 * 60, place.clock.now()) - place.clock.now())
    place.turn_until(lambda: place.daemon.stopping)
    assert clock_text(place.clock.now()) == "07:00"
    assert [line[:7] for line in place.report()["Landed"]] == ["- asks:"]


def test_a_daemon_that_ends_at_night_leaves_the_report_to_the_next_one(place: NightPlace) -> None:
    place.go_to("22:00")
    place.ready("good")
    place.reach("good", Status.DONE)
    place.daemon.close()
    place.clock.advance(12 * HOUR)
    place.daemon = place.begin()
    place.turn_until(place.reports)
    assert [line[:7] for line in place.report()["Landed"]] == ["- good:"]
    place.turn()
    assert len(place.reports()) == 1


def test_a_second_night_that_ends_on_a_date_has_a_report_of_its_own(place: NightPlace) -> None:
    place.go_to("22:00")
    place.go_to("07:00")
    place.turn_until(place.reports)
    place.write("config.yaml", CONFIG.replace("from: 22:00, to: 07:00", "from: 12:00, to: 13:00"))
    place.go_to("12:30")
    place.turn_until(lambda: place.db.state.night_begun)
    place.go_to("13:00")
    day = date_text(place.clock.now())
    place.turn_until(lambda: place.reports() == [f"{day}-2.md", f"{day}.md"])


def test_a_report_does_not_bring_back_a_workspace_that_is_away(place: NightPlace) -> None:
    place.go_to("22:00")
    folder = place.at.root / ".cowork"
    folder.rename(folder.with_name("away"))
    place.go_to("07:00")
    assert not folder.exists()
    folder.with_name("away").rename(folder)
    place.turn_until(place.reports)


def test_the_report_of_a_night_is_no_stray_file(place: NightPlace) -> None:
    place.go_to("22:00")
    place.go_to("07:00")
    place.turn_until(place.reports)
    place.clock.advance(MINUTE)
    place.turn()
    assert [row["message"] for row in place.db.query("SELECT message FROM problems")] == []
