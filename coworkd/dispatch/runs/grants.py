"""Which tool calls need no request, because an earlier grant or the agent's own rules decide them."""

from __future__ import annotations

from coworkd.agents.port import Asked
from coworkd.board.approvals.decision import SubmittedAnswer
from coworkd.board.task_board import Board
from coworkd.core.event_kinds import EventKind
from coworkd.core.model import Scope
from coworkd.core.policy.tool_permissions import (
    ToolContext,
    ToolDecision,
    ToolPermission,
    call_of,
    decide_tool_call,
    is_pattern,
    narrows,
    proposal,
)
from coworkd.store import GrantRow, RequestRow, RunRow
from coworkd.store.grants import add_grant, granted_patterns

_ASK = ToolDecision(decision=ToolPermission.ASK, reason="the agent asks before it does this")


class Grants:
    """Reads and keeps what people allowed; used by the writer thread alone."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._db = board.db

    def patterns(self, task: str, agent: str) -> tuple[str, ...]:
        """What people allowed this task, and this agent for good."""
        return granted_patterns(self._db, task, agent)

    def decide(self, run: RunRow, asked: Asked) -> ToolDecision:
        """Decide on a permission that an agent asks for; a person decides where neither a grant nor a rule does."""
        call = call_of(asked.tool, asked.arguments)
        agent = self._board.specs.agent(run.agent)
        if call is None or agent is None:
            return _ASK
        around = ToolContext(mode=run.mode, granted=self.patterns(run.task, agent.name), requested=True)
        return decide_tool_call(call, agent.tools, around)

    def add(self, request: RequestRow, given: SubmittedAnswer, agent: str, now: float) -> None:
        """Store an approval that covers more than this one call."""
        if given.scope == Scope.ONCE:
            return
        task = request.task if given.scope == Scope.TASK else ""
        pattern = given.grant.strip() or request.pattern
        add_grant(
            self._db,
            GrantRow(request=request.id, task=task, agent=agent, pattern=pattern, run=request.run, at=now),
        )  # fmt: skip
        self._db.event(
            now, EventKind.GRANTED, task=request.task, actor="person", request=request.id, run=request.run, agent=agent,
            scope=given.scope, pattern=pattern,
        )  # fmt: skip


def invalid_grant_reason(request: RequestRow, given: SubmittedAnswer) -> str:
    """Why an approval is invalid with the `grant` and `scope` beside it; empty when it is valid."""
    grant = given.grant.strip()
    if grant == request.pattern and (grant or given.scope == Scope.ONCE):
        return ""
    call = call_of(request.tool, request.arguments)
    if call is None:
        return f"`{request.tool}` is no tool that a grant can be about; write `scope: once`, and take `grant` out"
    if not grant:
        return "" if request.pattern else "there is nothing to grant beyond this one call; write `scope: once`"
    if not is_pattern(grant):
        return f"`grant: {grant}` is no pattern; write one such as `{proposal(call) or call}`"
    if not narrows(grant, call):
        return f"`grant: {grant}` does not cover `{call}`, which it was asked for; write one that does"
    return ""
