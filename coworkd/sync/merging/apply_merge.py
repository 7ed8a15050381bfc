"""What a file should hold after a merge: a person's bytes, with what they lack of the other side.

Pure: bytes and a plan in, bytes out.
"""

from __future__ import annotations

from dataclasses import dataclass

from coworkd.core.errors import DocumentError
from coworkd.documents.decoding import Decoded
from coworkd.documents.editing import Delete, edit, replace_body
from coworkd.documents.markdown import Value
from coworkd.sync.effective_specs import decode_bytes
from coworkd.sync.merging.three_way import MergePlan


@dataclass(frozen=True, slots=True, kw_only=True)
class MergedDocument:
    """What the file should hold, and what of it could not be merged."""

    data: bytes
    decoded: Decoded
    clashes: frozenset[str]


def apply_merge(data: bytes, decoded: Decoded, plan: MergePlan) -> MergedDocument:
    """The person's bytes with what they lack of the merged document.

    Where that cannot be written into them, or would not be a document, the file stands as it is.
    """
    if not plan.lacking:
        return MergedDocument(data=data, decoded=decoded, clashes=plan.clashes)
    try:
        merged = _with_merged_fields(data, decoded, plan)
        return MergedDocument(data=merged, decoded=decode_bytes(decoded.path, merged), clashes=plan.clashes)
    except DocumentError:
        return MergedDocument(data=data, decoded=decoded, clashes=plan.clashes | plan.lacking)


def _with_merged_fields(data: bytes, decoded: Decoded, plan: MergePlan) -> bytes:
    changes: dict[tuple[str, ...], Value | Delete] = {
        (decoded.keys.get(name, name),): plan.merged.fields.get(name, Delete())
        for name in sorted(plan.lacking - {"body"})
    }
    edited = edit(data, changes) if changes else data
    return replace_body(edited, plan.merged.body) if "body" in plan.lacking else edited
