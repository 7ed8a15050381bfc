"""How commands write in the workspace: as an editor would, and never over what was saved meanwhile."""

from __future__ import annotations

import time

from coworkd.cli.workspace import Workspace
from coworkd.core.errors import DocumentError, UserError
from coworkd.core.file_names import foreign_token
from coworkd.documents.editing import edit
from coworkd.documents.markdown import Value, parse
from coworkd.sync.disk.folder import Content, Folder, Missing, NotReadable

_MAX_TRIES = 8
_PAUSE = 0.05
"""Seconds between two tries: a program that is saving the file has time to finish."""

Changes = dict[tuple[str, ...], Value]


def edit_header(
    workspace: Workspace, name: str, changes: Changes, folder: Folder | None = None, *, request: str = ""
) -> None:
    """Change values in a file's header: read, edit, compare, exchange.

    Where the file was saved in between, the edit is made again on what was saved. Raises `UserError` when that
    cannot be, or the file does not ask `request` (empty: any), and then the file is as they left it.
    """
    folder = folder or _folder(workspace)
    first: bytes | None = None
    for _ in range(_MAX_TRIES):
        seen = _read(folder, name)
        if seen is not None:
            first = seen.data if first is None else first
            _require_same_request(name, request or _request_in(first), seen.data)
            data = edit(seen.data, changes)
            if data == seen.data:
                return
            workspace.announce(name, data)
            if _replace(folder, name, seen, data):
                return
        time.sleep(_PAUSE)
    raise UserError(f"{folder.absolute(name)} is being saved by another program: nothing was changed; try again")


def _folder(workspace: Workspace) -> Folder:
    """The workspace's files as a command writes them: under temporary names that are no leftovers to a daemon."""
    return Folder(workspace.paths.folder, workspace.paths.trash, foreign_token)


def write_new(workspace: Workspace, name: str, data: bytes) -> bool:
    """Put a new file there, whole or not at all; False when there is one already. Raises `UserError`."""
    folder = _folder(workspace)
    workspace.announce(name, data)
    try:
        temporary = folder.write_temporary(name, data, 0o644)
        try:
            return folder.move_into_place(temporary, name)
        finally:
            folder.discard(temporary)
    except OSError as error:
        raise UserError(f"{folder.absolute(name)} cannot be written: {error.strerror}") from error


def rewrite(workspace: Workspace, name: str, seen: bytes, data: bytes) -> bool:
    """Put `data` in the place of what was seen; False where the file was saved since. Raises `UserError`."""
    folder = _folder(workspace)
    found = _read(folder, name)
    if found is None or found.data != seen:
        return False
    workspace.announce(name, data)
    return _replace(folder, name, found, data)


def _read(folder: Folder, name: str) -> Content | None:
    """The file; None while it is being written. Raises `UserError` when there is none that can be read."""
    match folder.read(name):
        case Content() as seen:
            return seen
        case Missing():
            raise UserError(f"{folder.absolute(name)} cannot be read: no such file")
        case NotReadable(reason=reason):
            raise UserError(f"{folder.absolute(name)} {reason}")
        case _:
            return None


def _replace(folder: Folder, name: str, seen: Content, data: bytes) -> bool:
    """Exchange the file for one with this data, if it still is as it was seen; else it stays as it is."""
    try:
        temporary = folder.write_temporary(name, data, seen.stat.mode & 0o777)
        try:
            return _exchange(folder, name, temporary, seen.data, data)
        finally:
            folder.discard(temporary)
    except OSError as error:
        raise UserError(f"{folder.absolute(name)} cannot be written: {error.strerror}") from error


def _exchange(folder: Folder, name: str, temporary: str, seen: bytes, data: bytes) -> bool:
    if not _holds(folder, name, seen) or not folder.exchange(temporary, name):
        return False
    if _holds(folder, temporary, seen):
        folder.sync(name)
        return True
    # A save came between the comparison and the exchange: it goes back, unless a later one has taken its place.
    folder.exchange(temporary, name)
    if not _holds(folder, temporary, data):
        folder.exchange(temporary, name)
    return False


def _holds(folder: Folder, name: str, data: bytes) -> bool:
    found = folder.read(name)
    return isinstance(found, Content) and found.data == data


def _require_same_request(name: str, asked: object, now: bytes) -> None:
    """An answer is about what the person has seen: raises `UserError` when the file asks something else by now."""
    if asked != _request_in(now):
        raise UserError(f".cowork/{name} changed while your answer was being saved: read it, and answer again")


def _request_in(data: bytes) -> object:
    try:
        cowork = parse(data).get("cowork")
    except DocumentError:
        return None
    return cowork.get("request") if isinstance(cowork, dict) else None
