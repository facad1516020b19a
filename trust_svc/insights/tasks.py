from __future__ import annotations

from celery import shared_task

from trust_svc.insights import commands


@shared_task(name="trust.insights.keep_up")
def keep_up() -> None:
    """Count today, and after midnight the day that has ended."""
    commands.keep_up()
