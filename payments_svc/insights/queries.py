"""Reading what was added up. Whoever may not see a thing hears that it is not there; nobody is let in by a kept answer."""

from __future__ import annotations

from uuid import UUID

from bh_sdk.errors import NotFound
from bh_sdk.money import Money
from bh_sdk.server.access import Principal
from bh_sdk.server.api import fetch_rows
from bh_sdk.server.ops.sealed import SealBroken, seal, unseal
from bh_sdk.wire.payments import CampaignTotals, PublicGift
from payments_svc.donations import queries as donations
from payments_svc.insights import analytics
from payments_svc.insights.copies import COPIES, MANY

_TOTALS = """
SELECT c.currency, COALESCE(t.raised, 0), COALESCE(t.refunded, 0), COALESCE(t.disputed, 0),
    COALESCE(t.donors, 0), COALESCE(t.gifts, 0)
FROM payments_donations_campaign c LEFT JOIN payments_insights_campaigntotal t ON t.campaign_id = c.id
WHERE c.id = %s::uuid
"""


def campaign_totals(campaign_id: UUID) -> bytes:
    """What everybody may know of a campaign's gifts, as JSON. Raises NotFound for a campaign that payments does not know.

    Kept for a few seconds, sealed, because donors' names are in it.
    """
    place = f"totals:{campaign_id}"

    def compute() -> bytes:
        return seal(_totals(campaign_id).model_dump_json().encode(), place)

    kept = COPIES.answer([str(campaign_id)], "totals", compute)
    try:
        return unseal(kept, place)
    except SealBroken:
        # Sealed with a key that was retired since.
        return unseal(compute(), place)


def _totals(campaign_id: UUID) -> CampaignTotals:
    found = fetch_rows(_TOTALS, [campaign_id])
    if not found:
        raise NotFound("There is no such campaign")
    currency, raised, refunded, disputed, donors, gifts = found[0]
    return CampaignTotals(
        campaign_id=campaign_id,
        currency=currency,
        raised=Money(raised, currency).decimal,
        refunded=Money(refunded, currency).decimal,
        disputed=Money(disputed, currency).decimal,
        donors=donors,
        gifts=gifts,
        recent=[
            PublicGift(
                display_name=name,
                amount=payment.money(payment.amount).decimal,
                message=payment.message,
                created_at=payment.created_at,
            )
            for payment, name in donations.recent_public_gifts(campaign_id, limit=10)
        ],
    )


def access_campaigns(campaign_id: UUID | None, *, by: Principal) -> tuple[UUID, ...] | None:
    """The campaigns whose figures the caller may read: the one asked for, all (None) for staff, one's own for an organiser.

    Raises NotFound for a campaign that is not there or somebody else's.
    """
    if campaign_id is not None:
        campaign = donations.campaign(campaign_id)
        if not by.may("analytics", "read_any") and str(campaign.owner_id) != by.id:
            raise NotFound("There is no such campaign")
        return (campaign_id,)
    return None if by.may("analytics", "read_any") else tuple(donations.campaigns_owned_by(UUID(by.id)))


def figures(question: analytics.Question) -> bytes:
    """The analytics as JSON. Raises Invalid."""
    question.check()
    asked = repr((question.start, question.end, question.granularity, question.currency, question.method))
    subjects = [str(question.campaign_id) if question.campaign_id else MANY]
    scope = "all" if question.campaigns is None else ",".join(sorted(map(str, question.campaigns)))
    return COPIES.answer(
        subjects, f"analytics {scope} {asked}", lambda: analytics.answer(question).model_dump_json().encode()
    )


def access_donor(user_id: UUID, *, by: Principal) -> None:
    """Whose statistics may be read: one's own, and anybody's by staff and the platform. Raises NotFound."""
    if by.id != str(user_id) and not by.may("payment", "read_any"):
        raise NotFound("There is no such donor")
