"""Work that rows ask for: refunds on their way to Stripe, and batches of them."""

from __future__ import annotations

from bh_sdk.errors import BHError
from bh_sdk.server.ops.logs import log
from payments_svc.celery import app
from payments_svc.gateway.errors import GatewayError
from payments_svc.refunds import batches, saga

_BATCH = 50


@app.task(name="payments.refunds.sweep")
def sweep() -> int:
    """Take every due refund a step further: what was approved, what nobody answered, what has been pending for long."""
    moved = 0
    for refund_id in saga.claim(_BATCH):
        try:
            saga.go_on(refund_id)
            moved += 1
        except (GatewayError, BHError) as error:
            # Due again after the lease; Stripe being away is no news worth a stack.
            log("refunds").warning("refund.put_off", refund_id=str(refund_id), error=type(error).__name__)
        except Exception:
            # Something nobody foresaw about one refund must not hold up the others; it stays due.
            log("refunds").exception("refund.broke", refund_id=str(refund_id))
    return moved


@app.task(name="payments.refunds.work_batches")
def work_batches() -> int:
    """Do the next piece of every batch that has something to do."""
    done = 0
    for batch_id in batches.claim():
        try:
            done += batches.go_on(batch_id)
        except Exception:
            # The same here: its lease runs out, and what was done is done.
            log("refunds").exception("batch.broke", batch_id=str(batch_id))
    return done
