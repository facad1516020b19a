"""One donor's payments as one statement that answers JSON: the page that is asked for most."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from uuid import UUID

from django.http import HttpRequest, HttpResponse

from bh_sdk.money import CURRENCIES
from bh_sdk.server.api import json_page

# Amounts leave as decimal strings: the exponent of each currency comes from the one table there is.
_DECIMAL = """CASE WHEN e.exponent = 0 THEN {0}::text
    ELSE (trunc({0} / power(10::numeric, e.exponent), e.exponent))::text END"""

_SQL = """
WITH e(code, exponent) AS (VALUES {exponents})
SELECT json_build_object(
    'payment_id', p.id, 'payment_intent_id', p.intent_id, 'campaign_id', p.campaign_id, 'user_id', p.user_id,
    'amount', {amount}, 'charged', {charged}, 'currency', p.currency, 'status', p.status,
    'refund_status', CASE WHEN p.refunded = 0 THEN 'none' WHEN p.refunded = p.charged THEN 'full' ELSE 'partial' END,
    'refunded_amount', {refunded}, 'dispute_status', p.dispute_status, 'anonymous', p.anonymous, 'message', p.message,
    'created_at', to_char(p.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
), p.created_at, p.id
FROM payments_donations_payment p JOIN e ON e.code = p.currency
WHERE p.user_id = %(user_id)s::uuid
  AND (%(status)s::text IS NULL OR p.status = %(status)s::text)
  AND (%(campaign_id)s::uuid IS NULL OR p.campaign_id = %(campaign_id)s::uuid)
  AND (%(since)s::timestamptz IS NULL OR p.created_at >= %(since)s::timestamptz)
  AND (%(until)s::timestamptz IS NULL OR p.created_at < %(until)s::timestamptz)
  AND (p.created_at, p.id) < (%(at)s::timestamptz, %(before)s::uuid)
ORDER BY p.created_at DESC, p.id DESC LIMIT %(rows)s
"""


@cache
def _sql() -> str:
    exponents = ", ".join(f"('{kind.code}', {kind.exponent})" for kind in CURRENCIES.values())
    return _SQL.format(
        exponents=exponents,
        amount=_DECIMAL.format("p.amount"),
        charged=_DECIMAL.format("p.charged"),
        refunded=_DECIMAL.format("p.refunded"),
    )


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
    filters = {"user_id": user_id, "status": status, "campaign_id": campaign_id, "since": since, "until": until}
    return json_page(_sql(), filters, request=request, cursor=cursor, limit=limit)
