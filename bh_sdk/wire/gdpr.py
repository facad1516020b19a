"""Everything notifications know of one person, and that it goes: `/api/v1/notifications/gdpr/…`."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from bh_sdk.wire.base import Answer, Ask, Id


class Profile(Answer):
    """How the person is reached."""

    email: str | None
    phone: str | None
    name: str | None
    locale: str
    timezone: str
    updated_at: datetime


class SaidChoice(Answer):
    category: str
    channel: str
    frequency: str
    updated_at: datetime


class SaidChange(Answer):
    """One change of what the person said, with the way it came; `by` and `reason` when staff did it."""

    at: datetime
    source: str
    by: str
    reason: str
    what: str
    before: str
    after: str


class SaidConsent(Answer):
    granted: bool
    version: str
    at: datetime


class SaidFollow(Answer):
    campaign_id: UUID
    following: bool
    updated_at: datetime


class SaidPreferences(Answer):
    """What the person said about being told things. `updated_at` is null when they never said anything."""

    choices: list[SaidChoice]
    quiet_hours: str
    timezone: str
    consent: SaidConsent | None
    follows: list[SaidFollow]
    history: list[SaidChange]
    updated_at: datetime | None


class KnownDevice(Answer):
    """A browser or app of the person. `address` is null once nothing may be sent there."""

    kind: str
    address: str | None
    service: str
    created_at: datetime
    seen_at: datetime
    retired_at: datetime | None
    reason: str


class GaveTo(Answer):
    """A gift that payments told us of, so that the donor hears of the campaign."""

    payment_id: UUID
    campaign_id: UUID
    guest: bool
    taken_back: bool


class Gathered(Answer):
    """A digest, and the notifications that it held or left out."""

    category: str
    channel: str
    frequency: str
    opened_at: datetime
    closes_at: datetime
    closed_at: datetime | None
    outcome: str
    notification_ids: list[UUID]


class Suppressed(Answer):
    """The person's address gets nothing through a channel, or got nothing until it was released."""

    channel: str
    reason: str
    since: datetime
    added_by: str
    note: str
    released_at: datetime | None
    release_note: str


class SaidEvent(Answer):
    """What a provider said about a delivery to the person."""

    provider: str
    channel: str
    kind: str
    code: str
    at: datetime
    delivery_id: UUID | None


class Tried(Answer):
    started_at: datetime
    ended_at: datetime
    outcome: str
    reason: str
    provider: str


class Delivered(Answer):
    """One way a notification took, with the words as they were sent; they are null when they are not kept any more."""

    id: UUID
    channel: str
    status: str
    reason: str
    provider: str
    subject: str | None
    text: str | None
    created_at: datetime
    due_at: datetime
    handed_over_at: datetime | None
    delivered_at: datetime | None
    bounced_at: datetime | None
    complained_at: datetime | None
    opened_at: datetime | None
    clicked_at: datetime | None
    attempts: list[Tried]


class Told(Answer):
    """One notification to the person, with its entry in the feed. `pruned_at`: when its words were removed."""

    id: UUID
    type: str
    category: str
    data: dict[str, Any]
    title: str
    body: str
    action_url: str
    created_at: datetime
    schedule_at: datetime | None
    shown_at: datetime | None
    seen_at: datetime | None
    read_at: datetime | None
    archived_at: datetime | None
    deleted_at: datetime | None
    canceled_at: datetime | None
    pruned_at: datetime | None
    deliveries: list[Delivered]


class Mentioned(Answer):
    """A notification to somebody else whose words name the person."""

    id: UUID
    type: str
    named: str
    created_at: datetime


class PersonalData(Answer):
    """Everything about one person. All lists are empty, and `profile` null, when nothing is known."""

    person_id: UUID
    profile: Profile | None
    preferences: SaidPreferences
    devices: list[KnownDevice]
    gifts: list[GaveTo]
    digests: list[Gathered]
    suppressions: list[Suppressed]
    events: list[SaidEvent]
    notifications: list[Told]
    mentions: list[Mentioned]


class ErasePerson(Ask):
    user_id: Id


class Erased(Answer):
    """`under_way`: what they had been told is still being stripped; nothing is sent to them any more."""

    user_id: UUID
    status: Literal["erased", "under_way"]
    erased_at: datetime
    finished_at: datetime | None
