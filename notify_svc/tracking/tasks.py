"""What workers do here. All of it is in PostgreSQL; the beat comes round every second."""

from __future__ import annotations

from celery import shared_task

from notify_svc.tracking import commands


@shared_task(name="notify.tracking.work")
def work() -> int:
    """Work off what providers said."""
    return commands.work()


@shared_task(name="notify.tracking.opted_out")
def opted_out(provider: str, address_hash: str) -> None:
    """Put a number on the list whose person wants no text messages. Should this call get lost, the next refusal makes it."""
    commands.opted_out(provider=provider, address_hash=address_hash)
