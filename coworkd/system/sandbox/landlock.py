"""The system calls of Landlock, and those by which a process gives up its privileges.

By number, because no library is needed for three calls; they are the same on every architecture (landlock(7)).
"""

from __future__ import annotations

import ctypes
import os
import stat

from coworkd.system.sandbox import landlock_rules as rules

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION = 1
"""LANDLOCK_CREATE_RULESET_VERSION: the call answers with the version instead of a file descriptor."""
_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _SECCOMP_MODE_FILTER = 24, 38, 22, 2
_CAPABILITIES = 64
_CAPABILITY_VERSION = 0x2008_0522
_INSTRUCTION = 8
"""Bytes of one line of a filter."""

_libc = ctypes.CDLL(None, use_errno=True)


class _Program(ctypes.Structure):
    """`struct sock_fprog` of `linux/filter.h`."""

    _fields_ = (("length", ctypes.c_ushort), ("lines", ctypes.c_char_p))


def abi_version() -> int:
    """The version of Landlock's interface here; 0: this kernel has none, or it is switched off."""
    return max(0, _libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), ctypes.c_uint(_VERSION)))


class Ruleset:
    """Rules that this process can put itself under. Every method raises OSError when the kernel refuses."""

    def __init__(self, abi: int) -> None:
        self._abi = abi
        content = rules.ruleset(abi)
        self._fd = _call(_CREATE_RULESET, content, ctypes.c_size_t(len(content)), ctypes.c_uint(0))

    def allow_path(self, path: str, wanted: int) -> None:
        """What lies at `path` or below it may be used so; the path itself is followed where it is a link."""
        at = os.open(path, os.O_PATH | os.O_CLOEXEC)
        try:
            rights = rules.granted_rights(wanted, self._abi, folder=stat.S_ISDIR(os.fstat(at).st_mode))
            self._add(rules.RULE_PATH_BENEATH, rules.path_rule(rights, at))
        finally:
            os.close(at)

    def allow_port(self, port: int) -> None:
        """TCP connections to this port may be made, whatever the host."""
        self._add(rules.RULE_NET_PORT, rules.port_rule(port))

    def restrict_self(self) -> None:
        """From now on this thread, and what it starts, is held by the rules. Privileges must have been given up."""
        _call(_RESTRICT_SELF, ctypes.c_int(self._fd), ctypes.c_uint(0))
        os.close(self._fd)

    def _add(self, kind: int, rule: bytes) -> None:
        _call(_ADD_RULE, ctypes.c_int(self._fd), ctypes.c_int(kind), rule, ctypes.c_uint(0))


def drop_privileges() -> None:
    """No program that is started from now on gains any, and what root has beyond its user id goes.

    Raises OSError.
    """
    for capability in range(_CAPABILITIES):
        # Fails for who may not (has none that could be dropped) and past the last that the kernel knows.
        _libc.prctl(_PR_CAPBSET_DROP, capability, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION, 0)
    _checked(_libc.capset(header, (ctypes.c_uint32 * 6)()))
    _checked(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))


def filter_calls(program: bytes) -> None:
    """Put this thread, and what it starts, under a filter of system calls. Raises OSError."""
    held = _Program(len(program) // _INSTRUCTION, program)
    _checked(_libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.byref(held), 0, 0))


def control_process(option: int, value: int | bytes) -> None:
    """`prctl(2)` with one argument. Raises OSError."""
    _checked(_libc.prctl(option, value, 0, 0, 0))


def _call(number: int, *arguments: object) -> int:
    return _checked(_libc.syscall(number, *arguments))


def _checked(result: int) -> int:
    if result < 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result
