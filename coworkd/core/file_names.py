"""Names that are derived from the names of other files, within what file systems allow.

Pure. A person may use all 255 bytes of a name; a temporary file, a kept version or a message that is named after it has
something to add, and must fit all the same.
"""

from __future__ import annotations

import secrets

MAX_DERIVED = 200
"""Bytes of a name that a derived one takes over; what is added has 55, up to the 255 of most file systems."""


def bounded_name(name: str, most: int = MAX_DERIVED) -> str:
    """The name, cut at a whole character to at most so many bytes: what is added to it has to make it unique."""
    data = name.encode("utf-8", "surrogateescape")
    if len(data) <= most:
        return name
    end = most
    while end and data[end] & 0xC0 == 0x80:
        end -= 1
    return data[:end].decode("utf-8", "surrogateescape")


def temporary_name(name: str, token: str = "") -> str:
    """What a file is called while it is written, beside the one that it becomes: hidden, so that it is no document."""
    return f".{bounded_name(name)}{'.' if token else ''}{token}~"


def foreign_token() -> str:
    """The token of a temporary name that a process other than the daemon writes under.

    It is longer than the daemon's own: a scan takes away what a former daemon left, and must not take what another
    process is writing at this moment.
    """
    return secrets.token_hex(6)
