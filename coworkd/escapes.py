"""A few ways out of the sandbox, really tried on this machine: for `coworkd doctor`.

Harmless where one of them works: they look, and touch only files made for them.
"""

from __future__ import annotations

import os
import shlex
import tempfile
from pathlib import Path

from coworkd import process
from coworkd.confine.confinement import Confinement, Means

_TIMEOUT = 20.0
_WRITES = "writes a file outside"
_END = "tried them all"


def tried(means: Means) -> tuple[tuple[str, ...], int]:
    """Which ways out led out, and how many were tried. Raises OSError when nothing starts inside."""
    with tempfile.TemporaryDirectory(prefix="cowork-doctor-") as folder:
        inside, outside = Path(folder, "inside"), Path(folder, "outside")
        inside.mkdir()
        outside.touch()
        target = shlex.quote(str(outside))
        attempts = _attempts(target, Path.home())
        script = "\n".join(f"if {how}; then echo {shlex.quote(name)}; fi 2>/dev/null" for name, how in attempts.items())
        name = f"doctor-{os.getpid()}"
        spec = process.ProcessSpec(
            argv=("sh", "-c", f"{script}\necho {shlex.quote(_END)}\necho x >>{target}"), cwd=inside,
            timeout=_TIMEOUT, marker=name,
            env=process.clean_environment(home=inside, tmp=inside, run=name, repo=name),
            confinement=Confinement(means=means, run=name, workdir=str(inside), writable=(str(inside),)),
        )  # fmt: skip
        said = process.run(spec).tail.splitlines()
        written = (_WRITES,) if outside.read_text() else ()
    if said[-1:] != [_END]:
        raise OSError(f"the sandbox did not get to its end: {' '.join(said)[-300:]}")
    return (*written, *said[:-1]), len(attempts) + 1


def _attempts(outside: str, home: Path) -> dict[str, str]:
    """What is tried, as the condition of a shell that holds when it led out."""
    return {
        "reads a file outside": f"test -r {outside}",
        "sees your home": f"test -e {shlex.quote(str(home))}/.bashrc || test -e {shlex.quote(str(home))}/.ssh",
        "writes the system": "touch /etc/coworkd-was-here || touch /usr/coworkd-was-here",
        "sees other processes": f"kill -0 {os.getpid()}",
        "mounts": "mount -t tmpfs none /tmp",
        "makes a namespace": "unshare --user true",
        "changes the kernel's settings": "(echo 1 >/proc/sys/vm/drop_caches)",
        "sees a network": "test $(wc -l </proc/net/dev) -gt 3",
    }
