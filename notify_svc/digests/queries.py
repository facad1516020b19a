"""What was gathered for one person."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from notify_svc.digests.models import Window

_SHOWN = ("category", "channel", "frequency", "opened_at", "closes_at", "closed_at", "outcome")


def about(user_id: UUID) -> list[dict[str, Any]]:
    """Every digest of a person, and what was in it: for that person."""
    windows = Window.objects.filter(user_id=user_id).prefetch_related("items").order_by("opened_at", "id")
    return [
        {name: getattr(window, name) for name in _SHOWN}
        | {"notification_ids": [item.notification_id for item in window.items.all()]}
        for window in windows
    ]
