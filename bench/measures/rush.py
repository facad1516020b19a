"""200 notifications a second for a minute: how soon the mail server has each, and what the worker holds in memory.

The worker runs as `make up` starts it, with its beat; notifications are accepted in this process, fifty in a command.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

from bench import ground
from bench.figures import Figure, percentile
from bench.measures.notifications import accept, mail_server
from bh_sdk.server.ops import clock
from deploy.local.stack import Stack
from notify_svc.delivery.models import Delivery

RATE, SECONDS, AT_ONCE = 200, int(os.environ.get("SECONDS_OF_RUSH", "60")), 50
WARM, AFTER = 5.0, 30.0


def measure(stack: Stack) -> Iterator[Figure]:
    with mail_server() as url:
        usual = ground.program(stack, "notify-worker")
        worker = type(usual)(usual.name, usual.command, dict(usual.env) | {"SMTP_URL": url}, usual.ready)
        with ground.running(stack, worker) as process:
            _warm()
            sizes, began = [], time.monotonic()
            first, used = clock.now(), ground.cpu_seconds(process)
            for turn in range(RATE * SECONDS // AT_ONCE):
                # Late or not, the next ones come: a rush waits for nobody.
                time.sleep(max(0.0, began + turn * AT_ONCE / RATE - time.monotonic()))
                accept(AT_ONCE)
                sizes.append(process.memory_info().rss / 2**20)
            took = time.monotonic() - began
            _drain()
            used = ground.cpu_seconds(process) - used
    mails = Delivery.objects.filter(channel="email", created_at__gte=first)
    waits = [
        (handed - created).total_seconds()
        for created, handed in mails.values_list("created_at", "handed_over_at")
        if handed is not None
    ]
    count = RATE * SECONDS
    within = 100 * sum(wait <= 10 for wait in waits) / count
    yield Figure(
        "accepted", count / took, "per s", note=f"{count:,} in {took:.0f} s, {AT_ONCE} a command, mail and feed"
    )
    note = f"50 % within {percentile(waits, 0.5):.2f} s, 95 % within {percentile(waits, 0.95):.2f}, all within {max(waits):.2f}"
    yield Figure("with the mail server within 10 s", within, "%", "≥ 95", note)
    yield Figure("the worker's CPU for one notification", used / count * 1e3, "ms", note="a mail and a feed entry")
    fifth = max(1, len(sizes) // 5)
    early, late = max(sizes[fifth : 2 * fifth]), max(sizes[-fifth:])
    note = f"the most in the last fifth of the time less the most in the second; {late:.0f} MiB in all"
    yield Figure("the worker grew by", late - early, "MiB", note=note)


def _warm() -> None:
    """Until the worker has sent its first mails."""
    accept(AT_ONCE)
    _drain()
    time.sleep(WARM)


def _drain() -> None:
    until = time.monotonic() + AFTER
    while Delivery.objects.filter(finished_at=None).exists() and time.monotonic() < until:
        time.sleep(0.1)
