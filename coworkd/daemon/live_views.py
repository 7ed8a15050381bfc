"""Shows live messages and the inbox, and knows when the next version of one of them is due."""

from __future__ import annotations

from collections.abc import Sequence

from coworkd.board.approvals.unsandboxed import recent_saves
from coworkd.board.setup_fault import setup_report
from coworkd.board.views.attention import AttentionItem, AttentionKind
from coworkd.board.views.inbox import INBOX, inbox
from coworkd.board.views.live_messages import live_deadline, live_messages
from coworkd.board.views.plans import plan_views
from coworkd.board.views.plans_page import PLANS, plans_document
from coworkd.core.machine_faults import Suspension
from coworkd.store import Database
from coworkd.sync.disk.view_files import ViewFiles
from coworkd.sync.edited_outputs import notice_edits

INBOX_PAUSE = 0.2
"""Seconds between two versions of inbox.md: an attention item is news, while an agent's output only streams."""

_LASTING = frozenset({INBOX, PLANS})
"""Views that stay: they are true also while no daemon runs."""


class LiveViews:
    """The view files of a workspace; outlives a rebuild of the services, so that a fault can be shown without them."""

    def __init__(self, outputs: ViewFiles) -> None:
        self._outputs = outputs
        self._attention: Sequence[AttentionItem] = ()
        self.deadlines: Sequence[float] = ()
        """When versions are due that had to wait."""

    def show(self, db: Database, attention: Sequence[AttentionItem], now: float) -> None:
        """Write each view whose text has changed, and remove those of runs that have ended."""
        outputs = self._outputs
        self._attention = attention
        views = live_messages(db, now) | setup_report(db)
        due = [live_deadline(db, now), *(outputs.show(path, data, now) for path, data in views.items())]
        due.append(outputs.show(INBOX, inbox(attention, recent_saves(db, now)), now, INBOX_PAUSE))
        if plans := plan_views(db):
            due.append(outputs.show(PLANS, plans_document(plans), now))
        elif PLANS in outputs.shown():
            outputs.drop(PLANS)
        self.deadlines = [at for at in due if at is not None]
        for path in outputs.shown():
            if path not in views and path not in _LASTING:
                outputs.drop(path)
        notice_edits(db, outputs, now)

    def show_fault(self, suspension: Suspension, now: float) -> None:
        """The inbox as it was shown last, with the fault of the machine above it."""
        fault = AttentionItem(
            kind=AttentionKind.PROBLEM, path="", task="", since=suspension.since, what=str(suspension.fault)
        )
        self._outputs.show(INBOX, inbox([fault, *self._attention], ()), now, INBOX_PAUSE)

    def remove_live_messages(self) -> None:
        """The inbox and the plans stay."""
        for path in self._outputs.shown():
            if path not in _LASTING:
                self._outputs.drop(path)
