"""Money that came to a campaign and has neither gone back nor been paid out: what can still be saved."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from decimal import Decimal
from uuid import UUID

from django.db import connection

from trust_svc.cases import attention
from trust_svc.cases.models import Move
from trust_svc.cases.rules import in_reference
from trust_svc.evidence import queries as evidence

_OPEN = """
SELECT campaign_id, currency,
       sum(CASE WHEN way IN ('given', 'again') THEN amount
                WHEN way = 'back' THEN -amount
                WHEN way = 'paid' AND NOT EXISTS (
                     SELECT FROM trust_cases_move AS failed
                      WHERE failed.campaign_id = paid.campaign_id AND failed.payout_id = paid.payout_id
                        AND failed.way = 'failed') THEN -amount
                ELSE 0 END)
  FROM trust_cases_move AS paid WHERE campaign_id = ANY(%s) GROUP BY 1, 2
"""


def moved(
    event_id: UUID, way: str, campaign_id: UUID, amount: str, currency: str, payout_id: UUID | None = None
) -> None:
    """Note that money came or went (`way` as in Move.Way). The same event counts once, in any order with others."""
    move = Move(
        event_id=event_id,
        campaign_id=campaign_id,
        way=way,
        amount=Decimal(amount),
        currency=currency,
        payout_id=payout_id,
    )
    Move.objects.bulk_create([move], ignore_conflicts=True)
    owner = evidence.owner_of("campaign", campaign_id)
    entities = [("campaign", campaign_id), *([("user", owner)] if owner else [])]
    attention.look_at(entities, with_open_case=True)


def open_money(kind: str, entity_id: UUID) -> Decimal:
    """What is open at a campaign, or at all campaigns of a person, in the reference currency; never below nothing."""
    campaigns = [entity_id] if kind == "campaign" else [each.id for each in _campaigns_of(entity_id)]
    found = by_campaign(campaigns)
    sums = (
        max(Decimal(0), in_reference(amount, currency)) for some in found.values() for currency, amount in some.items()
    )
    return sum(sums, Decimal(0)).quantize(Decimal("0.01"))


def by_campaign(campaigns: Collection[UUID]) -> dict[UUID, dict[str, Decimal]]:
    """Open money of these campaigns by currency, in major units."""
    found: dict[UUID, dict[str, Decimal]] = defaultdict(dict)
    if campaigns:
        with connection.cursor() as cursor:
            cursor.execute(_OPEN, [list(campaigns)])
            for campaign_id, currency, amount in cursor.fetchall():
                found[campaign_id][currency] = amount
    return found


def _campaigns_of(owner: UUID) -> list[evidence.KnownCampaign]:
    return evidence.campaigns_of([owner]).get(owner, [])
