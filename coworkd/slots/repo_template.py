"""What a private repository takes over from the user's, and what makes a repository unfit for one."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from coworkd.core.start_faults import StartFaultKind, UnfitRepositoryError
from coworkd.slots.private_repo import SPARSE
from coworkd.slots.tree_paths import GITLINK
from coworkd.slots.user_git_rules import ATTRIBUTES, filter_reason, ignore_rules, read_rules, user_file
from coworkd.system.git import Repo
from coworkd.system.git.object_stores import alternates
from coworkd.system.git.trees import TreeEntry, files_of
from coworkd.system.paths_and_settings import git_home

_TAKEN_OVER = (
    *("core.autocrlf", "core.eol", "core.filemode", "core.symlinks", "core.ignorecase", "core.precomposeunicode"),
    *("core.protecthfs", "core.protectntfs", "core.longpaths", "merge.renames", "merge.conflictstyle"),
)
_FIXED = {
    "core.bare": "false",
    "core.logAllRefUpdates": "true",
    "core.sparseCheckout": "true",
    "core.sparseCheckoutCone": "false",
    "core.hooksPath": os.devnull,
    # Relative to the top of the worktree: the user's own attributes, put back from `master` like the rest.
    "core.attributesFile": ".git/info/user-attributes",
    "core.excludesFile": os.devnull,
    "core.fsmonitor": "false",
    "core.commitGraph": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "commit.gpgSign": "false",
    "tag.gpgSign": "false",
    "submodule.recurse": "false",
    "advice.updateSparsePath": "false",
}
_LOCK_FILE = re.compile(
    r"(?:.*/)?(?:package-lock\.json|pnpm-lock\.yaml|yarn\.lock|poetry\.lock|uv\.lock|requirements[^/]*\.txt"
    r"|Cargo\.lock|go\.sum|Gemfile\.lock|pyproject\.toml)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CommitIdentity:
    """The author of what is committed in a private repository."""

    name: str
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a commit's tree holds that matters before it is checked out."""

    lock_files: tuple[TreeEntry, ...]


def agent_identity(agent: str) -> CommitIdentity:
    """An agent's name and an address that cannot receive mail."""
    return CommitIdentity(name=agent, email=f"{re.sub(r'[^A-Za-z0-9._-]+', '-', agent)}@agents.invalid")


def master_files(repo: Repo, identity: CommitIdentity) -> dict[str, bytes]:
    """The content of `master` for a private repository beside `repo`.

    Raises RepoError for a repository whose objects or files cannot be had completely.
    """
    settings = repo.settings()
    _refuse_partial_clone(repo, settings)
    files = {
        "config": _config_text(repo, settings, identity).encode(),
        "exclude": ignore_rules(repo),
        "attributes": read_rules(repo.common_dir / "info" / "attributes"),
        "user-attributes": read_rules(user_file(repo, ATTRIBUTES)),
        "sparse-checkout": SPARSE.encode(),
        "alternates": alternates(repo.common_dir / "objects"),
    }
    with suppress(FileNotFoundError):
        files["shallow"] = (repo.common_dir / "shallow").read_bytes()
    return files


def survey(repo: Repo, commit: str) -> Survey:
    """Look through a commit; RepoError when checking it out here would leave files silently empty or encrypted."""
    entries = files_of(repo, commit)
    links = [entry.path for entry in entries if entry.mode == GITLINK]
    if links:
        raise UnfitRepositoryError(
            StartFaultKind.FILES,
            f"submodules are not supported: {', '.join(links)}; agents would see empty folders there",
        )
    if reason := filter_reason(repo, commit, entries):
        raise UnfitRepositoryError(StartFaultKind.FILES, reason, _files_of_settings(repo))
    return Survey(lock_files=tuple(entry for entry in entries if _LOCK_FILE.fullmatch(entry.path)))


def setup_key(found: Survey, commands: Sequence[str]) -> str:
    """Equal as long as neither the set-up commands nor any lock file changed; empty without commands."""
    if not commands:
        return ""
    parts = [*commands, "", *(f"{entry.object_id} {entry.path}" for entry in found.lock_files)]
    return hashlib.sha256(os.fsencode("\0".join(parts))).hexdigest()


def _files_of_settings(repo: Repo) -> tuple[str, ...]:
    """The user's own files that say which repositories and filters there are."""
    own = (repo.common_dir / "config", repo.common_dir / "info" / "attributes", user_file(repo, ATTRIBUTES))
    return tuple(map(str, (*own, git_home() / "config", Path.home() / ".gitconfig")))


def _refuse_partial_clone(repo: Repo, settings: Mapping[str, str]) -> None:
    promised = any(key.startswith("remote.") and key.endswith(".promisor") for key in settings)
    if promised or "extensions.partialclone" in settings:
        raise UnfitRepositoryError(
            StartFaultKind.CLONE,
            "this is a partial clone, whose missing objects a slot cannot fetch: `git fetch --refetch --no-filter`"
            " completes it, and remote.*.promisor is then to be removed from its configuration",
            _files_of_settings(repo),
        )


def _config_text(repo: Repo, settings: Mapping[str, str], identity: CommitIdentity) -> str:
    values = {key: settings[key] for key in _TAKEN_OVER if key in settings} | _FIXED
    values |= {"user.name": identity.name, "user.email": identity.email}
    wide = repo.object_format != "sha1"
    values |= {"core.repositoryformatversion": "1" if wide else "0"}
    values |= {"extensions.objectFormat": repo.object_format} if wide else {}
    return "".join(f"[{section}]\n\t{key} = {_quoted(values[name])}\n" for name, section, key in map(_split, values))


def _split(name: str) -> tuple[str, str, str]:
    section, _, key = name.partition(".")
    return name, section, key


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
