"""Exports for people and spreadsheets: Markdown, JSON, HTML, CSV."""

from __future__ import annotations

import csv
import io
import json
from html import escape
from typing import Any

from coworkd.core.plan_order import order_text
from coworkd.interchange.export.items import Exported, ExportedPlan, ExportedTask, OutputFile, plain_text

_COLUMNS = (
    "id", "title", "status", "plan", "order", "priority", "size", "agent", "depends_on", "labels", "attempt", "landed",
    "cost_usd", "tokens", "path",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:50em;margin:2em auto;padding:0 1em;color:#222}"
    "pre{white-space:pre-wrap;background:#f4f4f4;padding:.8em;border-radius:4px}"
    "dl{display:grid;grid-template-columns:max-content auto;gap:.1em 1em}dt{font-weight:600}dd{margin:0}"
    "section{border-left:3px solid #ccc;padding-left:1em;margin:1em 0}"
    "@media(prefers-color-scheme:dark){body{background:#181818;color:#ddd}pre{background:#262626}}"
)


def to_markdown(exported: Exported) -> list[OutputFile]:
    """One page: each plan and task with its text, each task with its thread."""
    parts = [f"# {plan.title}\n\n{plan.text}" for plan in exported.plans]
    for task in exported.tasks:
        facts = "\n".join(f"- {name}: {value}" for name, value in _facts(task))
        parts.append(f"# {task.title}\n\n{facts}\n\n{plain_text(task.body)}")
        parts += [f"## {one.sender}, {one.kind}\n\n{one.text.strip()}" for one in task.messages]
    return [OutputFile(path="", text="\n\n".join(part.strip() for part in parts) + "\n")]


def to_html(exported: Exported) -> list[OutputFile]:
    """The same as one page that loads nothing; all text is escaped."""
    parts = [f"<h1>{escape(plan.title)}</h1>\n<pre>{escape(plan.text)}</pre>" for plan in exported.plans]
    for task in exported.tasks:
        facts = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in _facts(task))
        parts.append(f"<h1>{escape(task.title)}</h1>\n<dl>{facts}</dl>\n<pre>{escape(plain_text(task.body))}</pre>")
        for one in task.messages:
            head = f"<h2>{escape(one.sender)}, {escape(one.kind)}</h2>"
            parts.append(f"<section>{head}\n<pre>{escape(one.text.strip())}</pre></section>")
    opening = (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>coworkd</title><style>{_STYLE}</style>'
    )
    return [OutputFile(path="", text="\n".join([f"{opening}</head><body>", *parts, "</body></html>", ""]))]


def to_json(exported: Exported) -> list[OutputFile]:
    """Everything as data."""
    data = {
        "plans": [_plan_data(plan) for plan in exported.plans],
        "tasks": [
            _row(task)
            | {
                "depends_on": list(task.depends_on), "labels": list(task.labels), "body": task.body,
                "criteria": [{"text": c.text, "command": c.command, "ticked": c.ticked} for c in task.criteria],
                "messages": [
                    {"path": one.path, "from": one.sender, "kind": one.kind, "text": one.text} for one in task.messages
                ],
            }
            for task in exported.tasks
        ],
    }  # fmt: skip
    return [OutputFile(path="", text=json.dumps(data, indent=2, ensure_ascii=False) + "\n")]


def to_csv(exported: Exported) -> list[OutputFile]:
    """A row for each task; text that a spreadsheet would take for a formula has a quote in front."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    writer.writerow(_COLUMNS)
    for task in exported.tasks:
        row = _row(task) | {"depends_on": " ".join(task.depends_on), "labels": " ".join(task.labels)}
        writer.writerow([_cell(row[name]) for name in _COLUMNS])
    return [OutputFile(path="", text=buffer.getvalue())]


def _cell(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _plan_data(plan: ExportedPlan) -> dict[str, Any]:
    return {
        "id": plan.id, "title": plan.title, "path": plan.path, "parent": plan.parent, "order": order_text(plan.order),
        "body": plan.body,
    }  # fmt: skip


def _row(task: ExportedTask) -> dict[str, Any]:
    return {
        "id": task.id, "title": task.title, "status": str(task.status), "plan": task.plan,
        "order": order_text(task.order), "priority": task.priority, "size": task.size, "agent": task.agent,
        "attempt": task.attempt, "landed": task.landed, "cost_usd": task.cost_usd, "tokens": task.tokens,
        "path": task.path,
    }  # fmt: skip


def _facts(task: ExportedTask) -> list[tuple[str, str]]:
    facts = (
        ("id", task.id), ("status", str(task.status)), ("plan", task.plan), ("depends on", ", ".join(task.depends_on)),
        ("labels", ", ".join(task.labels)), ("landed", task.landed),
        ("cost", "" if task.cost_usd is None else f"{task.cost_usd:.2f} USD"),
    )  # fmt: skip
    return [(name, value) for name, value in facts if value]
