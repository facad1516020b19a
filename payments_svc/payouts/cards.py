"""Cards about a campaign's money, for the page of a payout and the page of its campaign."""

from __future__ import annotations

from uuid import UUID

from django.urls import reverse

from bh_sdk.money import Money
from bh_sdk.server.admin import parts
from payments_svc.payouts import queries
from payments_svc.payouts.models import Hold
from payments_svc.payouts.rules import Balance


def escrow(campaign_id: UUID) -> list[parts.Facts]:
    """One card per currency: where everything that was given is."""
    state = queries.escrow(campaign_id)
    return [_balance(one, held=state.on_hold) for one in state.balances]


def _balance(one: Balance, *, held: bool) -> parts.Facts:
    def shown(minor: int, sign: str = "") -> str:
        return f"{sign if minor else ''}{Money(minor, one.currency)}"

    lines = [
        parts.Fact("Charged to donors", shown(one.raised)),
        parts.Fact("Fees", shown(one.fees, "-")),
        parts.Fact("Refunded", shown(one.refunded, "-")),
        parts.Fact("Lost in disputes", shown(one.lost, "-")),
        parts.Fact(
            "In flight", shown(one.in_flight, "-"), note="approved, not yet with the organiser" if one.in_flight else ""
        ),
        parts.Fact("Paid out", shown(one.paid_out, "-")),
    ]
    if one.corrected:
        lines.append(parts.Fact("Corrections", shown(one.corrected)))
    lines += [
        parts.Fact("Owed to the campaign", shown(one.owed), strong=True),
        parts.Fact("Disputed", shown(one.disputed, "-"), note="until the banks have decided" if one.disputed else ""),
        parts.Fact("Asked for", shown(one.reserved, "-"), note="reserved, not yet approved" if one.reserved else ""),
        parts.Fact("Available", shown(one.available), strong=True, note="on hold: nothing is paid" if held else ""),
    ]
    return parts.Facts(f"Escrow in {one.currency}", lines)


def holds(found: list[Hold]) -> list[parts.Checks]:
    """What stops payouts, and who can let go."""
    if not found:
        return []
    said = [
        parts.Check(
            f"Trust holds the {'organiser' if one.entity_kind == 'user' else 'campaign'}"
            + (f" since {one.placed_at:%d %b %Y, %H:%M}" if one.placed_at else "")
            + ". A trust analyst lifts it on the page of the score, once the case is settled.",
            "danger",
        )
        for one in found
    ]
    return [parts.Checks("Stopped", said)]


def latest(campaign_id: UUID) -> parts.Facts:
    """The newest payouts of a campaign, each with the way to it."""
    return parts.Facts(
        "Payouts",
        [
            parts.Fact(
                f"{row.created_at:%d %b %Y}",
                str(row.money),
                note=row.status.replace("_", " "),
                href=reverse("admin:payments_payouts_payout_change", args=(row.id,)),
            )
            for row in queries.latest(campaign_id, 8)
        ]
        or [("None", "")],
    )
