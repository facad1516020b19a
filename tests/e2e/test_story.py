"""One donation from the campaign to the refund, told through the SDK, as a service and a browser live it."""

from __future__ import annotations

import asyncio
import time
from uuid import uuid4

import pytest

from bh_sdk.clients import AsyncNotify, AsyncPayments, AsyncTrust
from bh_sdk.errors import NotFound
from bh_sdk.money import Money
from bh_sdk.tokens import ServiceAuth
from bh_sdk.wire.trust import Score
from tests.e2e.scene import (
    AT_MOST,
    DECLINED,
    NO_FUNDS,
    VISA,
    Campaign,
    a_campaign,
    a_guest,
    as_user,
    facts,
    feed_of,
    give,
    in_the_browser,
    journals,
    link_in,
    one_mail,
    pay,
    payment_when,
    service_auth,
    user_auth,
)
from tests.stack import House, until

# The design says two seconds; a machine that seven others use as well is allowed more, and the figure is printed.
RESCORED_AT_MOST = 10.0


def score_of(house: House, campaign: Campaign) -> Score | None:
    try:
        return house.doors.trust.campaign(campaign.id)
    except NotFound:
        return None


def evidence(house: House, payment_id: object) -> list[tuple[str, float]]:
    """The facts that trust keeps of a payment: (type, seconds since 1970 when it was recorded)."""
    return house.rows(
        "trust",
        "SELECT type, extract(epoch FROM recorded_at)::float FROM trust_evidence_fact"
        " WHERE data->>'payment_id' = %s ORDER BY recorded_at",
        str(payment_id),
    )


def test_a_guest_gives_in_the_browser_and_everybody_hears_of_it(house: House) -> None:
    campaign, ruth = a_campaign(house), a_guest()

    gift = give(house, campaign, "25.00", ruth, cover_fees=True, message="For the well")
    assert (gift.status, gift.amount, gift.currency, gift.user_id) == ("requires_payment_method", "25.00", "GBP", None)
    assert Money.parse(gift.charged, "GBP") > Money.parse("25.00", "GBP")
    assert gift.net_amount == "25.00"

    # Nothing of ours hears from the browser; only Stripe's webhook says that the card was charged.
    began = time.monotonic()
    assert in_the_browser(house, gift.client_secret)["status"] == "succeeded"
    paid = payment_when(house, gift.payment_id, "the webhook to be worked", status="succeeded")
    print(f"webhook worked after {time.monotonic() - began:.2f} s")
    assert (paid.amount, paid.charged, paid.refund_status, paid.dispute_status) == (
        "25.00",
        gift.charged,
        "none",
        "none",
    )

    ((kind, currency, entries),) = journals(house, gift.payment_id)
    charged = Money.parse(gift.charged, "GBP").minor
    assert (kind, currency, sum(entries.values())) == ("donation", "GBP", 0)
    assert entries["stripe_balance/charge"] == charged
    assert entries["campaign_payable/gift"] == -2500
    told = [event.type for event in facts(house, "payments", about=gift.payment_id)]
    assert told == ["payments.donation.created.v1", "payments.donation.succeeded.v1"]

    until(lambda: evidence(house, gift.payment_id), "trust's evidence", seconds=AT_MOST)
    scored = until(
        lambda: house.rows(
            "trust",
            "SELECT extract(epoch FROM s.calculated_at - f.recorded_at)::float"
            " FROM trust_scoring_score s JOIN trust_evidence_fact f ON f.subject_id = s.entity_id"
            " WHERE f.data->>'payment_id' = %s AND s.calculated_at >= f.recorded_at",
            str(gift.payment_id),
        ),
        "the new score",
        seconds=AT_MOST,
    )
    print(f"scored {scored[0][0]:.2f} s after the event arrived (design: 2 s)")
    assert scored[0][0] < RESCORED_AT_MOST
    score = score_of(house, campaign)
    assert score is not None
    assert not score.rated
    assert sum(factor.contribution for factor in score.factors) >= 0

    thanks = one_mail(house, ruth.email, "the thank-you mail", containing="Thank you")
    assert "Ruth Adler" in thanks["text"]
    assert "£25.00" in thanks["text"]
    payment_id, link = link_in(thanks)
    assert payment_id == gift.payment_id
    shown = house.doors.guest.payment(payment_id, link=link)
    assert (shown.status, shown.amount, shown.message) == ("succeeded", "25.00", "For the well")
    for wrong in (None, link[:-1] + ("A" if link[-1] != "A" else "B"), ""):
        with pytest.raises(NotFound):
            house.doors.guest.payment(payment_id, link=wrong)

    received = one_mail(house, campaign.owner_mail, "the owner's mail")
    assert "£25.00" in received["subject"]
    assert campaign.title in received["subject"]
    with feed_of(house, campaign.owner) as feed:
        entry = until(lambda: next(iter(feed.feed(campaign.owner).results), None), "the owner's feed", seconds=AT_MOST)
        assert (entry.type, entry.read_at) == ("gift.received", None)

    totals = until(
        lambda: next((t for t in [house.doors.guest.campaign_totals(campaign.id)] if t.gifts), None),
        "the totals",
        seconds=AT_MOST,
    )
    assert (totals.raised, totals.refunded, totals.donors, totals.gifts) == ("25.00", "0.00", 1, 1)
    assert [(gift.display_name, gift.amount, gift.message) for gift in totals.recent] == [
        ("Ruth Adler", "25.00", "For the well")
    ]
    assert len([mail for mail in house.mails(ruth.email) if "Thank you" in mail["subject"]]) == 1


