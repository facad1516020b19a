"""Work that rows ask for: refunds on their way to Stripe, and batches of them."""

from __future__ import annotations

from bh_sdk.errors import BHError
from bh_sdk.server.ops.logs import log
from payments_svc.celery import app
from payments_svc.gateway.errors import GatewayError
from payments_svc.refunds import saga

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
