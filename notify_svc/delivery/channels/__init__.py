"""The ways out of the house, one file each, all behind `base.Channel`."""

from __future__ import annotations

from notify_svc.delivery.channels.base import Channel
from notify_svc.delivery.channels.email import Email
from notify_svc.delivery.channels.in_app import InApp


def channels() -> dict[str, Channel]:
    """Every channel that has a provider."""
    return {"email": Email(), "in_app": InApp()}
