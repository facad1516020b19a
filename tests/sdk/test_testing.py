"""The fakes that other teams use behave like the services where they say so."""

from __future__ import annotations

import asyncio
import uuid
from datetime import UTC, datetime

import pytest

from bh_sdk import errors
from bh_sdk.clients import Payments
from bh_sdk.events import UserJoined
from bh_sdk.testing import (
    AsyncFakeNotify,
    AsyncFakePayments,
    AsyncFakeTrust,
    FakeNotify,
    FakePayments,
    FakeTrust,
    TestIssuer,
)
from bh_sdk.wire.trust import EvidenceFact, Subject

RUTH, NOAH = uuid.uuid4(), uuid.uuid4()


def test_a_fake_is_the_client_it_stands_for() -> None:
    assert isinstance(FakePayments(), Payments)


def test_a_gift_goes_all_the_way() -> None:
    payments = FakePayments(as_user=RUTH)
    campaign = payments.campaign()
    gift = payments.create_intent(campaign_id=campaign, amount="25.00", currency="GBP", message="Bless you")
    assert gift.status == "requires_payment_method"
    assert gift.payment_intent_id is not None
    declined = payments.confirm(payment_intent_id=gift.payment_intent_id, payment_method_id="pm_card_chargeDeclined")
    assert (declined.status, declined.failure_code) == ("requires_payment_method", "generic_decline")
    asked = payments.confirm(
        payment_intent_id=gift.payment_intent_id, payment_method_id="pm_card_authenticationRequired"
    )
    assert asked.status == "requires_action"
    assert asked.next_action is not None
    done = payments.confirm(payment_intent_id=gift.payment_intent_id, payment_method_id="pm_card_visa")
    assert done.status == "succeeded"
    assert payments.payment(gift.payment_id).status == "succeeded"
    totals = payments.campaign_totals(campaign)
    assert (totals.raised, totals.gifts, totals.donors) == ("25.00", 1, 1)


def test_a_refund_is_asked_for_by_one_and_approved_by_another() -> None:
    donor, support = FakePayments(as_user=RUTH), uuid.uuid4()
    gift = donor.create_intent(campaign_id=donor.campaign(), amount="900.00", currency="GBP")
    donor.confirm(payment_intent_id=str(gift.payment_intent_id), payment_method_id="pm_card_visa")
    desk, finance = (FakePayments(as_user=user, world=donor.world) for user in (support, NOAH))
    small = desk.refund(payment_id=gift.payment_id, amount="100.00", reason="duplicate")
    assert (small.status, donor.payment(gift.payment_id).refunded_amount) == ("succeeded", "100.00")
    large = desk.refund(payment_id=gift.payment_id, reason="other", notes="She asked for all of it")
    assert (large.status, large.amount) == ("pending_approval", "800.00")
    with pytest.raises(errors.PaymentNotRefundable) as refused:
        desk.refund(payment_id=gift.payment_id, amount="1.00", reason="duplicate")
    assert refused.value.facts["left"] == "0.00"
    with pytest.raises(errors.SecondPersonNeeded):
        desk.approve_refund(large.refund_id)
    assert finance.approve_refund(large.refund_id, notes="Fine").status == "succeeded"
    with pytest.raises(errors.RefundDecided):
        finance.reject_refund(large.refund_id, notes="Too late")
    with pytest.raises(errors.Invalid):
        finance.reject_refund(large.refund_id, notes=" ")
    assert donor.payment(gift.payment_id).refund_status == "full"
    assert [row.refund_id for row in finance.refunds(payment_id=gift.payment_id)] == [large.refund_id, small.refund_id]
    assert finance.refund_case(large.refund_id).approved_by == NOAH
    with pytest.raises(errors.Invalid):
        desk.refund(payment_id=gift.payment_id, amount="1.00", reason="other")


def test_a_gift_that_was_given_up_is_not_charged() -> None:
    payments = FakePayments(as_user=RUTH)
    gift = payments.create_intent(campaign_id=payments.campaign(), amount="25.00", currency="GBP")
    assert payments.cancel(gift.payment_id).status == payments.cancel(gift.payment_id).status == "canceled"
    assert gift.payment_intent_id is not None
    with pytest.raises(errors.PaymentNotConfirmable):
        payments.confirm(payment_intent_id=gift.payment_intent_id, payment_method_id="pm_card_visa")
    with pytest.raises(errors.NotFound):
        FakePayments(as_user=NOAH, world=payments.world).cancel(gift.payment_id)


def test_others_payments_do_not_exist() -> None:
    payments = FakePayments(as_user=RUTH)
    gift = payments.create_intent(campaign_id=payments.campaign(), amount="25.00", currency="GBP")
    other, guest = FakePayments(as_user=NOAH, world=payments.world), FakePayments(world=payments.world)
    for stranger in (other, guest):
        with pytest.raises(errors.NotFound):
            stranger.payment(gift.payment_id)
        with pytest.raises(errors.NotFound):
            list(stranger.history(RUTH))
    assert FakePayments(as_service="monolith", world=payments.world).payment(gift.payment_id) == payments.payment(
        gift.payment_id
    )


