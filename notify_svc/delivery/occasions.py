"""Which fact is told to whom. Pure: a fact and what we know of its campaign go in, orders come out."""

from __future__ import annotations

from uuid import UUID

from bh_sdk.events import Fact, RefundFailed, ScoreChanged
from notify_svc.delivery import catalogue, giving, judgements
from notify_svc.delivery.orders import Order, Said, Scene


def is_news(fact: Fact) -> bool:
    """Whether anybody is told of it."""
    return giving.is_news(fact) and judgements.is_news(fact)


def campaign_of(fact: Fact) -> UUID | None:
    """The campaign a fact is about."""
    if isinstance(fact, judgements.Judgement | ScoreChanged):
        return fact.entity_id if fact.entity_kind == "campaign" else None
    found: UUID | None = getattr(fact, "campaign_id", None)
    return found


def person_of(fact: Fact) -> UUID | None:
    """The person whom a decision is about, when it is about no campaign."""
    return fact.entity_id if isinstance(fact, judgements.Judgement) and fact.entity_kind == "user" else None


def said(fact: Fact, scene: Scene) -> list[Said]:
    """What is told of a fact, to whom."""
    if isinstance(fact, ScoreChanged):
        return judgements.tier(fact, scene)
    return judgements.said(fact, scene) if isinstance(fact, judgements.Judgement) else giving.said(fact, scene)


def orders(fact: Fact, scene: Scene, *, event_id: UUID) -> list[Order]:
    """The notifications that a fact causes, one per person, each with the key that makes it unique."""
    return [
        Order(
            recipient_id=one.recipient_id,
            type=one.type,
            data=one.data,
            dedupe=catalogue.BY_TYPE[one.type].key(fact, one.data, event_id=event_id),
            guest=one.guest,
            mentions=one.mentions,
        )
        for one in said(fact, scene)
    ]


def only_after(fact: Fact, key: str) -> str | None:
    """The key of the notification without which this one is no news to anybody; None when it is news by itself."""
    # What had arrived came back: that is news also to whom nobody promised it.
    return None if isinstance(fact, RefundFailed) and fact.reversed else catalogue.only_after(key)
