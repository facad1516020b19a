"""Totals are what the facts add up to, and the same again when they are added up anew."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
import redis
from django.core.management import call_command
from django.db import connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st

from bh_sdk.server.events.models import DeadLetter, RecordedEvent
from bh_sdk.server.ops import clock
from bh_sdk.server.ops.settings import setting
from payments_svc.insights.copies import COPIES, MANY
from payments_svc.insights.models import CampaignDonor, CampaignTotal, CountedGift, DailyFigure, DonorDay
from tests.payments.factories import CampaignFactory, PaymentFactory
from tests.payments.lives import CAMPAIGNS, DONORS, Told, consume, dump, facts_of, many_lives, woven

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    """Other tests asked about the same campaigns."""
    COPIES.outdated([MANY, *map(str, CAMPAIGNS)])


TURNS = st.lists(st.integers(0, 7), max_size=40)


def total(campaign: int = 0) -> CampaignTotal:
    return CampaignTotal.objects.get(campaign_id=CAMPAIGNS[campaign])


def sums(row: CampaignTotal) -> tuple[int, int, int, int, int]:
    return row.raised, row.refunded, row.disputed, row.gifts, row.donors


def left_of(told: list[Told]) -> tuple[int, int, int]:
    """(amount, refunded, disputed) of one payment, added up the slow way."""
    arrived = [each.fact for each in told if each.fact.type == "payments.donation.succeeded.v1"]
    if not arrived:
        return 0, 0, 0
    scale = 1 if arrived[0].currency == "JPY" else 100  # type: ignore[attr-defined]

    def minor(fact: object) -> int:
        return round(float(fact.amount) * scale)  # type: ignore[attr-defined]

    amount = minor(arrived[0])
    back = sum(minor(each.fact) for each in told if each.fact.type == "payments.refund.succeeded.v1")
    back -= sum(minor(each.fact) for each in told if each.fact.type == "payments.refund.failed.v1")
    lost = sum(minor(each.fact) for each in told if getattr(each.fact, "outcome", "") == "lost")
    back = min(amount, back)
    return amount, back, min(amount - back, lost)


@settings(max_examples=60, deadline=None)
@given(many_lives, TURNS)
def test_totals_are_the_sums_of_what_is_left_and_a_rebuild_gives_the_same_bytes(
    payments: list[list[Told]], turns: list[int]
) -> None:
    with transaction.atomic():
        consume(woven(payments, turns))
        for campaign_id in CAMPAIGNS:
            mine = [told for told in payments if told[0].fact.campaign_id == campaign_id]  # type: ignore[attr-defined]
            sorts = [(told[0].fact.donor_id, *left_of(told)) for told in mine]  # type: ignore[attr-defined]
            row = CampaignTotal.objects.filter(campaign_id=campaign_id).first() or CampaignTotal()
            kept = [donor for donor, amount, back, lost in sorts if amount > back + lost]
            assert sums(row) == (
                sum(amount for _, amount, _, _ in sorts),
                sum(back for _, _, back, _ in sorts),
                sum(lost for _, _, _, lost in sorts),
                len(kept),
                len(set(kept)),
            )
        before = dump()
        CampaignTotal.objects.update(raised=1)
        DailyFigure.objects.update(net=2)
        CampaignDonor.objects.all().delete()
        CountedGift.objects.update(refunded=3)
        DonorDay.objects.all().delete()
        call_command("rebuild_insights")
        assert dump() == before
        transaction.set_rollback(True)


@settings(max_examples=40, deadline=None)
@given(many_lives, TURNS, TURNS)
def test_only_the_facts_of_one_payment_need_their_order(
    payments: list[list[Told]], one: list[int], other: list[int]
) -> None:
    found = []
    for turns in (one, other):
        with transaction.atomic():
            consume(woven(payments, turns))
            found.append(dump())
            transaction.set_rollback(True)
    assert found[0] == found[1]


def test_a_gift_given_back_whole_is_no_gift_and_its_giver_no_donor_until_the_refund_comes_back() -> None:
    life = facts_of(amount=2500, covered=128, steps=[("refund", 1000), ("refund", 1628), ("comes_back", 1628)])
    consume(life[:3])
    assert sums(total()) == (2500, 1000, 0, 1, 1)
    consume(life[3:4])
    assert sums(total()) == (2500, 2500, 0, 0, 0)
    consume(life[4:])
    assert sums(total()) == (2500, 1000, 0, 1, 1)


def test_a_lost_dispute_is_money_returned_and_a_won_one_is_nothing() -> None:
    consume(facts_of(donor=0, steps=[("won", 2500)]))
    consume(facts_of(donor=1, steps=[("lost", 2500)]))
    consume(facts_of(donor=2, steps=[("refund", 2000), ("lost", 2500)]))
    assert sums(total()) == (7500, 2000, 3000, 1, 1)


def test_a_donor_stays_one_as_long_as_one_of_their_gifts_is_left() -> None:
    consume(facts_of(amount=1000))
    consume(facts_of(amount=500, steps=[("refund", 500)]))
    assert sums(total()) == (1500, 500, 0, 1, 1)
    (person,) = CampaignDonor.objects.all()
    assert (person.donor_id, person.gifts, person.given, person.refunded) == (DONORS[0], 1, 1500, 500)


def test_a_payment_that_nobody_paid_counts_nowhere_but_among_the_opened() -> None:
    consume(facts_of(arrives=None))
    assert not CampaignTotal.objects.exists()
    assert list(DailyFigure.objects.values_list("opened", "converted", "gifts")) == [(1, 0, 0)]


def test_a_fact_costs_one_statement() -> None:
    from payments_svc.insights import commands
    from payments_svc.insights.rules import change_of

    for told in facts_of(steps=[("refund", 100), ("comes_back", 100), ("lost", 2500)]):
        change = change_of(told.fact, day=told.day)
        assert change is not None
        with CaptureQueriesContext(
            connection,
        ) as asked:
            commands.count(change)
        assert len(asked) == 1


def test_a_fact_that_waits_in_the_dead_letters_is_counted_when_it_is_replayed_and_not_before() -> None:
    life = facts_of()
    consume(life)
    parked = RecordedEvent.objects.get(type="payments.donation.succeeded.v1")
    letter = DeadLetter.objects.create(
        consumer="payments",
        source="payments",
        subject=str(parked.aggregateid),
        event_id=parked.id,
        type=parked.type,
        number=2,
        event={},
        reason="Boom",
        attempts=5,
        parked_at=clock.now(),
    )
    call_command("rebuild_insights")
    assert not CampaignTotal.objects.exists()
    letter.state, letter.settled_at, letter.settled_by = DeadLetter.State.REPLAYED, clock.now(), "someone"
    letter.save()
    call_command("rebuild_insights")
    assert sums(total()) == (2500, 0, 0, 1, 1)


def test_a_rebuild_before_anything_was_seen_leaves_nothing() -> None:
    CampaignTotal.objects.create(campaign_id=uuid.uuid4(), currency="GBP", raised=1)
    call_command("rebuild_insights")
    assert CampaignTotal.objects.count() == 0


# -- the public answer ------------------------------------------------------------------------------------------------


def test_everybody_reads_what_is_left_and_an_answer_that_is_still_right_is_a_304(
    django_capture_on_commit_callbacks: Any,
) -> None:
    CampaignFactory.create(id=CAMPAIGNS[0])
    with django_capture_on_commit_callbacks(execute=True):
        consume(facts_of(amount=2500, steps=[("refund", 1000)]))
        consume(facts_of(donor=1, amount=700, steps=[("lost", 700)]))
    path = f"/api/v1/payments/campaigns/{CAMPAIGNS[0]}/totals"
    answer = Client().get(path)
    body = answer.json()
    told = {name: body[name] for name in ("raised", "refunded", "disputed", "donors", "gifts")}
    assert told == {"raised": "32.00", "refunded": "10.00", "disputed": "7.00", "donors": 1, "gifts": 1}
    assert Client().get(path, headers={"If-None-Match": answer["ETag"]}).status_code == 304
    with django_capture_on_commit_callbacks(execute=True):
        consume(facts_of(donor=2, amount=100))
    assert Client().get(path, headers={"If-None-Match": answer["ETag"]}).json()["raised"] == "33.00"


def test_the_kept_answer_holds_no_name_in_clear(django_capture_on_commit_callbacks: Any) -> None:
    campaign = CampaignFactory.create()
    PaymentFactory.create(
        campaign=campaign, user_id=None, guest_name="Ruth Adler", status="succeeded", succeeded_at=clock.now()
    )
    path = f"/api/v1/payments/campaigns/{campaign.id}/totals"
    assert [Client().get(path).json()["recent"][0]["display_name"] for _ in range(2)] == ["Ruth Adler"] * 2
    held: Any = redis.Redis.from_url(setting("REDIS_URL"))
    kept = [held.get(key) or b"" for key in held.keys("bh:payments:insights:copy:*")]
    assert kept
    assert not any(b"Ruth" in each for each in kept)


def test_totals_of_a_hot_campaign_ask_the_database_once() -> None:
    campaign = CampaignFactory.create()
    path = f"/api/v1/payments/campaigns/{campaign.id}/totals"
    first = Client().get(path)
    # The policies' version is polled by the clock, whoever asks.
    with CaptureQueriesContext(connection) as asked:
        assert Client().get(path).content == first.content
    assert not [query for query in asked if "campaign" in query["sql"] or "payment" in query["sql"]]
