"""The refunds desk in a real browser: support asks, finance approves, the timeline shows each step, and everybody hears of it.

Needs Chromium (`apt-get install chromium`, or its path in `BH_CHROMIUM`). With `BH_SHOTS=folder` the pictures of
`docs/staff/refunds.md` are taken anew on the way.
"""

from __future__ import annotations

import os
import time
from pathlib import Path
from uuid import UUID, uuid4

from playwright.sync_api import Browser, Page

from tests.e2e.desk import at_the_desk, press, send, words
from tests.e2e.scene import AT_MOST, a_campaign, a_guest, facts, give, journals, one_mail, pay, payment_when
from tests.stack import House, until

# Read now: a test's own environment knows nothing of ours.
SHOTS = os.environ.get("BH_SHOTS")


def shot(page: Page, name: str) -> None:
    if SHOTS:
        page.wait_for_timeout(400)
        page.screenshot(path=Path(SHOTS) / f"refunds-{name}.png")


def refund_of(house: House, payment_id: UUID) -> tuple[UUID, str]:
    ((found, status),) = house.rows(
        "payments", "SELECT id, status FROM payments_refunds_refund WHERE payment_id = %s", payment_id
    )
    return UUID(str(found)), status


def test_support_asks_finance_approves_and_everybody_hears_of_it(house: House, browser: Browser) -> None:
    campaign, ruth = a_campaign(house), a_guest()
    gift = give(house, campaign, "600.00", ruth)
    assert pay(house, gift, ruth).status == "succeeded"
    payment_when(house, gift.payment_id, "the gift", status="succeeded")
    one_mail(house, ruth.email, "the thank-you mail", containing="Thank you")

    with at_the_desk(browser, house, "support") as page:
        page.goto(f"{house.url('payments')}/admin/payments_donations/payment/{gift.payment_id}/change/")
        press(page, "Refund", reason="requested_by_customer", notes="Ruth wrote on Monday: she gave twice.")
        assert "finance approves it above 500.00 GBP" in words(page)
        shot(page, "ask")
        send(page, "Ask for the refund")
        assert "600.00 GBP" in words(page)
        refund_id, status = refund_of(house, gift.payment_id)
        assert status == "pending_approval"
        page.goto(f"{house.url('payments')}/admin/payments_refunds/refund/{refund_id}/change/")
        assert "You asked for this refund" in words(page)
        assert page.get_by_text("Approve", exact=True).count() == 0
        shot(page, "asked")
        assert page.request.post(page.url.replace("change/", "approve/")).status == 403

    with at_the_desk(browser, house, "finance") as page:
        until(lambda: "Refunds to approve" in words(page), "the first page")
        shot(page, "today")
        page.goto(f"{house.url('payments')}/admin/payments_refunds/refund/{refund_id}/change/")
        press(page, "Approve", notes="Spoke to Ruth")
        shot(page, "approve")
        began = time.monotonic()
        send(page, "Approve")
        heard = everybody_hears(house, campaign.id, gift.payment_id, ruth.email)
        print({what: round(at - began, 2) for what, at in heard.items()})

        def told() -> bool:
            page.reload()
            return words(page).count("by fact number") == 2

        until(told, "the road to have told everybody", seconds=AT_MOST, pause=0.5)
        seen = words(page)
        for step in (
            "Asked for",
            "Ruth wrote on Monday: she gave twice.",
            "Approved",
            "Spoke to Ruth",
            "Sent to Stripe",
            "Accepted by Stripe",
            "Booked in the ledger",
            "Refunded",
            "Trust told",
            "Donor told",
        ):
            assert step in seen, step
        shot(page, "timeline")

    assert [kind for kind, _, _ in journals(house, gift.payment_id)] == ["donation", "refund"]
    told_of = [event.type for event in facts(house, "payments", about=gift.payment_id)]
    assert [kind for kind in told_of if kind.startswith("payments.refund.")] == [
        "payments.refund.requested.v1",
        "payments.refund.approved.v1",
        "payments.refund.succeeded.v1",
    ]
    assert len([mail for mail in house.mails(ruth.email) if "back" in mail["subject"]]) == 1
    refunds = house.doors.stripe.v1.refunds.list({"payment_intent": str(gift.payment_intent_id)}).data
    assert [(made.amount, (made.metadata or {}).get("refund_id")) for made in refunds] == [(60000, str(refund_id))]


