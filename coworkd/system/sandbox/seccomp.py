"""The system call filter: what a program in the sandbox may ask of the kernel. Pure: rules in, bytes out.

Namespaces alone leave parts of the kernel open that no agent needs and that have a history: io_uring, keys,
userfaultfd, virtual sockets, namespaces of one's own. The filter is classic BPF as `seccomp(2)` takes it, assembled
here, because it is a page of code and saves a library. A call that is filtered fails as if it were not permitted, or
as if this kernel did not have it where programs know what to do without.

There are two programs: one for a sandbox that has namespaces of its own, and one for a sandbox that shares those of the
user. The second also refuses what a namespace would have made harmless: socket files, datagrams, the kernel's shared
memory and message queues, limits of other processes.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

KILL = 0x8000_0000
ALLOW = 0x7FFF_0000
_ERRNO = 0x0005_0000
REFUSED = _ERRNO | errno.EPERM
MISSING = _ERRNO | errno.ENOSYS
NO_FAMILY = _ERRNO | errno.EAFNOSUPPORT

NOT_SUPPORTED = _ERRNO | errno.EOPNOTSUPP

_LOAD, _JUMP_EQUAL, _JUMP_ABOVE, _JUMP_BITS, _RETURN, _MASK = 0x20, 0x15, 0x35, 0x45, 0x06, 0x54
_NUMBER, _ARCH, _ARGUMENTS = 0, 4, 16

_NAMESPACES = 0x7E02_0080
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET, NEWTIME."""
_SET_USER_ID = 0o4000
_CREATE = 0o100
_TERMINAL_INJECTION = (0x5412, 0x541C)
"""TIOCSTI, TIOCLINUX: typing on behalf of the user."""
_FAMILIES = (1, 2, 10, 16)
"""AF_UNIX, AF_INET, AF_INET6, AF_NETLINK."""
_INTERNET = (2, 10)
_UNIX = (1,)
_KIND_OF_SOCKET = 0xF
"""SOCK_TYPE_MASK: the other bits are SOCK_CLOEXEC and SOCK_NONBLOCK."""
_STREAM = (1,)
_STREAM_OR_PACKET = (1, 5)
"""SOCK_STREAM, SOCK_SEQPACKET: an end of a pair of these stays connected to the other; one for datagrams reaches any
socket file by `sendto`."""
_TCP = (0, 6)
"""The protocol of a stream that Landlock holds: not MPTCP, SCTP or SMC."""
_FAST_OPEN = 0x2000_0000
"""MSG_FASTOPEN connects without asking Landlock."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Architecture:
    """One kind of machine."""

    audit: int
    """Its number in `seccomp_data.arch`."""
    numbers: Mapping[str, int]
    foreign: int | None = None
    """Call numbers from here on belong to another convention of the same machine."""


_X86_64 = {
    "socket": 41, "ioctl": 16, "clone": 56, "ptrace": 101, "chmod": 90, "fchmod": 91, "syslog": 103, "vhangup": 153,
    "pivot_root": 155, "chroot": 161, "acct": 163, "settimeofday": 164, "mount": 165, "umount2": 166, "swapon": 167,
    "swapoff": 168, "reboot": 169, "sethostname": 170, "setdomainname": 171, "iopl": 172, "ioperm": 173,
    "init_module": 175, "delete_module": 176, "quotactl": 179, "lookup_dcookie": 212, "clock_settime": 227,
    "kexec_load": 246, "add_key": 248, "request_key": 249, "keyctl": 250, "open": 2, "creat": 85, "openat": 257,
    "fchmodat": 268, "unshare": 272, "perf_event_open": 298, "fanotify_init": 300, "name_to_handle_at": 303,
    "open_by_handle_at": 304, "setns": 308, "process_vm_readv": 310, "process_vm_writev": 311, "kcmp": 312,
    "finit_module": 313, "kexec_file_load": 320, "bpf": 321, "userfaultfd": 323, "socketpair": 53, "listen": 50,
    "sendto": 44, "sendmsg": 46, "sendmmsg": 307, "prlimit64": 302, "shmget": 29, "shmat": 30, "shmctl": 31,
    "semget": 64, "semop": 65, "semctl": 66, "semtimedop": 220, "msgget": 68, "msgsnd": 69, "msgrcv": 70, "msgctl": 71,
    "mq_open": 240, "mq_unlink": 241, "setxattr": 188, "lsetxattr": 189, "fsetxattr": 190, "removexattr": 197,
    "lremovexattr": 198, "fremovexattr": 199,
}  # fmt: skip
_AARCH64 = {
    "socket": 198, "ioctl": 29, "clone": 220, "ptrace": 117, "fchmod": 52, "fchmodat": 53, "openat": 56, "syslog": 116,
    "vhangup": 58, "pivot_root": 41, "chroot": 51, "acct": 89, "settimeofday": 170, "mount": 40, "umount2": 39,
    "swapon": 224, "swapoff": 225, "reboot": 142, "sethostname": 161, "setdomainname": 162, "init_module": 105,
    "delete_module": 106, "quotactl": 60, "lookup_dcookie": 18, "clock_settime": 112, "kexec_load": 104,
    "add_key": 217, "request_key": 218, "keyctl": 219, "unshare": 97, "perf_event_open": 241, "fanotify_init": 262,
    "name_to_handle_at": 264, "open_by_handle_at": 265, "setns": 268, "process_vm_readv": 270,
    "process_vm_writev": 271, "kcmp": 272, "finit_module": 273, "kexec_file_load": 294, "bpf": 280,
    "userfaultfd": 282, "socketpair": 199, "listen": 201, "sendto": 206, "sendmsg": 211, "sendmmsg": 269,
    "prlimit64": 261, "shmget": 194, "shmat": 196, "shmctl": 195, "semget": 190, "semop": 193, "semctl": 191,
    "semtimedop": 192, "msgget": 186, "msgsnd": 189, "msgrcv": 188, "msgctl": 187, "mq_open": 180, "mq_unlink": 181,
    "setxattr": 5, "lsetxattr": 6, "fsetxattr": 7, "removexattr": 14, "lremovexattr": 15, "fremovexattr": 16,
}  # fmt: skip
_EVERYWHERE = {
    "io_uring_setup": 425, "io_uring_enter": 426, "io_uring_register": 427, "open_tree": 428, "move_mount": 429,
    "fsopen": 430, "fsconfig": 431, "fsmount": 432, "fspick": 433, "clone3": 435, "openat2": 437, "pidfd_getfd": 438,
    "mount_setattr": 442, "quotactl_fd": 443, "memfd_secret": 447, "fchmodat2": 452, "setxattrat": 463,
    "removexattrat": 466,
}  # fmt: skip

ARCHITECTURES: Mapping[str, Architecture] = {
    "x86_64": Architecture(audit=0xC000_003E, numbers=_X86_64 | _EVERYWHERE, foreign=0x4000_0000),
    "aarch64": Architecture(audit=0xC000_00B7, numbers=_AARCH64 | _EVERYWHERE),
}
"""By the name that `uname -m` gives."""

_UNKNOWN_TO_THE_KERNEL = ("io_uring_setup", "io_uring_enter", "io_uring_register", "clone3", "openat2", "fchmodat2")
"""Not there, as on an older kernel: programs fall back to calls whose arguments a filter can read."""
_LOOKED_INTO = ("socket", "ioctl", "clone", "unshare", "chmod", "fchmod", "fchmodat", "open", "creat", "openat")

_SHARED_MEMORY = (
    *("shmget", "shmat", "shmctl", "semget", "semop", "semctl", "semtimedop"),
    *("msgget", "msgsnd", "msgrcv", "msgctl", "mq_open", "mq_unlink"),
)
_ATTRIBUTES = (
    *("setxattr", "lsetxattr", "fsetxattr", "setxattrat"),
    *("removexattr", "lremovexattr", "fremovexattr", "removexattrat"),
)
"""Answered as by a file system without extended attributes: Landlock does not look at who sets them where."""
_SENDING = {"sendto": 3, "sendmsg": 2, "sendmmsg": 3}
"""Which argument has the flags."""
_HARMLESS_IN_NAMESPACES = frozenset({"socketpair", "listen", "prlimit64", *_SHARED_MEMORY, *_ATTRIBUTES, *_SENDING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Instruction:
    """One line of the program; a jump skips `then` or `otherwise` lines."""

    code: int
    value: int
    then: int = 0
    otherwise: int = 0


def program(machine: str, *, namespaces: bool = True) -> bytes | None:
    """The filter for a machine, None where we do not know its calls; `namespaces`: whether the sandbox has its own."""
    known = ARCHITECTURES.get(machine)
    if known is None:
        return None
    lines = assemble(known, namespaces=namespaces)
    return b"".join(struct.pack("=HBBI", i.code, i.then, i.otherwise, i.value) for i in lines)


def assemble(machine: Architecture, *, namespaces: bool = True) -> list[Instruction]:
    """The program's lines: calls of other conventions end the process, the listed ones fail, the rest is allowed."""
    lines = [_load(_ARCH), Instruction(code=_JUMP_EQUAL, value=machine.audit, then=1), _answer(KILL), _load(_NUMBER)]
    if machine.foreign is not None:
        lines += [Instruction(code=_JUMP_ABOVE, value=machine.foreign, otherwise=1), _answer(KILL)]
    for name, number in machine.numbers.items():
        if namespaces and name in _HARMLESS_IN_NAMESPACES:
            continue
        shared = not namespaces and (name in _HARMLESS_IN_NAMESPACES or name == "socket")
        block = list(_judged_in_shared(name) if shared else _judged(name))
        lines += [Instruction(code=_JUMP_EQUAL, value=number, otherwise=len(block)), *block]
    return [*lines, _answer(ALLOW)]


