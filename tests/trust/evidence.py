"""Factories of facts, as others send them."""

# mypy: disable-error-code="no-untyped-call"

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

from factory.base import DictFactory
from factory.declarations import LazyAttribute, LazyFunction


def ago(days: float) -> str:
    return (datetime.now(UTC) - timedelta(days=days)).isoformat()


class FactFactory(DictFactory):
    """`FactFactory(type="campaign.created", about=campaign_id, days=30, data={…})` as the JSON of the evidence contract."""

    class Meta:
        exclude = ("about", "kind", "days")

    about = LazyFunction(uuid4)
    kind = "campaign"
    days = 1.0
    id = LazyFunction(lambda: str(uuid4()))
    type = "campaign.update_posted"
    time = LazyAttribute(lambda fact: ago(fact.days))
    subject = LazyAttribute(lambda fact: {"kind": fact.kind, "id": str(fact.about)})
    data = LazyFunction(dict)


class GiftFactory(FactFactory):
    type = "payment.succeeded"
    data = LazyFunction(
        lambda: {"payment_id": str(uuid4()), "donor_id": str(uuid4()), "amount": "25.00", "currency": "GBP"}
    )


def a_fact(**given: Any) -> dict[str, Any]:
    """One fact; an update of an unknown campaign unless more is said."""
    return cast("dict[str, Any]", FactFactory(**given))


def a_gift(**given: Any) -> dict[str, Any]:
    """A gift of somebody new."""
    return cast("dict[str, Any]", GiftFactory(**given))


def fact(type: str, about: UUID, days: float = 1.0, **data: Any) -> dict[str, Any]:
    kind = "user" if type.startswith("user.") else "campaign"
    return a_fact(type=type, about=about, days=days, data=data, kind=kind)


def about_user(type: str, user: UUID, days: float = 1.0, **data: Any) -> dict[str, Any]:
    return a_fact(type=type, about=user, days=days, data=data, kind="user")


def gifts(campaign: UUID, count: int, days: float = 10.0) -> list[dict[str, Any]]:
    return [a_gift(about=campaign, days=days) for _ in range(count)]


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
