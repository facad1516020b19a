"""What workers do for digests. All of it can be derived again from PostgreSQL."""

from __future__ import annotations

from uuid import UUID

from celery import shared_task

from notify_svc.digests import commands


@shared_task(name="notify.digests.close")
def close() -> int:
    """Send the digests whose time has come."""
    return commands.close_due()


@shared_task(name="notify.digests.review")
def review(user_id: str | None = None) -> int:
    """Follow changes of mind: one person's, or everybody's of late."""
    return commands.review(user_id=UUID(user_id)) if user_id else commands.review_changed()
