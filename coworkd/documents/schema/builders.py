"""How the values of a document add up to its spec in the model.

Pure: every value is read and typed when it comes here. An answer that merely resembles an approval must not become one.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from coworkd.core.model import (
    AgentSpec,
    Answer,
    AnswerSpec,
    MessageSpec,
    PlanLevel,
    PlanSpec,
    Scope,
    Settings,
    TaskSpec,
    UserSettings,
)
from coworkd.core.text_formats import shorten
from coworkd.documents.body import criteria, first_heading
from coworkd.documents.markdown import Value
from coworkd.documents.yaml_writer import inline

Spec: TypeAlias = TaskSpec | PlanSpec | MessageSpec | AnswerSpec | AgentSpec | Settings | UserSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class SpecParts:
    """What a spec is made of, once every key has been read."""

    path: str
    """Relative to `.cowork/`."""
    values: Mapping[str, Any]
    """By canonical name; keys without a value are absent."""
    body: str
    request: str
    """`cowork.request`."""

    @property
    def stem(self) -> str:
        return self.path.rpartition("/")[2].rpartition(".")[0]


def task_spec(parts: SpecParts) -> TaskSpec:
    values = dict(parts.values)
    values["title"] = _title_of(parts)
    status, notice = values.pop("status", (None, ""))
    return TaskSpec(**values, status=status, status_notice=notice, body=parts.body, criteria=criteria(parts.body))


def plan_spec(parts: SpecParts) -> PlanSpec:
    return PlanSpec(
        title=_title_of(parts),
        level=parts.values.get("level", PlanLevel.PLAN),
        parent=parts.values.get("parent", ""),
        order=parts.values.get("order", ()),
        sequential=parts.values.get("sequential", False),
        size=parts.values.get("size", 1.0),
        answer=answer_spec(parts) if "approval" in parts.values else None,
        body=parts.body,
    )


def _title_of(parts: SpecParts) -> str:
    """The key, else the heading the body begins with, else the file's name."""
    return parts.values.get("title") or first_heading(parts.body) or parts.stem


def message_spec(parts: SpecParts) -> MessageSpec:
    values = dict(parts.values)
    values.pop("state", None)
    return MessageSpec(sender=values.pop("from", ""), **values, body=parts.body)


def answer_spec(parts: SpecParts) -> AnswerSpec:
    """Only the exact word counts: an answer that merely resembles an approval is none."""
    written = parts.values.get("approval")
    exact = isinstance(written, str) and written in {member.value for member in Answer}
    return AnswerSpec(
        answer=Answer(written) if exact else None,
        written="" if written is None else _printable_excerpt(written),
        comment=parts.values.get("comment", ""),
        scope=parts.values.get("scope", Scope.ONCE),
        grant=parts.values.get("grant", ""),
        status=parts.values.get("status", ""),
        choose=parts.values.get("choose", ""),
        request=parts.request,
        body=parts.body,
    )


def _printable_excerpt(value: Value) -> str:
    """At most 60 characters: look-alike and invisible letters show as escapes."""
    shown = value if isinstance(value, str) else inline(value, flow=False)
    return shorten(shown.encode("unicode_escape").decode("ascii"), 60)


def agent_spec(parts: SpecParts) -> AgentSpec:
    return AgentSpec(name=parts.stem, **parts.values, prompt=parts.body)


def settings_spec(parts: SpecParts) -> Settings:
    renamed = {"budget": "budget_usd_per_day"}
    unused = {"version", "notify"}
    return Settings(**{renamed.get(name, name): value for name, value in parts.values.items() if name not in unused})


def user_spec(parts: SpecParts) -> UserSettings:
    renamed = {"budget": "budget_usd_per_day"}
    return UserSettings(**{renamed.get(name, name): value for name, value in parts.values.items()})
