"""What the status of a provider's HTTP reply means, for agents' programs that report it. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from coworkd.agents.port import ErrorKind

ERROR_BY_STATUS: Mapping[int, ErrorKind] = {
    401: ErrorKind.AUTH,
    402: ErrorKind.QUOTA,
    403: ErrorKind.AUTH,
    413: ErrorKind.CONTEXT,
    429: ErrorKind.RATE_LIMIT,
    502: ErrorKind.OVERLOADED,
    503: ErrorKind.OVERLOADED,
    529: ErrorKind.OVERLOADED,
}
"""Statuses that mean the same at every provider; what another one means is for the driver to say."""
