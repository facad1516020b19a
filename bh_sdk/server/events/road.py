"""The program `road`: the relay and every consumer of a service, in one process."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Mapping
from types import FrameType

from bh_sdk.clients import Feed, ServiceAuth
from bh_sdk.server.events.consumer import Consumer
from bh_sdk.server.events.relay import Relay
from bh_sdk.server.events.seals import SealSink
from bh_sdk.server.ops import env, logs
from bh_sdk.server.ops.settings import setting

log = logs.log("events")

Worker = Callable[[threading.Event], None]

# Seconds that a batch at hand may take after SIGTERM.
_GRACE = 20.0


def workers() -> dict[str, Worker]:
    """What runs in this service: the relay, and one consumer for each source of BH_EVENT_SOURCES."""
    service: str = setting("BH_SERVICE")
    found: dict[str, Worker] = {"relay": Relay(service, sink=SealSink.from_environment()).run}
    for source, place in setting("BH_EVENT_SOURCES").items():
        url = place["url"]
        auth = ServiceAuth(f"{url}/oauth2/token", service, env.secret("BH_SIGNING_KEY"), source)
        found[f"consumer of {source}"] = Consumer(service, source, feed=Feed(url, auth=auth, timeout=5.0)).run
    return found


def drive(workers: Mapping[str, Worker]) -> int:
    """Run workers in threads until SIGTERM or SIGINT, then let each finish its batch; returns the exit code.

    A worker waits by itself for what is away; one that ends or raises is broken, and ends the process with 1 so that
    its supervisor starts it anew.
    """
    stop, over = threading.Event(), threading.Event()
    broken: list[str] = []

    def run(name: str, worker: Worker) -> None:
        try:
            worker(stop)
        except Exception:
            log.exception("worker_died", worker=name)
        if not stop.is_set():
            broken.append(name)
        over.set()

    def end(number: int, frame: FrameType | None) -> None:
        stop.set()
        over.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, end)
    threads = [threading.Thread(target=run, args=pair, name=pair[0], daemon=True) for pair in workers.items()]
    for thread in threads:
        thread.start()
    log.info("road_open", workers=sorted(workers))
    over.wait()
    stop.set()
    for thread in threads:
        thread.join(_GRACE)
    late = [thread.name for thread in threads if thread.is_alive()]
    log.info("road_closed", broken=broken, late=late)
    return 1 if broken or late else 0