def test_a_guest_gives_a_name_and_proves_the_payment_with_its_secret() -> None:
    payments = FakePayments()
    campaign = payments.campaign()
    with pytest.raises(errors.Invalid):
        payments.create_intent(campaign_id=campaign, amount="5", currency="GBP")
    gift = payments.create_intent(
        campaign_id=campaign, amount="5", currency="GBP", donor={"name": "Guest", "email": "guest@demo.test"}
    )
    assert gift.payment_intent_id is not None
    with pytest.raises(errors.NotFound):
        payments.confirm(payment_intent_id=gift.payment_intent_id, payment_method_id="pm_card_visa")
    done = payments.confirm(
        payment_intent_id=gift.payment_intent_id, payment_method_id="pm_card_visa", client_secret=gift.client_secret
    )
    assert done.status == "succeeded"
    assert payments.campaign_totals(campaign).recent[0].display_name == "Guest"


def test_gifts_that_do_not_fit_are_refused_and_nothing_is_kept() -> None:
    payments = FakePayments(as_user=RUTH)
    closed = payments.campaign(status="COMPLETED")
    bounded = payments.campaign(min_amount="5.00", max_amount="50.00")
    for campaign, amount, currency, error in (
        (uuid.uuid4(), "10", "GBP", errors.NotFound),
        (closed, "10", "GBP", errors.CampaignNotAccepting),
        (bounded, "10", "USD", errors.CurrencyMismatch),
        (bounded, "4.99", "GBP", errors.AmountOutOfBounds),
        (bounded, "50.01", "GBP", errors.AmountOutOfBounds),
    ):
        with pytest.raises(error):
            payments.create_intent(campaign_id=campaign, amount=amount, currency=currency)
    assert payments.world.gifts == {}


def test_the_same_key_is_the_same_gift_and_another_body_is_refused() -> None:
    payments, key = FakePayments(as_user=RUTH), uuid.uuid4()
    campaign = payments.campaign()
    one, two = (
        payments.create_intent(campaign_id=campaign, amount="5", currency="GBP", idempotency_key=key) for _ in range(2)
    )
    assert one == two
    with pytest.raises(errors.IdempotencyKeyReused):
        payments.create_intent(campaign_id=campaign, amount="6", currency="GBP", idempotency_key=key)
    assert len(payments.world.gifts) == 1


def test_history_is_paged_newest_first() -> None:
    payments = FakePayments(as_user=RUTH)
    campaign = payments.campaign()
    made = [payments.create_intent(campaign_id=campaign, amount=str(n), currency="GBP").payment_id for n in range(1, 8)]
    assert [payment.payment_id for payment in payments.history(RUTH, limit=3)] == made[::-1]
    assert list(payments.history(RUTH, status="succeeded")) == []


def test_a_fake_can_be_made_to_fail_as_the_service_would() -> None:
    payments = FakePayments(as_user=RUTH)
    campaign = payments.campaign()
    payments.world.fail_next(errors.Unavailable(), errors.ConnectFailed())
    assert payments.create_intent(campaign_id=campaign, amount="5", currency="GBP").amount == "5.00"
    payments.world.fail_next(*[errors.ConnectFailed()] * 3)
    with pytest.raises(errors.ConnectFailed):
        payments.campaign_totals(campaign)


def test_scores_are_what_a_test_says() -> None:
    trust, campaign = FakeTrust(as_service="monolith"), uuid.uuid4()
    assert not trust.campaign(campaign).rated
    trust.world.set_score("campaign", campaign, {"completion": "1", "verification": "0.5", "history": "0.9"})
    score = trust.campaign(campaign)
    assert score.score == sum(factor.contribution for factor in score.factors) == 57.5
    assert score.tier == "STEADY"
    assert trust.calculate("campaign", campaign) == score
    assert [point.score for point in trust.history(campaign)] == [57.5]
    assert trust.job(trust.calculate_many().job_id).status == "done"
    fact = EvidenceFact(
        id=uuid.uuid4(),
        type="user.joined",
        time=datetime(2026, 1, 1, tzinfo=UTC),
        subject=Subject(kind="user", id=RUTH),
    )
    assert trust.evidence(fact).accepted == 1
    assert (trust.evidence([fact]).accepted, trust.evidence([fact]).repeated) == (0, 1)


def test_one_open_report_per_person_and_entity() -> None:
    trust, campaign = FakeTrust(as_user=RUTH), uuid.uuid4()
    words = "They never built the roof"
    trust.report(entity_type="campaign", entity_id=campaign, kind="fraud", description=words)
    with pytest.raises(errors.ReportAlreadyOpen):
        trust.report(entity_type="campaign", entity_id=campaign, kind="spam", description=words)
    with pytest.raises(errors.Forbidden):
        trust.calculate("campaign", campaign)


