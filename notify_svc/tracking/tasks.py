"""What workers do here. All of it is in PostgreSQL; the beat comes round every second."""

from __future__ import annotations

from celery import shared_task

from notify_svc.tracking import commands


@shared_task(name="notify.tracking.work")
def work() -> int:
    """Work off what providers said."""
    return commands.work()
