"""Who may be reached from a sandbox, and what a request to the proxy must look like. Pure.

Strict on purpose: a name is compared as it is written, and anything that two readers could take for different things
(escapes, a trailing dot, a user's name, a number in disguise) is no name at all.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from coworkd.core.text_formats import shorten

HEAD_LIMIT = 16 * 1024
"""Bytes of a request's first lines."""
ANY_HOST = "*"
_USUAL_PORT = 443
_WEB_PORTS = (80, 443)
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)", re.ASCII)
_NUMBER = re.compile(r"(?:0x[0-9a-f]*|[0-9]+)", re.ASCII)
_PORT = re.compile(r"[1-9][0-9]{0,4}", re.ASCII)
_REQUEST = re.compile(rb"([A-Z]{3,16}) ([!-~]{1,8192}) HTTP/1\.[01]")
_FIELD = re.compile(rb"[!#-'*+.^-z|~0-9A-Z-]+:[\t -~\x80-\xff]*")
_OURS = frozenset({b"connection", b"proxy-connection", b"keep-alive", b"proxy-authorization", b"host"})

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """A request that was not passed on."""

    reason: str
    entry: str = ""
    """What would allow it in a sandbox's `network`; empty: nothing would."""


Report = Callable[[Refusal], None]
"""Told of what was refused, from any thread."""


class RefusedError(Exception):
    """A request that is not passed on, with the reason."""

    def __init__(self, reason: str, entry: str = "") -> None:
        super().__init__(reason)
        self.refusal = Refusal(reason=reason, entry=entry)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A host and a port; `host` in lower case, an IPv6 address without brackets."""

    host: str
    port: int

    @property
    def entry(self) -> str:
        """As it is written in a sandbox's `network`."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _USUAL_PORT else f"{host}:{self.port}"

    @property
    def address(self) -> Address | None:
        """The host, if it is written as an address."""
        try:
            return ipaddress.ip_address(self.host)
        except ValueError:
            return None

    @property
    def here(self) -> bool:
        """It names this very machine."""
        return self.host == "localhost" or bool(self.address and self.address.is_loopback)


@dataclass(frozen=True, slots=True, kw_only=True)
class ProxyRequest:
    """One request as the proxy takes it."""

    target: Target
    tunnel: bool
    """CONNECT: bytes are passed on unread."""
    head: bytes = b""
    """What is sent to the target first; empty for a tunnel."""


def parse_target(text: str, usual: int | None = None) -> Target:
    """`HOST:PORT`, or `HOST` where a port is usual. Raises RefusedError."""
    host, port = _split(text)
    if not port and usual is None:
        raise RefusedError("a port is missing")
    if port and (not _PORT.fullmatch(port) or int(port) > 65535):
        raise RefusedError("this is no port")
    return Target(host=_host(host), port=int(port) if port else usual or 0)


def _split(text: str) -> tuple[str, str]:
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        if not bracket or (rest and not rest.startswith(":")) or ":" not in host:
            raise RefusedError("this is no address")
        return host, rest[1:]
    host, colon, port = text.partition(":")
    if colon and not port:
        raise RefusedError("a port is missing")
    return host, port


def _host(text: str) -> str:
    if ":" in text:
        try:
            return str(ipaddress.IPv6Address(text)) if "%" not in text else _refuse_name(text)
        except ValueError:
            _refuse_name(text)
    name = text.lower() if text.isascii() else _refuse_name(text)
    labels = name.split(".")
    if not name or len(name) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        _refuse_name(text)
    if _NUMBER.fullmatch(labels[-1]):
        try:
            return str(ipaddress.IPv4Address(name))
        except ValueError:
            _refuse_name(text)
    return name


def _refuse_name(text: str) -> str:
    raise RefusedError(f"{shorten(text, 80)!r} is not the name of a host")


class Rules:
    """The list of a sandbox. Raises RefusedError for an entry that names no host."""

    def __init__(self, network: Iterable[str]) -> None:
        entries = tuple(network)
        self._everybody = ANY_HOST in entries
        self._listed: dict[Target, bool] = {}
        """Whether each was written with its port."""
        for entry in entries:
            if entry != ANY_HOST:
                target = parse_target(entry, _USUAL_PORT)
                self._listed[target] = self._listed.get(target, False) or bool(_split(entry)[1])

    @property
    def here(self) -> tuple[Target, ...]:
        """Listed services of this machine: inside they are found at the same address."""
        return tuple(target for target in self._listed if target.here)

    def check(self, target: Target) -> None:
        """Raises RefusedError when the target is not on the list."""
        anybody = self._everybody and target.port in _WEB_PORTS
        if target not in self._listed and not anybody:
            raise RefusedError(f"{target.host}:{target.port} is not in this agent's sandbox.network", target.entry)

    def fit(self, target: Target, address: str) -> bool:
        """Whether an address that a listed name stands for may be connected to: a public one always.

        A private one only for who was listed with a port, one of this machine or of the link only where it was listed
        itself: a name's owner decides what it stands for.
        """
        found = ipaddress.ip_address(address.partition("%")[0])
        found = getattr(found, "ipv4_mapped", None) or found
        if target in self._listed and (target.address == found or (target.here and found.is_loopback)):
            return True
        if target.here or found.is_loopback or found.is_link_local or found.is_multicast or found.is_unspecified:
            return False
        return found.is_global or self._listed.get(target, False)


def parse_request(head: bytes) -> ProxyRequest:
    """A request's first lines, without the empty line that ends them. Raises RefusedError for what is not HTTP/1."""
    first, *fields = head.split(b"\r\n")
    line = _REQUEST.fullmatch(first)
    if line is None or not all(_FIELD.fullmatch(field) for field in fields):
        raise RefusedError("this is not a request to a proxy")
    method, where = line[1], line[2].decode("ascii")
    if method == b"CONNECT":
        return ProxyRequest(target=parse_target(where), tunnel=True)
    scheme, separator, rest = where.partition("://")
    if not separator or scheme.lower() != "http":
        raise RefusedError("only CONNECT and http:// can be asked of this proxy")
    authority, path = _authority(rest)
    target = parse_target(authority, 80)
    lines = [method + b" " + path.encode() + b" HTTP/1.1", b"Host: " + authority.encode(), *_forwarded_fields(fields)]
    return ProxyRequest(target=target, tunnel=False, head=b"\r\n".join([*lines, b"Connection: close", b"", b""]))


def _authority(rest: str) -> tuple[str, str]:
    end = min((at for at in (rest.find(mark) for mark in "/?#") if at >= 0), default=len(rest))
    authority, path = rest[:end], rest[end:].partition("#")[0]
    return authority, path if path.startswith("/") else f"/{path}"


def _forwarded_fields(fields: list[bytes]) -> list[bytes]:
    """The fields that are the target's business; one connection carries one request, so that each is looked at."""
    return [field for field in fields if field.partition(b":")[0].strip().lower() not in _OURS]
