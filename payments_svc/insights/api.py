"""What the gifts add up to: totals of a campaign, analytics, and a donor's own account."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse

from bh_sdk.server.access import may
from bh_sdk.server.api import Call, Router, json_bytes, with_etag
from bh_sdk.wire.analytics import Analytics, Day, DonorImpact, DonorStats, Granularity, Method
from bh_sdk.wire.base import CurrencyCode
from bh_sdk.wire.payments import CampaignTotals
from payments_svc.insights import donors, queries
from payments_svc.insights.analytics import Question

router = Router(tags=["insights"])


@router.get("/campaigns/{uuid:campaign_id}/totals", auth=may("totals", "read"), response=CampaignTotals)
def campaign_totals(request: Call, campaign_id: UUID) -> HttpResponse:
    """Raised, refunded, disputed, donors, gifts and the latest public gifts of a campaign. Public. Answers 304 to an ETag
    that still holds."""
    response = with_etag(request, json_bytes(queries.campaign_totals(campaign_id)))
    response["Cache-Control"] = "no-cache"
    return response


@router.get("/analytics", auth=may("analytics", "read"), response=Analytics)
def analytics(
    request: Call,
    start_date: Day,
    end_date: Day,
    granularity: Granularity = "day",
    campaign_id: UUID | None = None,
    currency: CurrencyCode | None = None,
    method: Method | None = None,
) -> HttpResponse:
    """Gifts, donors, refunds, fees and conversion by day, week (from Monday) or month, in UTC, never mixing currencies.

    Both dates are included. An organiser sees own campaigns only, all of them when none is named. `method` is Stripe's word
    (`card`, `us_bank_account`), or `unknown` for gifts from before it was told. Answers 304 to an ETag that still holds.
    """
    question = Question(
        start=start_date,
        end=end_date,
        granularity=granularity,
        campaigns=queries.access_campaigns(campaign_id, by=request.auth),
        campaign_id=campaign_id,
        currency=currency,
        method=method,
    )
    response = with_etag(request, json_bytes(queries.figures(question)))
    response["Vary"] = "Authorization"
    response["Cache-Control"] = "private, no-cache"
    return response


@router.get("/donors/{uuid:user_id}/stats", auth=may("donor_stats", "read"), response=DonorStats)
def donor_stats(request: Call, user_id: UUID) -> DonorStats:
    """How much a donor gave, how often and to how many campaigns, by currency. For the donor, staff and the platform."""
    queries.access_donor(user_id, by=request.auth)
    return donors.stats(user_id)


@router.get("/donors/{uuid:user_id}/impact", auth=may("donor_stats", "read"), response=DonorImpact)
def donor_impact(request: Call, user_id: UUID) -> DonorImpact:
    """What a donor's gifts took part in: campaigns, organisers, categories. For the donor, staff and the platform."""
    queries.access_donor(user_id, by=request.auth)
    return donors.impact(user_id)
