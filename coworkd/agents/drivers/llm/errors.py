"""What went wrong at a provider, classified by status, headers and the fields of its error, never by prose.

Pure. The one exception is a provider that says "no credit" in the message of its error alone; that sentence is matched
from its beginning, in the message field, and nowhere else.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import TypeAlias, cast

from coworkd.agents.json_codec import Json
from coworkd.agents.port import ErrorKind

Fields: TypeAlias = Mapping[str, Json]


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderFailure:
    """What is known of an error, as it was received."""

    classes: tuple[str, ...] = ()
    """Names of the exceptions, the outermost first."""
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    """By their names in lower case."""
    body: Json = None
    message: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderError:
    kind: ErrorKind
    message: str
    retry_after: float | None = None
    """Seconds."""


_UNREACHABLE = {"ConnectError", "ConnectTimeout", "ConnectionRefusedError", "gaierror"}
_CONTEXT = {"ContextWindowExceededError"}
_MAX_MESSAGE = 1000
_NO_CREDIT = "Your credit balance is too low"
_TRANSIENT = frozenset({ErrorKind.NETWORK, ErrorKind.UNAVAILABLE})
"""What a retry after a moment may solve."""


def is_transient(kind: ErrorKind) -> bool:
    """Whether to retry after a moment. Limits and overload are left to the choice of another agent."""
    return kind in _TRANSIENT


def classify(failure: ProviderFailure, now: float) -> ProviderError:
    """The kind of a failure; `now` is the time of day, for providers that name one."""
    return ProviderError(kind=_kind(failure), message=_message(failure), retry_after=_retry_after(failure, now))


def _message(failure: ProviderFailure) -> str:
    """The provider's own message where there is one."""
    said = _error(failure.body).get("message")
    if not isinstance(said, str) or not said:
        return failure.message[:_MAX_MESSAGE]
    return f"{said[:_MAX_MESSAGE]} (status {failure.status})" if failure.status else said[:_MAX_MESSAGE]


def _kind(failure: ProviderFailure) -> ErrorKind:
    error = _error(failure.body)
    words = {str(error.get(name)) for name in ("code", "type", "status")}
    status = failure.status
    if "insufficient_quota" in words or status == 402 or _per_day(error) or _no_credit(error, status):
        return ErrorKind.QUOTA
    if status == 429 or "rate_limit_error" in words or "RESOURCE_EXHAUSTED" in words:
        return ErrorKind.RATE_LIMIT
    if status in (503, 529) or "overloaded_error" in words or "UNAVAILABLE" in words:
        return ErrorKind.OVERLOADED
    if status in (401, 403):
        return ErrorKind.AUTH
    if _CONTEXT & set(failure.classes) or "context_length_exceeded" in words:
        return ErrorKind.CONTEXT
    if status is None or _UNREACHABLE & set(failure.classes):
        return ErrorKind.UNAVAILABLE if _UNREACHABLE & set(failure.classes) else ErrorKind.NETWORK
    return ErrorKind.UNAVAILABLE if status >= 500 else ErrorKind.OTHER


def _error(body: Json) -> Fields:
    """The error's own fields: some wrap them, some send a list of one."""
    if isinstance(body, list):
        body = body[0] if body else None
    if not isinstance(body, dict):
        return {}
    inner = body.get("error", body)
    return inner if isinstance(inner, dict) else {}


def _details(error: Fields) -> Iterator[Fields]:
    details = error.get("details")
    for detail in details if isinstance(details, list) else ():
        if isinstance(detail, dict):
            yield detail


def _per_day(error: Fields) -> bool:
    """Gemini: the quota that is used up is one of a whole day."""
    violations = (detail.get("violations") for detail in _details(error))
    found = (each for some in violations if isinstance(some, list) for each in some if isinstance(each, dict))
    return any("PerDay" in str(each.get("quotaId", "")) for each in found)


def _no_credit(error: Fields, status: int | None) -> bool:
    return status == 400 and str(error.get("message", "")).startswith(_NO_CREDIT)


def _retry_after(failure: ProviderFailure, now: float) -> float | None:
    if (milliseconds := _number(failure.headers.get("retry-after-ms"))) is not None:
        return milliseconds / 1000
    if told := failure.headers.get("retry-after"):
        seconds = _number(told)
        return _until(told, now) if seconds is None else seconds
    delays = (cast(object, detail.get("retryDelay")) for detail in _details(_error(failure.body)))
    return next((_number(delay.removesuffix("s")) for delay in delays if isinstance(delay, str)), None)


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text else None
    except ValueError:
        return None
    return number if number is not None and 0 <= number < float("inf") else None


def _until(date: str, now: float) -> float | None:
    try:
        return max(0.0, parsedate_to_datetime(date).timestamp() - now)
    except ValueError:
        return None
