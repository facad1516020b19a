from __future__ import annotations

from celery import shared_task

from bh_sdk.server.ops import clock, trace
from tests.kit.project.demo.models import Gift


@shared_task(name="kit.note")
def note(title: str) -> None:
    """Leave a row that tells in whose name it was written."""
    Gift.objects.create(title=f"{title} {trace.request_id()}", created_at=clock.now())
