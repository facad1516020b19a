"""Transfers that rows ask for: whatever a lost answer or a killed worker leaves behind is found by the next sweep."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db import transaction

from bh_sdk.errors import BHError
from bh_sdk.server.ops import clock
from bh_sdk.server.ops.logs import log
from payments_svc.celery import app
from payments_svc.gateway.errors import GatewayError
from payments_svc.payouts import sending
from payments_svc.payouts.models import Payout

_BATCH = 20
_LEASE = timedelta(seconds=60)


@app.task(name="payments.payouts.send_due")
def send_due() -> int:
    """Send what was approved, and ask Stripe about what is under way or may have come back."""
    settled = 0
    for payout_id in _claim():
        try:
            sending.settle(payout_id)
            settled += 1
        except (GatewayError, BHError) as error:
            # Due again soon; Stripe being away is no news worth a stack.
            log("payouts").warning("payout.look_failed", payout_id=str(payout_id), error=type(error).__name__)
        except Exception:
            # Something nobody foresaw about one payout must not hold up the others; it stays due.
            log("payouts").exception("payout.look_broke", payout_id=str(payout_id))
    return settled


@transaction.atomic
def _claim() -> list[UUID]:
    now = clock.now()
    ids = list(
        Payout.objects.select_for_update(skip_locked=True)
        .filter(look_again_at__lte=now)
        .order_by("look_again_at")
        .values_list("id", flat=True)[:_BATCH]
    )
    Payout.objects.filter(id__in=ids).update(look_again_at=now + _LEASE)
    return list(ids)
