"""Adding facts up. Every command is called once per fact: the consumer's checkpoint sees to that."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.db import connection

from payments_svc.insights import copies
from payments_svc.insights.models import CampaignDonor, CampaignTotal, CountedGift, DailyFigure, DonorDay
from payments_svc.insights.rules import Change

_FIGURES = tuple(
    each.name
    for each in DailyFigure._meta.concrete_fields
    if each.name not in ("campaign_id", "day", "currency", "method")
)

# One statement, because a popular campaign's gifts pass here one after the other. `gift` is what is known of the payment
# now; with what the fact added taken off, it is what was known before; the difference of the two goes on to donor and
# campaign. Days on which the donor gave are a chain: a day that comes late (from the dead letters) is linked in. Only the
# road of one payment has to be in order, and it is.
_COUNT = """
WITH gift AS (
    INSERT INTO payments_insights_countedgift AS g
        (payment_id, campaign_id, donor_id, currency, method, opened_on, arrived_on, amount, refunded, disputed)
    VALUES (%(payment_id)s, %(campaign_id)s, %(donor_id)s, %(currency)s, %(method)s,
        %(opened_on)s, %(arrived_on)s, (%(put)s::bigint[])[1], (%(put)s::bigint[])[2], (%(put)s::bigint[])[3])
    ON CONFLICT (payment_id) DO UPDATE SET
        donor_id = COALESCE(EXCLUDED.donor_id, g.donor_id),
        method = CASE WHEN EXCLUDED.arrived_on IS NULL THEN g.method ELSE EXCLUDED.method END,
        opened_on = COALESCE(EXCLUDED.opened_on, g.opened_on),
        arrived_on = COALESCE(EXCLUDED.arrived_on, g.arrived_on),
        amount = g.amount + EXCLUDED.amount,
        refunded = g.refunded + EXCLUDED.refunded,
        disputed = g.disputed + EXCLUDED.disputed
    RETURNING g.*
), change AS (
    SELECT g.campaign_id, g.donor_id, g.currency, g.arrived_on,
        sum(s.sign * s.amount)::bigint AS raised, sum(s.sign * back)::bigint AS refunded,
        sum(s.sign * lost)::bigint AS disputed, sum(s.sign * (s.amount > back + lost)::int)::int AS gifts
    FROM gift g
    CROSS JOIN LATERAL (VALUES (1, g.amount, g.refunded, g.disputed),
        (-1, g.amount - (%(put)s::bigint[])[1], g.refunded - (%(put)s::bigint[])[2], g.disputed - (%(put)s::bigint[])[3])
    ) AS s (sign, amount, refunded, disputed)
    CROSS JOIN LATERAL (SELECT LEAST(s.amount, GREATEST(s.refunded, 0)) AS back) AS r
    CROSS JOIN LATERAL (SELECT LEAST(s.amount - back, GREATEST(s.disputed, 0)) AS lost) AS d
    WHERE g.arrived_on IS NOT NULL AND g.donor_id IS NOT NULL
    GROUP BY 1, 2, 3, 4
), person AS (
    INSERT INTO payments_insights_campaigndonor AS p
        (campaign_id, donor_id, currency, gifts, given, refunded, disputed, first_on, last_on)
    SELECT campaign_id, donor_id, currency, gifts, raised, refunded, disputed, arrived_on, arrived_on FROM change
    ON CONFLICT (campaign_id, donor_id) DO UPDATE SET
        gifts = p.gifts + EXCLUDED.gifts, given = p.given + EXCLUDED.given,
        refunded = p.refunded + EXCLUDED.refunded, disputed = p.disputed + EXCLUDED.disputed,
        first_on = LEAST(p.first_on, EXCLUDED.first_on), last_on = GREATEST(p.last_on, EXCLUDED.last_on)
    RETURNING gifts
), total AS (
    INSERT INTO payments_insights_campaigntotal AS t (campaign_id, currency, raised, refunded, disputed, donors, gifts)
    SELECT c.campaign_id, c.currency, c.raised, c.refunded, c.disputed,
        (p.gifts > 0)::int - (p.gifts - c.gifts > 0)::int, c.gifts
    FROM change c CROSS JOIN person p
    ON CONFLICT (campaign_id) DO UPDATE SET
        raised = t.raised + EXCLUDED.raised, refunded = t.refunded + EXCLUDED.refunded,
        disputed = t.disputed + EXCLUDED.disputed, donors = t.donors + EXCLUDED.donors, gifts = t.gifts + EXCLUDED.gifts
), here AS (
    INSERT INTO payments_insights_donorday (campaign_id, donor_id, day, previous_on, currency)
    SELECT c.campaign_id, c.donor_id, c.arrived_on, (
        SELECT max(o.day) FROM payments_insights_donorday o
        WHERE o.campaign_id = c.campaign_id AND o.donor_id = c.donor_id AND o.day < c.arrived_on
    ), c.currency
    FROM change c WHERE %(arrived_on)s::date IS NOT NULL
    ON CONFLICT DO NOTHING
), next AS (
    UPDATE payments_insights_donorday n SET previous_on = c.arrived_on
    FROM change c
    WHERE %(arrived_on)s::date IS NOT NULL AND n.campaign_id = c.campaign_id AND n.donor_id = c.donor_id AND n.day = (
        SELECT min(o.day) FROM payments_insights_donorday o
        WHERE o.campaign_id = c.campaign_id AND o.donor_id = c.donor_id AND o.day > c.arrived_on
    )
), day AS (
    SELECT campaign_id, %(day)s::date AS day, currency, CASE WHEN %(opened_on)s::date IS NULL THEN method ELSE '' END AS method,
        {own}
    FROM gift
    UNION ALL
    SELECT campaign_id, opened_on, currency, '', {converted}
    FROM gift
    WHERE opened_on IS NOT NULL AND arrived_on IS NOT NULL
        AND (%(opened_on)s::date IS NOT NULL OR %(arrived_on)s::date IS NOT NULL)
)
INSERT INTO payments_insights_dailyfigure AS f (campaign_id, day, currency, method, {names})
SELECT campaign_id, day, currency, method, {sums} FROM day GROUP BY 1, 2, 3, 4
ON CONFLICT (campaign_id, day, currency, method) DO UPDATE SET {added}
"""


@cache
def _count() -> str:
    return _COUNT.format(
        own=", ".join(f"(%(figures)s::bigint[])[{place}] AS f_{name}" for place, name in enumerate(_FIGURES, 1)),
        converted=", ".join("1" if name == "converted" else "0" for name in _FIGURES),
        names=", ".join(_FIGURES),
        sums=", ".join(f"sum(f_{name})::bigint" for name in _FIGURES),
        added=", ".join(f"{name} = f.{name} + EXCLUDED.{name}" for name in _FIGURES),
    )


def count(change: Change) -> None:
    """Add what one fact changes to its payment, donor, campaign and day."""
    told: dict[str, Any] = {
        "payment_id": change.payment_id,
        "campaign_id": change.campaign_id,
        "donor_id": change.donor_id,
        "currency": change.currency,
        "method": change.method,
        "opened_on": change.day if change.opened else None,
        "arrived_on": change.day if change.arrived else None,
        "day": change.day,
        # Lists, because a number's type goes by its size, and every mixture of types would be a statement to prepare.
        "put": [change.amount, change.refunded, change.disputed],
        "figures": [change.daily.get(name, 0) for name in _FIGURES],
    }
    with connection.cursor() as cursor:
        cursor.execute(_count(), told)
    copies.outdated(change.campaign_id)


def forget() -> None:
    """Empty the read models, before they are built again. Whoever counts meanwhile waits."""
    with connection.cursor() as cursor:
        cursor.execute("LOCK TABLE payments_insights_countedgift IN SHARE ROW EXCLUSIVE MODE")
    for model in (CountedGift, CampaignDonor, CampaignTotal, DonorDay, DailyFigure):
        model._default_manager.all().delete()
