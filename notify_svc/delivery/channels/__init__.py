"""The ways out of the house: one file for each provider, all behind `base.Provider`."""

from __future__ import annotations

from django.conf import settings

from notify_svc.delivery.channels.base import Provider
from notify_svc.delivery.channels.email import sendgrid_events, ses_events
from notify_svc.delivery.channels.email.sendgrid import SendGrid
from notify_svc.delivery.channels.email.ses import Ses
from notify_svc.delivery.channels.email.smtp import Smtp
from notify_svc.delivery.channels.in_app import InApp
from notify_svc.delivery.channels.reports import Reporter


def providers() -> list[Provider]:
    """Every provider that is configured here. Which of them carries a batch is a question of weight and health."""
    known: list[tuple[Provider, bool]] = [
        (Ses(), bool(settings.SES_REGION)),
        (SendGrid(), bool(settings.SENDGRID_API_KEY)),
        (Smtp(), bool(settings.SMTP_URL)),
        (InApp(), True),
    ]
    return [provider for provider, configured in known if configured]


def reporters() -> dict[str, Reporter]:
    """Who may tell us later what became of a letter, by the name in the webhook's address."""
    known = {
        "ses": (Reporter("email", ses_events.events_of), bool(settings.SES_TOPICS)),
        "sendgrid": (Reporter("email", sendgrid_events.events_of), bool(settings.SENDGRID_WEBHOOK_KEY)),
    }
    return {name: reporter for name, (reporter, configured) in known.items() if configured}
