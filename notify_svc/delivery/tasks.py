"""What workers do. All of it can be derived again from PostgreSQL; the beat comes round every second."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from notify_svc.delivery import campaigns, channels, claims, commands, mailings, spreading, telling
from notify_svc.delivery.sending import send_batch

# One task leaves its thread to others after this many batches; the next sweep goes on.
MOST_BATCHES = 20


@shared_task(name="notify.delivery.send")
def send() -> int:
    """Send what is due, one way out after the other, until there is nothing left."""
    spreading.spread()
    done = 0
    for channel, lane in channels.lanes():
        for _ in range(MOST_BATCHES):
            claimed = send_batch(channel, lane=lane)
            done += claimed
            if not claimed:
                break
    return done


@shared_task(name="notify.delivery.reclaim")
def reclaim() -> int:
    """Take over what a worker that died had claimed, and close what nobody will ever know the fate of."""
    return claims.reclaim() + claims.give_up_unknown()


@shared_task(name="notify.delivery.wake")
def wake(recipient_id: str | None = None) -> int:
    """Release the mails that waited for an address."""
    return commands.wake(recipient_id=UUID(recipient_id) if recipient_id else None)


@shared_task(name="notify.delivery.tell_waiting")
def tell_waiting(campaign_id: str | None = None) -> int:
    """Tell the facts that waited for their campaign."""
    return telling.tell_waiting(campaign_id=UUID(campaign_id) if campaign_id else None)


@shared_task(name="notify.delivery.expand")
def expand() -> int:
    """Tell the audiences that wait to be told, page by page."""
    return mailings.expand()


@shared_task(name="notify.delivery.tell_endings")
def tell_endings() -> int:
    """Tell of the campaigns whose last days have begun."""
    return campaigns.tell_endings()
