"""The profile that `sandbox-exec` on macOS would hold a process by. Pure, and untested but for its text.

The language is Apple's own and documented by example alone; nothing here has been run on a Mac. So no level of a run
comes from it: it is what a user of a Mac can try, and the tests keep it in step with the confinement.
"""

from __future__ import annotations

from coworkd.system.sandbox.policy import Confinement, outermost

_SYSTEM = ("/System", "/usr", "/bin", "/sbin", "/Library", "/opt", "/private/etc", "/private/var/db/timezone", "/dev")
_DEVICES = ("/dev/null", "/dev/zero", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/dtracehelper")
_ALWAYS = """\
(version 1)
(deny default)
(allow process-fork)
(allow process-exec)
(allow signal (target same-sandbox))
(allow sysctl-read)
(allow file-read-metadata)
(deny network*)
"""


def profile(confinement: Confinement, proxy: str = "") -> str:
    """The text of the profile: all is denied but what the confinement names and what programs need of the system.

    `proxy` is the unix socket of the way out; empty: no host is reached.
    """
    writable = outermost(confinement.writable)
    readable = outermost((*_SYSTEM, *confinement.readable, *writable))
    rules = [_rule("file-read*", "subpath", readable), _rule("file-write*", "subpath", writable)]
    rules.append(_rule("file-write-data", "literal", _DEVICES))
    if proxy:
        rules.append(f"(allow network-outbound (literal {_quoted(proxy)}))")
    return _ALWAYS + "\n".join(rule for rule in rules if rule) + "\n"


def command(confinement: Confinement, argv: tuple[str, ...], proxy: str = "") -> tuple[str, ...]:
    """The command line that would start `argv` under the profile."""
    return ("/usr/bin/sandbox-exec", "-p", profile(confinement, proxy), *argv)


def _rule(what: str, how: str, paths: tuple[str, ...]) -> str:
    if not paths:
        return ""
    return f"(allow {what}\n" + "\n".join(f"    ({how} {_quoted(path)})" for path in paths) + ")"


def _quoted(path: str) -> str:
    """A path as the profile's language writes texts: nothing in it can end the text."""
    return '"' + path.replace("\\", "\\\\").replace('"', '\\"') + '"'