def test_a_user_gives_reads_the_feed_and_is_refunded_at_stripes_side(house: House) -> None:
    campaign, peter = a_campaign(house), uuid4()
    address = f"peter.{peter.hex[:12]}@demo.test"
    house.doors.notify.describe_contact(peter, email=address, name="Peter Lang")
    gift = give(house, campaign, "40.00", peter)
    assert pay(house, gift, peter).status == "succeeded"

    with feed_of(house, peter) as feed:
        thanks = until(lambda: next(iter(feed.feed(peter).results), None), "the feed's thank-you", seconds=AT_MOST)
        assert (thanks.type, feed.feed(peter).unread_count) == ("gift.thank_you", 1)
        read = feed.mark_read(thanks.id)
        assert read.read_at is not None
        assert feed.mark_read(thanks.id).read_at == read.read_at
        assert feed.feed(peter).unread_count == 0

        refund = house.doors.stripe.v1.refunds.create(
            {"payment_intent": str(gift.payment_intent_id), "amount": 1500, "reason": "requested_by_customer"}
        )
        after = payment_when(house, gift.payment_id, "the refund", refunded_amount="15.00")
        assert (after.status, after.refund_status) == ("succeeded", "partial")
        rest = house.doors.stripe.v1.refunds.create({"payment_intent": str(gift.payment_intent_id)})
        after = payment_when(house, gift.payment_id, "the rest of it", refunded_amount="40.00")
        assert (after.status, after.refund_status) == ("succeeded", "full")
        assert refund.amount + rest.amount == 4000

        mail = one_mail(house, address, "the refund's mail", containing="£15.00")
        assert "back" in mail["subject"]
        one_mail(house, address, "the second refund's mail", containing="£25.00")
        until(lambda: feed.feed(peter).unread_count == 2, "the refunds in the feed", seconds=AT_MOST)
        assert feed.read_all().marked == 2
        assert feed.feed(peter).unread_count == 0

    booked = journals(house, gift.payment_id)
    assert sorted(kind for kind, _, _ in booked) == ["donation", "refund", "refund"]
    assert {sum(entries.values()) for _, _, entries in booked} == {0}
    # A part given back leaves the gift a gift; only the whole of it is evidence.
    until(
        lambda: [kind for kind, _ in evidence(house, gift.payment_id)] == ["payment.succeeded", "payment.refunded"],
        "trust's evidence of gift and refund",
        seconds=AT_MOST,
    )
    totals = until(
        lambda: next((t for t in [house.doors.guest.campaign_totals(campaign.id)] if t.refunded == "40.00"), None),
        "the refund in the totals",
        seconds=AT_MOST,
    )
    assert (totals.raised, totals.gifts) == ("40.00", 0)
    # What was given back whole is no recent gift any more.
    assert totals.recent == []


def test_a_declined_card_is_told_and_the_next_card_succeeds(house: House) -> None:
    campaign, ruth = a_campaign(house), a_guest()
    gift = give(house, campaign, "10.00", ruth)

    declined = in_the_browser(house, gift.client_secret, NO_FUNDS)
    assert declined["error"]["decline_code"] == "insufficient_funds"
    asked = house.doors.guest.confirm(payment_intent_id=str(gift.payment_intent_id), client_secret=gift.client_secret)
    assert (asked.status, asked.failure_code) == ("requires_payment_method", "insufficient_funds")
    failed = one_mail(house, ruth.email, "the mail about the failed try", containing="did not go through")
    assert "did not hold enough" in failed["text"]
    assert journals(house, gift.payment_id) == []
    assert evidence(house, gift.payment_id) == []

    assert in_the_browser(house, gift.client_secret, DECLINED)["error"]["code"] == "card_declined"

    def failures() -> int:
        return sum(
            fact.type == "payments.donation.failed.v1" for fact in facts(house, "payments", about=gift.payment_id)
        )

    # A try that success overtakes before anybody looked is not told any more; this one is looked at in time.
    until(lambda: failures() == 2, "the second failed try", seconds=AT_MOST)
    assert in_the_browser(house, gift.client_secret, VISA)["status"] == "succeeded"
    payment_when(house, gift.payment_id, "the gift after all", status="succeeded")
    one_mail(house, ruth.email, "the thank-you mail", containing="Thank you")
    kinds = [event.type for event in facts(house, "payments", about=gift.payment_id)]
    assert kinds.count("payments.donation.failed.v1") == 2
    assert kinds[-1] == "payments.donation.succeeded.v1"
    # One message about a failed try, however often the card was tried.
    assert len([mail for mail in house.mails(ruth.email) if "did not go through" in mail["subject"]]) == 1


