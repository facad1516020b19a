"""For other teams' tests: services in memory behind the real clients, and a mint of valid tokens.

    payments = FakePayments(as_user=donor)
    gift = payments.create_intent(campaign_id=payments.campaign(), amount="25.00", currency="GBP")

A fake *is* the client it stands for: the same methods, types, checks and errors, over a network that holds one service.
"""

from __future__ import annotations

from bh_sdk.testing.issuer import TestIssuer
from bh_sdk.testing.notify import AsyncFakeNotify, FakeNotify, NotifyWorld
from bh_sdk.testing.payments import AsyncFakePayments, FakePayments, PaymentsWorld
from bh_sdk.testing.trust import AsyncFakeTrust, FakeTrust, TrustWorld

__all__ = [
    "AsyncFakeNotify",
    "AsyncFakePayments",
    "AsyncFakeTrust",
    "FakeNotify",
    "FakePayments",
    "FakeTrust",
    "NotifyWorld",
    "PaymentsWorld",
    "TestIssuer",
    "TrustWorld",
]
