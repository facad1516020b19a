"""The read models again, from nothing but the recorded facts."""

from __future__ import annotations

from django.db import transaction

from bh_sdk.events import CATALOGUE
from bh_sdk.server.events import Delivered
from bh_sdk.server.events.models import Checkpoint, DeadLetter, FeedEntry
from payments_svc.insights import commands, consumers, copies

_SELF = "payments"
_TYPES = [kind.type for kind in consumers.COUNTED]


@transaction.atomic
def insights() -> int:
    """Add up every fact that the consumer has applied, and answer how many there were.

    The consumer's checkpoint is held meanwhile: what comes later is added by the consumer, exactly once. A fact that waits
    in the dead letters was not applied; it is added when staff replay it.
    """
    checkpoint = Checkpoint.objects.select_for_update().filter(consumer=_SELF, source=_SELF).first()
    commands.forget()
    copies.all_outdated()
    if checkpoint is None:
        return 0
    waiting = DeadLetter.objects.filter(consumer=_SELF, source=_SELF).exclude(state=DeadLetter.State.REPLAYED)
    seen = (
        FeedEntry.objects.filter(number__lte=checkpoint.number, position__type__in=_TYPES)
        .exclude(position__id__in=waiting.values("event_id"))
        .select_related("position")
        .order_by("number")
    )
    count = 0
    for entry in seen.iterator(chunk_size=1000):
        fact = entry.position
        consumers.count(
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