def everybody_hears(house: House, campaign_id: UUID, payment_id: UUID, mail: str) -> dict[str, float]:
    """When each of them knew: the donor by mail, the totals, trust's evidence."""
    heard: dict[str, float] = {}
    one_mail(house, mail, "the refund's mail", containing="back")
    heard["mail"] = time.monotonic()
    until(
        lambda: house.doors.guest.campaign_totals(campaign_id).refunded == "600.00",
        "the refund in the totals",
        seconds=AT_MOST,
    )
    heard["totals"] = time.monotonic()
    until(
        lambda: house.rows(
            "trust",
            "SELECT 1 FROM trust_evidence_fact WHERE type = 'payment.refunded' AND data->>'payment_id' = %s",
            str(payment_id),
        ),
        "trust's evidence",
        seconds=AT_MOST,
    )
    heard["trust"] = time.monotonic()
    return heard


def test_what_comes_back_is_asked_for_again_from_its_page(house: House, browser: Browser) -> None:
    campaign, donor = a_campaign(house), uuid4()
    house.doors.notify.describe_contact(donor, email=f"d.{donor.hex[:12]}@demo.test", name="Peter Lang")
    gift = give(house, campaign, "30.00", donor)
    pay(house, gift, donor, card="pm_card_refundFail")
    payment_when(house, gift.payment_id, "the gift", status="succeeded")

    with at_the_desk(browser, house, "support") as page:
        page.goto(f"{house.url('payments')}/admin/payments_donations/payment/{gift.payment_id}/change/")
        press(page, "Refund", amount="30.00", reason="duplicate")
        send(page, "Ask for the refund")
        refund_id, _ = refund_of(house, gift.payment_id)
        until(lambda: refund_of(house, gift.payment_id)[1] == "failed", "the bank to send it back", seconds=AT_MOST)
        page.goto(f"{house.url('payments')}/admin/payments_refunds/refund/{refund_id}/change/")
        assert "Stripe could not bring the money to the donor" in words(page)
        assert "Came back" in words(page)
        shot(page, "came-back")
        press(page, "Ask again", amount="30.00")
        send(page, "Ask again")
        assert "Refund asked for again" in words(page)
    payment_when(house, gift.payment_id, "the reversal", refunded_amount="0.00")
    kinds = [kind for kind, _, _ in journals(house, gift.payment_id)]
    assert kinds[:3] == ["donation", "refund", "refund_reversal"]


def test_every_gift_of_a_cancelled_campaign_is_given_back_one_by_one(house: House, browser: Browser) -> None:
    campaign = a_campaign(house, title="A roof for the chapel")
    gifts = []
    for amount in ("12.00", "25.00", "700.00"):
        donor = a_guest()
        gifts.append(give(house, campaign, amount, donor))
        assert pay(house, gifts[-1], donor).status == "succeeded"
    house.doors.payments.describe_campaign(
        campaign.id,
        title=campaign.title,
        owner_id=campaign.owner,
        currency="GBP",
        goal="1000000",
        status="CANCELLED",
    )
    with at_the_desk(browser, house, "finance") as page:
        page.goto(f"{house.url('payments')}/admin/payments_donations/campaign/{campaign.id}/change/")
        press(page, "Give every gift back", notes="The chapel was sold")
        send(page, "Ask for all refunds")
    ((batch_id,),) = until(
        lambda: house.rows(
            "payments", "SELECT id FROM payments_refunds_refundbatch WHERE campaign_id = %s", campaign.id
        ),
        "the batch",
    )
    address = f"{house.url('payments')}/admin/payments_refunds/refundbatch/{batch_id}/change/"
    with at_the_desk(browser, house, "finance2") as page:

        def complete() -> bool:
            page.goto(address)
            return "Waits for approval".lower() in words(page).lower()

        until(complete, "every refund to be asked for", seconds=AT_MOST, pause=0.5)
        press(page, "Approve all that wait", notes="As the board decided")
        send(page, "Approve all that wait")

        def done() -> bool:
            page.goto(address)
            return "3 of 3" in words(page)

        until(done, "every gift to be given back", seconds=AT_MOST * 2, pause=0.5)
        shot(page, "batch")
    for gift in gifts:
        payment_when(house, gift.payment_id, "its refund", refund_status="full")
        made = house.doors.stripe.v1.refunds.list({"payment_intent": str(gift.payment_intent_id)}).data
        assert len(made) == 1
