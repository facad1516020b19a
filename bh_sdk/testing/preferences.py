"""Preferences and followed campaigns in the memory of `NotifyWorld`. They are kept and answered; nothing obeys them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, get_args
from uuid import UUID

from bh_sdk.errors import CategoryRequired, Invalid, NotFound
from bh_sdk.wire import preferences as wire
from bh_sdk.wire.notify import Channel

if TYPE_CHECKING:
    from bh_sdk.testing.notify import NotifyWorld
    from bh_sdk.testing.world import Asked, Route

BASE = "/api/v1/notifications"
_REQUIRED = ("transactional", "security")
_ALL: list[wire.Frequency] = list(get_args(wire.Frequency))


class _Person:
    """What one person has said."""

    def __init__(self) -> None:
        self.choices: dict[tuple[str, str], wire.Frequency] = {}
        self.quiet = wire.QuietHours(enabled=False, start=None, end=None, email=False)
        self.timezone = ""
        self.consent: wire.Consent | None = None
        self.updated_at: datetime | None = None


class Said:
    """The wishes of a world's people."""

    def __init__(self, world: NotifyWorld) -> None:
        self.world = world
        self.people: dict[UUID, _Person] = {}
        self.followed: dict[tuple[UUID, UUID], bool] = {}

    def routes(self) -> list[tuple[str, str, Route, bool]]:
        return [
            ("GET", f"{BASE}/preferences", self._get, False),
            ("POST", f"{BASE}/preferences", self._change, False),
            ("GET", f"{BASE}/follows", self._list, False),
            ("PUT", f"{BASE}/follows/{{}}", self._follow, False),
            ("DELETE", f"{BASE}/follows/{{}}", self._leave, False),
        ]

    def _get(self, asked: Asked) -> wire.Preferences:
        user_id = asked.caller.user()
        person = self.people.get(user_id) or _Person()
        contact = self.world.contacts.get(user_id)
        return wire.Preferences(
            choices=[
                wire.Choice(
                    category=category,
                    channel=channel,
                    frequency=person.choices.get((category, channel), "instant"),
                    frequencies=_offered(category, channel),
                )
                for category in get_args(wire.Category)
                for channel in get_args(Channel)
            ],
            quiet_hours=person.quiet,
            timezone=person.timezone or (contact.timezone if contact else None) or "UTC",
            consent=person.consent,
            updated_at=person.updated_at,
        )

    def _change(self, asked: Asked) -> wire.Preferences:
        user_id, body = asked.caller.user(), asked.read(wire.ChangePreferences)
        for number, one in enumerate(body.choices):
            if one.category in _REQUIRED:
                raise CategoryRequired(category=one.category)
            if one.frequency not in _offered(one.category, one.channel):
                raise Invalid(errors=[{"pointer": f"#/choices/{number}/frequency", "message": "cannot be chosen here"}])
        person = self.people.setdefault(user_id, _Person())
        person.choices |= {(one.category, one.channel): one.frequency for one in body.choices}
        if body.quiet_hours is not None:
            asks, on = body.quiet_hours, body.quiet_hours.enabled and body.quiet_hours.start != body.quiet_hours.end
            person.quiet = wire.QuietHours(
                enabled=on,
                start=asks.start if on else None,
                end=asks.end if on else None,
                email=asks.email and on,
            )
        if body.timezone is not None:
            person.timezone = body.timezone
        if body.consent is not None:
            person.consent = wire.Consent(**body.consent.model_dump(), at=self.world.now())
        person.updated_at = self.world.now()
        return self._get(asked)

    def _list(self, asked: Asked) -> wire.Follows:
        user_id = asked.caller.user()
        mine = [campaign for owner, campaign in self.followed if owner == user_id]
        return wire.Follows(results=[self._one(user_id, campaign_id) for campaign_id in mine])

    def _follow(self, asked: Asked) -> wire.Follow:
        return self._say(asked, following=True)

    def _leave(self, asked: Asked) -> wire.Follow:
        return self._say(asked, following=False)

    def _say(self, asked: Asked, *, following: bool) -> wire.Follow:
        user_id, campaign_id = asked.caller.user(), asked.ids[0]
        if campaign_id not in self.world.campaigns:
            raise NotFound
        self.followed[user_id, campaign_id] = following
        return self._one(user_id, campaign_id)

    def _one(self, user_id: UUID, campaign_id: UUID) -> wire.Follow:
        return wire.Follow(
            campaign_id=campaign_id,
            title=self.world.campaigns[campaign_id].title,
            following=self.followed[user_id, campaign_id],
            because="choice",
        )


def _offered(category: str, channel: str) -> list[wire.Frequency]:
    if category in _REQUIRED:
        return ["instant"]
    return _ALL if channel == "email" else ["instant", "never"]
