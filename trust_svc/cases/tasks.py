from __future__ import annotations

from celery import shared_task

from trust_svc.cases import commands, gathering


@shared_task(name="trust.cases.gather")
def gather() -> None:
    """What came in against somebody becomes a case, or part of one."""
    gathering.gather()


@shared_task(name="trust.cases.wake")
def wake() -> None:
    """Cases that were put away come back when their time comes."""
    commands.wake()
