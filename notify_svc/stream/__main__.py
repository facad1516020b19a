"""`python -m notify_svc.stream --host 127.0.0.1 --port 8003`"""

from __future__ import annotations

import argparse
import asyncio
import logging.config
import resource
from types import FrameType

import uvicorn

from bh_sdk.server.ops import heap, logs
from notify_svc.stream import settings
from notify_svc.stream.app import Application
from notify_svc.stream.hub import Hub
from notify_svc.stream.store import Store

# Seconds that streams have to say goodbye in.
_GOODBYE = 8


class Server(uvicorn.Server):
    """Ends the streams first when it is told to end: it would wait for them otherwise."""

    def __init__(self, config: uvicorn.Config, hub: Hub) -> None:
        super().__init__(config)
        self._hub = hub

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        self._hub.drain()
        # A second signal means at once.
        self.force_exit = self.should_exit
        self.should_exit = True


async def serve(host: str, port: int) -> None:
    hub = Hub(Store(settings.database()), settings.direct_database())
    config = uvicorn.Config(
        Application(hub, settings.origins()),
        host=host,
        port=port,
        lifespan="off",
        # Addresses hold tickets.
        access_log=False,
        log_config=None,
        server_header=False,
        ws="none",
        timeout_graceful_shutdown=_GOODBYE,
        backlog=1024,
    )
    hub.start()
    heap.settle()
    try:
        await Server(config, hub).serve()
    finally:
        await hub.stop()


def main() -> None:
    parser = argparse.ArgumentParser(prog="notify-stream", description="Hold the streams of people's feeds open.")
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, required=True)
    asked = parser.parse_args()
    # Each stream is an open file, and a shell's usual thousand is too few.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    logging.config.dictConfig(logs.configure("notify", "stream"))
    asyncio.run(serve(asked.host, asked.port))


if __name__ == "__main__":
    main()
