"""Pure rules of preferences: what may be chosen, and what becomes of one message by one channel."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal
from uuid import UUID

from notify_svc.preferences.hours import Quiet, end_of, next_hour, next_monday, next_morning, zone

CHANNELS = ("email", "push", "in_app", "sms")
# What the law or an account's safety needs: nobody can switch it off or put it off.
REQUIRED = ("transactional", "security")
OPTIONAL = ("subscription", "social")
CATEGORIES = (*OPTIONAL, *REQUIRED)
Frequency = Literal["instant", "hourly", "daily", "weekly", "never"]
FREQUENCIES: tuple[Frequency, ...] = ("instant", "hourly", "daily", "weekly", "never")
GATHERED: tuple[Frequency, ...] = ("hourly", "daily", "weekly")
# A mail can hold many news. A text or a banner cannot, and the feed is read whenever its reader likes.
DIGESTED = frozenset({"email"})
# Whoever has said nothing wants everything, at once.
DEFAULT: Frequency = "instant"
# What rings or buzzes at night. A mail waits by itself, unless the person asks that it comes later.
WAKING = frozenset({"push", "sms"})
IN_APP = "in_app"
DIGEST_TYPES = "digest."
SOURCES = ("api", "page", "one_click", "staff")


@dataclass(frozen=True, slots=True)
class Now:
    """Send it."""


@dataclass(frozen=True, slots=True)
class Later:
    """Send it then, when the quiet hours are over."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Digest:
    """Gather it with others; they go out together, at the latest then."""

    frequency: Frequency
    closes_at: datetime


@dataclass(frozen=True, slots=True)
class Never:
    """Do not send it, and why not."""

    reason: str


Verdict = Now | Later | Digest | Never
NOW = Now()


@dataclass(frozen=True, slots=True)
class Wishes:
    """What one person has said. `consent` None: never asked."""

    choices: Mapping[tuple[str, str], Frequency] = field(default_factory=dict)
    quiet: Quiet | None = None
    quiet_email: bool = False
    zone: str = "UTC"
    consent: bool | None = None
    # Campaigns of which the person wants no more news.
    left: frozenset[UUID] = frozenset()

    def frequency(self, category: str, channel: str) -> Frequency:
        """How often; a category that is required is not for the person to choose."""
        return DEFAULT if category in REQUIRED else self.choices.get((category, channel), DEFAULT)


def is_digest(type: str) -> bool:
    """Whether a type of message is a digest of others."""
    return type.startswith(DIGEST_TYPES)


def frequencies(category: str, channel: str) -> tuple[Frequency, ...]:
    """What can be chosen for a category in a channel; one alone means that there is no choice."""
    if category in REQUIRED:
        return (DEFAULT,)
    return FREQUENCIES if channel in DIGESTED else ("instant", "never")


def decide(
    wishes: Wishes,
    *,
    category: str,
    channel: str,
    now: datetime,
    urgent: bool = False,
    digest: bool = False,
    campaign_id: UUID | None = None,
) -> Verdict:
    """What becomes of one message in one channel.

    A no is always heard. Urgent messages pass digests and quiet hours, those for an account's safety pass quiet hours.
    `digest` says that the message is one itself, so that it is not gathered again. In the app there is nothing to wait for.
    """
    refusal = _refusal(wishes, category, channel, campaign_id)
    if refusal is not None:
        return refusal
    frequency = wishes.frequency(category, channel)
    if frequency in GATHERED and not urgent and not digest:
        closes = closes_at(frequency, now=now, timezone=wishes.zone)
        return Digest(frequency, _awake(wishes, channel, closes))
    if urgent or category == "security":
        return NOW
    then = _awake(wishes, channel, now)
    return Later(then) if then > now else NOW


def closes_at(frequency: Frequency, *, now: datetime, timezone: str) -> datetime:
    """When what is gathered from now on goes out: the next full hour, nine o'clock, or Monday at nine, where they live."""
    where = zone(timezone)
    if frequency == "hourly":
        return next_hour(now, where)
    return next_monday(now, where) if frequency == "weekly" else next_morning(now, where)


def _refusal(wishes: Wishes, category: str, channel: str, campaign_id: UUID | None) -> Never | None:
    if category in REQUIRED:
        return None
    if wishes.frequency(category, channel) == "never":
        return Never("preference")
    # Consent is about being written to. The app shows its own pages.
    if wishes.consent is False and channel != IN_APP:
        return Never("consent_withdrawn")
    if category == "subscription" and campaign_id is not None and campaign_id in wishes.left:
        return Never("unfollowed")
    return None


def _awake(wishes: Wishes, channel: str, at: datetime) -> datetime:
    """The first moment from then on at which this channel may be used."""
    kept = channel in WAKING or (channel == "email" and wishes.quiet_email)
    return end_of(wishes.quiet, at, zone(wishes.zone)) if kept and wishes.quiet is not None else at
