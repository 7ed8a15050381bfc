"""How programs save files: each way as a list of steps, between which others may act."""

from __future__ import annotations

from pathlib import PurePosixPath

from coworkd.diagnostics.simulation.disk import Disk, Inode
from coworkd.diagnostics.simulation.external_editors import Act
from coworkd.diagnostics.simulation.steps import Style


def saving(disk: Disk, path: str, data: bytes, style: Style) -> list[Act]:
    """The steps by which an editor of this style saves `data` under `path`."""
    match style:
        case Style.IN_PLACE:
            return in_place(disk, path, [b"", data[: len(data) // 2], data])
        case Style.CODE:
            return in_place(disk, path, [b"", data])
        case Style.VIM:
            return _vim(disk, path, data)
        case Style.SED:
            return replacing(disk, path, data, f"sed{PurePosixPath(path).stem}7f2a")
        case Style.SAFE:
            return _safe(disk, path, data)


def in_place(disk: Disk, path: str, versions: list[bytes]) -> list[Act]:
    """Open once, then write one content after the other through that descriptor."""
    held: list[Inode] = []

    def write(data: bytes) -> Act:
        def act() -> None:
            if not held:
                held.append(disk.find(path) or disk.create(path, b""))
            disk.write(held[0], data)

        return act

    return [write(data) for data in versions]


def replacing(disk: Disk, path: str, data: bytes, temporary: str) -> list[Act]:
    """A temporary file in the same folder, then one rename."""
    beside = str(PurePosixPath(path).with_name(temporary))
    return [lambda: _put(disk, beside, data), lambda: disk.rename(beside, path)]


def _vim(disk: Disk, path: str, data: bytes) -> list[Act]:
    backup = path + "~"
    return [
        lambda: disk.rename(path, backup) if path in disk.names else None,
        *in_place(disk, path, [b"", data]),
        lambda: disk.unlink(backup) if backup in disk.names else None,
    ]


def _safe(disk: Disk, path: str, data: bytes) -> list[Act]:
    fresh, old = path + "___jb_tmp___", path + "___jb_old___"
    return [
        lambda: _put(disk, fresh, data),
        lambda: disk.rename(path, old) if path in disk.names else None,
        lambda: disk.rename(fresh, path),
        lambda: disk.unlink(old) if old in disk.names else None,
    ]


def _put(disk: Disk, path: str, data: bytes) -> None:
    if path in disk.names:
        disk.unlink(path)
    disk.create(path, data)
