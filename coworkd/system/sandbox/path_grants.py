"""What people's own files open in a sandbox: `allow_paths`, and the whole paths that a command of theirs names."""

from __future__ import annotations

import os
import re
from dataclasses import replace
from pathlib import Path

from coworkd.core.model import SandboxSpec
from coworkd.core.start_faults import StartFaultKind, UnfitSettingError
from coworkd.system.sandbox.network_rules import RefusedError, Rules
from coworkd.system.sandbox.policy import Confinement, contains, opened, outermost

_NAMED = re.compile(r"""(?<![\w./~:$-])/[^\s'"`;|&<>(){}\[\]$*?\\,=:]+""")
_SYSTEM = ("/bin", "/dev", "/etc", "/lib", "/lib64", "/proc", "/run", "/sbin", "/sys", "/usr")
_LEAST_DEPTH = 3
"""Folders above are too much to open for a word in a command."""


def apply_grants(confinement: Confinement, spec: SandboxSpec) -> Confinement:
    """With whom and what a file's `sandbox` opens. Raises ConfigError for what cannot be meant or never happens."""
    for entry in spec.network:
        _check_host(entry)
    return opened(replace(confinement, network=spec.network), [_resolved(path) for path in spec.allow_paths])


def _check_host(entry: str) -> None:
    try:
        Rules((entry,))
    except RefusedError as error:
        said = f"{entry!r} must be HOST or HOST:PORT, such as api.example.com"
        message = f"sandbox.network: {said} ({error.refusal.reason})"
        raise UnfitSettingError(StartFaultKind.SANDBOX, message) from error


def _resolved(path: str) -> str:
    whole = os.path.expanduser(path)
    if not os.path.isabs(whole) or not os.path.exists(whole):
        message = f"sandbox.allow_paths: {path!r} must be a whole path, of something that is there"
        raise UnfitSettingError(StartFaultKind.SANDBOX, message, (whole,) if os.path.isabs(whole) else ())
    return os.path.realpath(whole)


def allow_named_paths(confinement: Confinement | None, command: str) -> Confinement | None:
    """With the places that a command typed by the user names, such as a folder for its reports.

    Not what lies hidden, near the root of the file system, or is never shown to anybody.
    """
    if confinement is None:
        return None
    places = {place for word in _NAMED.findall(command) if (place := _place(word)) and _harmless(place, confinement)}
    return replace(confinement, writable=outermost((*confinement.writable, *places)))


def _place(word: str) -> str:
    """What exists of a named path: itself, or the folder in which it is to be made; empty when there is neither."""
    path = os.path.realpath(word)
    for place in (path, os.path.dirname(path)):
        if os.path.exists(place):
            return place
    return ""


def _harmless(place: str, confinement: Confinement) -> bool:
    parts = Path(place).parts[1:]
    if len(parts) < _LEAST_DEPTH or any(part.startswith(".") for part in parts):
        return False
    if any(contains(one, place) for one in _SYSTEM) or contains(place, os.path.realpath(Path.home())):
        return False
    return not any(contains(one, place) or contains(place, one) for one in confinement.means.protected)
