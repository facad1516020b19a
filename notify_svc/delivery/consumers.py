"""Every fact that the catalogue names is told to whom it concerns."""

from __future__ import annotations

from bh_sdk.events import Fact
from bh_sdk.server.events import Delivered, handles
from notify_svc.delivery import catalogue, telling


def tell(event: Delivered[Fact]) -> None:
    """Turn a fact into the notifications that it causes."""
    telling.tell(event.data, event_id=event.id)


for kind in catalogue.FACTS:
    handles(kind)(tell)
