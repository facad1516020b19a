"""One person's data in the memory of `NotifyWorld`: contacts and feeds are taken along and erased; erased people stay so."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from bh_sdk.wire import gdpr as wire

if TYPE_CHECKING:
    from bh_sdk.testing.notify import NotifyWorld
    from bh_sdk.testing.world import Asked, Route
    from bh_sdk.wire.entries import FeedItem

BASE = "/api/v1/notifications/gdpr"


class Privacy:
    """Who was erased, and when."""

    def __init__(self, world: NotifyWorld) -> None:
        self.world = world
        self.erased: dict[UUID, datetime] = {}

    def routes(self) -> list[tuple[str, str, Route, bool]]:
        return [
            ("GET", f"{BASE}/export/{{}}", self._export, False),
            ("POST", f"{BASE}/erase", self._erase, False),
        ]

    def _export(self, asked: Asked) -> wire.PersonalData:
        person_id = asked.ids[0]
        asked.caller.may_see(person_id)
        return wire.PersonalData(
            person_id=person_id,
            profile=self._profile(person_id),
            preferences=wire.SaidPreferences(
                choices=[], quiet_hours="none", timezone="", consent=None, follows=[], history=[], updated_at=None
            ),
            devices=[],
            gifts=[],
            digests=[],
            suppressions=[],
            events=[],
            notifications=[_told(item) for owner, item in self.world.entries.all.values() if owner == person_id],
            mentions=[],
        )

    def _profile(self, person_id: UUID) -> wire.Profile | None:
        known = self.world.contacts.get(person_id)
        if known is None:
            return None
        return wire.Profile(
            email=known.email,
            phone=known.phone,
            name=known.name,
            locale=known.locale or "en",
            timezone=known.timezone or "UTC",
            updated_at=self.world.now(),
        )

    def _erase(self, asked: Asked) -> wire.Erased:
        asked.caller.needs_service()
        person_id = asked.read(wire.ErasePerson).user_id
        at = self.erased.setdefault(person_id, self.world.now())
        self.world.contacts.pop(person_id, None)
        self.world.entries.forget(person_id)
        return wire.Erased(user_id=person_id, status="erased", erased_at=at, finished_at=at)


def _told(item: FeedItem) -> wire.Told:
    return wire.Told(
        id=item.id,
        type=item.type,
        category="",
        data=item.data,
        title=item.title,
        body=item.body,
        action_url=item.action_url or "",
        created_at=item.created_at,
        schedule_at=None,
        shown_at=item.created_at,
        seen_at=item.seen_at,
        read_at=item.read_at,
        archived_at=item.archived_at,
        deleted_at=None,
        canceled_at=None,
        pruned_at=None,
        deliveries=[],
    )
