"""`why`: where a line or a commit comes from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from coworkd.cli.output import as_json, columns, hanging_indent, json_option, plain
from coworkd.cli.workspace import Workspace, current_workspace, find_repository
from coworkd.core.errors import NotAWorkspaceError
from coworkd.core.model import Check, Settings
from coworkd.core.text_formats import format_usd
from coworkd.history.code_location import parse_location
from coworkd.history.landing_search import KnownBy
from coworkd.history.provenance import Provenance, ProvenanceSources, find_provenance
from coworkd.merge.git.loss_check import proof_sentence
from coworkd.store import Database
from coworkd.sync.effective_specs import EffectiveSpecs
from coworkd.system import paths_and_settings
from coworkd.system.git import Repo

TEXT_LINES = 12
"""Lines of a task's text that are shown; `--json` has all of it."""
UNKNOWN = "not known any more"
_FOUND = {
    KnownBy.MERGE: "",
    KnownBy.PATCH: "by its patch: it was moved since, as by a rebase, a cherry-pick or a squash",
    KnownBy.SQUASH: "by its patch, together with other landings, as in a squash",
    KnownBy.TRAILERS: "by what the commit says of itself; this repository has no record of the landing",
}


@click.command("why")
@click.argument("what", metavar="PATH:LINE|COMMIT")
@json_option
def why_command(what: str, json_: bool) -> None:
    """Where a line or a commit comes from: its task, the run that wrote it, and who let it land."""
    found = _look_up(what)
    if json_:
        as_json(asdict(found) | {"checks": [_check_json(*pair) for pair in _with_logs(found)]})
    else:
        click.echo("\n".join(_explained(found)))


def _look_up(what: str) -> Provenance:
    try:
        workspace = current_workspace()
    except NotAWorkspaceError:
        found = _without_workspace(what)
        if found is None or not found.landing:
            raise
        return found
    with workspace.reading() as db, Repo.open(workspace.paths.root) as repo:
        branch = EffectiveSpecs(db).settings().integration.branch
        return find_provenance(repo, _sources(workspace, db), parse_location(repo, what), branch)


def _without_workspace(what: str) -> Provenance | None:
    """What the commits alone say, as in a clone that has no `.cowork/`; None outside of any repository."""
    try:
        root, _ = find_repository(Path.cwd())
    except NotAWorkspaceError:
        return None
    with Repo.open(root) as repo:
        return find_provenance(repo, None, parse_location(repo, what), Settings().integration.branch)


def _sources(workspace: Workspace, db: Database) -> ProvenanceSources:
    paths = workspace.paths
    return ProvenanceSources(
        db=db, folder=paths.folder, audit=paths.audit, instance=paths_and_settings.instance(paths.private),
        key=paths_and_settings.key(paths.private),
    )  # fmt: skip


def _with_logs(found: Provenance) -> list[tuple[Check, str]]:
    logs = found.logs or ("",) * len(found.checks)
    return list(zip(found.checks, logs, strict=True))


def _check_json(check: Check, log: str) -> dict[str, Any]:
    return {"command": check.command, "exit": check.exit, "seconds": round(check.seconds, 3), "log": log}


# ---- in words


def _explained(found: Provenance) -> list[str]:
    lines = [hanging_indent(f"line in {found.seen_in}:", found.line.strip() or "(empty)", 1)] if found.seen_in else []
    if not found.commit:
        return [*lines, "It is not committed yet."]
    lines.append(hanging_indent(f"commit {found.commit[:12]}", f"{found.subject} ({found.author})"))
    if not found.landing and found.task:
        facts = [*_task_facts(found), *_run_facts(found), *_evidence(found)]
        return [*lines, f"It has not landed here: it is {found.state}.", *_rows(facts), *_text(found)]
    if not found.landing:
        return [*lines, "No task brought it: it was committed by hand, or came in by other means than a landing."]
    facts = [*_task_facts(found), *_run_facts(found), *_landing_facts(found), *_evidence(found)]
    return [*lines, *_rows(facts), *_text(found)]


def _rows(facts: Iterable[tuple[str, str]]) -> list[str]:
    return [hanging_indent(f"  {columns((name, 8))}", plain(text)) for name, text in facts]


def _task_facts(found: Provenance) -> Iterator[tuple[str, str]]:
    yield "task", f"{found.task}: {found.title}" if found.title else found.task
    if found.together:
        yield "together", f"it is one commit for {', '.join(found.together)}"
    submission = f", submission {found.submission}" if found.submission else ""
    yield "attempt", f"{found.attempt or UNKNOWN}{submission}"


def _run_facts(found: Provenance) -> Iterator[tuple[str, str]]:
    if found.resolved and not found.run:
        yield "made", f"by {found.resolved}"
        return
    model = f", {found.model}" if found.model else ""
    yield "run", f"{found.run} by {found.agent}{model} (sandbox: {found.level})" if found.run else UNKNOWN
    unknown = "not reported" if found.run else UNKNOWN
    yield "cost", unknown if found.cost_usd is None else format_usd(found.cost_usd, estimated=found.estimated)


def _landing_facts(found: Provenance) -> Iterator[tuple[str, str]]:
    how = _FOUND[KnownBy(found.known_by)]
    yield "landing", f"{found.landing[:12]}{f' (found {how})' if how else ''}"
    if found.review:
        yield "review", f".cowork/{found.review}{f' (risk: {found.risk})' if found.risk else ''}"
    when = f", {found.approved_at}" if found.approved_at else ""
    yield "approved", f"{found.approved}{when}" if found.approved else UNKNOWN
    yield "proof", f"{proof_sentence(found.proof)} {_trees(found)}".strip() if found.proof else UNKNOWN


def _trees(found: Provenance) -> str:
    """Whether what landed is what was verified."""
    if not found.verified_tree or not found.landed_tree or found.known_by == KnownBy.TRAILERS:
        return ""
    if found.verified_tree == found.landed_tree:
        return f"The tree that was verified is the one that landed: {found.landed_tree[:12]}."
    return f"It was merged again since: {found.verified_tree[:12]} was verified for it then."


def _evidence(found: Provenance) -> Iterator[tuple[str, str]]:
    for check, log in _with_logs(found):
        outcome = "green" if check.green else f"exit {check.exit}"
        before = f" with {check.from_tip} as before" if check.from_tip else ""
        yield "check", f"{check.command}{before}: {outcome}{f' (.cowork/{log})' if log else ''}"


def _text(found: Provenance) -> list[str]:
    """The task's text as the run was given it, or that no version of it is kept."""
    lines = [line for line in found.text.strip().splitlines() if line.strip()]
    if not lines:
        return []
    more = [f"    … and {len(lines) - TEXT_LINES} more lines"] if len(lines) > TEXT_LINES else []
    return ["  what the run was told:", *(f"    {plain(line)}" for line in lines[:TEXT_LINES]), *more]
