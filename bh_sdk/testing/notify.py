"""The notification service in memory: what was sent lands in its recipients' feeds at once.

Imitated: sending with idempotency keys, feeds of one's own with filters and counts, what is done to entries, contacts,
what a person says about preferences and campaigns, taking a person's data along
and erasing them, devices, looking at what one sent and canceling it.
Not imitated: templates (a title is the type), channels, obeying preferences, quiet hours, digests, deliveries, audiences,
tests, time.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from bh_sdk.clients.notify import AsyncNotify, Notify
from bh_sdk.testing.devices import Kept
from bh_sdk.testing.entries import Entries
from bh_sdk.testing.gdpr import Privacy
from bh_sdk.testing.preferences import Said
from bh_sdk.testing.sendings import Sendings
from bh_sdk.testing.world import Asked, Caller, Route, World, no_wait
from bh_sdk.wire import notify as wire

BASE = "/api/v1/notifications"


class NotifyWorld(World):
    """All notifications and contacts; `sent` is what was asked to be sent, in order."""

    service = "notify"

    def __init__(self) -> None:
        self.sent: list[wire.SendNotification] = []
        self.contacts: dict[UUID, wire.DescribeContact] = {}
        self.campaigns: dict[UUID, wire.Campaign] = {}
        self.said = Said(self)
        self.privacy = Privacy(self)
        self.sendings = Sendings(self._time)
        self.kept = Kept(self._time)
        self.entries = Entries(self._time, self.slice)
        super().__init__()

    def routes(self) -> Sequence[tuple[str, str, Route, bool]]:
        return [
            ("POST", f"{BASE}/send", self._send, True),
            *self.sendings.routes(),
            *self.entries.routes(),
            *self.kept.routes(),
            ("PUT", f"{BASE}/contacts/{{}}", self._contact, False),
            ("PUT", f"{BASE}/campaigns/{{}}", self._describe, False),
            *self.said.routes(),
            *self.privacy.routes(),
        ]

    def _send(self, asked: Asked) -> tuple[int, wire.SendAccepted]:
        asked.caller.needs_service()
        body = asked.read(wire.SendNotification)
        self.sent.append(body)
        if body.audience is not None:
            return 202, wire.SendAccepted(results=[], mailing=self.sendings.open_mailing(asked))
        return 202, wire.SendAccepted(results=[self._tell(asked, body, one) for one in body.recipient_ids or []])

    def _tell(self, asked: Asked, body: wire.SendNotification, recipient: UUID) -> wire.SendResult:
        item = self.entries.add(recipient, body.type or "template", body.data, body.group)
        self.sendings.keep(asked, body, recipient, item.id)
        return wire.SendResult(
            recipient_id=recipient,
            notification_id=item.id,
            status="scheduled" if body.schedule_at else "accepted",
            channels=body.channels or ["in_app"],
        )

    def _time(self) -> datetime:
        return self.now()

    def _contact(self, asked: Asked) -> wire.Contact:
        asked.caller.needs_service()
        body = asked.read(wire.DescribeContact)
        if asked.ids[0] in self.privacy.erased:
            body = wire.DescribeContact()
        else:
            self.contacts[asked.ids[0]] = body
        return wire.Contact(
            user_id=asked.ids[0],
            has_email=body.email is not None,
            has_phone=body.phone is not None,
            locale=body.locale or "en",
            timezone=body.timezone or "UTC",
            updated_at=self.now(),
        )

    def _describe(self, asked: Asked) -> wire.Campaign:
        asked.caller.needs_service()
        campaign = wire.Campaign(campaign_id=asked.ids[0], **asked.read(wire.DescribeCampaign).model_dump())
        self.campaigns[campaign.campaign_id] = campaign
        return campaign


class FakeNotify(Notify):
    """`Notify` without a network, called as `as_user`, `as_service` or a guest, in a world of its own or a shared one."""

    def __init__(
        self, *, as_user: UUID | None = None, as_service: str | None = None, world: NotifyWorld | None = None
    ) -> None:
        self.world = world or NotifyWorld()
        caller = Caller(as_user, as_service)
        super().__init__("http://notify.test", transport=self.world.transport(caller), sleep=lambda _: None)


class AsyncFakeNotify(AsyncNotify):
    """`AsyncNotify` without a network."""

    def __init__(
        self, *, as_user: UUID | None = None, as_service: str | None = None, world: NotifyWorld | None = None
    ) -> None:
        self.world = world or NotifyWorld()
        caller = Caller(as_user, as_service)
        super().__init__("http://notify.test", transport=self.world.transport(caller), sleep=no_wait)
