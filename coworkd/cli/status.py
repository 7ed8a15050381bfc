"""Commands that show the board: `status`, `list`, `show`, `events`."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import click

from coworkd.board.pattern_verdicts import pattern_report, verdict_data
from coworkd.board.views.attention import AttentionItem, AttentionKind, attention_items
from coworkd.board.views.status import BoardView, Card, board_view, card_of, with_fault
from coworkd.cli.completion import TaskName
from coworkd.cli.output import WIDTH, as_json, coloured, columns, hanging_indent, json_option, plain, short_id
from coworkd.cli.workspace import Workspace, current_workspace, find_task, find_task_in
from coworkd.core.check_names import check_logs
from coworkd.core.clock import iso
from coworkd.core.loop_states import loop_state
from coworkd.core.model import SandboxLevel, Status
from coworkd.core.runs import EndedState, end_reason
from coworkd.core.task_states import OVER
from coworkd.core.terminal_text import visible_line
from coworkd.core.text_formats import format_age, format_usd, shorten
from coworkd.store import Database, MessageRow, RunRow, TaskRow
from coworkd.store.documents import note_paths
from coworkd.store.events import events_after
from coworkd.store.messages import messages_of
from coworkd.store.runs import runs_of
from coworkd.store.stacks import stacked_tasks
from coworkd.store.steps import latest_pattern
from coworkd.store.submissions import submissions_of
from coworkd.store.usage import has_estimated_cost

ITEM_LINES = 8
"""Lines that the words of one item that waits may take."""

DONE_SHOWN = 5
"""How many finished tasks `status` lists before it only counts them."""


ROUND_REASON = 120
"""Characters that are shown of why a round of a loop was not the last one."""

ID_WIDTH = 28
"""Columns that an id gets at most."""


@click.command("status")
@click.option("--watch", is_flag=True, help="Show it again whenever it changes.")
@json_option
def status_command(watch: bool, json_: bool) -> None:
    """The board, what waits for you and since when, problems, cost."""
    workspace = current_workspace()
    workspace.says_no_answer = json_
    if watch:
        _watch(workspace)
        return
    view, now = _view(workspace), time.time()
    if json_:
        as_json(_status_json(workspace, view))
    else:
        click.echo(render(view, daemon_line(workspace), now))


def _view(workspace: Workspace) -> BoardView:
    """The board, with what keeps the daemon from its work in front of what waits."""
    with workspace.reading() as db:
        view = board_view(db, time.time())
    return with_fault(view, workspace.fault, time.time()) if workspace.fault else view


def _watch(workspace: Workspace) -> None:
    """Redraw on change, until interrupted."""
    from rich.live import Live
    from rich.text import Text

    with Live(refresh_per_second=2, screen=True) as live:
        while True:
            view, now = _view(workspace), time.time()
            live.update(Text.from_ansi(render(view, daemon_line(workspace), now)))
            time.sleep(1)


def _status_json(workspace: Workspace, view: BoardView) -> dict[str, Any]:
    return {
        "daemon": _daemon_json(workspace),
        "instance": view.instance,
        "sandbox": {"level": view.sandbox, "why": view.sandbox_lacks},
        "tasks": [_card_json(card) for card in view.cards],
        "waiting": [
            {"kind": w.kind, "path": w.path, "task": w.task, "since": iso(w.since), "what": w.what}
            for w in view.waiting
        ],
        "problems": [{"path": p.path, "line": p.line, "message": p.message} for p in view.problems],
        "cost": {"usd_today": view.usd_today},
        "disk": _disk_json(view),
    }


def _disk_json(view: BoardView) -> dict[str, Any] | None:
    """What slots and the like take, in bytes; None: not measured yet."""
    use = view.disk
    return None if use is None else {**asdict(use), "at": iso(use.at), "total": use.total}


def _daemon_json(workspace: Workspace) -> dict[str, Any]:
    """Whether it runs; of one that does not answer also its state."""
    silence = workspace.no_answer
    if silence is not None:
        return {"running": True, "pid": silence.pid, "answers": False, "state": str(silence.state)}
    pid = workspace.pid()
    return {"running": pid is not None, "pid": pid}


def daemon_line(workspace: Workspace) -> str:
    """Whether the daemon runs, in words."""
    if workspace.no_answer is not None:
        return str(workspace.no_answer)
    pid = workspace.pid()
    return f"coworkd is up (pid {pid})" if pid else "coworkd is down: `coworkd up` starts it"


def _card_json(card: Card) -> dict[str, Any]:
    return {
        "id": card.id, "title": card.title, "status": str(card.status), "agent": card.agent, "path": card.path,
        "blocked_by": list(card.blocked_by), "why": card.why, "by": card.by, "cost_usd": card.cost_usd,
        "tokens": card.tokens,
    }  # fmt: skip


def render(view: BoardView, daemon: str, now: float) -> str:
    """The board for a person, in 80 columns; `daemon` says whether it runs."""
    parts = [_head(view, daemon)]
    if view.waiting:
        parts.append("\n".join([_title("Waits for you"), *(_item_lines(item, now) for item in view.waiting)]))
    if view.cards:
        parts.append("\n".join([_title("Tasks"), *_rows(view, now)]))
    else:
        parts.append('No tasks yet. Write one: coworkd new "Fix the login page"')
    if view.undelivered:
        many = f"{view.undelivered} landed changes are not in your branch yet: `coworkd land` brings them there"
        one = "1 landed change is not in your branch yet: `coworkd land` brings it there"
        parts.append(one if view.undelivered == 1 else many)
    if view.notes:
        are = "1 note in tasks/ is" if view.notes == 1 else f"{view.notes} notes in tasks/ are"
        parts.append(f"{are} not run: `coworkd list` shows them")
    return "\n\n".join(parts)


def _title(text: str) -> str:
    return click.style(text, bold=True)


def _item_lines(item: AttentionItem, now: float) -> str:
    """What waits: where, and beneath it what to do."""
    head = "  " + columns((str(item.kind), 9), (format_age(now - item.since) if item.since else "", 4))
    if item.kind is AttentionKind.DELETION:
        return hanging_indent(head, item.what)
    return f"{head}  .cowork/{visible_line(item.path)}\n" + hanging_indent(" " * len(head), item.what, most=ITEM_LINES)


def _head(view: BoardView, daemon: str) -> str:
    running = sum(card.status is Status.RUNNING for card in view.cards)
    facts = [daemon, f"{running} running", f"{len(view.waiting)} waiting for you"]
    if view.usd_today:
        facts.append(f"{format_usd(view.usd_today)} in 24 h")
    return "\n".join([", ".join(facts), *_sandbox(view), *_disk(view)])


def _sandbox(view: BoardView) -> list[str]:
    """That agents are held by nothing, or by less than the best, if so."""
    if view.sandbox_lacks:
        return [hanging_indent("no sandbox  ", f"agents run with your rights: {view.sandbox_lacks}")]
    if view.sandbox == SandboxLevel.LANDLOCK:
        return [hanging_indent("sandbox", "landlock; `coworkd doctor` says what it holds")]
    return []


def _disk(view: BoardView) -> list[str]:
    """What slots and the like take, once it was measured."""
    return [hanging_indent("disk", str(view.disk))] if view.disk else []


def _rows(view: BoardView, now: float) -> list[str]:
    over = [card for card in view.cards if card.status in OVER]
    shown = [card for card in view.cards if card.status not in OVER] + over[-DONE_SHOWN:]
    width = min(max((len(card.id) for card in shown), default=0), ID_WIDTH)
    lines = [_card_line(card, width, now) for card in shown if not card.plan]
    for plan, name in _plan_names(view, shown):
        lines.append(hanging_indent("  plan", name))
        lines += [_card_line(card, width, now) for card in shown if card.plan == plan]
    if len(over) > DONE_SHOWN:
        lines.append(f"  and {len(over) - DONE_SHOWN} more done or cancelled: `coworkd list`")
    return lines


def _plan_names(view: BoardView, shown: Sequence[Card]) -> list[tuple[str, str]]:
    """The plans of these cards, in the order of the hierarchy, each with how far it is."""
    wanted = {card.plan for card in shown if card.plan}
    known = {plan.node.id: f"{plan.name}: {plan.standing}" for plan in view.plans}
    return [
        *((plan, name) for plan, name in known.items() if plan in wanted),
        *((plan, f"{plan} (no such file in plans/)") for plan in sorted(wanted - known.keys())),
    ]


def _card_line(card: Card, width: int, now: float) -> str:
    cells = columns((short_id(card.id, width), width), (format_age(now - card.since), 4))
    head = f"  {coloured(str(card.status), 9)}  {cells}"
    return hanging_indent(head, card.why) if card.why else hanging_indent(head, card.title, most=1)


@click.command("list")
@click.option("--status", "wanted", type=click.Choice([str(s) for s in Status]), help="Only tasks that stand there.")
@json_option
def list_command(wanted: str | None, json_: bool) -> None:
    """The tasks, a line each."""
    workspace = current_workspace()
    with workspace.reading() as db:
        cards = [card for card in board_view(db, time.time()).cards if wanted in (None, str(card.status))]
        notes = note_paths(db)
    if json_:
        as_json({"tasks": [_card_json(card) for card in cards]})
        return
    width = min(max((len(card.id) for card in cards), default=0), ID_WIDTH)
    for card in cards:
        head = f"{coloured(str(card.status), 9)}  {columns((short_id(card.id, width), width))}"
        click.echo(f"{head}  {columns((card.title, WIDTH - width - 13))}".rstrip())
    for path in notes if wanted is None else ():
        click.echo(f"{'note'.ljust(9)}  {visible_line(path)}")


@click.command("show")
@click.argument("task", type=TaskName())
@click.option("--recording", is_flag=True, help="Its last run instead, as a recording that `driver: replay` plays.")
@json_option
def show_command(task: str, recording: bool, json_: bool) -> None:
    """One task: why it waits, its runs, paths, cost."""
    workspace = current_workspace()
    if recording:
        from coworkd.cli.recordings import last_run

        click.echo(last_run(workspace, find_task(workspace, task).id), nl=False)
        return
    with workspace.reading() as db:
        found, now = find_task_in(db, task), time.time()
        details = _card_json(card_of(db, found, now)) | _history_json(workspace, db, found)
        needs = [item for item in attention_items(db) if item.task == found.id]
    as_json(details) if json_ else click.echo(
        "\n".join([*_shown(details), *(_item_lines(item, now) for item in needs)])
    )


def _history_json(workspace: Workspace, db: Database, row: TaskRow) -> dict[str, Any]:
    task = row.id
    runs = runs_of(db, task)
    messages = messages_of(db, task)
    submissions = submissions_of(db, task)
    verified = [one.number for one in submissions if json.loads(one.checks)]
    return {
        "estimated": has_estimated_cost(db, task),
        "stacked_on": [{"task": on.task, "submission": on.number} for on in stacked_tasks(db).get(task, ())],
        "loop": _loop_json(row, runs),
        "verdict": _verdict_json(db, row),
        "runs": [_run_json(workspace, run) for run in runs],
        "messages": [_message_json(message) for message in messages],
        "reviews": [
            {"number": s.number, "state": str(s.state), "commit": s.commit_id, "tip": s.verified_on,
             "landing": s.landing, "candidate": s.candidate, "tree": s.candidate_tree,
             "proof": s.merge_proof, "verify": json.loads(s.checks), "notice": s.message,
             "logs": check_logs(task, len(json.loads(s.checks))) if s.number in verified[-1:] else []}
            for s in submissions
        ],
    }  # fmt: skip


def _verdict_json(db: Database, task: TaskRow) -> dict[str, Any] | None:
    """How the pattern of the latest attempt that had one has decided; None: it has not, or there is none."""
    row = latest_pattern(db, task.id)
    report = pattern_report(db, task.id, row.attempt) if row else None
    if report is None:
        return None
    empty: dict[str, Any] = {"of": "", "tally": [], "dissent": [], "findings": [], "voices": [], "cost_usd": None}
    return empty | verdict_data(report)


def _loop_json(task: TaskRow, runs: list[RunRow]) -> dict[str, Any] | None:
    """Where its loop stands; None: its latest run was no round of one."""
    last = runs[-1] if runs else None
    if last is None or not last.iteration:
        return None
    state = loop_state(task.status, last.state.kind, last.stop)
    return {"state": str(state), "round": last.iteration, "max_rounds": last.max_rounds}


def _message_json(message: MessageRow) -> dict[str, Any]:
    """`delivered` names the run that a person's message was handed to."""
    return {
        "path": message.path, "from": message.sender or "user", "kind": str(message.kind),
        "delivered": "" if message.sender else message.run,
    }  # fmt: skip


