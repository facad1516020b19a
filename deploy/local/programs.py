"""Every program of the local stack: how it is called, what it is told, how one sees that it is ready."""

from __future__ import annotations

import os
import signal
import sys
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from deploy.local import environment, redis
from deploy.local.stack import SERVICES, Stack, is_built

BIN = Path(sysconfig.get_path("scripts"))


def nothing() -> None:
    """Most programs need no preparation."""


@dataclass(frozen=True)
class Program:
    """One process group. `ready` is an address that answers 200 once the program works; empty: running is enough."""

    name: str
    command: list[str]
    env: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    ready: str = ""
    stop_signal: signal.Signals = signal.SIGTERM
    before: Callable[[], None] = nothing


def ground(stack: Stack) -> list[Program]:
    """The two servers everything stands on, unless the environment names others."""
    programs = []
    if not all(environment.has_own_database(stack, service) for service in SERVICES):
        cluster = stack.postgres
        programs.append(Program("postgres", cluster.command(), stop_signal=signal.SIGINT, before=cluster.clear))
    if not environment.has_own_redis(stack):
        programs.append(Program("redis", redis.command(stack.ports.of("redis"), stack.data / "redis")))
    return programs


def outside(stack: Stack) -> list[Program]:
    """The stand-ins for the world around us: Stripe, Supabase Auth, the mail provider."""
    ports, data = stack.ports, stack.data
    python = (sys.executable, "-m")
    issuer = [
        *python,
        "deploy.local.issuer",
        "--port",
        str(ports.of("issuer")),
        "--key",
        str(stack.keys / "issuer.pem"),
    ]
    mail = [
        *python,
        "deploy.local.mail_sink",
        "--smtp-port",
        str(ports.of("smtp")),
        "--http-port",
        str(ports.of("mail")),
    ]
    programs = [
        Program("issuer", [*issuer, "--state", str(data / "issuer")], ready=ports.url("issuer") + "/readyz"),
        Program("mail", [*mail, "--state", str(data / "mail")], ready=ports.url("mail") + "/readyz"),
    ]
    if not environment.has_own_stripe(stack):
        stripe = [
            *python,
            "deploy.local.stripe_standin",
            "--port",
            str(ports.of("stripe")),
            "--state",
            str(data / "stripe"),
        ]
        programs.append(Program("stripe", stripe, env=dict(os.environ) | environment.stripe(stack)))
    return programs


def of_services(stack: Stack) -> list[Program]:
    """The programs of each service: api, worker, road, and the stream of notify."""
    return [program for service in SERVICES if is_built(service) for program in _of_service(service, stack)]


def _of_service(service: str, stack: Stack) -> list[Program]:
    env = environment.program(service, stack)
    package = f"{service}_svc"
    granian = [
        str(BIN / "granian"),
        "--host",
        "127.0.0.1",
        "--workers",
        "1",
        "--no-ws",
        "--log-level",
        "warning",
        "--workers-kill-timeout",
        "10",
    ]
    api = [
        "--interface",
        "wsgi",
        "--blocking-threads",
        "16",
        "--port",
        str(stack.ports.of(service)),
        f"{package}.wsgi:application",
    ]
    beat = ["--schedule", str(stack.run / f"{service}-beat")]
    worker = [
        "worker",
        "-B",
        "--pool",
        "threads",
        "-c",
        "8",
        "-l",
        "info",
        "--without-gossip",
        "--without-mingle",
        *beat,
    ]
    programs = [
        Program(
            f"{service}-api", [*granian, *api], env | {"BH_PROGRAM": "api"}, ready=stack.ports.url(service) + "/readyz"
        ),
        Program(
            f"{service}-worker",
            [str(BIN / "celery"), "-A", f"{package}.celery", *worker],
            env | {"BH_PROGRAM": "worker"},
        ),
        Program(f"{service}-road", [sys.executable, "-m", f"{package}.manage", "road"], env | {"BH_PROGRAM": "road"}),
    ]
    if service == "notify":
        stream = [sys.executable, "-m", "notify_svc.stream", "--port", str(stack.ports.of("stream"))]
        programs.append(
            Program(
                "notify-stream", stream, env | {"BH_PROGRAM": "stream"}, ready=stack.ports.url("stream") + "/readyz"
            )
        )
    return programs
