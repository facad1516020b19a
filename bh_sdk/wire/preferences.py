"""What a person wants to hear, on the wire: `/api/v1/notifications/preferences` and `/follows`.

A change names what changes; the rest stays as it is. Who never set anything gets everything instantly.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from bh_sdk.wire.base import Answer, Ask
from bh_sdk.wire.notify import Channel, Timezone

Category = Literal["transactional", "subscription", "social", "security"]
Frequency = Literal["instant", "hourly", "daily", "weekly", "never"]
Clock = Annotated[str, StringConstraints(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$"), Field(examples=["22:00"])]
ConsentVersion = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")]


class ChangeChoice(Ask):
    """One category by one channel. Mails can be gathered hourly, daily or weekly; the other ways are instant or never."""

    category: Category
    channel: Channel
    frequency: Frequency


class ChangeQuietHours(Ask):
    """From `start` until `end` on the person's own clock, over midnight if need be. `enabled` false takes them away.

    Push and SMS wait until their end; mails too with `email`. Urgent messages and those about an account's safety do not."""

    enabled: bool
    start: Clock = "22:00"
    end: Clock = "08:00"
    email: bool = False


class GiveConsent(Ask):
    """A yes or no to being written to about more than gifts and the account; `version` is that of the words shown."""

    granted: bool
    version: ConsentVersion


class ChangePreferences(Ask):
    """What is absent stays as it is. `timezone` "" goes back to the one the platform knows."""

    choices: Annotated[list[ChangeChoice], Field(max_length=16)] = Field(default_factory=list)
    quiet_hours: ChangeQuietHours | None = None
    timezone: Timezone | Literal[""] | None = None
    consent: GiveConsent | None = None


class Choice(Answer):
    """`frequencies` are those that can be chosen here; one alone means that there is no choice."""

    category: Category
    channel: Channel
    frequency: Frequency
    frequencies: list[Frequency]


class QuietHours(Answer):
    enabled: bool
    start: str | None
    end: str | None
    email: bool


class Consent(Answer):
    granted: bool
    version: str
    at: datetime


class Preferences(Answer):
    """`choices` holds every category and channel. `updated_at` is null when the person never set anything."""

    choices: list[Choice]
    quiet_hours: QuietHours
    timezone: str
    consent: Consent | None
    updated_at: datetime | None


class Follow(Answer):
    """`because`: `gift` for who gave and said nothing, `choice` for who followed or left by themselves."""

    campaign_id: UUID
    title: str
    following: bool
    because: Literal["choice", "gift"]


class Follows(Answer):
    results: list[Follow]
