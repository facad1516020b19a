"""Ring for a worker. What it will do is in PostgreSQL already; the ring only saves the wait for the next sweep."""

from __future__ import annotations

import time
from typing import Any

from django.db import transaction
from kombu.pools import producers

from bh_sdk.server.ops import trace
from bh_sdk.server.ops.celery import celery_of_settings
from bh_sdk.server.ops.logs import log

# After a failed ring nobody rings for this many seconds, so that an absent broker slows nothing down.
PAUSE = 5.0

_silent_until = float("-inf")


def ring(task_name: str, **kwargs: Any) -> None:
    """Have a worker run `task_name` with `kwargs` once the present transaction is committed (at once without one).

    Never raises and never waits long: when the broker is away, that is logged and the sweeps do the work later.
    """
    transaction.on_commit(lambda: _send(task_name, kwargs))


def _send(task_name: str, kwargs: dict[str, Any]) -> None:
    global _silent_until
    if time.monotonic() < _silent_until:
        return
    app = celery_of_settings()
    short = dict(app.conf.broker_transport_options) | {
        "socket_timeout": 1,
        "socket_connect_timeout": 1,
        "max_retries": 0,
    }
    try:
        with producers[app.connection_for_write().clone(transport_options=short)].acquire(
            block=True, timeout=1
        ) as producer:
            app.send_task(
                task_name, kwargs=kwargs, producer=producer, ignore_result=True, retry=False, headers=trace.headers()
            )
    except Exception as error:
        # Whatever a broker's client raises: the fact is committed, and the sweeps find it.
        _silent_until = time.monotonic() + PAUSE
        log().warning("doorbell_unheard", task=task_name, exc_info=error)
