"""What callers sent, in the memory of `NotifyWorld`: kept, looked at, canceled. Nothing of it goes anywhere."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING
from uuid import UUID

from bh_sdk.errors import NotFound
from bh_sdk.wire import notify as wire

if TYPE_CHECKING:
    from bh_sdk.testing.world import Asked, Route

BASE = "/api/v1/notifications"


class Sendings:
    """Each belongs to the service that sent it."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now
        self.sent: dict[tuple[str, UUID], wire.SentNotification] = {}
        self.mailings: dict[tuple[str, UUID], wire.Mailing] = {}

    def routes(self) -> list[tuple[str, str, Route, bool]]:
        return [
            ("GET", f"{BASE}/sent/{{}}", self._sent, False),
            ("POST", f"{BASE}/sent/{{}}/cancel", self._cancel, False),
            ("GET", f"{BASE}/mailings/{{}}", self._mailing, False),
            ("POST", f"{BASE}/mailings/{{}}/cancel", self._cancel_mailing, False),
        ]

    def keep(self, asked: Asked, body: wire.SendNotification, recipient: UUID, notification_id: UUID) -> None:
        self.sent[_caller(asked), notification_id] = wire.SentNotification(
            notification_id=notification_id,
            recipient_id=recipient,
            type=body.type or "template",
            test=body.test,
            created_at=self.now(),
            schedule_at=body.schedule_at,
            expires_at=body.expires_at,
            canceled_at=None,
            deliveries=[],
        )

    def open_mailing(self, asked: Asked) -> wire.Mailing:
        mailing = wire.Mailing(
            mailing_id=uuid.uuid4(), status="open", expected=0, reached=0, created_at=self.now(), finished_at=None
        )
        self.mailings[_caller(asked), mailing.mailing_id] = mailing
        return mailing

    def _sent(self, asked: Asked) -> wire.SentNotification:
        found = self.sent.get((_caller(asked), asked.ids[0]))
        if found is None:
            raise NotFound
        return found

    def _cancel(self, asked: Asked) -> wire.SentNotification:
        sent = self._sent(asked)
        if sent.canceled_at is None:
            sent = sent.model_copy(update={"canceled_at": self.now()})
            self.sent[_caller(asked), sent.notification_id] = sent
        return sent

    def _mailing(self, asked: Asked) -> wire.Mailing:
        found = self.mailings.get((_caller(asked), asked.ids[0]))
        if found is None:
            raise NotFound
        return found

    def _cancel_mailing(self, asked: Asked) -> wire.Mailing:
        mailing = self._mailing(asked)
        if mailing.status != "canceled":
            mailing = mailing.model_copy(update={"status": "canceled", "finished_at": self.now()})
            self.mailings[_caller(asked), mailing.mailing_id] = mailing
        return mailing


def _caller(asked: Asked) -> str:
    asked.caller.needs_service()
    return asked.caller.service or ""
