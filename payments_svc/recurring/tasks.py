"""Work that series ask for: a lost ring or a killed worker leaves behind what the next sweep finds."""

from __future__ import annotations

from bh_sdk.errors import BHError
from bh_sdk.server.ops.logs import log
from payments_svc.celery import app
from payments_svc.gateway.errors import GatewayError
from payments_svc.recurring import charging, moves

_BATCH = 20


@app.task(name=moves.WORK)
def work() -> int:
    """Charge what is due, resume what was interrupted, warn of cards that end."""
    worked = 0
    for recurring_id in charging.claim(_BATCH):
        try:
            charging.work(recurring_id)
            worked += 1
        except (GatewayError, BHError) as error:
            # Due again after the lease; Stripe being away is no news worth a stack.
            log("recurring").warning("recurring.put_off", recurring_id=str(recurring_id), error=type(error).__name__)
        except Exception:
            # Something nobody foresaw about one series must not hold up the others; it stays due.
            log("recurring").exception("recurring.broke", recurring_id=str(recurring_id))
    return worked
