"""How dangerous a tool call or a change is, by features that a person can check.

Pure. A level is the highest of its features; what is not known counts as medium, never as low.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from coworkd.core.model import RiskLevel, Scope
from coworkd.core.policy.tool_permissions import ToolCall, ToolName, call_of, is_pattern

ORDER = (RiskLevel.LOW, RiskLevel.MEDIUM, RiskLevel.HIGH, RiskLevel.CRITICAL)
GRAVE = frozenset({RiskLevel.HIGH, RiskLevel.CRITICAL})
"""Levels at which an approval has to come from where an agent cannot write."""

_BARE = {
    ToolName.READ: (RiskLevel.LOW, "reads"),
    ToolName.WRITE: (RiskLevel.LOW, "changes files of its own worktree"),
    ToolName.RUN: (RiskLevel.MEDIUM, "runs a command"),
    ToolName.NET: (RiskLevel.MEDIUM, "uses the network"),
    ToolName.MCP: (RiskLevel.MEDIUM, "calls a connected tool"),
}
_COMMANDS = (
    (RiskLevel.CRITICAL, "becomes another user", r"\b(sudo|su|doas|pkexec)\b"),
    (
        RiskLevel.CRITICAL,
        "writes to a device",
        r"\b(mkfs(\.\w+)?|fdisk|parted)\b|\bof=/dev/|>\s*/dev/(sd|nvme|vd)",
    ),
    (RiskLevel.CRITICAL, "deletes outside the worktree", r"\brm\s+(-\S+\s+)*(/|~|\$HOME|\.\.)"),
    (RiskLevel.CRITICAL, "runs what it downloads", r"\b(curl|wget)\b[^|;&]*\|\s*(sudo\s+)?(ba|z|da|k)?sh\b"),
    (RiskLevel.HIGH, "publishes", r"\b(npm|pnpm|yarn|cargo|gem|poetry|twine|docker)\s+(publish|push|upload)\b"),
    (RiskLevel.HIGH, "changes running systems", r"\b(kubectl|terraform|helm|aws|gcloud|systemctl|crontab)\b"),
    (RiskLevel.HIGH, "opens a way in or out", r"\b(ssh|scp|nc|ncat|socat|telnet)\b|/dev/(tcp|udp)/"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One reason for a level, in words."""

    level: RiskLevel
    what: str


def level_of(features: Iterable[Feature]) -> RiskLevel:
    """The highest level; low when there is nothing to say."""
    return max((feature.level for feature in features), key=ORDER.index, default=RiskLevel.LOW)


def features_of_call(tool: str, arguments: str) -> tuple[Feature, ...]:
    """Why this call is as dangerous as it is; never empty."""
    call = call_of(tool, arguments)
    if call is None:
        return (Feature(level=RiskLevel.MEDIUM, what="is no tool that coworkd knows"),)
    level, what = _BARE[call.tool]
    grave = [Feature(level=level, what=what)]
    if call.tool is ToolName.RUN:
        grave += [Feature(level=level, what=what) for level, what, sign in _COMMANDS if re.search(sign, call.subject)]
    if call.tool is ToolName.WRITE and _outside(call):
        grave.append(Feature(level=RiskLevel.HIGH, what="writes outside the worktree"))
    return tuple(grave)


def features_of_grant(pattern: str, scope: Scope) -> tuple[Feature, ...]:
    """What an approval grants beyond the one call it was requested for."""
    if scope is Scope.ONCE or not is_pattern(pattern):
        return ()
    tool, _, subject = pattern.strip().removesuffix(")").partition("(")
    if tool.strip() in (ToolName.NET, ToolName.MCP):
        return (Feature(level=RiskLevel.HIGH, what=f"allows `{pattern}` from now on"),)
    if subject.strip() in ("", "*", "**"):
        return (Feature(level=RiskLevel.HIGH, what=f"allows every `{tool}` from now on"),)
    return (Feature(level=RiskLevel.MEDIUM, what=f"allows `{pattern}` from now on"),)


def gravest_reasons(features: Iterable[Feature]) -> str:
    """The reasons for the level itself, the gravest alone."""
    found = tuple(features)
    level = level_of(found)
    return ", ".join(dict.fromkeys(feature.what for feature in found if feature.level is level))


def _outside(call: ToolCall) -> bool:
    return call.subject.startswith(("/", "~")) or ".." in call.subject.split("/")
