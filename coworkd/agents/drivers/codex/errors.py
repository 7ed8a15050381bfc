"""Errors of Codex, typed from its structured fields. Pure."""

from __future__ import annotations

from coworkd.agents.json_codec import Json
from coworkd.agents.port import ErrorKind, ErrorReported
from coworkd.agents.protocols.http_status import ERROR_BY_STATUS
from coworkd.agents.protocols.json_access import number_at, text_at, value_at

_BY_NAME = {
    "contextWindowExceeded": ErrorKind.CONTEXT,
    "usageLimitExceeded": ErrorKind.QUOTA,
    "sessionBudgetExceeded": ErrorKind.QUOTA,
    "rateLimitExceeded": ErrorKind.RATE_LIMIT,
    "serverOverloaded": ErrorKind.OVERLOADED,
    "flexUnavailable": ErrorKind.OVERLOADED,
    "unauthorized": ErrorKind.AUTH,
}
_CONNECTION = frozenset({"httpConnectionFailed", "responseStreamConnectionFailed", "responseStreamDisconnected"})
_WAITS = (ErrorKind.RATE_LIMIT, ErrorKind.QUOTA, ErrorKind.OVERLOADED)


def turn_error(error: Json, retry_after: float | None) -> ErrorReported:
    """What the error of a turn means; `retry_after` is when its limits are lifted, as far as it reported that."""
    found = error_kind(value_at(error, "codexErrorInfo"))
    said = "; ".join(filter(None, (text_at(error, "message"), text_at(error, "additionalDetails"))))
    return ErrorReported(
        kind=found, message=said or "an error without a message", retry_after=retry_after if found in _WAITS else None
    )


def error_kind(info: Json) -> ErrorKind:
    """By the name of the error, else by the status that the provider answered with."""
    if isinstance(info, str):
        return _BY_NAME.get(info, ErrorKind.OTHER)
    if not isinstance(info, dict) or len(info) != 1:
        return ErrorKind.OTHER
    (name,) = info
    status = number_at(info, name, "httpStatusCode")
    if not status and name in _CONNECTION:
        return ErrorKind.NETWORK
    return ERROR_BY_STATUS.get(status, _BY_NAME.get(name, ErrorKind.OTHER))


def seconds_until_reset(limits: Json, now: float) -> float | None:
    """Seconds until the windows that are used up reset; None: none is used up."""
    windows = [value_at(limits, name) for name in ("primary", "secondary")]
    ends = [number_at(window, "resetsAt") for window in windows if number_at(window, "usedPercent") >= 100]
    return max(0.0, max(ends) - now) if any(ends) else None
