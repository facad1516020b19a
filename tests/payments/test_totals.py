"""Totals are what the facts add up to, and the same again when they are added up anew."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection, transaction
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from bh_sdk.events import DonationSucceeded, Fact, RefundFailed, RefundSucceeded
from bh_sdk.money import Money
from bh_sdk.server.events import Delivered, record
from bh_sdk.server.events.models import Checkpoint, FeedEntry, RecordedEvent
from payments_svc.insights import consumers
from payments_svc.insights.models import CampaignDonor, CampaignTotal

CAMPAIGN, DONORS = uuid.uuid4(), [uuid.uuid4() for _ in range(4)]


def gift(donor: int, minor: int) -> Fact:
    return DonationSucceeded(
        payment_id=uuid.uuid4(),
        campaign_id=CAMPAIGN,
        donor_id=DONORS[donor],
        guest=False,
        amount=Money(minor, "GBP").decimal,
        charged=Money(minor, "GBP").decimal,
        currency="GBP",
        anonymous=False,
        net=Money(minor, "GBP").decimal,
    )


def refund(donor: int, minor: int) -> Fact:
    return RefundSucceeded(
        refund_id=uuid.uuid4(),
        payment_id=uuid.uuid4(),
        campaign_id=CAMPAIGN,
        donor_id=DONORS[donor],
        guest=False,
        amount=Money(minor, "GBP").decimal,
        currency="GBP",
        refunded_total=Money(minor, "GBP").decimal,
        full=False,
        for_cause=False,
    )


def taken_back(donor: int, minor: int) -> Fact:
    return RefundFailed(
        refund_id=uuid.uuid4(),
        payment_id=uuid.uuid4(),
        campaign_id=CAMPAIGN,
        donor_id=DONORS[donor],
        amount=Money(minor, "GBP").decimal,
        currency="GBP",
        refunded_total="0.00",
        reversed=True,
        reason="lost",
    )


happenings = st.lists(
    st.tuples(st.sampled_from([gift, refund, taken_back]), st.integers(0, 3), st.integers(1, 10**9)),
    min_size=1,
    max_size=12,
)
HANDLERS: dict[type[Fact], Any] = {
    DonationSucceeded: consumers.count_gift,
    RefundSucceeded: consumers.count_refund,
    RefundFailed: consumers.uncount_refund,
}


def consume(facts: list[Fact]) -> None:
    """What relay and consumer do, without the road: number each fact, hand it over, move the checkpoint."""
    epoch = uuid.uuid4()
    for number, fact in enumerate(facts, 1):
        event_id = record(fact, subject=uuid.uuid4())
        event = RecordedEvent.objects.get(id=event_id)
        FeedEntry.objects.create(number=number, position=event, numbered_at=timezone.now())
        HANDLERS[type(fact)](
            Delivered(id=event.id, source="payments", type=event.type, subject="x", time=event.created_at, data=fact)
        )
    Checkpoint.objects.create(
        consumer="payments", source="payments", epoch=epoch, number=len(facts), moved_at=timezone.now()
    )


def rows() -> list[bytes]:
    """The read model as the database holds it, byte for byte."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT t::text FROM payments_insights_campaigntotal t ORDER BY campaign_id")
        totals = [row[0].encode() for row in cursor.fetchall()]
        cursor.execute("SELECT campaign_id, donor_id, gifts FROM payments_insights_campaigndonor ORDER BY 1, 2")
        return totals + [str(row).encode() for row in cursor.fetchall()]


@pytest.mark.django_db
@settings(max_examples=25, deadline=None)
@given(happenings)
def test_totals_are_the_sums_and_a_rebuild_gives_the_same_bytes(told: list[tuple[Any, int, int]]) -> None:
    with transaction.atomic():
        consume([kind(donor, minor) for kind, donor, minor in told])
        gifts = [(donor, minor) for kind, donor, minor in told if kind is gift]
        total = CampaignTotal.objects.filter(campaign_id=CAMPAIGN).first()
        if gifts:
            assert total is not None
            assert (total.raised, total.gifts) == (sum(minor for _, minor in gifts), len(gifts))
            assert total.donors == len({donor for donor, _ in gifts}) == CampaignDonor.objects.count()
        before = rows()
        CampaignTotal.objects.update(raised=1)
        call_command("rebuild_totals")
        assert rows() == before
        transaction.set_rollback(True)


@pytest.mark.django_db
def test_a_rebuild_before_anything_was_seen_leaves_nothing() -> None:
    CampaignTotal.objects.create(campaign_id=CAMPAIGN, currency="GBP", raised=1)
    call_command("rebuild_totals")
    assert CampaignTotal.objects.count() == 0
