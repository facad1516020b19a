"""Notifications on the wire: `/api/v1/notifications/…`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from bh_sdk.wire.base import Answer, Ask, CurrencyCode, Email, Id, Line, Name, Slug, Time

Channel = Literal["email", "push", "in_app", "sms"]
Priority = Literal["low", "normal", "high", "urgent"]
Phone = Annotated[str, StringConstraints(pattern=r"^\+[1-9][0-9]{6,14}$")]
Locale = Annotated[str, StringConstraints(pattern=r"^[a-z]{2}(-[A-Z]{2})?$")]
Timezone = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_+-]{1,32}(/[A-Za-z0-9_+-]{1,32}){0,2}$")]


class DescribeContact(Ask):
    """How a person is reached. The whole contact is replaced; what is left out is forgotten."""

    email: Email | None = None
    phone: Phone | None = None
    name: Name | None = None
    locale: Locale | None = None
    timezone: Timezone | None = None


class Contact(Answer):
    """What is known, never the address itself."""

    user_id: UUID
    has_email: bool
    has_phone: bool
    locale: str
    timezone: str
    updated_at: datetime


class DescribeCampaign(Ask):
    """What notifications must know of a campaign; payments hands it on."""

    title: Line
    owner_id: Id
    currency: CurrencyCode
    category: Slug | None = None


class Campaign(Answer):
    campaign_id: UUID
    title: str
    owner_id: UUID
    currency: str


class SendNotification(Ask):
    """Send one type of message to up to 1,000 people. `data` has to hold what the type's template declares."""

    recipient_ids: Annotated[list[Id], Field(min_length=1, max_length=1000)]
    type: Slug
    data: dict[str, Any] = Field(default_factory=dict)
    channels: Annotated[list[Channel], Field(min_length=1, max_length=4)] | None = None
    priority: Priority = "normal"
    group: Slug | None = None
    schedule_at: Time | None = None


class SendResult(Answer):
    recipient_id: UUID
    notification_id: UUID
    status: Literal["accepted", "scheduled"]
    channels: list[Channel]


class SendAccepted(Answer):
    """One result per recipient. `unavailable` are the channels asked for that have no provider yet; they were left out."""

    results: list[SendResult]
    unavailable: list[Channel] = Field(default_factory=list)
