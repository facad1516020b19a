"""The worker's side of Stripe's events."""

from __future__ import annotations

from bh_sdk.server.ops.logs import log
from payments_svc.celery import app
from payments_svc.gateway import commands, mirror

# Few enough that the slowest answers of Stripe do not outlast the lease on them.
_BATCH = 10


@app.task(name="payments.gateway.work_events")
def work_events() -> int:
    """Work off the due events, until none is due."""
    worked = 0
    while rows := commands.claim_events(_BATCH):
        for row in rows:
            try:
                commands.work_event(row)
            except Exception as error:
                # One event that cannot be worked must not hold up the others; it stays due and says why.
                log("gateway").exception("stripe_event.failed", event_id=row.id, type=row.type)
                commands.put_off(row, error)
        worked += len(rows)
    return worked


@app.task(name="payments.gateway.mirror_events")
def mirror_events() -> int:
    """Copy stored events into the mirror, a few at a time: it is no hurry and costs calls to Stripe."""
    copied = 0
    for _ in range(10):
        row = mirror.claim()
        if row is None:
            break
        copied += mirror.copy(row)
    return copied
