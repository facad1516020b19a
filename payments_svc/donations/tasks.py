"""Work that rows ask for: whatever a lost message or a killed worker leaves behind is found by the next sweep."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.db import transaction

from bh_sdk.errors import BHError
from bh_sdk.server.ops import clock
from bh_sdk.server.ops.logs import log
from payments_svc.celery import app
from payments_svc.donations import handoffs, neighbours, settling
from payments_svc.donations.models import Payment
from payments_svc.gateway.errors import GatewayError

_BATCH = 50
_LEASE = timedelta(seconds=30)


@app.task(name="payments.donations.look_again")
def look_again() -> int:
    """Ask Stripe about payments that it has told us nothing of for too long; resolves every `unknown`."""
    looked = 0
    for payment_id in _claim_payments():
        try:
            settling.settle(payment_id)
            looked += 1
        except (GatewayError, BHError) as error:
            # Due again after the lease; Stripe being away is no news worth a stack.
            log("donations").warning("payment.look_failed", payment_id=str(payment_id), error=type(error).__name__)
        except Exception:
            # Something nobody foresaw about one payment must not hold up the others; it stays due.
            log("donations").exception("payment.look_broke", payment_id=str(payment_id))
    return looked


@transaction.atomic
def _claim_payments() -> list[UUID]:
    now = clock.now()
    ids = list(
        Payment.objects.select_for_update(skip_locked=True)
        .filter(look_again_at__lte=now)
        .order_by("look_again_at")
        .values_list("id", flat=True)[:_BATCH]
    )
    Payment.objects.filter(id__in=ids).update(look_again_at=now + _LEASE)
    return list(ids)


@app.task(name="payments.donations.hand_off")
def hand_off() -> int:
    """Tell trust and notify what they have to know of campaigns and guests."""
    told = 0
    for row in handoffs.claim(_BATCH):
        try:
            neighbours.tell(row)
        except BHError as error:
            handoffs.failed(row, f"{type(error).__name__}: {error.code}")
            log("donations").warning("handoff.failed", kind=row.kind, entity_id=str(row.entity_id), error=error.code)
        except Exception as error:
            # The same here: a row that cannot be told says why and lets the others pass.
            handoffs.failed(row, type(error).__name__)
            log("donations").exception("handoff.broke", kind=row.kind, entity_id=str(row.entity_id))
        else:
            handoffs.done(row)
            told += 1
    return told
