"""Errors of an agent that speaks the protocol, typed from their structured fields. Pure."""

from __future__ import annotations

from coworkd.agents.drivers.acp.messages import AUTH_REQUIRED, text_at, value_at
from coworkd.agents.json_codec import Json
from coworkd.agents.port import ErrorKind, ErrorReported
from coworkd.agents.protocols.http_status import ERROR_BY_STATUS

_BY_STATUS = {**ERROR_BY_STATUS, 500: ErrorKind.OTHER, AUTH_REQUIRED: ErrorKind.AUTH}
_PLACES = (("code",), ("data", "status"), ("data", "code"), ("data", "statusCode"), ("data", "error", "code"))
_WAITS = (("data", "retryAfter"), ("data", "retry_after"), ("data", "retryAfterSeconds"))
_KINDS = {str(kind): kind for kind in ErrorKind}


def error_report(error: Json) -> ErrorReported:
    """What a JSON-RPC error means: by the kind that the agent names, else by a status code, else other."""
    named = _KINDS.get(text_at(error, "data", "errorKind")) or _KINDS.get(text_at(error, "data", "kind"))
    statuses = (value_at(error, *place) for place in _PLACES)
    numbered = next((_BY_STATUS[found] for found in statuses if isinstance(found, int) and found in _BY_STATUS), None)
    details = text_at(error, "data", "details") or text_at(error, "data", "message")
    said = "; ".join(dict.fromkeys(part_ for part_ in (text_at(error, "message"), details) if part_))
    waits = (value_at(error, *place) for place in _WAITS)
    wait = next((float(found) for found in waits if isinstance(found, int | float) and found >= 0), None)
    return ErrorReported(kind=named or numbered or ErrorKind.OTHER, message=said or "an error without a message",
                         retry_after=wait)  # fmt: skip
