"""The plain way to run agents: a script that makes slots, forks agents and commits, and promises nothing.

python -m benchmarks.dispatch_reference REPOSITORY PLACE COUNT PROCESSES [recycled]

Each of COUNT tasks gets a slot of its own (`git clone --shared`), or with `recycled` one
slot per process that is reset for each task. What starts and what is done is committed durably to SQLite, the agent is
`bash PLACE/agent.sh`, and its work is committed and fetched into the repository.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Lock


class Script:
    def __init__(self, repository: Path, place: Path, *, recycled: bool) -> None:
        self.repository = repository
        self.place = place
        self.recycled = recycled
        self.db = sqlite3.connect(place / "script.db", isolation_level=None, check_same_thread=False)
        self.db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; CREATE TABLE runs (task, state, at);")
        self.lock = Lock()

    def record(self, task: str, state: str) -> None:
        with self.lock:
            self.db.execute("INSERT INTO runs VALUES (?, ?, ?)", (task, state, time.time()))

    def slot(self, number: int) -> Path:
        path = self.place / f"slot-{number}"
        if path.exists():
            git(path, "reset", "--quiet", "--hard", "origin/main")
            git(path, "clean", "--quiet", "-fdx")
        else:
            git(self.place, "clone", "--quiet", "--shared", str(self.repository), str(path))
        return path

    def run(self, number: int, slot: int) -> None:
        task = f"task-{number:03d}"
        self.record(task, "due")
        path = self.slot(slot)
        self.record(task, "started")
        environment = {**os.environ, "COWORK_TASK": task}
        subprocess.run(["bash", str(self.place / "agent.sh")], cwd=path, env=environment, check=True, input=b"Do it.",
                       stdout=subprocess.DEVNULL)  # fmt: skip
        git(path, "add", "--all")
        git(path, "commit", "--quiet", "--message", task)
        git(self.repository, "fetch", "--quiet", str(path), f"HEAD:refs/script/{self.place.name}/{task}")
        self.record(task, "done")


def git(where: Path, *words: str) -> None:
    subprocess.run(["git", *words], cwd=where, check=True)


def main() -> None:
    repository, place, count, processes = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    recycled = "recycled" in sys.argv[5:]
    script = Script(repository, place, recycled=recycled)
    if recycled:
        script.slot(0)
    with ThreadPoolExecutor(processes) as pool:
        list(pool.map(lambda number: script.run(number, 0 if recycled else number), range(count)))


main()
