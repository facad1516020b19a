"""Who listens where. Every number is an offset from `BH_PORT_BASE`, so two stacks never meet."""

from __future__ import annotations

import socket
from dataclasses import dataclass

OFFSETS = {
    "payments": 0,
    "trust": 1,
    "notify": 2,
    "stream": 3,
    "stripe": 10,
    "issuer": 11,
    "postgres": 20,
    "redis": 21,
    "smtp": 24,
    "mail": 25,
}


@dataclass(frozen=True)
class Ports:
    """The ports of one stack: `Ports(8000).of("trust") == 8001`."""

    base: int = 8000

    def of(self, name: str) -> int:
        return self.base + OFFSETS[name]

    def url(self, name: str) -> str:
        """The HTTP base URL of a program, without a slash at the end."""
        return f"http://127.0.0.1:{self.of(name)}"

    def taken(self) -> list[tuple[str, int]]:
        """The (name, port) pairs that something else listens on already."""
        return [(name, self.of(name)) for name in OFFSETS if not is_free(self.of(name))]


def is_free(port: int) -> bool:
    """True when nothing on loopback holds the port (lingering connections do not count)."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_port() -> int:
    """A port that the system says is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def free_base(start: int = 18000, stop: int = 30000) -> int:
    """The first base from which a whole stack fits; raises OSError when there is none.

    Stays below the ephemeral range, so that no outgoing connection takes one of the ports meanwhile.
    """
    for base in range(start, stop, 100):
        if not Ports(base).taken():
            return base
    raise OSError(f"no room for a stack between ports {start} and {stop}")
