"""The page of one payout: what a tired person should see before they decide, and what became of it."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from django.urls import reverse

from bh_sdk.money import Money
from bh_sdk.server.admin import parts
from bh_sdk.server.ops import clock
from payments_svc.ledger import queries as ledger
from payments_svc.payouts import cards, queries, timeline
from payments_svc.payouts.admin import words
from payments_svc.payouts.models import Payout
from payments_svc.payouts.rules import WAITING

# An account that was changed so lately is worth a second look: it is how payouts are stolen.
_FRESH = timedelta(days=3)
_REACHED = {"requested": 1, "approved_once": 1, "approved": 2, "submitting": 2, "paid": 3}
_WAY = ("Asked for", "Approved", "Paid")


def of(row: Payout, *, actor: str) -> parts.Case:
    holds = queries.holds_on(row.campaign_id, row.owner_id) if row.status in (*WAITING, "approved") else []
    text, tone = (words.STOPPED, "danger") if holds else words.status_of(row)
    return parts.Case(
        headline=parts.Headline(
            title=f"Payout to the organiser of {row.campaign.title}",
            figure=row.money.decimal,
            unit=row.currency,
            below=words.METHOD.get(row.method or "", "The way is settled with the first approval"),
            status=text,
            tone=tone,  # type: ignore[arg-type]
            steps=_steps(row),
            notice=_notice(row, actor=actor, stopped=bool(holds)),
        ),
        wide=[
            *cards.holds(holds),
            *_checks(row),
            parts.Timeline("What happened", timeline.of(row)),
            *_journals(row),
        ],
        narrow=[*cards.escrow(row.campaign_id), _who(row)],
    )


def _notice(row: Payout, *, actor: str, stopped: bool) -> str:
    if stopped:
        return "A hold of trust stops it: it is neither approved nor sent until an analyst lifts the hold."
    if row.status in WAITING and actor == str(row.owner_id):
        return "This is your own money: somebody else of finance decides on it."
    if row.status == "approved_once" and actor == str(row.first_approved_by):
        return "You approved it. Above the threshold another person of finance has to approve it too."
    if row.status == "approved_once":
        return "One person of finance approved it; above the threshold it takes you as well."
    if row.status == "approved" and row.method == "bank_transfer":
        alone = row.second_approved_by is None and actor == str(row.first_approved_by)
        return "Another person of finance makes the transfer: you alone approved it." if alone else ""
    if row.status == "approved" and row.waits_for:
        return f"It waits for {row.waits_for}. Nothing has to be done by hand."
    if row.status == "submitting" and row.method == "bank_transfer":
        return "Somebody is making the transfer. Record it once the bank has made it."
    if row.status == "submitting" and row.tries > 1:
        return "Stripe's answer was lost. We ask again soon; nothing is sent twice."
    if row.status == "failed":
        return f"It did not arrive: {row.reason} The campaign is owed it again."
    return ""


def _steps(row: Payout) -> list[parts.Step]:
    if row.status in ("rejected", "canceled"):
        return [parts.Step("Asked for", "done"), parts.Step(words.STATUS[row.status][0], "failed")]
    if row.status == "failed":
        return [parts.Step("Asked for", "done"), parts.Step("Approved", "done"), parts.Step("Failed", "failed")]
    reached = _REACHED[row.status]
    two = "two people, above the threshold" if row.needs_second else ""
    return [
        parts.Step(
            name,
            "done" if place < reached else "now" if place == reached else "todo",
            note=two if place == 1 else "",
        )
        for place, name in enumerate(_WAY)
    ]


def _checks(row: Payout) -> list[parts.Checks]:
    """What a tired person should not have to remember."""
    if row.status not in (*WAITING, "approved"):
        return []
    account = queries.payout_account(row.owner_id)
    found = []
    if account is None or account.account_id is None:
        found.append(parts.Check("No account at Stripe: it goes by bank transfer", "warning"))
    elif not account.transfers_active:
        found.append(
            parts.Check("Stripe does not let the organiser's account receive yet: it goes by bank transfer", "warning")
        )
    elif row.destination and row.destination != account.account_id:
        found.append(parts.Check("The organiser's account was changed since the first approval", "danger"))
    else:
        found.append(parts.Check(f"The account at Stripe may receive: {account.account_id}"))
    if account is not None and clock.now() - account.changed_at < _FRESH:
        found.append(
            parts.Check(
                f"The account was changed on {account.changed_at:%d %b %Y, %H:%M}: be sure it is theirs", "danger"
            )
        )
    earlier = queries.paid_before(row)
    found.append(
        parts.Check(f"{earlier} earlier payouts of this campaign arrived")
        if earlier
        else parts.Check("The first payout of this campaign", "warning")
    )
    return [parts.Checks("Before you decide", found)]


def _journals(row: Payout) -> list[parts.MoneyTable]:
    return [
        parts.MoneyTable(
            f"Ledger: {journal.kind.replace('_', ' ')}",
            [
                parts.Line(e.account.replace("_", " "), e.money.decimal, e.line.replace("_", " "))
                for e in journal.entries.all()
            ],
            total=f"{Money(0, journal.currency)}",
        )
        for journal in ledger.journals_under(f"payout:{row.id}:")
    ]


def _who(row: Payout) -> parts.Facts:
    names = queries.names([row.first_approved_by, row.second_approved_by, row.sent_by])

    def who(person: UUID | None) -> str:
        return names.get(person, str(person)[:8]) if person else "nobody yet"

    facts = [
        parts.Fact(
            "Campaign",
            row.campaign.title,
            href=reverse("admin:payments_donations_campaign_change", args=(row.campaign_id,)),
        ),
        parts.Fact("Organiser", str(row.owner_id), mono=True),
        parts.Fact("Approved by", who(row.first_approved_by)),
    ]
    if row.needs_second:
        above = Money(row.second_person_above, row.currency)
        facts.append(parts.Fact("And by", who(row.second_approved_by), note=f"above {above} two people"))
    if row.destination:
        facts.append(parts.Fact("Account at Stripe", row.destination, mono=True, note="as it was approved"))
    if row.transfer_id:
        facts.append(parts.Fact("Transfer", row.transfer_id, mono=True))
    if row.sent_by:
        facts.append(parts.Fact("Transfer made by", who(row.sent_by)))
    if row.bank_reference:
        facts.append(parts.Fact("Bank reference", row.bank_reference, mono=True))
    if row.reversed:
        facts.append(parts.Fact("Came back", str(Money(row.reversed, row.currency))))
    note = "give it to the bank as the payment's reference" if row.method == "bank_transfer" else ""
    facts.append(parts.Fact("Payout", str(row.id), mono=True, note=note))
    return parts.Facts("Who and where", facts)
