"""Our endpoint and the peer's under the same load, in turns: what is near in time shares its luck.

Each runs as one Granian process on the same database: ours as `make up` starts it, the peer by its ASGI interface.
"""

from __future__ import annotations

import importlib.util
import json
import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import psutil

from bench import ground
from bench.figures import Figure, LeftOut, percentile
from bench.load import Load, Refused, press
from deploy.local import keys
from deploy.local.issuer.tokens import user_token
from deploy.local.ports import free_port
from deploy.local.programs import Program
from deploy.local.stack import Stack

CONNECTIONS = 32
ROUNDS = 5
SECONDS = 1.0
WARM_ANSWERS = 200
PEER_NEEDS = ("fastapi", "sqlalchemy", "asyncpg")


def missing() -> LeftOut | None:
    """What the peer needs and is not installed here; None when all is there."""
    absent = [name for name in PEER_NEEDS if importlib.util.find_spec(name) is None]
    if not absent:
        return None
    return LeftOut(
        f"the peer needs {', '.join(absent)} (dependency group `bench`), and without it there is no comparison"
    )


def token(stack: Stack, user: object, *roles: str) -> str:
    """A signed-in person's token."""
    issuer = f"{stack.ports.url('issuer')}/auth/v1"
    return user_token(stack.keys / "issuer.pem", issuer, user, list(roles or ("donor",)))  # type: ignore[arg-type]


@dataclass
class Rival:
    """One of the two: where it listens, its process, and what it did in each round."""

    port: int
    process: psutil.Process
    loads: list[Load] = field(default_factory=list)
    cpu: float = 0.0
    database_cpu: float = 0.0

    @property
    def rate(self) -> float:
        """Requests per second of the middle round."""
        return statistics.median(load.rate for load in self.loads)

    @property
    def took(self) -> list[float]:
        return [took for load in self.loads for took in load.took]

    def per_request(self, seconds: float) -> float:
        """Microseconds of a cost for one request."""
        return seconds / len(self.took) * 1e6

    def note(self) -> str:
        busy, database = self.per_request(self.cpu), self.per_request(self.database_cpu)
        return f"{within(self.took)}; CPU {busy:,.0f} µs, PostgreSQL {database:,.0f} µs a request"


def within(took: Sequence[float]) -> str:
    """The three percentiles of some seconds, in milliseconds."""
    p50, p95, p99 = (percentile(took, share) * 1000 for share in (0.5, 0.95, 0.99))
    return f"p50 {p50:.1f}, p95 {p95:.1f}, p99 {p99:.1f} ms"


def compare(
    stack: Stack, service: str, next_request: Callable[[], bytes], *, goal: str, connections: int = CONNECTIONS
) -> Iterator[Figure]:
    """Both under `connections` connections that ask for `next_request()`. Raises Refused when either says no."""
    database = ground.postmaster(stack)
    ours_program = ground.program(stack, f"{service}-api")
    peer_program, peer_port = _peer(stack, service)
    with ground.running(stack, ours_program) as our_process, ground.running(stack, peer_program) as peer_process:
        ours = Rival(stack.ports.of(service), our_process)
        peer = Rival(peer_port, peer_process)
        try:
            for rival in (ours, peer):
                # Connections are opened, statements prepared, caches filled.
                press(rival.port, next_request, connections=connections, seconds=0, at_least=WARM_ANSWERS)
            for _ in range(ROUNDS):
                for rival in (ours, peer):
                    cpu, database_cpu = ground.cpu_seconds(rival.process), ground.cpu_seconds(database)
                    rival.loads.append(press(rival.port, next_request, connections=connections, seconds=SECONDS))
                    rival.cpu += ground.cpu_seconds(rival.process) - cpu
                    rival.database_cpu += ground.cpu_seconds(database) - database_cpu
        except Refused as refused:
            said = (stack.logs / f"{service}-{suffix}.log" for suffix in ("api", "peer"))
            raise Refused(f"{refused}\n" + "\n".join(log.read_text(errors="replace")[-2000:] for log in said)) from None
    yield Figure("ours", ours.rate, "req/s", note=ours.note())
    yield Figure("the peer", peer.rate, "req/s", note=peer.note())
    rounds = [mine.rate / theirs.rate for mine, theirs in zip(ours.loads, peer.loads, strict=True)]
    shown = ", ".join(f"{ratio:.2f}" for ratio in rounds)
    yield Figure(
        "ours ÷ peer, median round", statistics.median(rounds), "×", goal, f"{connections} connections, rounds {shown}"
    )
    saved = peer.per_request(peer.cpu) / ours.per_request(ours.cpu)
    yield Figure("the peer's CPU ÷ ours", saved, "×", note="of the server processes, for one request")


def _peer(stack: Stack, service: str) -> tuple[Program, int]:
    port = free_port()
    ours = ground.program(stack, f"{service}-api")
    told = dict(ours.env) | {"PEER_JWK": json.dumps(json.loads(ours.env["BH_USER_JWKS"])["keys"][0])}
    if service == "payments":
        told["PEER_STRIPE_KEY"] = keys.read(stack.keys, "stripe")
    command = [
        *(sys.executable, "-m", "granian", "--interface", "asgi", "--host", "127.0.0.1", "--port", str(port)),
        *("--workers", "1", "--no-ws", "--log-level", "warning", "bench.peer_fastapi.app:app"),
    ]
    return Program(f"{service}-peer", command, told, ready=f"http://127.0.0.1:{port}/readyz"), port
