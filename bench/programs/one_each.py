"""What sending is measured against: one Celery task for each notification, as most do it.

    celery -A notify_svc.celery worker -I bench.programs.one_each …

Each task goes our own road for one notification (claim, words, provider, result, fact) and the broker's.
"""

from __future__ import annotations

from celery import shared_task

from notify_svc.delivery.sending import send_batch

TASK = "bench.one_each"


@shared_task(name=TASK, ignore_result=True)
def one_each(channels: list[str]) -> None:
    """Send the deliveries of one notification."""
    for channel in channels:
        send_batch(channel, limit=1)
