"""Analytics of payments: figures by period and currency, and a donor's own account."""

from __future__ import annotations

from datetime import date

from bh_sdk.clients.call import Call, Ident, answer, ident, query
from bh_sdk.wire.analytics import Analytics, DonorImpact, DonorStats, Granularity

BASE = "/api/v1/payments"


def analytics(
    *,
    start_date: date,
    end_date: date,
    granularity: Granularity = "day",
    campaign_id: Ident | None = None,
    currency: str | None = None,
    method: str | None = None,
    timeout: float | None = None,
) -> Call[Analytics]:
    """Gifts, donors, refunds, fees and conversion by day, week or month, both dates included, one row per currency.

    An organiser's token sees own campaigns only, all of them when none is named; finance, analysts and auditors see all.
    Raises NotFound for another's campaign, Invalid for a range that is too long.
    """
    filters = query(
        start_date=start_date.isoformat(),
        end_date=end_date.isoformat(),
        granularity=granularity,
        campaign_id=ident(campaign_id, "campaign_id") if campaign_id is not None else None,
        currency=currency,
        method=method,
    )
    return Call("payments.analytics", "GET", f"{BASE}/analytics", answer(Analytics), filters, timeout=timeout)


def donor_stats(user_id: Ident, *, timeout: float | None = None) -> Call[DonorStats]:
    """How much a person gave, how often and to how many campaigns, by currency. Raises NotFound for another person's."""
    path = f"{BASE}/donors/{ident(user_id, 'user_id')}/stats"
    return Call("payments.donor_stats", "GET", path, answer(DonorStats), timeout=timeout)


def donor_impact(user_id: Ident, *, timeout: float | None = None) -> Call[DonorImpact]:
    """What a person's gifts took part in. Raises NotFound for another person's."""
    path = f"{BASE}/donors/{ident(user_id, 'user_id')}/impact"
    return Call("payments.donor_impact", "GET", path, answer(DonorImpact), timeout=timeout)
