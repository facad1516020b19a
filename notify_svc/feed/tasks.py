from __future__ import annotations

from celery import shared_task

from notify_svc.feed import commands


@shared_task(name="notify.feed.forget_tickets")
def forget_tickets() -> int:
    """Remove the tickets that nobody used in time."""
    return commands.forget_tickets()
