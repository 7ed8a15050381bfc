"""The driver's side of the port: how Claude Code is started."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from coworkd.agents.drivers.claude.calls import DISALLOWED_TOOLS
from coworkd.agents.drivers.claude.conversation import ClaudeConversation
from coworkd.agents.known_programs import PROGRAMS, program_model
from coworkd.agents.port import AgentEvent, Assignment
from coworkd.agents.protocols.protocol_agent import ProtocolAgent, without_system_prompt
from coworkd.core.model import Mode

_TWO_WAY = (
    "-p", "--output-format", "stream-json", "--input-format", "stream-json", "--verbose",
    "--include-partial-messages", "--replay-user-messages", "--permission-prompt-tool", "stdio",
)  # fmt: skip
_QUIET = {
    "DISABLE_AUTOUPDATER": "1",
    "DISABLE_TELEMETRY": "1",
    "DISABLE_ERROR_REPORTING": "1",
    "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
    "CLAUDE_CODE_MAX_RETRIES": "1",
}
"""No updates, no telemetry, and one retry only: coworkd retries."""


class ClaudeAgent(ProtocolAgent):
    """One start of a run."""

    def start(self, assignment: Assignment, resume: str | None) -> Iterator[AgentEvent]:
        """See the port."""
        env = {**_QUIET, **self.credentials(assignment)}
        prompt = (resume and assignment.follow_up) or without_system_prompt(assignment)
        adapted, argv = replace(assignment, prompt=prompt), arguments(assignment, resume or "")
        return self.run_program(adapted, argv, env, lambda context: ClaudeConversation(context).events())


_PERMISSION_MODES = {Mode.BUILD: "acceptEdits", Mode.PLAN: "plan", Mode.ANSWER: "default"}
"""In `default` it asks before it changes anything, which `mode: answer` denies; `plan` would have it present a plan."""


def arguments(assignment: Assignment, resume: str) -> tuple[str, ...]:
    """The command line. Pure."""
    agent = assignment.agent
    options = ["--permission-mode", _PERMISSION_MODES[assignment.mode], "--disallowedTools", ",".join(DISALLOWED_TOOLS)]
    if wanted := program_model(agent):
        options += ["--model", wanted]
    if resume:
        options += ["--resume", resume]
    if agent.prompt.strip():
        options += ["--append-system-prompt", agent.prompt.strip()]
    if assignment.budget.usd is not None:
        options += ["--max-budget-usd", f"{assignment.budget.usd:.6f}"]
    return (*(agent.command or (PROGRAMS["claude"].executable,)), *_TWO_WAY, *options)
