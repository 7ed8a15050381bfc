"""Other programs on the same tasks: what each offers to list them, at first sight and after one edit.

None of them promises what coworkd promises of edits; Backlog.md is the one that means the same by a task.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.bench import Bench, Workspace, cleared, save, timed
from benchmarks.corpus import Task, document, repository, tasks
from benchmarks.table import Row

NPM = ("backlog.md@1", "mddb@0.9")
PYPI = "markdown-to-sqlite"


def peers(bench: Bench) -> Iterator[Row]:
    """Each that can be had here."""
    work = bench.workspace(bench.size)
    work.forget()
    cold = work.run("status")
    edited = _after_edit(work)
    for measure in (_backlog, _mddb, _markdown_to_sqlite, _taskwarrior):
        try:
            yield from measure(bench, work, cold, edited)
        except (OSError, RuntimeError, subprocess.SubprocessError) as error:
            bench.skipped.append(f"{measure.__name__.strip('_')} ({str(error).splitlines()[0][:120]})")


def _after_edit(work: Workspace) -> float:
    save(work.task(0), document(next(tasks(1))).replace("status: draft", "status: draft\nagent: other"))
    return work.run("status")


def _pair(name: str, ours: float, theirs: float, what: str, least: float) -> Row:
    return Row(subject=what, ours=ours, unit="s", beside=name, theirs=theirs, least=least)


def _backlog(bench: Bench, work: Workspace, cold: float, edited: float) -> Iterator[Row]:
    program = _from_npm(bench) / "backlog"
    root = cleared(bench.place / "backlog") / "repo"
    repository(root)
    environment = work.environment
    _quiet([str(program), "init", "bench", "--defaults"], root, environment)
    folder = root / "backlog" / "tasks"
    folder.mkdir(parents=True, exist_ok=True)
    for task in tasks(bench.size):
        (folder / f"task-{task.number} - {task.name}.md").write_text(_as_backlog(task))
    command = [str(program), "task", "list", "--plain"]
    first = timed(command, cwd=root, env=environment)
    (folder / "task-0 - task-000000.md").write_text(_as_backlog(next(tasks(1))).replace("To Do", "In Progress"))
    second = timed(command, cwd=root, env=environment)
    yield _pair("Backlog.md", cold, first, f"first sight of {bench.size:,} tasks", 4.0)
    yield _pair("Backlog.md", edited, second, f"one edit among {bench.size:,} tasks", 35.0)


def _as_backlog(task: Task) -> str:
    status = {"draft": "To Do", "ready": "In Progress", "done": "Done"}[task.status]
    needs = "[]" if task.needs is None else f"[TASK-{task.needs}]"
    head = [
        "---", f"id: TASK-{task.number}", f"title: {task.title}", f"status: {status}", "assignee: []",
        "created_date: '2026-01-01 00:00'", f"labels: [{', '.join(task.labels)}]", f"dependencies: {needs}",
        f"priority: {task.priority}", "---", "", "## Description", "",
    ]  # fmt: skip
    return "\n".join([*head, task.body])


def _mddb(bench: Bench, work: Workspace, cold: float, edited: float) -> Iterator[Row]:
    program = _from_npm(bench) / "mddb"
    place = cleared(bench.place / "mddb")
    first = timed([str(program), str(work.tasks)], cwd=place, env=work.environment)
    second = timed([str(program), str(work.tasks)], cwd=place, env=work.environment)
    yield _pair("mddb", cold, first, f"first sight of {bench.size:,} tasks", 15.0)
    yield _pair("mddb", edited, second, f"one edit among {bench.size:,} tasks", 35.0)


def _markdown_to_sqlite(bench: Bench, work: Workspace, cold: float, _edited: float) -> Iterator[Row]:
    program = _from_pypi(bench) / "markdown-to-sqlite"
    place = cleared(bench.place / "markdown-to-sqlite")
    files = [str(path) for path in sorted(work.tasks.rglob("*.md"))]
    seconds = timed([str(program), str(place / "tasks.db"), "tasks", *files], cwd=place, env=work.environment)
    yield _pair("markdown-to-sqlite", cold, seconds, f"first sight of {bench.size:,} tasks", 4.0)


def _taskwarrior(bench: Bench, work: Workspace, _cold: float, edited: float) -> Iterator[Row]:
    program = shutil.which("task")
    if program is None:
        raise RuntimeError("not installed: apt-get install taskwarrior")
    place = cleared(bench.place / "taskwarrior")
    (place / "taskrc").write_text(f"data.location={place}\nconfirmation=off\nhooks=off\nverbose=nothing\n")
    environment = {**work.environment, "TASKRC": str(place / "taskrc"), "TASKDATA": str(place)}
    (place / "tasks.json").write_text("\n".join(_as_taskwarrior(task) for task in tasks(bench.size)))
    timed([program, "import", str(place / "tasks.json")], cwd=place, env=environment)
    seconds = timed([program, "1", "modify", "priority:H"], cwd=place, env=environment)
    seconds += timed([program, "list"], cwd=place, env=environment)
    yield _pair("taskwarrior", edited, seconds, f"one edit among {bench.size:,} tasks", 4.0)


def _as_taskwarrior(task: Task) -> str:
    status = "completed" if task.status == "done" else "pending"
    over = ',"end":"20260101T000000Z"' if status == "completed" else ""
    return (
        f'{{"uuid":"00000000-0000-4000-8000-{task.number:012d}","description":"{task.title}","status":"{status}",'
        f'"entry":"20260101T000000Z","tags":["{task.labels[0]}"]{over}}}'
    )


# ---- getting them


def _from_npm(bench: Bench) -> Path:
    place = bench.peers / "npm"
    return _installed(place / "node_modules" / ".bin", lambda: ["npm", "install", "--prefix", str(place), *NPM])


def _from_pypi(bench: Bench) -> Path:
    place = bench.peers / "pypi"
    if not (place / "bin" / "pip").exists():
        _quiet([sys.executable, "-m", "venv", str(place)], bench.place, None)
    return _installed(place / "bin", lambda: [str(place / "bin" / "pip"), "-q", "install", PYPI], PYPI)


def python_with(bench: Bench, package: str) -> Path:
    """An interpreter that has a package from PyPI, installed where it is missing."""
    place = bench.peers / "pypi"
    python = place / "bin" / "python"
    if not python.exists():
        _quiet([sys.executable, "-m", "venv", str(place)], bench.place, None)
    if subprocess.run([python, "-m", "pip", "show", "-q", package], capture_output=True, check=False).returncode:
        _quiet([str(python), "-m", "pip", "-q", "install", package], bench.place, None)
    return python


def _installed(programs: Path, command: Callable[[], list[str]], name: str = "") -> Path:
    """The folder of programs; what is missing there is installed once."""
    if not (programs / name).exists():
        programs.parent.mkdir(parents=True, exist_ok=True)
        _quiet(command(), programs.parent, None)
    return programs


def _quiet(argv: list[str], cwd: Path, environment: dict[str, str] | None) -> None:
    done = subprocess.run(argv, cwd=cwd, env=environment or dict(os.environ), capture_output=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv[:3])} failed: {done.stderr.decode(errors='replace').strip()[-200:]}")
