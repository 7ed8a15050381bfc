"""The driver's side of the port: which program is started, and how its conversation is held."""

from __future__ import annotations

from collections.abc import Iterator

from coworkd.agents.drivers.acp.conversation import AcpConversation
from coworkd.agents.port import AgentEvent, Assignment
from coworkd.agents.protocols.protocol_agent import ProtocolAgent
from coworkd.core.errors import AgentFileError


class AcpAgent(ProtocolAgent):
    """One start of a run."""

    COMMAND: tuple[str, ...] = ()
    """What is started where the agent's file names no command."""

    def start(self, assignment: Assignment, resume: str | None) -> Iterator[AgentEvent]:
        """See the port."""
        command = assignment.agent.command or self.COMMAND
        if not command:
            raise AgentFileError(f"agent {assignment.agent.name!r} has no `command`: say which ACP agent to start")
        env = self.credentials(assignment)
        return self.run_program(
            assignment, command, env, lambda context: AcpConversation(context, resume or "").events()
        )


class GeminiAgent(AcpAgent):
    """Gemini CLI by its own protocol mode."""

    COMMAND = ("gemini", "--acp")


class OpenCodeAgent(AcpAgent):
    """OpenCode by its own protocol mode."""

    COMMAND = ("opencode", "acp")
