"""What staff find on their desks the first morning: refunds to decide, a dispute to answer, gifts that come back monthly."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from uuid import UUID

from bh_sdk.clients import Payments
from deploy.local.demo.doors import Doors
from deploy.local.demo.people import CAMPAIGNS, DONORS, DemoCampaign, Person, demo_id
from deploy.local.issuer.tokens import staff_sub

LARGE, DISPUTED = "750.00", "60.00"


def lay_out(doors: Doors, say: Callable[[str], None]) -> None:
    """Open the cases. Running it again opens none twice."""
    water, roof = CAMPAIGNS[0], CAMPAIGNS[1]
    with _as(doors, staff_sub("support"), "support") as support:
        large = _give(doors, roof, DONORS[2], LARGE, "pm_card_visa")
        _ask(support, large, "campaign_cancelled", None, "The donor meant another appeal.")
        small = _give(doors, water, DONORS[3], "30.00", "pm_card_visa")
        _ask(support, small, "duplicate", "10.00", None)
    say("2 refunds asked for: one waits for a second person, one went to Stripe")
    _give(doors, water, DONORS[4], DISPUTED, "pm_card_createDispute")
    say("1 dispute with a deadline")
    for donor, campaign, amount in ((DONORS[0], water, "15.00"), (DONORS[5], roof, "20.00")):
        _begin_series(doors, donor, campaign, amount)
    say("2 monthly gifts, their first period paid")
    receipts = _declare(doors, DONORS[0], datetime.now(UTC).year)
    say(f"1 Gift Aid declaration, {receipts} tax receipts")


def _as(doors: Doors, person: UUID, role: str) -> Payments:
    return Payments(doors.stack.ports.url("payments"), auth=doors.as_user(person, role), timeout=30)


def _give(doors: Doors, campaign: DemoCampaign, donor: Person, amount: str, card: str) -> UUID:
    name = f"case/{donor.name}/{amount}"
    client = doors.donor(donor.id)
    opened = client.create_intent(
        campaign_id=campaign.id, amount=amount, currency=campaign.currency, idempotency_key=demo_id(f"{name}/open")
    )
    client.confirm(
        payment_intent_id=str(opened.payment_intent_id),
        payment_method_id=card,
        idempotency_key=demo_id(f"{name}/confirm"),
    )
    return opened.payment_id


def _ask(desk: Payments, payment_id: UUID, reason: str, amount: str | None, notes: str | None) -> None:
    desk.refund(
        payment_id=payment_id,
        amount=amount,
        reason=reason,  # type: ignore[arg-type]
        notes=notes,
        idempotency_key=demo_id(f"refund/{payment_id}"),
    )


def _begin_series(doors: Doors, donor: Person, campaign: DemoCampaign, amount: str) -> None:
    name, client = f"series/{donor.name}", doors.donor(donor.id)
    started = client.start_recurring(
        campaign_id=campaign.id,
        amount=amount,
        currency=campaign.currency,
        interval="monthly",
        idempotency_key=demo_id(f"{name}/start"),
    )
    client.confirm(
        payment_intent_id=str(started.payment.payment_intent_id),
        payment_method_id="pm_card_visa",
        idempotency_key=demo_id(f"{name}/confirm"),
    )


def _declare(doors: Doors, donor: Person, year: int) -> int:
    client = doors.donor(donor.id)
    address = {"line1": "4 Chapel Lane", "city": "Leeds", "postcode": "LS1 4AP", "country": "GB"}
    client.set_receipt_details(name=donor.name, address=address)
    client.declare_gift_aid(name=donor.name, address=address, statement="2026-01")
    return len(client.request_receipts(year=year, idempotency_key=demo_id(f"receipts/{donor.name}")).results)
