"""What is promised of the sandboxes is one table: every way out belongs to a promise, and the docs say the same."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from coworkd.core.model import SandboxLevel
from coworkd.system.sandbox.protections import PROTECTIONS, Protection
from coworkd.system.sandbox_probes.escape_attempts import ATTEMPTS

SECURITY = (Path(__file__).parents[4] / "docs/security.md").read_text(encoding="utf-8")


def test_every_way_out_is_tried_for_one_promise() -> None:
    assert Counter(name for one in PROTECTIONS for name in one.attempts) == Counter(list(ATTEMPTS))


@pytest.mark.parametrize("protection", PROTECTIONS, ids=lambda one: one.name)
def test_the_docs_say_the_same(protection: Protection) -> None:
    assert f"| {protection.name} | {protection.bubblewrap.text} | {protection.landlock.text} |" in SECURITY


def test_nothing_is_promised_without_a_sandbox() -> None:
    with pytest.raises(KeyError):
        PROTECTIONS[0].at(SandboxLevel.NONE)