def _judged(name: str) -> Iterator[Instruction]:
    """What becomes of one call; the block always ends in an answer."""
    if name in _UNKNOWN_TO_THE_KERNEL:
        yield _answer(MISSING)
    elif name not in _LOOKED_INTO:
        yield _answer(REFUSED)
    else:
        yield from _looked_into(name)


def _judged_in_shared(name: str) -> Iterator[Instruction]:
    """The same, for a call that namespaces would have made harmless."""
    if name in _SHARED_MEMORY:
        yield _answer(MISSING)
    elif name in _ATTRIBUTES:
        yield _answer(NOT_SUPPORTED)
    elif name in _SENDING:
        yield from _without_bits(_SENDING[name], _FAST_OPEN)
    elif name == "socket":
        yield from _refuse_others(0, _INTERNET, NO_FAMILY)
        yield from _refuse_others(1, _STREAM, NO_FAMILY, _KIND_OF_SOCKET)
        yield from _only(2, _TCP, NO_FAMILY)
    elif name == "socketpair":
        yield from _refuse_others(0, _UNIX, NO_FAMILY)
        yield from _refuse_others(1, _STREAM_OR_PACKET, NO_FAMILY, _KIND_OF_SOCKET)
        yield _answer(ALLOW)
    elif name == "prlimit64":
        yield from _only(0, (0,), REFUSED)
    else:
        yield _answer(REFUSED)


