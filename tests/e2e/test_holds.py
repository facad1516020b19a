"""A hold walks the whole road: an analyst stops a campaign in trust, payments pays nothing out, and goes on when it is lifted."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from bh_sdk.clients import Payments
from bh_sdk.wire.payouts import Payout
from tests.e2e.desk import days_later, desk_of
from tests.e2e.scene import AT_MOST, Campaign, a_campaign, a_guest, give, one_mail, pay, payment_when, user_auth
from tests.stack import House, until

WHY = "The beneficiary says that no money has reached them."


def as_owner(house: House, campaign: Campaign) -> Payments:
    return Payments(house.url("payments"), auth=user_auth(house, campaign.owner, "recipient"), timeout=30)


def score_of(house: House, campaign: Campaign) -> tuple[UUID, float] | None:
    """The id and the cap of a campaign's score, once there is one."""
    rows = house.rows("trust", "SELECT id, cap FROM trust_scoring_score WHERE entity_id = %s", campaign.id)
    return (rows[0][0], rows[0][1]) if rows else None


def capped_at(house: House, campaign: Campaign, least: float, most: float) -> bool:
    found = score_of(house, campaign)
    return found is not None and least <= found[1] <= most


def approve(house: House, payout: Payout) -> None:
    with desk_of(house, "payments", "finance") as desk:
        desk.send(f"/admin/payments_payouts/payout/{payout.payout_id}/approve/")


def no_button_to_approve(house: House, payout: Payout) -> bool:
    """Whether the address behind the button is shut for finance."""
    with desk_of(house, "payments", "finance") as desk:
        shown = desk.client.get(
            f"/admin/payments_payouts/payout/{payout.payout_id}/approve/", headers={"HX-Request": "true"}
        )
        return shown.status_code == 403


def test_a_hold_stops_a_payout_that_goes_on_when_it_is_lifted(house: House) -> None:
    campaign, ruth = a_campaign(house), a_guest()
    gift = give(house, campaign, "300.00", ruth)
    pay(house, gift, ruth)
    payment_when(house, gift.payment_id, "the gift", status="succeeded")
    with as_owner(house, campaign) as owner:
        with days_later(house, 8):
            payout: Any = owner.request_payout(campaign_id=campaign.id, amount="100.00")
        score_id, _ = until(lambda: score_of(house, campaign), "the campaign's score", seconds=AT_MOST)

        with desk_of(house, "trust", "analyst") as desk:
            desk.send(f"/admin/trust_scoring/score/{score_id}/place_hold/", reason=WHY)
        until(lambda: owner.escrow(campaign.id).on_hold, "the hold in payments", seconds=AT_MOST)
        until(lambda: capped_at(house, campaign, 20, 20), "the capped score", seconds=AT_MOST)
        stopped = one_mail(house, campaign.owner_mail, "the mail about the hold", containing="are stopped for now")
        assert WHY not in stopped["text"]
        assert no_button_to_approve(house, payout)
        assert owner.payout(payout.payout_id).status == "requested"

        with desk_of(house, "trust", "analyst") as desk:
            desk.send(f"/admin/trust_scoring/score/{score_id}/lift_hold/", reason="They were paid after all.")
        until(lambda: not owner.escrow(campaign.id).on_hold, "the hold lifted in payments", seconds=AT_MOST)
        until(lambda: capped_at(house, campaign, 21, 100), "the score without the hold", seconds=AT_MOST)
        one_mail(house, campaign.owner_mail, "the mail about its end", containing="go on")
        approve(house, payout)
        until(lambda: owner.payout(payout.payout_id).status != "requested", "the approved payout", seconds=AT_MOST)
