"""Factories of facts, as others send them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import factory


def ago(days: float) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).isoformat()


class FactFactory(factory.DictFactory):  # type: ignore[misc]
    """`FactFactory(type="campaign.created", about=campaign_id, days=30, data={…})` as the JSON of the evidence contract."""

    class Meta:
        exclude = ("about", "kind", "days")

    about = factory.LazyFunction(uuid4)
    kind = "campaign"
    days = 1.0
    id = factory.LazyFunction(lambda: str(uuid4()))
    type = "campaign.update_posted"
    time = factory.LazyAttribute(lambda fact: ago(fact.days))
    subject = factory.LazyAttribute(lambda fact: {"kind": fact.kind, "id": str(fact.about)})
    data = factory.LazyFunction(dict)


class GiftFactory(FactFactory):
    type = "payment.succeeded"
    data = factory.LazyFunction(
        lambda: {"payment_id": str(uuid4()), "donor_id": str(uuid4()), "amount": "25.00", "currency": "GBP"}
    )


def fact(type: str, about: UUID, days: float = 1.0, **data: Any) -> dict[str, Any]:
    kind = "user" if type.startswith("user.") else "campaign"
    made: dict[str, Any] = FactFactory(type=type, about=about, days=days, data=data, kind=kind)
    return made


def about_user(type: str, user: UUID, days: float = 1.0, **data: Any) -> dict[str, Any]:
    made: dict[str, Any] = FactFactory(type=type, about=user, days=days, data=data, kind="user")
    return made


def gifts(campaign: UUID, count: int, days: float = 10.0) -> list[dict[str, Any]]:
    return [GiftFactory(about=campaign, days=days) for _ in range(count)]


def a_good_campaign(campaign: UUID, owner: UUID) -> list[dict[str, Any]]:
    """A campaign with enough behind it to be rated."""
    return [
        fact("campaign.created", campaign, 120, owner_id=str(owner), category="health", currency="GBP"),
        about_user("user.joined", owner, 900),
        about_user("verification.granted", owner, 100, item="identity"),
        about_user("verification.granted", owner, 100, item="email"),
        fact("verification.granted", campaign, 100, item="bank"),
        *(fact("campaign.update_posted", campaign, days) for days in (110, 95, 80, 66, 52, 38, 24, 10, 2)),
        fact("campaign.progress", campaign, 5, progress=0.8, elapsed=0.8),
        *gifts(campaign, 20),
    ]