def _looked_into(name: str) -> Iterator[Instruction]:
    match name:
        case "socket":
            yield from _only(0, _FAMILIES, NO_FAMILY)
        case "ioctl":
            yield from _none_of(1, _TERMINAL_INJECTION)
        case "clone" | "unshare":
            yield from _without_bits(0, _NAMESPACES)
        case "chmod" | "fchmod" | "creat":
            yield from _without_bits(1, _SET_USER_ID)
        case "fchmodat":
            yield from _without_bits(2, _SET_USER_ID)
        case _:
            flags, mode = (1, 2) if name == "open" else (2, 3)
            yield from (_load_argument(flags), Instruction(code=_JUMP_BITS, value=_CREATE, then=1), _answer(ALLOW))
            yield from _without_bits(mode, _SET_USER_ID)


def _refuse_others(
    argument: int, values: tuple[int, ...], refusal: int, mask: int | None = None
) -> Iterator[Instruction]:
    """Answer unless the argument (of it the bits of `mask`) is one of `values`; what follows judges on."""
    yield _load_argument(argument)
    if mask is not None:
        yield Instruction(code=_MASK, value=mask)
    for position, value in enumerate(values):
        yield Instruction(code=_JUMP_EQUAL, value=value, then=len(values) - position)
    yield _answer(refusal)


def _only(argument: int, values: tuple[int, ...], refusal: int) -> Iterator[Instruction]:
    yield from (*_refuse_others(argument, values, refusal), _answer(ALLOW))


def _none_of(argument: int, values: tuple[int, ...]) -> Iterator[Instruction]:
    yield _load_argument(argument)
    for position, value in enumerate(values):
        yield Instruction(code=_JUMP_EQUAL, value=value, then=len(values) - position)
    yield from (_answer(ALLOW), _answer(REFUSED))


def _without_bits(argument: int, bits: int) -> Iterator[Instruction]:
    yield from (_load_argument(argument), Instruction(code=_JUMP_BITS, value=bits, otherwise=1))
    yield from (_answer(REFUSED), _answer(ALLOW))


def _load(offset: int) -> Instruction:
    return Instruction(code=_LOAD, value=offset)


def _load_argument(position: int) -> Instruction:
    """The lower half: the kernel looks at no more of these arguments. Both machines are little-endian."""
    return _load(_ARGUMENTS + 8 * position)


def _answer(action: int) -> Instruction:
    return Instruction(code=_RETURN, value=action)
