"""One form for values that are signed or chained, and the seals themselves.

Pure. Two values have the same canonical bytes exactly when they are the same JSON; a seal is over these bytes, so that
the layout of a file is free.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any


def canonical_json(value: Any) -> bytes:
    """Sorted keys, no spaces, ASCII. Raises ValueError for what JSON cannot say (NaN, infinity)."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False).encode()


def sign(key: bytes, value: Any) -> str:
    """The MAC of a value: HMAC-SHA256 over its canonical bytes."""
    return hmac.new(key, canonical_json(value), hashlib.sha256).hexdigest()


def is_valid_signature(key: bytes, value: Any, mac: str) -> bool:
    """Whether `mac` was made with this key of this value."""
    return hmac.compare_digest(sign(key, value).encode(), mac.encode())
