"""What is done to devices from time to time."""

from __future__ import annotations

from celery import shared_task

from notify_svc.devices import commands


@shared_task(name="notify.devices.forget")
def forget() -> int:
    """Retire what nothing reaches any more."""
    return commands.forget()
