"""The read model again, from nothing but the recorded facts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.db import transaction

from bh_sdk.events import CATALOGUE
from bh_sdk.server.events import Delivered
from bh_sdk.server.events.models import Checkpoint, FeedEntry
from payments_svc.insights import commands, consumers

_SELF = "payments"
_HANDLERS: dict[str, Callable[[Delivered[Any]], None]] = {
    "payments.donation.succeeded.v1": consumers.count_gift,
    "payments.refund.succeeded.v1": consumers.count_refund,
    "payments.refund.failed.v1": consumers.uncount_refund,
}


@transaction.atomic
def totals() -> int:
    """Add up every fact that the consumer has seen, and answer how many there were.

    The consumer's checkpoint is held meanwhile: what comes later is added by the consumer, exactly once.
    """
    checkpoint = Checkpoint.objects.select_for_update().filter(consumer=_SELF, source=_SELF).first()
    commands.forget()
    if checkpoint is None:
        return 0
    seen = (
        FeedEntry.objects.filter(number__lte=checkpoint.number, position__type__in=list(_HANDLERS))
        .select_related("position")
        .order_by("number")
    )
    count = 0
    for entry in seen.iterator(chunk_size=1000):
        fact = entry.position
        _HANDLERS[fact.type](
            Delivered(
                id=fact.id,
                source=_SELF,
                type=fact.type,
                subject=str(fact.aggregateid),
                time=fact.created_at,
                data=CATALOGUE[fact.type].model_validate(fact.payload),
            )
        )
        count += 1
    return count