def test_what_was_sent_is_in_its_readers_feed() -> None:
    platform = FakeNotify(as_service="monolith")
    platform.send(recipient_ids=[RUTH, NOAH], type="campaign_update", data={"update_title": "Walls"})
    ruth = FakeNotify(as_user=RUTH, world=platform.world)
    feed = ruth.feed(RUTH)
    assert (feed.unread_count, [item.type for item in feed.results]) == (1, ["campaign_update"])
    first = ruth.mark_read(feed.results[0].id)
    assert ruth.mark_read(feed.results[0].id).read_at == first.read_at
    assert ruth.read_all().marked == 0
    with pytest.raises(errors.NotFound):
        ruth.feed(NOAH)
    with pytest.raises(errors.Forbidden):
        ruth.send(recipient_ids=[NOAH], type="campaign_update")
    assert [item.id for item in ruth.feed_items(RUTH, limit=1)] == [first.id]
    assert ruth.mark_unread(first.id).seen_at == first.seen_at
    assert ruth.archive(first.id).archived_at is not None
    assert (ruth.feed_counts(RUTH).unread_count, ruth.feed(RUTH).results) == (0, [])
    assert [item.id for item in ruth.feed(RUTH, archived=True).results] == [first.id]
    assert ruth.unarchive(first.id).read_at is None
    assert [ruth.see_all().marked, ruth.read_all().marked] == [0, 1]
    assert ruth.stream_ticket().ticket != ruth.stream_ticket().ticket
    ruth.delete(RUTH, first.id)
    ruth.delete(RUTH, first.id)
    with pytest.raises(errors.NotFound):
        ruth.mark_read(first.id)
    with pytest.raises(errors.NotFound):
        ruth.delete(RUTH, NOAH)


def test_the_feed_of_a_fake_knows_its_positions() -> None:
    payments = FakePayments(as_service="trust")
    for _ in range(3):
        payments.world.publish(UserJoined(user_id=RUTH), subject=RUTH)
    page = payments.events.page(limit=2)
    assert [event.number for event in page.results] == [1, 2]
    assert payments.events.page(page.next).results[0].fact() == UserJoined(user_id=RUTH)
    epoch = page.head.partition(":")[0]
    with pytest.raises(errors.FeedBehind):
        payments.events.page(f"{epoch}:4")
    with pytest.raises(errors.EpochMismatch):
        payments.events.page(f"{uuid.uuid4()}:0")
    pushed = uuid.uuid4()
    fact = UserJoined(user_id=RUTH)
    assert payments.push_fact(fact, subject=RUTH, id=pushed).status == "accepted"
    assert payments.push_fact(fact, subject=RUTH, id=pushed).status == "repeated"


def test_the_fakes_can_be_awaited() -> None:
    async def story() -> tuple[str, bool, int, bool]:
        async with (
            AsyncFakePayments(as_user=RUTH) as payments,
            AsyncFakeTrust() as trust,
            AsyncFakeNotify(as_user=RUTH) as notify,
        ):
            gift = await payments.create_intent(campaign_id=payments.campaign(), amount="500", currency="GBP")
            score = await trust.user(RUTH)
            feed = await notify.feed(RUTH)
            return gift.amount, score.rated, feed.unread_count, (await notify.health()).ready

    assert asyncio.run(story()) == ("500.00", False, 0, True)


def test_the_mints_tokens_are_good() -> None:
    mint = TestIssuer()
    assert mint.user_verifier().verify(mint.user(RUTH, roles=["finance"])).roles == {"finance"}
    assert mint.service_verifier("trust").verify(mint.service("notify", "trust")).client_id == "notify"


class TestRecurringGifts:
    def test_a_series_starts_with_its_first_gift_and_is_in_its_donors_hand(self) -> None:
        donor = uuid.uuid4()
        payments = FakePayments(as_user=donor)
        campaign = payments.campaign()
        created = payments.start_recurring(campaign_id=campaign, amount="20.00", currency="GBP")
        assert (created.status, created.payment.recurring_id) == ("starting", created.recurring_id)
        with pytest.raises(errors.RecurringNotChangeable):
            payments.pause_recurring(created.recurring_id)
        payments.confirm(payment_intent_id=str(created.payment.payment_intent_id), payment_method_id="pm_card_visa")
        series = created.recurring_id
        assert payments.recurring_gift(series).status == "active"
        assert payments.change_recurring(series, amount="30.00").amount == "30.00"
        assert payments.pause_recurring(series).next_at is None
        assert payments.resume_recurring(series).next_at is not None
        assert payments.change_method(series, payment_method_id="pm_card_visa").next_action is None
        assert [one.recurring_id for one in payments.recurring_gifts(donor)] == [series]
        assert payments.cancel_recurring(series).ended_why == "canceled"
        with pytest.raises(errors.NotFound):
            FakePayments(as_user=NOAH, world=payments.world).recurring_gift(series)
        with pytest.raises(errors.AmountOutOfBounds):
            payments.start_recurring(campaign_id=campaign, amount="4.99", currency="GBP")
