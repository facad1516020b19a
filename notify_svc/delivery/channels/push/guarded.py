"""Speaking to hosts that strangers name. Only public addresses are connected to, and the one that was looked at is the one
that is used: a name that changes its mind between the look and the connection gains nothing.

No redirect is followed, no proxy asked, and whatever the other side does, it is over after `TOTAL` seconds.
"""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from collections.abc import Collection, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import httpcore
import httpx

CONNECT, TOTAL = 4.0, 10.0
# What we look at of an answer's body: nothing, but reading it keeps the connection for the next letter.
MOST_BODY = 4_096
_Address = ipaddress.IPv4Address | ipaddress.IPv6Address
# Addresses of IPv4 as IPv6 networks that translate show them.
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")


class Forbidden(Exception):
    """The host is, or may be, inside the house."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a host said: its status and its headers, by lower-case names through `get`."""

    status: int
    headers: Mapping[str, str]


def public(address: str) -> bool:
    """Whether an address is in the public net, whatever is packed into it."""
    ip: _Address = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(ip, ipaddress.IPv6Address):
        inner = ip.ipv4_mapped or ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if inner is None and ip in _TRANSLATED:
            inner = ipaddress.IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner is not None:
            return public(str(inner))
    return ip.is_global and not ip.is_multicast


class _Guard(httpcore.NetworkBackend):
    """Resolves a name itself, refuses it unless all its addresses are public, and connects to what it looked at.

    `known` (host, port) pairs are spoken to wherever they are; when there are some, nobody else is.
    """

    def __init__(self, known: Collection[tuple[str, int]]) -> None:
        self._known = frozenset(known)
        self._inner = httpcore.SyncBackend()
        self.until = 0.0

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        refused: httpcore.ConnectError | httpcore.ConnectTimeout = httpcore.ConnectError("no address")
        for address in self._looked_up(host, port):
            left = min(timeout or CONNECT, self.until - time.monotonic())
            if left <= 0:
                raise httpcore.ConnectTimeout("took too long")
            try:
                stream = self._inner.connect_tcp(address, port, left, local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                refused = error
            else:
                return _Timed(stream, self)
        raise refused

    def _looked_up(self, host: str, port: int) -> list[str]:
        if self._known and (host.lower(), port) not in self._known:
            raise Forbidden(host)
        if not self._known and port != 443:
            raise Forbidden(host)
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError("the name leads nowhere") from error
        addresses = list(dict.fromkeys(str(one[4][0]) for one in found))
        if not self._known and not all(public(one) for one in addresses):
            raise Forbidden(host)
        return addresses


class _Timed(httpcore.NetworkStream):
    """A stream on which one letter ends in time, however slowly the other side drips."""

    def __init__(self, inner: httpcore.NetworkStream, guard: _Guard) -> None:
        self._inner = inner
        self._guard = guard

    def _left(self, timeout: float | None) -> float:
        left = self._guard.until - time.monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("took too long")
        return min(timeout or TOTAL, left)

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._left(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Timed(self._inner.start_tls(ssl_context, server_hostname, self._left(timeout)), self._guard)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


@cache
def _trusted() -> ssl.SSLContext:
    return httpx.create_ssl_context()


class Guarded:
    """Connections to hosts that strangers name, kept for one batch. Use it as a context."""

    def __init__(self, *, known: Collection[str] = ()) -> None:
        self._guard = _Guard([_place(one) for one in known])
        self._pool = httpcore.ConnectionPool(
            ssl_context=_trusted(), max_connections=16, keepalive_expiry=20, retries=0, network_backend=self._guard
        )

    def __enter__(self) -> Guarded:
        self._stack = ExitStack()
        self._stack.enter_context(self._pool)
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def post(self, url: str, *, headers: Mapping[str, str], content: bytes) -> Answer:
        """One POST. Raises Forbidden, and what httpcore raises."""
        self._guard.until = time.monotonic() + TOTAL
        timeouts = {"connect": CONNECT, "read": TOTAL, "write": TOTAL, "pool": TOTAL}
        sent = list(headers.items())
        with self._pool.stream(
            "POST", url, headers=sent, content=content, extensions={"timeout": timeouts}
        ) as response:
            read = 0
            for part in response.iter_stream():
                read += len(part)
                if read > MOST_BODY:
                    break
            told = {name.decode("latin-1").title(): value.decode("latin-1") for name, value in response.headers}
        return Answer(response.status, told)


def _place(service: str) -> tuple[str, int]:
    parts = urlsplit(service)
    return (parts.hostname or "").lower(), parts.port or (443 if parts.scheme == "https" else 80)
