"""What a private repository takes over from the user's, and what makes a repository unfit for one."""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from coworkd.errors import RepoError
from coworkd.repo import Repo
from coworkd.slots.paths import GITLINK, Entry, files_of
from coworkd.slots.private import SPARSE

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
    "core.attributesFile": os.devnull,
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
_FILTER = re.compile(rb"^[^#\n]*\sfilter=(\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """The author of what is committed in a private repository."""

    name: str
    email: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    """What a commit's tree holds that matters before it is checked out."""

    lock_files: tuple[Entry, ...]


def agent_identity(agent: str) -> Identity:
    """An agent's name and an address that can reach nobody."""
    return Identity(name=agent, email=f"{re.sub(r'[^A-Za-z0-9._-]+', '-', agent)}@agents.invalid")


def master_files(repo: Repo, identity: Identity) -> dict[str, bytes]:
    """The content of `master` for a private repository beside `repo`.

    Raises RepoError for a repository whose objects or files cannot be had completely.
    """
    settings = _settings(repo)
    _refuse_partial_clone(settings)
    objects = str(repo.common_dir / "objects")
    if "\n" in objects:
        raise RepoError(f"a path with a line break cannot be used as an object store: {objects!r}")
    files = {
        "config": _config(repo, settings, identity).encode(),
        "exclude": _exclude(repo, settings),
        "sparse-checkout": SPARSE.encode(),
        "alternates": os.fsencode(objects + "\n"),
    }
    with suppress(FileNotFoundError):
        files["shallow"] = (repo.common_dir / "shallow").read_bytes()
    return files


def survey(repo: Repo, commit: str) -> Survey:
    """Look through a commit; RepoError when checking it out here would leave files silently empty or encrypted."""
    entries = files_of(repo, commit)
    links = [entry.path for entry in entries if entry.mode == GITLINK]
    if links:
        raise RepoError(f"submodules are not supported: {', '.join(links)}; agents would see empty folders there")
    _refuse_filters(repo, [entry for entry in entries if entry.path.endswith(".gitattributes")])
    return Survey(lock_files=tuple(entry for entry in entries if _LOCK_FILE.fullmatch(entry.path)))


def setup_key(found: Survey, commands: Sequence[str]) -> str:
    """Equal as long as neither the set-up commands nor any lock file changed; empty without commands."""
    if not commands:
        return ""
    parts = [*commands, "", *(f"{entry.object_id} {entry.path}" for entry in found.lock_files)]
    return hashlib.sha256(os.fsencode("\0".join(parts))).hexdigest()


def _settings(repo: Repo) -> dict[str, str]:
    pairs = (item.partition("\n") for item in repo.run("config", "--list", "-z").fields)
    return {key: value if separator else "true" for key, separator, value in pairs}


def _refuse_partial_clone(settings: Mapping[str, str]) -> None:
    promised = any(key.startswith("remote.") and key.endswith(".promisor") for key in settings)
    if promised or "extensions.partialclone" in settings:
        raise RepoError(
            "this is a partial clone, whose missing objects a slot cannot fetch: "
            "complete it with `git fetch --refetch --no-filter` and remove remote.*.promisor from its configuration"
        )


def _refuse_filters(repo: Repo, attributes: Sequence[Entry]) -> None:
    settings = _settings(repo) if attributes else {}
    for entry in attributes:
        for name in {os.fsdecode(found) for found in _FILTER.findall(repo.blob(entry.object_id))}:
            smudge = settings.get(f"filter.{name}.smudge", "cat")
            if name in ("lfs", "git-crypt") or smudge != "cat" or f"filter.{name}.process" in settings:
                raise RepoError(
                    f"{entry.path} sends files through the filter {name!r}, which slots do not support: "
                    "agents would see its stored form (for Git LFS, pointers) instead of the files"
                )


def _config(repo: Repo, settings: Mapping[str, str], identity: Identity) -> str:
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


def _exclude(repo: Repo, settings: Mapping[str, str]) -> bytes:
    # What the user's git ignores everywhere must not end up in a submission either.
    everywhere = Path(settings.get("core.excludesfile", "~/.config/git/ignore")).expanduser()
    parts: list[bytes] = []
    for file in (everywhere, repo.common_dir / "info" / "exclude"):
        with suppress(OSError):
            parts.append(file.read_bytes())
    return b"\n".join([*parts, b""])
