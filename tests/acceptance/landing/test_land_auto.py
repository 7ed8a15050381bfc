"""`land: auto` while a person goes on committing to the target."""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Generator
from contextlib import contextmanager

from tests.acceptance.landing.site import Site

EDIT = 'cat > /dev/null; echo "$COWORK_TASK" > made.$COWORK_TASK; echo ok'


@contextmanager
def committing(w: Site, pause: float) -> Generator[None]:
    """A person who saves and commits a file to the target, again and again.

    Git refuses a commit in the moment in which the target moves below it; the person then tries it again.
    """
    stop, number = threading.Event(), 0

    def commit() -> None:
        nonlocal number
        while not stop.wait(pause):
            (w.repo / "mine.txt").write_text(f"{number + 1}\n")
            words = ["git", "commit", "-qm", f"mine {number + 1}", "--", "mine.txt"]
            done = subprocess.run(words, cwd=w.repo, env=w.env, capture_output=True, check=False)
            number += done.returncode == 0

    w.write("mine.txt", "0\n")
    w.git("add", "mine.txt")
    w.git("commit", "-qm", "mine")
    person = threading.Thread(target=commit)
    person.start()
    try:
        yield
    finally:
        stop.set()
        person.join()
    assert w.git("rev-list", "--count", "--grep=^mine", "main") == str(number + 1), (
        "every commit of the person is there"
    )


def test_it_lands_between_the_commits_of_a_person(w: Site) -> None:
    w.agent("ed", EDIT)
    w.config('approve: []\nverify: ["true"]\nintegration: {land: auto}\n')
    w.up()
    with committing(w, pause=2.0):
        for task in ("a", "b"):
            w.task(task)
            w.wait(f"{task} in the target", lambda task=task: f"made.{task}" in w.tree("main"))
    w.wait("nothing to say", lambda: w.board()["problems"] == [])


def test_it_says_that_it_waits_for_a_quiet_moment_where_verification_takes_longer_than_the_pauses(w: Site) -> None:
    w.agent("ed", EDIT)
    w.config('approve: []\nverify: ["read -t 1 < <(tail -f /dev/null) || true"]\nintegration: {land: auto}\n')
    w.up()
    with committing(w, pause=0.4):
        w.task("a")
        w.wait("the reason", lambda: "waits for a quiet moment of main" in w.problems(), 120)
        assert "failed" not in w.problems()
    w.wait("a in the target", lambda: "made.a" in w.tree("main"))
    w.wait("nothing to say", lambda: w.board()["problems"] == [])