def test_500_yen_are_500_everywhere(house: House) -> None:
    campaign, hana = a_campaign(house, currency="JPY", title="Kitchen in Osaka"), a_guest("Hana Sato")
    gift = give(house, campaign, "500", hana)
    assert (gift.amount, gift.charged, gift.currency) == ("500", "500", "JPY")
    intent = house.doors.stripe.v1.payment_intents.retrieve(str(gift.payment_intent_id))
    assert (intent.amount, intent.currency) == (500, "jpy")
    in_the_browser(house, gift.client_secret)
    payment_when(house, gift.payment_id, "the yen", status="succeeded")
    ((_, currency, entries),) = journals(house, gift.payment_id)
    assert (currency, entries["stripe_balance/charge"], sum(entries.values())) == ("JPY", 500, 0)
    assert "¥500" in one_mail(house, hana.email, "the thank-you for yen", containing="Thank you")["text"]
    house.doors.stripe.v1.refunds.create({"payment_intent": str(gift.payment_intent_id), "amount": 200})
    assert payment_when(house, gift.payment_id, "yen back", refunded_amount="200").refund_status == "partial"


def test_a_history_shows_every_payment_in_every_state_newest_first(house: House) -> None:
    campaign, other, naomi = a_campaign(house), a_campaign(house, title="A roof"), uuid4()
    arrived = give(house, campaign, "11.00", naomi)
    assert pay(house, arrived, naomi).status == "succeeded"
    declined = give(house, campaign, "12.00", naomi)
    assert pay(house, declined, naomi, "pm_card_visa_chargeDeclined").failure_code == "generic_decline"
    opened = give(house, other, "13.00", naomi)
    with as_user(house, naomi) as client:
        every = list(client.history(naomi, limit=2))
        assert [(one.payment_id, one.status) for one in every] == [
            (opened.payment_id, "requires_payment_method"),
            (declined.payment_id, "requires_payment_method"),
            (arrived.payment_id, "succeeded"),
        ]
        assert [one.payment_id for one in client.history(naomi, status="succeeded")] == [arrived.payment_id]
        assert [one.payment_id for one in client.history(naomi, campaign_id=other.id)] == [opened.payment_id]
        assert list(client.history(naomi, to=every[-1].created_at, campaign_id=other.id)) == []


def test_the_same_story_with_asyncio(house: House) -> None:
    campaign, esther = a_campaign(house), uuid4()
    auth = user_auth(house, esther)
    platform: ServiceAuth = service_auth(house, "monolith", "trust")

    async def story() -> None:
        async with (
            AsyncPayments(house.url("payments"), auth=auth, timeout=30) as payments,
            AsyncNotify(house.url("notify"), auth=auth, timeout=30) as notify,
            AsyncTrust(house.url("trust"), auth=platform, timeout=30) as trust,
        ):
            gifts = await asyncio.gather(
                *(
                    payments.create_intent(campaign_id=campaign.id, amount=f"{pounds}.00", currency="GBP")
                    for pounds in (5, 6, 7)
                )
            )
            done = await asyncio.gather(
                *(
                    payments.confirm(payment_intent_id=str(gift.payment_intent_id), payment_method_id="pm_card_visa")
                    for gift in gifts
                )
            )
            assert [one.status for one in done] == ["succeeded"] * 3
            assert {one.payment_id async for one in payments.history(esther)} == {one.payment_id for one in gifts}
            end = time.monotonic() + AT_MOST
            while (feed := await notify.feed(esther)).unread_count < 3:
                assert time.monotonic() < end, "the feed knows of fewer than three gifts"
                await asyncio.sleep(0.1)
            assert {item.type for item in feed.results} == {"gift.thank_you"}
            score = await trust.calculate("campaign", campaign.id)
            assert score.entity_id == campaign.id

    asyncio.run(story())
