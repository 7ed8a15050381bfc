"""What each kind of document may say: keys, aliases, readers, and the value of the model they add up to.

Pure tables. A new key is a line in the table of its kind and a field in the model; a new kind is a `Schema`. Nothing
here looks at files, and no key of the daemon's own `cowork:` map is listed: people do not write it.
"""

from __future__ import annotations

from collections.abc import Mapping

from coworkd.core.model import Kind
from coworkd.documents.schema.fields import Schema, TrustLevel
from coworkd.documents.schema.settings_tables import AGENT, CONFIG
from coworkd.documents.schema.work_tables import APPROVAL, MESSAGE, PLAN, REVIEW, TASK

SCHEMAS: Mapping[Kind, Schema] = {
    Kind.TASK: TASK,
    Kind.PLAN: PLAN,
    Kind.MESSAGE: MESSAGE,
    Kind.APPROVAL: APPROVAL,
    Kind.REVIEW: REVIEW,
    Kind.AGENT: AGENT,
    Kind.CONFIG: CONFIG,
}
"""Every kind of document. Of aliases only those are listed that are other words: `dependsOn` is the same key."""


def names_with_trust(kind: Kind, level: TrustLevel) -> frozenset[str]:
    """The keys of this kind that have this level."""
    return frozenset(known.name for known in SCHEMAS[kind].fields if known.trust is level)
