"""What Landlock can refuse, by version of its interface, and its structures as bytes. Pure.

Numbers and layouts are those of `include/uapi/linux/landlock.h` in Linux 6.18; landlock(7) explains them. A version of
the interface (ABI) only adds rights, so what is asked for is masked by what the running kernel knows: a right that it
does not know makes the call fail.
"""

from __future__ import annotations

import struct

EXECUTE = 1 << 0
WRITE_FILE = 1 << 1
READ_FILE = 1 << 2
READ_DIR = 1 << 3
REMOVE_DIR = 1 << 4
REMOVE_FILE = 1 << 5
MAKE_CHAR = 1 << 6
MAKE_DIR = 1 << 7
MAKE_REG = 1 << 8
MAKE_SOCK = 1 << 9
MAKE_FIFO = 1 << 10
MAKE_BLOCK = 1 << 11
MAKE_SYM = 1 << 12
REFER = 1 << 13
TRUNCATE = 1 << 14
IOCTL_DEV = 1 << 15

BIND_TCP = 1 << 0
CONNECT_TCP = 1 << 1

SCOPE_ABSTRACT_UNIX_SOCKET = 1 << 0
SCOPE_SIGNAL = 1 << 1

RULE_PATH_BENEATH = 1
RULE_NET_PORT = 2

SUFFICIENT_ABI = 6
"""The first that also confines signals and abstract sockets: with less, a confined process could end the daemon."""

_FIRST_RIGHTS = (1 << 13) - 1
_RIGHTS_SINCE = ((2, REFER), (3, TRUNCATE), (5, IOCTL_DEV))
_NETWORK_SINCE = 4
_SCOPES_SINCE = 6

_OF_FILES = EXECUTE | WRITE_FILE | READ_FILE | TRUNCATE | IOCTL_DEV
"""What a rule about something that is no folder may grant."""

READ = EXECUTE | READ_FILE | READ_DIR
WRITE = _FIRST_RIGHTS & ~(MAKE_CHAR | MAKE_BLOCK) | REFER | TRUNCATE
"""Everything but devices."""
DEVICE = READ_FILE | WRITE_FILE


def handled_rights(abi: int) -> int:
    """Every right about files that this version knows: what no rule grants is refused."""
    found = _FIRST_RIGHTS
    for since, right in _RIGHTS_SINCE:
        found |= right if abi >= since else 0
    return found


def handled_network(abi: int) -> int:
    return BIND_TCP | CONNECT_TCP if abi >= _NETWORK_SINCE else 0


def scopes(abi: int) -> int:
    """What ends at the border of the sandbox."""
    return SCOPE_ABSTRACT_UNIX_SOCKET | SCOPE_SIGNAL if abi >= _SCOPES_SINCE else 0


def granted_rights(wanted: int, abi: int, *, folder: bool) -> int:
    """The rights of `wanted` that a rule for this kind of path can grant."""
    known = wanted & handled_rights(abi)
    return known if folder else known & _OF_FILES


def ruleset(abi: int) -> bytes:
    """`struct landlock_ruleset_attr`: handled_access_fs, handled_access_net (ABI 4), scoped (ABI 6)."""
    fields = [handled_rights(abi)]
    if abi >= _NETWORK_SINCE:
        fields.append(handled_network(abi))
    if abi >= _SCOPES_SINCE:
        fields.append(scopes(abi))
    return struct.pack(f"={len(fields)}Q", *fields)


def path_rule(rights: int, fd: int) -> bytes:
    """`struct landlock_path_beneath_attr`, which is packed: allowed_access, parent_fd."""
    return struct.pack("=Qi", rights, fd)


def port_rule(port: int) -> bytes:
    """`struct landlock_net_port_attr`: allowed_access, port. It names a port, never a host."""
    return struct.pack("=QQ", CONNECT_TCP, port)
