"""What workers do for figures."""

from __future__ import annotations

from celery import shared_task

from notify_svc.insights import commands


@shared_task(name="notify.insights.count")
def count() -> int:
    """Count today, and a day before that is due for it."""
    return len(commands.keep_up())
