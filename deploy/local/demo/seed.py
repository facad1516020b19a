"""Fill a fresh stack with demo data: the present through the public API alone, three months of trust before it by a command.

Every call carries an id made from what it is about, so running it again, or after a kill, adds nothing twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from bh_sdk.money import Money
from bh_sdk.wire.payments import GuestDonor, PaymentConfirmed
from bh_sdk.wire.trust import EvidenceFact
from deploy.local.demo import casework, message_casework, trust_casework, trust_past
from deploy.local.demo.doors import Doors
from deploy.local.demo.people import CAMPAIGNS, DONORS, GUESTS, OWNERS, DemoCampaign, Person, demo_id
from deploy.local.stack import Stack

SIDE_BY_SIDE = 6
GIFTS = 40
_AMOUNTS = {
    "GBP": ("10.00", "25.00", "50.00", "120.00"),
    "USD": ("15.00", "40.00", "75.00"),
    "JPY": ("500", "3000", "10000"),
}
_MESSAGES = ("With love from all of us", None, "Keep going!", None, None)


@dataclass(frozen=True)
class Gift:
    """One planned donation. `card` is a test card of Stripe's."""

    number: int
    campaign: DemoCampaign
    amount: str
    donor: Person
    guest: bool
    card: str
    refund: str | None = None

    @property
    def name(self) -> str:
        return f"gift/{self.number}"


