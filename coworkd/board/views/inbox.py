"""`inbox.md`: everything that waits for a person, each a link.

Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from coworkd.board.approvals.unsandboxed import inbox_section
from coworkd.board.generated_documents import GENERATED
from coworkd.board.views.attention import AttentionItem
from coworkd.core.clock import iso
from coworkd.core.terminal_text import visible_line
from coworkd.store.unsandboxed_saves import UnsandboxedSave

INBOX = "inbox.md"


def inbox(waiting: Sequence[AttentionItem], saves: Sequence[UnsandboxedSave] = ()) -> bytes:
    """`inbox.md`: everything that waits for a person, each a link, and the saves that an agent could have made."""
    lines = [f"<!-- {GENERATED}; do not edit -->", "", "# Inbox", ""]
    if not waiting:
        lines.append("Nothing waits for you.")
    for item in waiting:
        since = f", since {iso(item.since)}" if item.since else ""
        lines.append(f"- **{item.kind}** {_linked(item.path)}{since}: {visible_line(item.what)}")
    lines += inbox_section(saves)
    return ("\n".join(lines) + "\n").encode()


def _linked(path: str) -> str:
    """A link to a document, or to the folder it is all about."""
    return f"[{visible_line(path) or '.cowork'}]({link_target(path or '.')})"


def link_target(path: str) -> str:
    """A path as the target of a Markdown link."""
    return "".join(f"%{ord(c):02X}" if c in " ()" or ord(c) < 0x20 or ord(c) == 0x7F else c for c in path)
