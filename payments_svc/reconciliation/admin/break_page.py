"""The page of one break: both sides of it, and what was done."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.urls import reverse

from bh_sdk.money import Money
from bh_sdk.server.admin import parts
from payments_svc.reconciliation.admin import words
from payments_svc.reconciliation.models import Break
from payments_svc.reconciliation.rules import KINDS


def of(row: Break) -> parts.Case:
    text, tone = words.STATES[row.state]
    return parts.Case(
        headline=parts.Headline(
            title=row.key,
            figure=words.money(row.difference),
            unit="Stripe less us",
            below=KINDS[row.kind],  # type: ignore[index]
            status=text,
            tone=tone,
            notice=_notice(row),
        ),
        wide=[
            _side("At Stripe", row.there),
            _side("In our ledger", row.here),
            parts.Timeline(
                "What was done",
                [
                    parts.Moment(step.what.capitalize(), step.at, who=words.name(step.by), note=step.note or "")
                    for step in row.steps.order_by("-id")
                ],
            ),
        ],
        narrow=[_about(row)],
    )


def _notice(row: Break) -> str:
    if row.state == "proposed":
        account = (row.correct_to or "").replace("_", " ")
        return f"{words.name(row.proposed_by)} proposes to book it to {account}: {row.reason} Somebody else has to approve."
    if row.state == "closed":
        return f"{words.name(row.settled_by)}: {row.reason}"
    return ""


def _side(title: str, lines: list[dict[str, Any]]) -> parts.Table:
    rows = [
        [
            line["id"],
            f"{datetime.fromisoformat(line['at']):%d %b %Y, %H:%M:%S}",
            Money(line["amount"], line["currency"]).decimal,
            Money(line["fee"], line["currency"]).decimal,
            str(Money(line["amount"] - line["fee"], line["currency"])),
        ]
        for line in lines
    ]
    headers = ["Transaction" if title == "At Stripe" else "Journal", "When", "Amount", "Fee", "Net"]
    return parts.Table(title, headers, rows, numeric=frozenset({2, 3, 4}), empty="Nothing that is left over.")


def _about(row: Break) -> parts.Facts:
    facts = [
        parts.Fact("Kind", row.kind.replace("_", " ")),
        parts.Fact("Object", row.key, mono=True),
        parts.Fact("Moved", words.day(row.at)),
        parts.Fact("First seen", words.day(row.first_seen_at)),
        parts.Fact("Last seen", words.day(row.last_seen_at)),
        parts.Fact("Taken by", words.name(row.taken_by) or "nobody"),
    ]
    if row.payment_id:
        href = reverse("admin:payments_donations_payment_change", args=(row.payment_id,))
        facts.append(parts.Fact("Payment", str(row.payment_id), mono=True, href=href))
    for journal in row.here:
        href = reverse("admin:payments_ledger_journal_change", args=(journal["id"],))
        facts.append(parts.Fact("Journal", journal["id"], mono=True, href=href))
    return parts.Facts("About", facts)
