"""`relay`, or `relay consumer` in one process as in the program `road`, until standard input closes.

The consumer is the real one with one handler more: it puts down which events it saw. The feed is read without the
network between, because no API runs here; with a stream that is whole it is never asked.
"""

from __future__ import annotations

import sys
import threading

import django
from django.apps import apps


def main() -> None:
    from django.db import connection

    from bh_sdk.events import DonationSucceeded
    from bh_sdk.server.events import Delivered, feed, handles
    from bh_sdk.server.events.consumer import Consumer
    from bh_sdk.server.events.relay import Relay
    from bh_sdk.wire.events import FeedPage

    class Nearby:
        def page(self, after: str, limit: int) -> FeedPage:
            return FeedPage.model_validate_json(feed.page(after, limit))

    @handles(DonationSucceeded)
    def note(event: Delivered[DonationSucceeded]) -> None:
        with connection.cursor() as cursor:
            cursor.execute("INSERT INTO bench_effect VALUES (%s)", [event.id])

    stop = threading.Event()
    workers = {"relay": Relay("payments").run, "consumer": Consumer("bench", "payments", feed=Nearby()).run}
    threads = [threading.Thread(target=workers[name], args=[stop], daemon=True) for name in sys.argv[1:]]
    for thread in threads:
        thread.start()
    sys.stdin.read()
    stop.set()
    for thread in threads:
        thread.join(10)


if __name__ == "__main__":
    if not apps.ready:
        django.setup()
    main()
