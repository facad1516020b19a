"""Facts become notifications, each once. What we have not been told the campaign of waits for it."""

from __future__ import annotations

from uuid import UUID

from django.db import transaction

from bh_sdk.errors import BHError
from bh_sdk.events import CATALOGUE, DonationSucceeded, Fact
from bh_sdk.server.ops import clock
from bh_sdk.server.ops.logs import log
from notify_svc.audience import queries as audience
from notify_svc.delivery import campaigns, catalogue, occasions, rules
from notify_svc.delivery.commands import accept
from notify_svc.delivery.models import Notification, WaitingFact
from notify_svc.delivery.orders import Scene


@transaction.atomic
def tell(fact: Fact, *, event_id: UUID) -> None:
    """Turn a fact into notifications, once. A fact about a campaign that we do not know yet waits for it."""
    if not occasions.is_news(fact):
        return
    campaign_id = occasions.campaign_of(fact)
    campaign = audience.campaign(campaign_id) if campaign_id else None
    if campaign_id is not None and campaign is None:
        now = clock.now()
        waiting = {"type": fact.type, "payload": fact.payload(), "campaign_id": campaign_id}
        WaitingFact.objects.get_or_create(event_id=event_id, defaults={**waiting, "created_at": now, "due_at": now})
        return
    scene = Scene(
        name_of=audience.shown_name,
        by_guest=audience.given_by_guest,
        is_guest=audience.is_guest,
        title=audience.shown_title(campaign) if campaign else "",
        owner_id=campaign.owner_id if campaign else occasions.person_of(fact),
    )
    for order in occasions.orders(fact, scene, event_id=event_id):
        before, later = occasions.only_after(fact, order.dedupe), catalogue.overtaken_by(order.dedupe)
        if (before is None or _told(before)) and (later is None or not _told(later)):
            accept([order], by="system")
    if campaign is not None and isinstance(fact, DonationSucceeded):
        campaigns.tell(campaign, fact)


def _told(key: str) -> bool:
    return Notification.objects.filter(dedupe=key).exists()


def tell_waiting(*, campaign_id: UUID | None = None, limit: int = 200) -> int:
    """Tell the facts whose campaign has become known; returns how many. The others go on waiting.

    Each is told in a transaction of its own. One that cannot be told is logged and tried again after a growing pause, at
    most `rules.TELL_AT_MOST` times; then it is left for staff to see. With `campaign_id` only that campaign's, and all of
    them at once: what failed before may have failed by what we were told of the campaign.
    """
    waiting = WaitingFact.objects.all()
    if campaign_id is not None:
        waiting = waiting.filter(campaign_id=campaign_id)
    else:
        waiting = waiting.filter(due_at__lte=clock.now(), tries__lt=rules.TELL_AT_MOST)
    known = audience.known_campaigns(set(waiting.order_by().values_list("campaign_id", flat=True).distinct()))
    ready = waiting.filter(campaign_id__in=known).order_by("due_at", "created_at", "event_id")
    ids = list(ready.values_list("event_id", flat=True)[:limit])
    return sum(_tell_one(event_id) for event_id in ids)


@transaction.atomic
def _tell_one(event_id: UUID) -> bool:
    waiting = WaitingFact.objects.select_for_update(skip_locked=True).filter(event_id=event_id).first()
    if waiting is None:
        # Another worker tells it, or has told it.
        return False
    try:
        with transaction.atomic():
            tell(CATALOGUE[waiting.type].model_validate(waiting.payload), event_id=event_id)
    except Exception as error:
        waiting.tries = min(waiting.tries + 1, rules.TELL_AT_MOST)
        waiting.due_at = rules.next_telling(waiting.tries, now=clock.now())
        waiting.reason = (error.code if isinstance(error, BHError) else type(error).__name__)[:64]
        waiting.save(update_fields=["tries", "due_at", "reason"])
        log().error(
            "fact_not_told",
            event_id=str(event_id),
            type=waiting.type,
            campaign_id=str(waiting.campaign_id),
            tries=waiting.tries,
            given_up=waiting.tries >= rules.TELL_AT_MOST,
            exc_info=error,
        )
        return False
    waiting.delete()
    return True
