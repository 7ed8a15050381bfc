"""Errors of Claude Code, typed from its structured fields. Pure."""

from __future__ import annotations

from coworkd.agents.port import ErrorKind, ErrorReported
from coworkd.agents.protocols.http_status import ERROR_BY_STATUS
from coworkd.agents.protocols.json_access import items_at, number_at, text_at, value_at

_BY_WORD = {
    "authentication_failed": ErrorKind.AUTH,
    "oauth_org_not_allowed": ErrorKind.AUTH,
    "billing_error": ErrorKind.QUOTA,
    "rate_limit": ErrorKind.RATE_LIMIT,
    "overloaded": ErrorKind.OVERLOADED,
}
_TOO_LONG = "prompt_too_long"
_SERVER = "server_error"
_MOST = 2000


def result_error(result: object, word: str, retry_after: float | None) -> ErrorReported:
    """What a result with an error means.

    `word` is the name that its last message gave the error, `retry_after` what the provider asked for.
    """
    status = number_at(result, "api_error_status")
    kind = _BY_WORD.get(word) or ERROR_BY_STATUS.get(status)
    if text_at(result, "terminal_reason") == _TOO_LONG:
        kind = ErrorKind.CONTEXT
    if kind is None and word == _SERVER and not status:
        kind = ErrorKind.NETWORK  # no server has answered at all
    waits = retry_after if kind in (ErrorKind.RATE_LIMIT, ErrorKind.OVERLOADED, ErrorKind.QUOTA) else None
    return ErrorReported(kind=kind or ErrorKind.OTHER, message=_words(result)[:_MOST], retry_after=waits)


def parse_retry(message: object) -> tuple[ErrorKind, float]:
    """Why it tries again by itself, and after how many seconds."""
    status, word = number_at(message, "error_status"), text_at(message, "error")
    kind = _BY_WORD.get(word) or ERROR_BY_STATUS.get(status)
    if kind is None and not status:
        kind = ErrorKind.NETWORK
    return kind or ErrorKind.OTHER, number_at(message, "retry_delay_ms") / 1000


def requested_delay(message: object) -> float | None:
    """The pause that the provider asked for. Its own pauses have jitter in them: they are no whole seconds."""
    delay = value_at(message, "retry_delay_ms")
    return delay / 1000 if isinstance(delay, int) and delay > 0 and delay % 1000 == 0 else None


def seconds_until_reset(message: object, now: float) -> float | None:
    """Seconds until the limit of a subscription that has been reached is lifted."""
    if text_at(message, "rate_limit_info", "status") != "rejected":
        return None
    at = value_at(message, "rate_limit_info", "resetsAt")
    return max(0.0, at - now) if isinstance(at, int | float) else None


def _words(result: object) -> str:
    listed = [error for error in items_at(result, "errors") if isinstance(error, str)]
    return text_at(result, "result") or "; ".join(listed) or f"it ended with `{text_at(result, 'subtype')}`"
