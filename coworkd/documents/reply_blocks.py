"""The one fenced block of a reply that answers what a step of a pattern was asked.

Pure. Only a block at the top level of the Markdown counts, exactly one of its kind, and only if nothing in it is odd:
everything else is unreadable, and says why in words that can be told to the agent. It must never complete, correct or
guess what an agent says.
"""

from __future__ import annotations

from dataclasses import dataclass

from coworkd.core.errors import DocumentError
from coworkd.core.reply_blocks import BlockKind, ReplyBlock
from coworkd.documents.block_fields import BlockTerms, form_text, read_fields
from coworkd.documents.lookalikes import lookalike_text_reason, lookalike_value_reason
from coworkd.documents.top_level_fences import Fence, top_level_fences
from coworkd.documents.yaml_reader import entries

NO_TERMS = BlockTerms()
MAX_BYTES = 64 * 1024
MAX_REPLY = 1024 * 1024
"""Characters of a whole reply: reading it takes about a second where it is made to be slow to read."""
MAX_HANDOFF_BYTES = 4 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class UnreadableBlock:
    """A reply that does not say what was asked; it counts as no answer."""

    reason: str
    """For the agent, which is asked once more: what is wrong, and where in its reply."""


def read_block(reply: str, kind: BlockKind, terms: BlockTerms = NO_TERMS) -> ReplyBlock | UnreadableBlock:
    """The block of this kind in a reply."""
    try:
        fence = _only_fence(reply, kind)
    except DocumentError as error:
        return UnreadableBlock(reason=_at_line(error))
    try:
        return _read_fence(fence, kind, terms)
    except DocumentError as error:
        return UnreadableBlock(reason=f"the block `{kind}` cannot be read: {_at_line(error)}")


def block_form(kind: BlockKind, terms: BlockTerms = NO_TERMS) -> str:
    """The block as a prompt asks for it. What stands in the place of values is unreadable, should it come back."""
    return f"```{kind}\n{form_text(kind, terms)}```\n"


def _only_fence(reply: str, kind: BlockKind) -> Fence:
    if len(reply) > MAX_REPLY:
        raise DocumentError(f"the reply is longer than {MAX_REPLY} characters; reply with the block `{kind}` alone")
    found = [fence for fence in top_level_fences(reply) if _means(fence, kind)]
    if not found:
        raise DocumentError(f"there is no block ```{kind} of its own, at the beginning of a line")
    if len(found) > 1:
        lines = ", ".join(str(fence.line) for fence in found)
        raise DocumentError(f"there are {len(found)} blocks `{kind}`, on lines {lines}; write one")
    return found[0]


def _means(fence: Fence, kind: BlockKind) -> bool:
    """Whether a person who reads the reply would take it for a block of this kind.

    Letters outside of ASCII may look like others: such a word could be any.
    """
    word = (fence.info.split() or [""])[0]
    return word.casefold().strip("{.}:") == kind or (not word.isascii() and len(word) == len(kind))


def _read_fence(fence: Fence, kind: BlockKind, terms: BlockTerms) -> ReplyBlock:
    if fence.info != kind:
        raise DocumentError(f"write exactly ```{kind} above it", line=fence.line)
    if not fence.closed:
        raise DocumentError("it is not closed; write ``` below it", line=fence.line)
    limit = MAX_HANDOFF_BYTES if kind is BlockKind.HANDOFF else MAX_BYTES
    if len(fence.text.encode(errors="replace")) > limit:
        raise DocumentError(f"it is longer than {limit // 1024} KiB; name long things by path", line=fence.line)
    values = {entry.key: entry.value for entry in entries(fence.text, fence.line + 1)}
    if odd := lookalike_text_reason(fence.text) or lookalike_value_reason(values):
        raise DocumentError(f"it holds {odd}", line=fence.line)
    return read_fields(kind, values, terms)


def _at_line(error: DocumentError) -> str:
    return f"line {error.line} of the reply: {error.message}" if error.line else error.message
