"""Who can be told by which channel, as far as it is known while a message is accepted. Nothing is opened for that."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID

from notify_svc.audience.queries import Reach
from notify_svc.delivery import channels
from notify_svc.devices import queries as devices
from notify_svc.tracking import queries as tracking

_NOTHING = Reach(locale="", has_email=False)


class Reachable:
    """The people of one acceptance: their addresses and devices, asked for all at once and only for channels in use."""

    def __init__(self, people: Collection[UUID], reach: Mapping[UUID, Reach], used: Collection[str]) -> None:
        self._reach = reach
        self._owners = devices.owners(people, kinds=channels.kinds()) if "push" in used and people else set()
        emails = {one.email_hash for one in reach.values() if one.email_hash}
        phones = {one.phone_hash for one in reach.values() if one.phone_hash} if "sms" in used else set()
        self._dead = {
            "email": tracking.suppressed(emails, "email"),
            "sms": tracking.suppressed(phones, "sms") if phones else set(),
        }

    def by(self, person_id: UUID, channel: str) -> bool:
        """Whether there is somewhere to send to. The feed is always there."""
        known = self._reach.get(person_id, _NOTHING)
        if channel == "push":
            return person_id in self._owners
        return {"email": known.has_email, "sms": known.has_phone}.get(channel, True)

    def refuses(self, person_id: UUID, channel: str) -> bool:
        """Whether nothing is sent to this person's address in this channel."""
        known = self._reach.get(person_id, _NOTHING)
        return {"email": known.email_hash, "sms": known.phone_hash}.get(channel) in self._dead.get(channel, ())
