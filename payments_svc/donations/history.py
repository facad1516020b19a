"""One donor's payments as one statement that answers JSON: the page that is asked for most."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from bh_sdk.money import CURRENCIES
from bh_sdk.server.api import json_page

# Amounts leave as decimal strings: which currencies have how many decimals comes from the one table there is.
_DECIMAL = """CASE
    WHEN p.currency IN ({zero}) THEN {column}::text
    WHEN p.currency IN ({three}) THEN trunc({column} / 1000.0, 3)::text
    ELSE trunc({column} / 100.0, 2)::text END"""

_SQL = """
SELECT json_build_object(
    'payment_id', p.id, 'payment_intent_id', p.intent_id, 'campaign_id', p.campaign_id, 'user_id', p.user_id,
    'amount', {amount}, 'charged', {charged}, 'currency', p.currency, 'status', p.status,
    'refund_status', CASE WHEN p.refunded = 0 THEN 'none' WHEN p.refunded = p.charged THEN 'full' ELSE 'partial' END,
    'refunded_amount', {refunded}, 'dispute_status', p.dispute_status, 'anonymous', p.anonymous, 'message', p.message,
    'recurring_id', p.recurring_id,
    'created_at', to_char(p.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
), p.created_at::text, p.id::text
FROM payments_donations_payment p
WHERE p.user_id = %(user_id)s::uuid {filters}
  AND (p.created_at, p.id) < (%(at)s::timestamptz, %(before)s::uuid)
ORDER BY p.created_at DESC, p.id DESC LIMIT %(rows)s
"""

# Only what is asked for stands in the statement: a plan that has to serve every filter serves none well.
_FILTERS = {
    "status": "AND p.status = %(status)s",
    "campaign_id": "AND p.campaign_id = %(campaign_id)s::uuid",
    "since": "AND p.created_at >= %(since)s::timestamptz",
    "until": "AND p.created_at < %(until)s::timestamptz",
}


@cache
def _sql(filters: tuple[str, ...]) -> str:
    amounts = {name: _decimal(f"p.{name}") for name in ("amount", "charged", "refunded")}
    return _SQL.format(filters=" ".join(_FILTERS[name] for name in filters), **amounts)


def _decimal(column: str) -> str:
    codes = {
        exponent: [f"'{kind.code}'" for kind in CURRENCIES.values() if kind.exponent == exponent] for exponent in (0, 3)
    }
    return _DECIMAL.format(column=column, zero=", ".join(codes[0]), three=", ".join(codes[3]))


def page(
    request: HttpRequest,
    user_id: UUID,
    *,
    status: str | None,
    campaign_id: UUID | None,
    since: datetime | None,
    until: datetime | None,
    cursor: str | None,
    limit: int,
) -> HttpResponse:
    """A page of `wire.Payment`, newest first; the filters narrow it, `until` is exclusive."""
    wanted = {"status": status, "campaign_id": campaign_id, "since": since, "until": until}
    given = {name: value for name, value in wanted.items() if value is not None}
    return json_page(_sql(tuple(given)), {"user_id": user_id} | given, request=request, cursor=cursor, limit=limit)
