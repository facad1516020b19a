"""Typed clients of the three services, blocking and awaiting.

with Payments("https://payments.example.org", auth=BearerAuth(token)) as payments:
    gift = payments.create_intent(campaign_id=campaign, amount="25.00", currency="GBP")
"""

from __future__ import annotations

from bh_sdk.clients.auth import Auth, BearerAuth
from bh_sdk.clients.call import Call
from bh_sdk.clients.feed import AsyncFeed, Feed
from bh_sdk.clients.health import Health
from bh_sdk.clients.notify import AsyncNotify, Notify
from bh_sdk.clients.payments import AsyncPayments, Payments
from bh_sdk.clients.trust import AsyncTrust, Trust
from bh_sdk.tokens.service_auth import ServiceAuth

__all__ = [
    "AsyncFeed",
    "AsyncNotify",
    "AsyncPayments",
    "AsyncTrust",
    "Auth",
    "BearerAuth",
    "Call",
    "Feed",
    "Health",
    "Notify",
    "Payments",
    "ServiceAuth",
    "Trust",
]
