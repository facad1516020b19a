"""From a donor's doubt to its end: a report, the queue, a decision, a hold, an appeal that somebody else grants, and money that
flows again; and a paper that makes an organiser verified. In a real browser, over the running programs."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

from playwright.sync_api import Browser

from bh_sdk.clients import Trust
from bh_sdk.wire.payouts import Payout
from tests.e2e.desk import at_the_desk, days_later, desk_of, press, send, words
from tests.e2e.scene import AT_MOST, Campaign, a_campaign, a_guest, give, one_mail, pay, payment_when, user_auth
from tests.e2e.test_holds import approve, as_owner, no_button_to_approve
from tests.stack import House, until

DOUBT = "Nobody at the place that is named there has ever heard of it."
PAPER = b"%PDF-1.7 a passport %%EOF"


def trust_as(house: House, person: UUID) -> Trust:
    return Trust(house.url("trust"), auth=user_auth(house, person), timeout=30)


def decided_in_the_browser(house: House, browser: Browser, campaign: Campaign) -> None:
    """The case is in the queue; an analyst claims it, upholds the report and stops payouts."""
    with at_the_desk(browser, house, "analyst", service="trust") as page:

        def listed() -> bool:
            page.goto(f"{house.url('trust')}/admin/trust_cases/case/")
            return campaign.title in words(page)

        until(listed, "the case in the queue", seconds=AT_MOST, pause=0.5)
        with page.expect_navigation():
            page.get_by_text(campaign.title).first.click()
        assert DOUBT in words(page)
        press(page, "Claim")
        send(page, "Claim")
        assert "The case is yours" in words(page)
        press(page, "Decide", outcome="confirmed", verdict="upheld", note="The parish named there confirms it.")
        send(page, "Close the case")
        assert "Decided: confirmed" in words(page)


def looked_at_again(house: House, appeal_id: UUID) -> None:
    """Who decided is refused; another analyst reverses it."""
    said = {"outcome": "reversed", "answer": "The parish was mistaken: it has found the receipts.", "note": ""}
    path = f"/admin/trust_appeals/appeal/{appeal_id}/decide_appeal/"
    with desk_of(house, "trust", "analyst") as desk:
        desk.send(path, **said)
    assert house.value("trust", "SELECT state FROM trust_appeals_appeal WHERE id = %s", appeal_id) == "open"
    with desk_of(house, "trust", "analyst2") as desk:
        desk.send(path, **said)


def test_a_report_is_decided_appealed_against_and_reversed_and_everybody_hears_of_it(
    house: House, browser: Browser
) -> None:
    campaign, donor = a_campaign(house, title=f"Boats for Kisumu {uuid4().hex[:6]}"), uuid4()
    mail = f"donor.{donor.hex[:12]}@demo.test"
    house.doors.notify.describe_contact(donor, email=mail, name="Peter Lang")
    ruth = a_guest()
    gift = give(house, campaign, "300.00", ruth)
    pay(house, gift, ruth)
    payment_when(house, gift.payment_id, "the gift", status="succeeded")
    with as_owner(house, campaign) as owner:
        with days_later(house, 8):
            payout: Payout = owner.request_payout(campaign_id=campaign.id, amount="100.00")
        with trust_as(house, donor) as trust:
            trust.report(entity_type="campaign", entity_id=campaign.id, kind="fraud", description=DOUBT)
        decided_in_the_browser(house, browser, campaign)

        until(lambda: owner.escrow(campaign.id).on_hold, "the hold in payments", seconds=AT_MOST)
        assert no_button_to_approve(house, payout)
        stopped = one_mail(house, campaign.owner_mail, "the mail about the hold", containing="are stopped for now")
        found = one_mail(house, campaign.owner_mail, "the mail about the case", containing="We found a problem")
        assert all(DOUBT not in each["text"] for each in (stopped, found)), "who reported and why stays here"
        one_mail(house, mail, "the reporter's mail", containing="We have looked at your report")

        with trust_as(house, campaign.owner) as trust:
            appeal: Any = trust.file_appeal(
                against="case",
                entity_type="campaign",
                entity_id=campaign.id,
                statement="The receipts are with the parish; it looked in the wrong year.",
            )
            one_mail(house, campaign.owner_mail, "the word that it came", containing="We have your appeal")
            looked_at_again(house, appeal.appeal_id)
            assert trust.appeal(appeal.appeal_id).status == "reversed"
        until(lambda: not owner.escrow(campaign.id).on_hold, "the hold lifted in payments", seconds=AT_MOST)
        one_mail(house, campaign.owner_mail, "the mail about its end", containing="go on")
        one_mail(house, campaign.owner_mail, "the answer", containing="We have decided on your appeal")

        def told_twice() -> bool:
            return sum("looked at your report" in each["subject"] for each in house.mails(mail)) == 2

        until(told_twice, "the reporter to hear what stands now", seconds=AT_MOST)
        approve(house, payout)
        until(lambda: owner.payout(payout.payout_id).status != "requested", "the approved payout", seconds=AT_MOST)


def test_a_paper_makes_an_organiser_verified(house: House, browser: Browser) -> None:
    campaign = a_campaign(house, title=f"A library for Graz {uuid4().hex[:6]}")
    with trust_as(house, campaign.owner) as trust:
        until(
            lambda: house.rows("trust", "SELECT 1 FROM trust_evidence_campaign WHERE id = %s", campaign.id),
            "trust to know the campaign",
            seconds=AT_MOST,
        )
        asked: Any = trust.request_verification("identity", documents=[PAPER])
        with at_the_desk(browser, house, "analyst", service="trust") as page:
            page.goto(f"{house.url('trust')}/admin/trust_verification/request/{asked.verification_id}/change/")
            press(page, "Grant", message="Thank you, that was quick.")
            send(page, "Grant")
            assert "Granted" in words(page)
        answer = trust.verification(asked.verification_id)
        assert (answer.status, answer.message) == ("granted", "Thank you, that was quick.")
        assert answer.expires_at is not None

    def badges() -> list[str]:
        with Trust(house.url("trust"), timeout=30) as anybody:
            return [each.code for each in anybody.campaign(campaign.id).badges]

    until(lambda: "identity_verified" in badges(), "the badge that everybody sees", seconds=AT_MOST)
    one_mail(house, campaign.owner_mail, "the organiser's mail", containing="is verified")
