"""`python -m deploy.local.stripe_standin --port N --state DIR`."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from .app import make_app

if TYPE_CHECKING:
    import asyncio

_OPEN: dict[tuple[str, int], asyncio.Transport] = {}


class _Cuttable(H11Protocol):
    """Remembers each client's connection, so that an answer can be lost on the way."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        _OPEN[transport.get_extra_info("peername")[:2]] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        _OPEN.pop(self.transport.get_extra_info("peername")[:2], None)
        super().connection_lost(exc)


def _cut(client: tuple[str, int]) -> None:
    transport = _OPEN.get(client)
    if transport is not None:
        transport.abort()


def main() -> None:
    """Serve until a signal comes."""
    parser = argparse.ArgumentParser(prog="python -m deploy.local.stripe_standin", description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True, help="folder of the state file")
    parser.add_argument(
        "--secret-key", action="append", default=[], metavar="KEY",
        help="a secret key that exists (repeatable; default: STRIPE_SECRET_KEY; none: every well-formed test key)",
    )  # fmt: skip
    parser.add_argument(
        "--webhook", action="append", default=[], metavar="URL",
        help="an endpoint that gets every event (repeatable), signed with STRIPE_WEBHOOK_SECRET",
    )  # fmt: skip
    parser.add_argument("--webhook-secret", default=os.environ.get("STRIPE_WEBHOOK_SECRET"), metavar="SECRET")
    parser.add_argument("--log-level", default="warning")
    given = parser.parse_args()
    from_environment = os.environ.get("STRIPE_SECRET_KEY")
    keys = given.secret_key or ([from_environment] if from_environment else [])
    app = make_app(
        given.state,
        f"http://127.0.0.1:{given.port}",
        secret_keys=frozenset(keys),
        webhooks=tuple((url, given.webhook_secret) for url in given.webhook),
        cut=_cut,
    )
    uvicorn.run(
        app, host="127.0.0.1", port=given.port, http=_Cuttable, loop="asyncio", ws="none",
        log_level=given.log_level, access_log=False, server_header=False, timeout_graceful_shutdown=3,
        timeout_keep_alive=60,
    )  # fmt: skip


if __name__ == "__main__":
    main()
