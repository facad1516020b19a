"""What beats: an override ends by itself."""

from __future__ import annotations

from celery import shared_task

from trust_svc.overrides import commands

BATCHES = 20


@shared_task(name="trust.overrides.expire_due")
def expire_due() -> None:
    """End the overrides whose time is over. A lost or doubled beat changes nothing: they count no more in any case."""
    for _ in range(BATCHES):
        if commands.expire_due() < commands.BATCH:
            return
