"""Where things lie, and what the environment says: the only reader of the environment.

Must never read anything that a repository holds: the workspace's own settings are a document like any other.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from getpass import getuser
from pathlib import Path

from coworkd.core.errors import ConfigError
from coworkd.core.redaction import Secrets
from coworkd.system.durable_files import create_file, replace_file

FOLDER = ".cowork"
"""The name of the workspace folder, at the top of a repository's worktree."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paths:
    """Where one workspace keeps what is not in its folder."""

    root: Path
    """Top of the user's worktree."""
    private: Path
    """`<git common dir>/cowork`: out of reach of clean, checkout and stash, and never committed."""
    state: Path
    """`$XDG_STATE_HOME/coworkd/REPO-ID`: slots, gates, homes, runs."""

    @property
    def folder(self) -> Path:
        return self.root / FOLDER

    @property
    def database(self) -> Path:
        return self.private / "state.db"

    @property
    def lock(self) -> Path:
        return self.private / "lock"

    @property
    def pid(self) -> Path:
        return self.private / "pid"

    @property
    def sockets(self) -> tuple[Path, ...]:
        """Where the daemon may listen, the usual place first: not every file system has sockets."""
        return self.private / "socket", self.state / "socket"

    @property
    def trash(self) -> Path:
        return self.private / "trash"

    @property
    def audit(self) -> Path:
        return self.private / "audit"

    @property
    def log(self) -> Path:
        return self.private / "coworkd.log"

    @property
    def stacks(self) -> Path:
        return self.private / "stacks.txt"


def ensure_home() -> None:
    """See that `HOME` names a folder, for everything that asks for it; without one it is where nothing can be."""
    if os.path.isabs(os.environ.get("HOME", "")):
        return
    os.environ.pop("HOME", None)
    try:
        os.environ["HOME"] = str(Path.home())
    except RuntimeError:  # this user is in no list of users
        os.environ["HOME"] = _NO_HOME


_NO_HOME = "/nonexistent"


def state_home() -> Path:
    """`$XDG_STATE_HOME/coworkd`, or its default. Raises ConfigError for a name that cannot be written down."""
    folder = base_folder("XDG_STATE_HOME", ".local/state") / "coworkd"
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        raise ConfigError(f"the name of {folder} is not UTF-8: set XDG_STATE_HOME to a folder whose name is") from None
    return folder


def prepare_state() -> None:
    """Make the folder where agents work and trust is kept. Raises ConfigError where that cannot be written.

    A full disk is no reason: it may be free again when something is to be written.
    """
    folder = state_home()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            return
        raise ConfigError(
            f"{folder}, where agents work, cannot be written ({error.strerror}): set XDG_STATE_HOME to one that can"
        ) from error


def base_folder(variable: str, default: str) -> Path:
    """A base directory as the XDG specification has it: a relative path is none."""
    said = os.environ.get(variable, "")
    return Path(said) if os.path.isabs(said) else Path.home() / default


def git_home() -> Path:
    """`$XDG_CONFIG_HOME/git`, or its default: where git looks for `ignore` and `attributes` of the user's own."""
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config") / "git"


def trust_home() -> Path:
    """Where it is kept which repositories the user trusts: outside all of them."""
    return state_home() / "trusted"


def paths(root: Path, common_dir: Path) -> Paths:
    """The places of the workspace at `root`; makes the private folder and the repository's lasting name."""
    private = common_dir / "cowork"
    _reset_copied_state(private)
    return Paths(root=root, private=private, state=state_home() / _line_kept_in(private / "repo-id", _repo_name(root)))


def _reset_copied_state(private: Path) -> None:
    """A copied repository starts empty: the runs, slots and name of its original are not its own.

    The copied folder is set aside under another name. A folder that was moved, or restored in its place, goes on.
    """
    inode = _inode(private)
    if inode is None:
        return
    place, here = private / "place", f"{inode} {os.path.realpath(private)}"
    known = _line(place)
    if known == here:
        return
    was, _, path = known.partition(" ")
    if path and path != os.path.realpath(private) and was != str(inode) and str(_inode(Path(path))) == was:
        with suppress(FileNotFoundError):
            private.rename(private.with_name(f"{private.name}.copied-{secrets.token_hex(3)}"))
        return
    replace_file(place, os.fsencode(here) + b"\n")


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


def _line(file: Path) -> str:
    try:
        return os.fsdecode(file.read_bytes()).removesuffix("\n")
    except FileNotFoundError:
        return ""


def instance(private: Path) -> str:
    """`NAME-XXXX`: who works here, the same for as long as the folder exists."""
    return _line_kept_in(private / "instance", f"{_user()}-{secrets.token_hex(2)}")


def restore_identity(paths: Paths, instance: str, key: bytes) -> None:
    """Write the identity of this instance again, where its folder was removed, or made again by another process."""
    paths.private.mkdir(parents=True, exist_ok=True)
    lines = {"repo-id": paths.state.name, "instance": instance, "key": key.hex(), "home": os.fspath(paths.root)}
    for name, line in lines.items():
        file = paths.private / name
        if _line(file) != line:
            replace_file(file, os.fsencode(line) + b"\n", mode=0o600)


def key(private: Path) -> bytes:
    """What seals this instance's records; readable by the user alone."""
    return bytes.fromhex(_line_kept_in(private / "key", secrets.token_hex(32), mode=0o600))


def home(private: Path) -> Path | None:
    """The worktree that a repository's workspace is in; None where that was not settled yet."""
    try:
        return Path(os.fsdecode((private / "home").read_bytes()).removesuffix("\n"))
    except FileNotFoundError:
        return None


def settle(private: Path, root: Path) -> None:
    """From now on the workspace is in this worktree."""
    if home(private) != root:
        private.mkdir(parents=True, exist_ok=True)
        replace_file(private / "home", os.fsencode(root) + b"\n")


def _repo_name(root: Path) -> str:
    """A name for folders and marks of processes: plain, and short enough, whatever the repository's own is."""
    plain = re.sub(r"[^\w.-]+", "-", root.name[:_NAME], flags=re.ASCII).strip("-.")
    return f"{plain or 'repo'}-{secrets.token_hex(6)}"


_NAME = 40


def _user() -> str:
    try:
        name = getuser()
    except (KeyError, OSError):
        name = "user"
    return "".join(c if c.isalnum() else "-" for c in name.lower()) or "user"


def _line_kept_in(file: Path, first: str, mode: int | None = None) -> str:
    """The line in a file, written once; a second process reads what the first wrote."""
    if file.exists() and (kept := file.read_text().strip()):
        return kept
    # An empty file is what a power cut may leave of one: nothing is named by it yet.
    with suppress(OSError):
        if not file.stat().st_size:
            file.unlink()
    file.parent.mkdir(parents=True, exist_ok=True)
    create_file(file, f"{first}\n".encode(), mode=mode)
    return file.read_text().strip()


def known_secrets() -> Secrets:
    """The values of the environment whose names say that they are secret."""
    return Secrets.of(os.environ.items())


def inherited() -> tuple[str, ...]:
    """The names of everything in the user's own environment, for programs that are the user's own."""
    return tuple(os.environ)


def editor() -> str:
    return os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"


def wants_no_colours() -> bool:
    """Whether the user, or the terminal, wants no colours."""
    return bool(os.environ.get("NO_COLOR")) or os.environ.get("TERM") == "dumb"
