"""Checks that are marked with what leads them into a checkout of the user."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from coworkd.core.model import Check, SandboxLevel
from coworkd.merge.checkout_links.command_links import CheckoutLink
from coworkd.system.sandbox.path_grants import allow_named_paths
from coworkd.system.sandbox.policy import Confinement, contains
from coworkd.system.sandbox.visible_paths import toolchains

_MISSES = re.compile(
    r"ModuleNotFoundError|ImportError|No module named|Cannot find (?:module|package)|ERR_MODULE_NOT_FOUND"
    r"|No such file or directory|Permission denied|not found|failed to (?:load|read)|cannot find|ENOENT|EACCES",
    re.IGNORECASE,
)
"""What programs say of code that is not there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Visibility:
    """Which files commands can see."""

    confinement: Confinement | None
    search: str
    """Their search path: the tools on it are shown to them."""
    objects_folder: str
    """A folder of the repository, parts of which are shown to all: its objects."""

    def hides(self, target: str, command: str) -> bool:
        """Whether a command does not see a place: a sandbox shows what is named and nothing else."""
        if self.confinement is None or self.confinement.means.level is SandboxLevel.NONE:
            return False
        held = allow_named_paths(self.confinement, command) or self.confinement
        tools = toolchains(self.search, os.path.realpath(Path.home()))
        mounts = [path for path in (*held.writable, *held.readable, *tools) if not contains(self.objects_folder, path)]
        return not any(contains(path, target) or contains(target, path) for path in mounts)


def mark_check(check: Check, links: Sequence[CheckoutLink], visibility: Visibility) -> Check:
    """The check, with what leads it into a checkout where it proves nothing because of that.

    What a command can see counts whatever the command says. What it cannot see explains why it is red where its output
    misses something; while it is green, it did without.
    """
    shown = [link for link in links if link.target and not visibility.hides(link.target, check.command)]
    if shown:
        return replace(check, reached=shown[0].reason)
    if links and not check.green and misses_something(check):
        return replace(check, reached=f"{links[0].reason}, which verification does not see", hidden=True)
    return check


def misses_something(check: Check) -> bool:
    """Whether it failed for want of a program or of code."""
    return check.exit in (126, 127) or bool(_MISSES.search(check.tail))


def unverified_reason(checks: Sequence[Check]) -> str:
    """What leads a verification into a checkout of the user, by the first command that it does; empty: nothing."""
    return next((check.reached for check in checks if check.reached), "")
