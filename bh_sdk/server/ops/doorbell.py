"""Ring for a worker. What it will do is in PostgreSQL already; the ring only saves the wait for the next sweep."""

from __future__ import annotations

import json
import os
import time
from threading import Condition, Thread
from typing import Any

from django.db import transaction
from kombu.pools import producers

from bh_sdk.server.ops import trace
from bh_sdk.server.ops.celery import celery_of_settings
from bh_sdk.server.ops.logs import log

# After a failed ring nobody rings for this many seconds, so that an absent broker costs nothing.
PAUSE = 5.0
# Rings for the same work within this many seconds become one: a worker that comes works off all that is due.
TOGETHER = 0.02


def ring(task_name: str, **kwargs: Any) -> None:
    """Have a worker run `task_name` with `kwargs` once the present transaction is committed (at once without one).

    Never raises and never waits: a thread of the process sends it. When the broker is away, that is logged and the
    sweeps do the work later.
    """
    transaction.on_commit(lambda: _bell.ask(task_name, kwargs))


class Bell:
    """The thread that rings, started by the first ring of its process."""

    def __init__(self) -> None:
        self._wanted: dict[tuple[str, str], dict[str, str]] = {}
        self._changed = Condition()
        self._ringer: Thread | None = None
        self._process = 0
        self._busy = False

    def ask(self, task_name: str, kwargs: dict[str, Any]) -> None:
        """Ring soon; the same ring that still waits counts for this one too."""
        with self._changed:
            self._wanted.setdefault((task_name, json.dumps(kwargs, sort_keys=True)), trace.headers())
            # A forked process has no thread, however it looks.
            if self._ringer is None or not self._ringer.is_alive() or self._process != os.getpid():
                self._process = os.getpid()
                self._ringer = Thread(target=self._ring_on, name="doorbell", daemon=True)
                self._ringer.start()
            self._changed.notify_all()

    def settle(self, seconds: float = 10.0) -> bool:
        """Wait until nothing waits to be rung; says whether that came true. For tests and for programs that end."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._wanted and not self._busy, timeout=seconds)

    def _ring_on(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._wanted))
                wanted, self._wanted, self._busy = self._wanted, {}, True
            heard = _send_all(wanted)
            with self._changed:
                self._busy = False
                self._changed.notify_all()
            time.sleep(TOGETHER if heard else PAUSE)
            if not heard:
                # The sweeps find what was asked for meanwhile.
                with self._changed:
                    self._wanted.clear()


def _send_all(wanted: dict[tuple[str, str], dict[str, str]]) -> bool:
    app = celery_of_settings()
    short = dict(app.conf.broker_transport_options) | {
        "socket_timeout": 1,
        "socket_connect_timeout": 1,
        "max_retries": 0,
    }
    try:
        connection = app.connection_for_write().clone(transport_options=short)
        with producers[connection].acquire(block=True, timeout=1) as producer:
            for (task_name, kwargs), headers in wanted.items():
                app.send_task(
                    task_name,
                    kwargs=json.loads(kwargs),
                    producer=producer,
                    ignore_result=True,
                    retry=False,
                    headers=headers,
                )
    except Exception as error:
        # Whatever a broker's client raises: the facts are committed, and the sweeps find them.
        log().warning("doorbell_unheard", tasks=sorted({name for name, _ in wanted}), exc_info=error)
        return False
    return True


_bell = Bell()