def gifts() -> list[Gift]:
    """Forty gifts: guests and users by turns, every eighth declined, four refunded at Stripe's side."""
    plan = []
    for number in range(GIFTS):
        campaign = CAMPAIGNS[number % len(CAMPAIGNS)]
        guest = number % 2 == 0
        people = GUESTS if guest else DONORS
        amounts = _AMOUNTS[campaign.currency]
        declined = number % 8 == 5
        plan.append(
            Gift(
                number=number,
                campaign=campaign,
                amount=amounts[number % len(amounts)],
                donor=people[number // 2 % len(people)],
                guest=guest,
                card="pm_card_visa_chargeDeclined" if declined else "pm_card_visa",
                refund={10: "full", 11: "partial", 22: "partial", 33: "full"}.get(number),
            )
        )
    return plan


def seed(doors: Doors, say: Callable[[str], None] = print) -> None:
    """Campaigns and people first, then gifts, then what happened around them."""
    now = datetime.now(UTC)
    told = trust_past.begin(doors)
    _each(lambda person: _introduce(doors, person), (*OWNERS, *DONORS))
    _each(lambda campaign: _open(doors, campaign, now), CAMPAIGNS)
    say(f"{len(CAMPAIGNS)} campaigns of {len(OWNERS)} organisers")
    outcomes = _each(lambda gift: _give(doors, gift), gifts())
    arrived = sum(outcome.status == "succeeded" for outcome in outcomes)
    say(f"{len(outcomes)} donations, {arrived} succeeded, {len(outcomes) - arrived} declined")
    refunded = _each(lambda pair: _refund(doors, *pair), zip(gifts(), outcomes, strict=True))
    say(f"{sum(refunded)} refunds at Stripe's side")
    facts = [fact for campaign in CAMPAIGNS for fact in _evidence(campaign, now)]
    doors.trust.evidence(facts)
    say(f"{len(facts)} facts as evidence")
    casework.lay_out(doors, say)
    say(trust_past.end(told))
    # Afterwards: what is known already is not told again.
    _each(lambda campaign: trust_past.introduce(doors, campaign), trust_past.campaigns())
    trust_casework.lay_out(doors, say)
    message_casework.lay_out(doors, say)


def _each(work: Callable[[Any], Any], things: Iterable[Any]) -> list[Any]:
    with ThreadPoolExecutor(SIDE_BY_SIDE) as pool:
        return list(pool.map(work, things))


def _introduce(doors: Doors, person: Person) -> None:
    doors.notify.describe_contact(
        person.id, email=person.email, name=person.name, locale=person.locale, timezone=person.timezone
    )


def _open(doors: Doors, campaign: DemoCampaign, now: datetime) -> None:
    doors.payments.describe_campaign(
        campaign.id,
        title=campaign.title,
        owner_id=campaign.owner.id,
        currency=campaign.currency,
        goal=campaign.goal,
        status="FUNDING",
        min_amount=campaign.min_amount,
        ends_at=now.replace(microsecond=0) + timedelta(days=90),
        category=campaign.category,
    )


def _give(doors: Doors, gift: Gift) -> PaymentConfirmed:
    client = doors.guest if gift.guest else doors.donor(gift.donor.id)
    opened = client.create_intent(
        campaign_id=gift.campaign.id,
        amount=gift.amount,
        currency=gift.campaign.currency,
        cover_fees=gift.number % 3 == 0,
        message=_MESSAGES[gift.number % len(_MESSAGES)],
        anonymous=gift.number % 7 == 0,
        donor=GuestDonor(name=gift.donor.name, email=gift.donor.email) if gift.guest else None,
        idempotency_key=demo_id(f"{gift.name}/open"),
    )
    return client.confirm(
        payment_intent_id=str(opened.payment_intent_id),
        payment_method_id=gift.card,
        client_secret=opened.client_secret if gift.guest else None,
        idempotency_key=demo_id(f"{gift.name}/confirm"),
    )


def _refund(doors: Doors, gift: Gift, outcome: PaymentConfirmed) -> bool:
    if gift.refund is None or outcome.status != "succeeded":
        return False
    charged = Money.parse(outcome.charged, outcome.currency).stripe_amount()
    doors.stripe.v1.refunds.create(
        {
            "payment_intent": str(outcome.payment_intent_id),
            "amount": charged if gift.refund == "full" else charged // 200 * 100 or charged,
            "reason": "requested_by_customer",
        },
        {"idempotency_key": str(demo_id(f"{gift.name}/refund"))},
    )
    return True


def _evidence(campaign: DemoCampaign, now: datetime) -> list[EvidenceFact]:
    """What the platform knows of a campaign and its owner: when they came, what was checked, what was posted."""
    owner, opened = campaign.owner, now - timedelta(days=campaign.days_old)
    facts = [
        _fact(f"joined/{owner.name}", "user.joined", opened - timedelta(days=200), "user", owner.id),
        _fact(
            f"created/{campaign.title}",
            "campaign.created",
            opened,
            "campaign",
            campaign.id,
            owner_id=str(owner.id),
            category=campaign.category,
            currency=campaign.currency,
        ),
    ]
    facts += [
        _fact(f"verified/{owner.name}/{item}", "verification.granted", opened, "user", owner.id, item=item)
        for item in owner.verified
    ]
    facts += [
        _fact(
            f"update/{campaign.title}/{number}",
            "campaign.update_posted",
            opened + timedelta(days=5 + 28 * number),
            "campaign",
            campaign.id,
            update_id=str(demo_id(f"update/{campaign.title}/{number}")),
        )
        for number in range(campaign.updates)
    ]
    if campaign.updates > 2:
        facts.append(
            _fact(
                f"milestone/{campaign.title}",
                "campaign.milestone",
                opened + timedelta(days=60),
                "campaign",
                campaign.id,
                milestone_id=str(demo_id(f"milestone/{campaign.title}")),
                kept=True,
            )
        )
    return facts


def _fact(name: str, kind: str, time: datetime, subject: str, subject_id: UUID, **data: Any) -> EvidenceFact:
    return EvidenceFact.model_validate(
        {
            "id": demo_id(f"fact/{name}"),
            "type": kind,
            "time": time,
            "subject": {"kind": subject, "id": subject_id},
            "data": data,
        }
    )


if __name__ == "__main__":
    seed(Doors(Stack.here()))
