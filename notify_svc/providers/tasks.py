"""What workers do for providers."""

from __future__ import annotations

from celery import shared_task

from notify_svc.providers import commands


@shared_task(name="notify.providers.forget")
def forget() -> int:
    """Drop the figures that nobody looks at any more."""
    return commands.forget()
