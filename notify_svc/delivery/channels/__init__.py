"""The ways out of the house: one file for each provider, all behind `base.Provider`."""

from __future__ import annotations

from django.conf import settings

from notify_svc.delivery.channels.base import Provider
from notify_svc.delivery.channels.email import sendgrid_events, ses_events
from notify_svc.delivery.channels.email.sendgrid import SendGrid
from notify_svc.delivery.channels.email.ses import Ses
from notify_svc.delivery.channels.email.smtp import Smtp
from notify_svc.delivery.channels.in_app import InApp
from notify_svc.delivery.channels.push.fcm import Fcm
from notify_svc.delivery.channels.push.webpush import WebPush
from notify_svc.delivery.channels.reports import Reporter
from notify_svc.delivery.channels.sms import twilio_events
from notify_svc.delivery.channels.sms.twilio import Twilio
from notify_svc.delivery.rules import ALWAYS, CHANNELS


def providers() -> list[Provider]:
    """Every provider that is configured here. Which of them carries a batch is a question of weight and health."""
    known: list[tuple[Provider, bool]] = [
        (Ses(), bool(settings.SES_REGION)),
        (SendGrid(), bool(settings.SENDGRID_API_KEY)),
        (Smtp(), bool(settings.SMTP_URL)),
        (InApp(), True),
        (Fcm(), bool(settings.FCM_SERVICE_ACCOUNT)),
        (Twilio(), settings.TWILIO_ON),
        (WebPush(), bool(settings.VAPID_PRIVATE_KEY)),
    ]
    return [provider for provider, configured in known if configured]


def lanes() -> list[tuple[str, str]]:
    """The ways out that do not stand in for one another, as (channel, lane): what waits in one holds up no other."""
    return list(dict.fromkeys((provider.channel, provider.lane) for provider in providers()))


def kinds() -> set[str]:
    """The kinds of devices that somebody reaches."""
    return {lane for channel, lane in lanes() if channel == "push"}


def offered() -> tuple[str, ...]:
    """The channels by which people can be told here."""
    carried = ALWAYS | {channel for channel, _ in lanes()}
    return tuple(channel for channel in CHANNELS if channel in carried)


def reporters() -> dict[str, Reporter]:
    """Who may tell us later what became of a letter, by the name in the webhook's address."""
    known = {
        "ses": (Reporter("email", ses_events.events_of), bool(settings.SES_TOPICS)),
        "twilio": (Reporter("sms", twilio_events.events_of), settings.TWILIO_ON),
        "sendgrid": (Reporter("email", sendgrid_events.events_of), bool(settings.SENDGRID_WEBHOOK_KEY)),
    }
    return {name: reporter for name, (reporter, configured) in known.items() if configured}
