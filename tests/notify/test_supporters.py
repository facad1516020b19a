"""Who supports a campaign, and that the list can be built again from the facts alone."""

from __future__ import annotations

import uuid
from typing import Any
from uuid import UUID

import pytest
from django.utils import timezone

from bh_sdk.events import Event, Fact
from bh_sdk.server.events.models import Checkpoint
from bh_sdk.wire.events import FeedPage
from notify_svc.audience import rebuild
from notify_svc.audience.models import Gift
from tests.notify.conftest import Campaign, failed, hear, refund_failed, refunded, succeeded

pytestmark = pytest.mark.django_db
EPOCH = uuid.uuid4()


class Feed:
    """Payments' feed in small pages; `grows` are facts that come while it is read, which the consumer has seen at once."""

    def __init__(self, facts: list[Fact], *, grows: list[Fact] | None = None) -> None:
        self.facts, self.grows = facts, grows or []

    def page(self, after: str = "", limit: int = 100) -> FeedPage:
        start = int(after.partition(":")[2] or 0)
        part = [self.event(number) for number in range(start + 1, min(start + 2, len(self.facts)) + 1)]
        if not part and self.grows:
            self.facts.append(self.grows.pop())
            hear(self.facts[-1])
            see(len(self.facts))
        reached = f"{EPOCH}:{start + len(part)}"
        return FeedPage(results=part, next=reached, head=f"{EPOCH}:{len(self.facts)}")

    def event(self, number: int) -> Event:
        fact = self.facts[number - 1]
        return Event(
            id=uuid.uuid4(),
            source="payments",
            type=fact.type,
            subject=str(uuid.uuid4()),
            time=timezone.now(),
            number=number,
            epoch=EPOCH,
            data=fact.payload(),
        )


def see(number: int) -> None:
    """The consumer has applied so many."""
    Checkpoint.objects.filter(consumer="notify").delete()
    Checkpoint.objects.create(consumer="notify", source="payments", epoch=EPOCH, number=number, moved_at=timezone.now())


def rows() -> list[dict[str, Any]]:
    return [dict(row) for row in Gift.objects.order_by("payment_id").values()]


def some(campaign: Campaign) -> list[Fact]:
    gifts = [succeeded(campaign) for _ in range(4)]
    back = refunded(campaign, payment_id=gifts[1].payment_id, donor_id=gifts[1].donor_id, full=True)
    part = refunded(campaign, payment_id=gifts[2].payment_id, donor_id=gifts[2].donor_id)
    again = refunded(campaign, payment_id=gifts[3].payment_id, donor_id=gifts[3].donor_id, full=True)
    return [*gifts, failed(campaign), back, part, again, refund_failed(again, reversed=True)]


def test_the_list_is_built_again_from_the_facts_to_the_same_rows(campaign: Campaign) -> None:
    facts = some(campaign)
    for fact in facts:
        hear(fact)
    see(len(facts))
    before = rows()
    stray: UUID = uuid.uuid4()
    Gift.objects.filter(payment_id=before[0]["payment_id"]).delete()
    Gift.objects.create(payment_id=stray, campaign_id=campaign.id, donor_id=stray, guest=False)
    assert rebuild.supporters(Feed(facts)) == 8
    assert rows() == before


def test_what_the_consumer_has_not_seen_is_left_to_it(campaign: Campaign) -> None:
    facts = some(campaign)
    for fact in facts[:2]:
        hear(fact)
    see(2)
    before = rows()
    assert rebuild.supporters(Feed(facts)) == 2
    assert rows() == before


def test_facts_that_come_meanwhile_are_not_lost(campaign: Campaign) -> None:
    facts = some(campaign)
    for fact in facts:
        hear(fact)
    see(len(facts))
    rebuild.supporters(Feed(list(facts), grows=[late := succeeded(campaign)]))
    assert Gift.objects.filter(payment_id=late.payment_id).exists()
    assert Gift.objects.count() == 5
