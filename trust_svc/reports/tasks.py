from __future__ import annotations

from celery import shared_task

from trust_svc.reports import commands


@shared_task(name="trust.reports.settle_decided")
def settle_decided() -> None:
    """Decisions arrive as evidence; the reports they are about close."""
    commands.settle_decided()
