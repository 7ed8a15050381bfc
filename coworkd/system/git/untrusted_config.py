"""Looking at a repository that is not trusted: nothing that its own configuration names is run.

A clone brings no configuration along, but an unpacked archive or a copied folder does: filters, an fsmonitor, remotes
from which a missing object would be fetched.
"""

from __future__ import annotations

from collections.abc import Mapping

from coworkd.system.git.repository import Repo
from coworkd.system.git.runner import SETTING_COUNT, inherited_settings

_FILTER_COMMANDS = ("clean", "smudge", "process")


def wary_env(repo: Repo) -> Mapping[str, str]:
    """Environment under which git's plumbing reads and hashes here, and does nothing else."""
    # The user's own come first, `safe.directory` among them: the later one of a key counts.
    settings = [*inherited_settings(), ("core.fsmonitor", "false"), *_disarmed_filters(repo)]
    pairs = {f"GIT_CONFIG_{part}_{n}": text for n, pair in enumerate(settings) for part, text in _named(pair)}
    return {
        "GIT_ALLOW_PROTOCOL": "none", "GIT_NO_LAZY_FETCH": "1", "GIT_OPTIONAL_LOCKS": "0",
        SETTING_COUNT: str(len(settings)), **pairs,
    }  # fmt: skip


def _named(pair: tuple[str, str]) -> tuple[tuple[str, str], tuple[str, str]]:
    return ("KEY", pair[0]), ("VALUE", pair[1])


def _disarmed_filters(repo: Repo) -> list[tuple[str, str]]:
    """Every filter that any configuration defines, set to do nothing."""
    listed = repo.run("config", "--list", "--name-only", "-z", check=False).fields
    names = {key.rpartition(".")[0] for key in listed if key.startswith("filter.") and key.count(".") > 1}
    return [
        (f"{name}.{key}", "false" if key == "required" else "")
        for name in sorted(names)
        for key in (*_FILTER_COMMANDS, "required")
    ]