def _run_json(workspace: Workspace, run: RunRow) -> dict[str, Any]:
    end = run.state if isinstance(run.state, EndedState) else None
    return {
        "id": run.id, "attempt": run.attempt, "agent": run.agent, "state": str(run.state.kind),
        "step": run.step, "role": run.role if run.step else "",
        "reason": end_reason(run.state), "started": iso(run.started), "ended": iso(end.at) if end else None,
        "log": run.start.log,
        "slot": str(workspace.paths.state / "slots" / str(run.slot.number) / "work"),
        "sandbox": run.start.sandbox_level, "message": end.message if end else "", "cost_usd": run.usage.cost_usd,
        "base": run.slot.base, "lacks": run.slot.missing_commits.splitlines(),
        "round": run.iteration, "kept": end.kept_commit if end else "",
    }  # fmt: skip


def _shown(task: dict[str, Any]) -> list[str]:
    head = [f"{task['id']}: {coloured(task['status'])}", f"  {plain(task['title'])}"]
    facts = [
        ("file", f".cowork/{task['path']}"),
        ("why", task["why"]),
        ("loop", _shown_loop(task["loop"])),
        ("decided", f"{task['verdict']['decision']}: {task['verdict']['reason']}" if task["verdict"] else ""),
        ("needs", ", ".join(task["blocked_by"])),
        ("stacked", ", ".join(f"on {on['task']} (submission {on['submission']})" for on in task["stacked_on"])),
        ("agent", task["agent"] or "none: write one into the task, or `agent:` into config.yaml"),
        ("cost", "" if task["cost_usd"] is None else format_usd(task["cost_usd"], estimated=task["estimated"])),
    ]
    lines = [hanging_indent(f"  {columns((name, 7))}", text) for name, text in facts if text]
    lines += [line for run in task["runs"] for line in _shown_run(run)]
    for message in task["messages"]:
        receipt = ", delivered" if message["delivered"] else ""
        about = f"{message['kind']} from {plain(message['from'])}{receipt}"
        lines.append(hanging_indent("  message", f".cowork/{visible_line(message['path'])} ({about})"))
    lines += [line for review in task["reviews"] for line in _shown_submission(review)]
    return [*head, *lines]


