"""What workers do. Each round looks for what is still to be done, so that one that was cut short is made up for."""

from __future__ import annotations

from celery import shared_task

from notify_svc.retention import commands


@shared_task(name="notify.retention.prune")
def prune() -> int:
    """Remove what is too old."""
    return commands.prune()


@shared_task(name="notify.retention.erase")
def erase() -> int:
    """Go on with people whose erasure is not finished, and look again at those who were erased just now."""
    return commands.go_on_erasing()
