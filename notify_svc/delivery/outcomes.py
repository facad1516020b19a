"""What became of words once they were sent: who sends a type, and how each version of a template fared."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from django.db.models import Count

from bh_sdk.server.ops import clock
from notify_svc.delivery.models import Notification

_LATELY = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class Sender:
    """Who has sent notifications of a type lately, and how many. `system`: it came of a fact."""

    name: str
    count: int


def senders(type: str) -> list[Sender]:
    """Who would notice a change of what a type takes, the busiest first."""
    lately = Notification.objects.filter(type=type, created_at__gt=clock.now() - _LATELY)
    found = lately.values_list("accepted_by").annotate(count=Count("id")).order_by("-count", "accepted_by")
    return [Sender(name, count) for name, count in found[:20]]
