"""The terms of the domain as values, one module per subject: what a task, an agent, an approval *is*.

Pure: frozen dataclasses and enums, no I/O, no clock, no third-party import. Everything above speaks in these terms, so
a status is never a bare string and a payload never a bare dict.
"""

from coworkd.core.model.agents import AgentLimits, AgentSpec, SandboxLevel, SandboxMode, SandboxSpec, ToolRules
from coworkd.core.model.approvals import Answer, AnswerSpec, ApprovalPoint, RiskLevel, Scope
from coworkd.core.model.documents import Kind, MessageKind, MessageSpec, MessageState, PlanLevel, PlanSpec, Problem
from coworkd.core.model.patterns import Decide, PatternName, PatternRequest
from coworkd.core.model.reports import Check, Usage
from coworkd.core.model.settings import (
    ApproveBy,
    CacheTool,
    Integration,
    NightSettings,
    Settings,
    UserSandbox,
    UserSettings,
    WorkspaceLimits,
)
from coworkd.core.model.tasks import Budget, Criterion, Loop, Mode, OnError, Status, TaskSpec

__all__ = [
    "AgentLimits",
    "AgentSpec",
    "Answer",
    "AnswerSpec",
    "ApprovalPoint",
    "ApproveBy",
    "Budget",
    "CacheTool",
    "Check",
    "Criterion",
    "Decide",
    "Integration",
    "Kind",
    "Loop",
    "MessageKind",
    "MessageSpec",
    "MessageState",
    "Mode",
    "NightSettings",
    "OnError",
    "PatternName",
    "PatternRequest",
    "PlanLevel",
    "PlanSpec",
    "Problem",
    "RiskLevel",
    "SandboxLevel",
    "SandboxMode",
    "SandboxSpec",
    "Scope",
    "Settings",
    "Status",
    "TaskSpec",
    "ToolRules",
    "Usage",
    "UserSandbox",
    "UserSettings",
    "WorkspaceLimits",
]
