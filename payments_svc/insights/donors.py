"""What one donor's gifts came to, from the read models: the donor's own account, so anonymous gifts count."""

from __future__ import annotations

from collections import Counter, defaultdict
from uuid import UUID

from bh_sdk.money import Money
from bh_sdk.wire import analytics as wire
from payments_svc.donations import queries as donations
from payments_svc.insights.models import CampaignDonor, CampaignTotal

# Campaigns that the impact names, those given to last.
NAMED = 100
_REACHED, _ACTIVE = ("FUNDED", "COMPLETED"), ("FUNDING", "FUNDED")


def stats(user_id: UUID) -> wire.DonorStats:
    """Sums by currency of everything that the person gave."""
    by_currency: dict[str, list[CampaignDonor]] = defaultdict(list)
    for row in CampaignDonor.objects.filter(donor_id=user_id, first_on__isnull=False):
        by_currency[row.currency].append(row)
    sums = [_sums(code, rows) for code, rows in sorted(by_currency.items())]
    return wire.DonorStats(
        user_id=user_id,
        total_donations=sum(each.total_donations for each in sums),
        campaigns_supported=sum(each.campaigns_supported for each in sums),
        currencies=sums,
    )


def _sums(code: str, rows: list[CampaignDonor]) -> wire.DonorSums:
    given, gone = sum(row.given for row in rows), sum(row.refunded + row.disputed for row in rows)
    gifts, left = sum(row.gifts for row in rows), given - gone
    return wire.DonorSums(
        currency=code,
        total_donations=gifts,
        total_amount=Money(left, code).decimal,
        average_donation=Money(left // gifts, code).decimal if gifts else None,
        campaigns_supported=sum(row.gifts > 0 for row in rows),
        given=Money(given, code).decimal,
        refunded=Money(sum(row.refunded for row in rows), code).decimal,
        disputed=Money(sum(row.disputed for row in rows), code).decimal,
        first_on=min(row.first_on for row in rows if row.first_on),
        last_on=max(row.last_on for row in rows if row.last_on),
    )


def impact(user_id: UUID) -> wire.DonorImpact:
    """What the person's gifts took part in; a campaign of whose gifts nothing is left is not among it."""
    rows = list(CampaignDonor.objects.filter(donor_id=user_id, gifts__gt=0).order_by("-last_on", "campaign_id"))
    campaigns = donations.campaigns_among([row.campaign_id for row in rows])
    known = [campaigns[row.campaign_id] for row in rows if row.campaign_id in campaigns]
    named = [row for row in rows if row.campaign_id in campaigns][:NAMED]
    raised = CampaignTotal.objects.in_bulk([row.campaign_id for row in named])
    categories = Counter(each.category for each in known)
    return wire.DonorImpact(
        user_id=user_id,
        campaigns_supported=len(rows),
        recipients_helped=len({each.owner_id for each in known}),
        funded_campaigns=sum(each.status in _REACHED for each in known),
        active_campaigns=sum(each.status in _ACTIVE for each in known),
        categories=[
            wire.CategoryShare(category=name, campaigns=count)
            for name, count in sorted(categories.items(), key=lambda pair: (-pair[1], pair[0] or ""))
        ],
        campaigns=[
            wire.SupportedCampaign(
                campaign_id=row.campaign_id,
                title=campaigns[row.campaign_id].title,
                status=campaigns[row.campaign_id].status,
                category=campaigns[row.campaign_id].category,
                currency=row.currency,
                given=Money(row.given - row.refunded - row.disputed, row.currency).decimal,
                raised=Money(raised[row.campaign_id].raised, row.currency).decimal,
                goal=Money(campaigns[row.campaign_id].goal, campaigns[row.campaign_id].currency).decimal,
            )
            for row in named
        ],
    )
