"""The ways out of the house: one file for each provider, all behind `base.Provider`."""

from __future__ import annotations

from django.conf import settings

from notify_svc.delivery.channels.base import Provider
from notify_svc.delivery.channels.email.smtp import Smtp
from notify_svc.delivery.channels.in_app import InApp


def providers() -> list[Provider]:
    """Every provider that is configured here. Which of them carries a batch is a question of weight and health."""
    known: list[tuple[Provider, bool]] = [(Smtp(), bool(settings.SMTP_URL)), (InApp(), True)]
    return [provider for provider, configured in known if configured]
