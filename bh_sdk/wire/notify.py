"""Notifications on the wire: `/api/v1/notifications/…`."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, Self
from uuid import UUID

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from bh_sdk.wire.base import Amount, Answer, Ask, CurrencyCode, Email, Id, Line, Name, Slug, Time

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
    """What notifications must know of a campaign; payments hands it on. `ends_at` only while gifts are taken: whoever
    follows it hears two days before."""

    title: Line
    owner_id: Id
    currency: CurrencyCode
    category: Slug | None = None
    goal: Amount | None = None
    ends_at: Time | None = None


class Campaign(Answer):
    campaign_id: UUID
    title: str
    owner_id: UUID
    currency: str


class Audience(Ask):
    """Everybody who gave to a campaign with an account, or who follows it."""

    kind: Literal["followers", "donors"]
    campaign_id: Id


class SendNotification(Ask):
    """Send one type of message to up to 1,000 people, or to an audience. `data` has to hold what its template declares.

    `template_id` stands for a template's type and channel. With `fact`, such as `receipt:{id}`, a second call about the
    same fact tells nobody again. A `test` goes through every state and never leaves the house.
    """

    model_config = ConfigDict(
        json_schema_extra={
            "allOf": [
                {"oneOf": [{"required": ["recipient_ids"]}, {"required": ["audience"]}]},
                {"oneOf": [{"required": ["type"]}, {"required": ["template_id"]}]},
            ]
        }
    )

    recipient_ids: Annotated[list[Id], Field(min_length=1, max_length=1000)] | None = None
    audience: Audience | None = None
    type: Slug | None = None
    template_id: Id | None = None
    data: dict[str, Any] = Field(default_factory=dict)
    channels: Annotated[list[Channel], Field(min_length=1, max_length=4)] | None = None
    priority: Priority | None = Field(None, description="Left out: as urgent as its type usually is")
    group: Slug | None = None
    schedule_at: Time | None = None
    expires_at: Time | None = None
    test: bool = False
    fact: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.:-]{1,80}$")] | None = None

    @model_validator(mode="after")
    def _said_once(self) -> Self:
        if (self.recipient_ids is None) == (self.audience is None):
            raise ValueError("name recipient_ids or an audience, not both")
        if (self.type is None) == (self.template_id is None):
            raise ValueError("name a type or a template_id, not both")
        return self


class Mailing(Answer):
    """A message to an audience. `expected` is how large it was when it was accepted, `reached` how many were told so far.
    `expired`: its time was over before everybody was told."""

    mailing_id: UUID
    status: Literal["open", "done", "expired", "canceling", "canceled"]
    expected: int
    reached: int
    created_at: datetime
    finished_at: datetime | None


class SentDelivery(Answer):
    """One channel of a notification. `reason` is a word of ours, such as `refused`."""

    channel: Channel
    status: str
    reason: str
    tries: int
    due_at: datetime
    handed_over_at: datetime | None
    delivered_at: datetime | None
    bounced_at: datetime | None
    complained_at: datetime | None


class SentNotification(Answer):
    """What became of a notification, for the caller who sent it."""

    notification_id: UUID
    recipient_id: UUID
    type: str
    test: bool
    created_at: datetime
    schedule_at: datetime | None
    expires_at: datetime | None
    canceled_at: datetime | None
    deliveries: list[SentDelivery]


class SendResult(Answer):
    """`channels` are the ways it takes; by the `suppressed` ones nothing goes to this person, whose address bounced or who
    complained."""

    recipient_id: UUID
    notification_id: UUID
    status: Literal["accepted", "scheduled"]
    channels: list[Channel]
    suppressed: list[Channel] = Field(default_factory=list)


class SendAccepted(Answer):
    """One result per recipient. `unavailable` are the channels asked for that have no provider yet; they were left out.

    An audience is told by and by: `mailing` says how far that is, and `results` is empty.
    """

    results: list[SendResult]
    unavailable: list[Channel] = Field(default_factory=list)
    mailing: Mailing | None = None
