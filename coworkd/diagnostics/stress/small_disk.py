"""A small file system in memory for the state folder, which can be filled without harm to anything else.

It is mounted for this process and its children alone, so that it is gone with them, however they end.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from coworkd.system.mounts import keep_mounts_apart
from coworkd.system.process import commands

_BLOCK = 65536
_TIMEOUT = 10.0


class SmallDisk:
    """Mounted on a folder; where this system does not allow that, `reason` says so and nothing is mounted."""

    def __init__(self, folder: Path, size: int, environment: dict[str, str]) -> None:
        """`size` in bytes. Only the administrator of a Linux system can mount."""
        self._folder = folder
        self._environment = environment
        folder.mkdir(parents=True, exist_ok=True)
        try:
            keep_mounts_apart()
        except OSError as error:
            self.reason = error.strerror or str(error)
        else:
            self.reason = self._run("mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "none", str(folder))

    @property
    def mounted(self) -> bool:
        return not self.reason

    @property
    def _ballast(self) -> Path:
        return self._folder / "ballast"

    def fill(self) -> None:
        """Leave no byte free."""
        size = _BLOCK
        with suppress(OSError), self._ballast.open("ab", buffering=0) as file:
            while size:
                try:
                    file.write(b"\0" * size)
                except OSError:
                    size //= 2

    def free(self) -> None:
        """Give back what was filled."""
        self._ballast.unlink(missing_ok=True)

    def unmount(self) -> None:
        """Take it away, with all that is on it."""
        if self.mounted:
            self._run("umount", "--lazy", str(self._folder))
            self.reason = "it was unmounted"

    def _run(self, *argv: str) -> str:
        """Why a command failed; empty when it did not."""
        ended = commands.run(
            commands.ProcessSpec(
                argv=argv, cwd=Path("/"), env=self._environment, timeout=_TIMEOUT, marker="coworkd-stress-disk"
            )
        )
        return "" if ended.ok else (ended.tail.strip() or f"{argv[0]} ended with {ended.code}")
