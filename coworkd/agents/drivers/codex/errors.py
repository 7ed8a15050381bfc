"""Errors of Codex, typed from its structured fields. Pure."""

from __future__ import annotations

from coworkd.agents.json_codec import Json
from coworkd.agents.port import ErrorKind, ErrorReported
from coworkd.agents.protocols.json_access import number, part, text

_BY_NAME = {
    "contextWindowExceeded": ErrorKind.CONTEXT,
    "usageLimitExceeded": ErrorKind.QUOTA,
    "sessionBudgetExceeded": ErrorKind.QUOTA,
    "rateLimitExceeded": ErrorKind.RATE_LIMIT,
    "serverOverloaded": ErrorKind.OVERLOADED,
    "flexUnavailable": ErrorKind.OVERLOADED,
    "unauthorized": ErrorKind.AUTH,
}
_BY_STATUS = {
    401: ErrorKind.AUTH,
    402: ErrorKind.QUOTA,
    403: ErrorKind.AUTH,
    429: ErrorKind.RATE_LIMIT,
    502: ErrorKind.OVERLOADED,
    503: ErrorKind.OVERLOADED,
    529: ErrorKind.OVERLOADED,
}
_CONNECTION = frozenset({"httpConnectionFailed", "responseStreamConnectionFailed", "responseStreamDisconnected"})
_WAITS = (ErrorKind.RATE_LIMIT, ErrorKind.QUOTA, ErrorKind.OVERLOADED)


def trouble(error: Json, retry_after: float | None) -> ErrorReported:
    """What the error of a turn means; `retry_after` is when its limits are lifted, as far as it said."""
    found = kind(part(error, "codexErrorInfo"))
    said = "; ".join(filter(None, (text(error, "message"), text(error, "additionalDetails"))))
    return ErrorReported(
        kind=found, message=said or "an error without words", retry_after=retry_after if found in _WAITS else None
    )


def kind(info: Json) -> ErrorKind:
    """By the name of the error, else by the status that the provider answered with."""
    if isinstance(info, str):
        return _BY_NAME.get(info, ErrorKind.OTHER)
    if not isinstance(info, dict) or len(info) != 1:
        return ErrorKind.OTHER
    (name,) = info
    status = number(info, name, "httpStatusCode")
    if not status and name in _CONNECTION:
        return ErrorKind.NETWORK
    return _BY_STATUS.get(status, _BY_NAME.get(name, ErrorKind.OTHER))


def lifted_in(limits: Json, now: float) -> float | None:
    """Seconds until the windows that are used up begin anew; None: none is."""
    windows = [part(limits, name) for name in ("primary", "secondary")]
    ends = [number(window, "resetsAt") for window in windows if number(window, "usedPercent") >= 100]
    return max(0.0, max(ends) - now) if any(ends) else None