def _shown_loop(loop: dict[str, Any] | None) -> str:
    return f"{loop['state']}, round {loop['round']} of {loop['max_rounds']}" if loop else ""


def _shown_submission(review: dict[str, Any]) -> list[str]:
    about = f"{review['state']} {review['commit'][:12]} {review['notice']}"
    logs = [f".cowork/{path}" for path in review["logs"]]
    verified = f"the tree {review['tree']}" if review["proof"] else ""
    facts = [("    verified", verified), ("    nothing lost:", review["proof"])]
    return [
        hanging_indent(f"  submission {review['number']}", about),
        *(hanging_indent(name, text) for name, text in facts if text),
        *(hanging_indent(f"    check {number}", path) for number, path in enumerate(logs, 1)),
    ]


def _shown_run(run: dict[str, Any]) -> list[str]:
    state = run["reason"] or run["state"]
    attempt = f"attempt {run['attempt']}" + (f", round {run['round']}" if run["round"] else "")
    attempt += f", step {run['step']} ({run['role']})" if run["step"] else ""
    about = f"{attempt} by {run['agent']}, {state} (sandbox: {run['sandbox']})"
    return [
        hanging_indent(f"  run {run['id']}:", about),
        f"    work   {plain(run['slot'])}",
        f"    log    {plain(run['log'])}",
        *(hanging_indent("    lacks", commit) for commit in run["lacks"]),
        *(_shown_round(run) if run["round"] and run["ended"] else ()),
    ]


def _shown_round(run: dict[str, Any]) -> list[str]:
    """Why another round followed, and the commit with the files that it left."""
    why = next((line.strip() for line in run["message"].splitlines() if line.strip()), "")
    facts = [("    so", visible_line(shorten(why, ROUND_REASON))), ("    kept", run["kept"][:12])]
    return [hanging_indent(name, text) for name, text in facts if text]


@click.command("events")
@click.option("--follow", is_flag=True, help="Go on as they happen.")
@click.option("--after", default=0, metavar="ID", help="Only those after this one.")
@click.option("--json", is_flag=True, expose_value=False, help="The same: events are always JSON.")
def events_command(follow: bool, after: int) -> None:
    """The journal of changes, one JSON object a line."""
    workspace = current_workspace()
    while True:
        with workspace.reading() as db:
            found = events_after(db, after)
        for event in found:
            after = event.id
            line = {"id": event.id, "at": iso(event.at), "actor": event.actor, "kind": event.kind, "task": event.task}
            click.echo(json.dumps(line | {"data": json.loads(event.data)}, ensure_ascii=False))
        if not follow:
            return
        time.sleep(0.5)
