"""A refund from the support desk to the donor's inbox: who is told, how soon, and how often."""

from __future__ import annotations

import time
from uuid import uuid4

import pytest

from bh_sdk.clients import Payments
from bh_sdk.errors import BHError
from tests.e2e.scene import a_campaign, facts, feed_of, give, journals, one_mail, pay, payment_when, user_auth
from tests.stack import House, until

# The promise is three seconds; a machine that others use as well is allowed more, and the figure is printed.
AT_MOST = 20.0


def desk(house: House, role: str) -> Payments:
    return Payments(house.url("payments"), auth=user_auth(house, uuid4(), role), timeout=30)


def test_support_asks_finance_approves_and_within_seconds_everybody_knows_once(house: House) -> None:
    campaign, ruth = a_campaign(house), uuid4()
    address = f"ruth.{ruth.hex[:12]}@demo.test"
    house.doors.notify.describe_contact(ruth, email=address, name="Ruth Adler")
    gift = give(house, campaign, "600.00", ruth)
    assert pay(house, gift, ruth).status == "succeeded"
    until(lambda: house.doors.guest.campaign_totals(campaign.id).gifts or None, "the totals", seconds=AT_MOST)

    with desk(house, "support") as support, desk(house, "finance") as finance:
        asked = support.refund(payment_id=gift.payment_id, reason="requested_by_customer")
        assert (asked.status, asked.amount, asked.second_person) == ("pending_approval", "600.00", True)
        with pytest.raises(BHError) as refused:
            support.approve_refund(asked.refund_id)
        assert refused.value.status == 403
        began = time.monotonic()
        finance.approve_refund(asked.refund_id, notes="The donor called.")
        refunded = payment_when(house, gift.payment_id, "the refund", refund_status="full")
        assert refunded.refunded_amount == "600.00"

        one_mail(house, address, "the donor's mail", containing="way back", seconds=AT_MOST)
        with feed_of(house, ruth) as feed:
            entry = until(
                lambda: next((one for one in feed.feed(ruth).results if "refund" in one.type), None),
                "the feed's entry",
                seconds=AT_MOST,
            )
        totals = until(
            lambda: next((t for t in [house.doors.guest.campaign_totals(campaign.id)] if t.refunded != "0.00"), None),
            "the campaign's totals",
            seconds=AT_MOST,
        )
        until(
            lambda: house.rows(
                "trust",
                "SELECT 1 FROM trust_evidence_fact WHERE data->>'payment_id' = %s AND type = 'payment.refunded'",
                str(gift.payment_id),
            ),
            "trust's evidence",
            seconds=AT_MOST,
        )
        print(f"everybody knew {time.monotonic() - began:.2f} s after the approval (promise: 3 s)")

        # Each exactly once.
        assert (totals.refunded, entry.type) == ("600.00", "refund.succeeded")
        assert len([mail for mail in house.mails(address) if "way back" in mail["subject"]]) == 1
        told = [event.type for event in facts(house, "payments", about=gift.payment_id)]
        assert told.count("payments.refund.succeeded.v1") == 1
        assert sum(sum(lines.values()) for _, _, lines in journals(house, gift.payment_id)) == 0
        at_stripe = house.doors.stripe.v1.refunds.list({"payment_intent": str(gift.payment_intent_id)})
        assert [refund.amount for refund in at_stripe] == [60000]
        assert finance.refund_case(asked.refund_id).status == "succeeded"
