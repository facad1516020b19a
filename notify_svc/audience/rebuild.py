"""The list of supporters again, from nothing but the facts in payments' feed."""

from __future__ import annotations

from typing import Protocol

from django.db import transaction

from bh_sdk.events import DonationSucceeded, RefundFailed, RefundSucceeded
from bh_sdk.server.events.models import Checkpoint
from bh_sdk.wire.events import FeedPage
from notify_svc.audience import commands

_CONSUMER, _SOURCE = "notify", "payments"
Facts = dict[int, DonationSucceeded | RefundSucceeded | RefundFailed]


class Feed(Protocol):
    """Payments' feed, page by page."""

    def page(self, after: str = "", limit: int = 100) -> FeedPage: ...


def supporters(feed: Feed) -> int:
    """Build the list from every fact that the consumer has seen; returns how many there were.

    The consumer's checkpoint is held while the rows are written: what comes later is added by the consumer. The feed is
    read outside of that, and read on when the consumer was faster. Raises EpochMismatch when the log began anew meanwhile.
    """
    facts: Facts = {}
    position, read = "", 0
    while True:
        position, read = _read_on(feed, position, read, facts)
        with transaction.atomic():
            checkpoint = Checkpoint.objects.select_for_update().filter(consumer=_CONSUMER, source=_SOURCE).first()
            seen = checkpoint.number if checkpoint else 0
            if seen > read:
                continue
            commands.forget_gifts()
            counted = [number for number in sorted(facts) if number <= seen]
            for number in counted:
                commands.note_gift(facts[number])
            return len(counted)


def _read_on(feed: Feed, position: str, read: int, facts: Facts) -> tuple[str, int]:
    """Read to the head of the feed; returns the position and number reached."""
    while True:
        page = feed.page(after=position, limit=100)
        if not page.results:
            return position, read
        position = page.next
        read = int(position.partition(":")[2])
        for event in page.results:
            fact = event.fact()
            if event.number is not None and isinstance(fact, DonationSucceeded | RefundSucceeded | RefundFailed):
                facts[event.number] = fact
