"""Payments' own fixtures: Stripe's stand-in as a process, callers with real tokens, campaigns, and Stripe's deliveries."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import subprocess
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
import stripe
from django.conf import settings
from django.test import Client

from tests.payments.factories import CampaignFactory
from tests.tokens import bearer, service_token, user_token

ROOT = Path(__file__).resolve().parents[2]
WAIT_SECONDS = 20


class StandIn:
    """Stripe, as far as these tests are concerned."""

    def __init__(self) -> None:
        self.url = settings.STRIPE_API_BASE
        self.http = httpx.Client(base_url=self.url, timeout=20)
        self.stripe = stripe.StripeClient(settings.STRIPE_SECRET_KEY, base_addresses={"api": self.url})

    def ready(self) -> bool:
        try:
            return self.http.get("/readyz").status_code == 200
        except httpx.TransportError:
            return False

    def pull(self, **lever: Any) -> None:
        """Make the next fitting request go wrong."""
        self.http.post("/_standin/levers", json=lever).raise_for_status()

    def asked(self, path: str, method: str = "*") -> list[dict[str, Any]]:
        found = self.http.get("/_standin/requests", params={"path": path, "method": method}).json()
        requests: list[dict[str, Any]] = found["requests"]
        return requests

    def intents(self, payment_id: str) -> list[Any]:
        found = self.stripe.v1.payment_intents.list({"limit": 100})
        return [intent for intent in found.auto_paging_iter() if intent.metadata.get("payment_id") == payment_id]

    def events(self, intent_id: str) -> list[dict[str, Any]]:
        """Every event about an intent, oldest first, as Stripe would deliver it."""
        mine: list[dict[str, Any]] = []
        # Newest first: nothing is older than its creation, and the stand-in remembers the events of every test.
        for listed in self.stripe.v1.events.list({"limit": 100}).auto_paging_iter():
            event = json.loads(str(listed))
            about = event["data"]["object"]
            if intent_id in (about["id"], about.get("payment_intent")):
                mine.insert(0, event)
                if event["type"] == "payment_intent.created":
                    break
        return mine

    def answer_the_bank(self, next_action: dict[str, Any], result: str = "complete") -> httpx.Response:
        """What the donor does on the page that a `redirect_to_url` opens: `complete` or `fail`."""
        page = httpx.post(next_action["url"], data={"result": result}, timeout=20, follow_redirects=False)
        assert page.status_code == 303, page.text
        return page

    def settle_debit(self, intent_id: str) -> None:
        self.http.post(f"/_standin/payment_intents/{intent_id}/settle", json={}).raise_for_status()

    def settle_refund(self, refund_id: str, **body: Any) -> None:
        self.http.post(f"/_standin/refunds/{refund_id}", json=body).raise_for_status()


@pytest.fixture(scope="session")
def standin_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    state = tmp_path_factory.mktemp("stripe")
    port = settings.STRIPE_API_BASE.rsplit(":", 1)[1]
    command = [sys.executable, "-m", "deploy.local.stripe_standin", "--port", port, "--state", str(state)]
    process = subprocess.Popen(command, cwd=ROOT, env=dict(os.environ))
    standin = StandIn()
    end = time.monotonic() + WAIT_SECONDS
    while not standin.ready():
        assert process.poll() is None, "the stand-in died"
        assert time.monotonic() < end, "the stand-in does not answer"
    yield standin
    process.terminate()
    process.wait(timeout=10)


@pytest.fixture
def standin(standin_process: StandIn) -> Iterator[StandIn]:
    yield standin_process
    standin_process.http.delete("/_standin/levers").raise_for_status()


@dataclass
class Caller:
    """Somebody with a token, or without one, who calls the API."""

    token: str = ""
    sub: UUID = field(default_factory=uuid.uuid4)

    def __call__(self, method: str, path: str, body: Any = None, *, key: Any = None) -> Any:
        headers = bearer(self.token) if self.token else {}
        if key is not None:
            headers["Idempotency-Key"] = str(key)
        content = b"" if body is None else json.dumps(body).encode()
        return Client(raise_request_exception=False).generic(
            method, f"/api/v1/payments{path}", content, content_type="application/json", headers=headers
        )

    def open(self, campaign: Any, amount: str = "25.00", *, key: Any = None, **changes: Any) -> Any:
        """Ask for an intent; guests bring their name and address."""
        body: dict[str, Any] = {"campaign_id": str(campaign.id), "amount": amount, "currency": campaign.currency}
        if not self.token:
            body["donor"] = {"name": "Ruth Adler", "email": "ruth@demo.test"}
        return self("POST", "/create-intent", body | changes, key=key or uuid.uuid4())

    def confirm(self, opened: dict[str, Any], card: str | None = "pm_card_visa", *, key: Any = None) -> Any:
        body = {"payment_intent_id": opened["payment_intent_id"], "client_secret": opened["client_secret"]}
        if card is not None:
            body["payment_method_id"] = card
        return self("POST", "/confirm", body, key=key or uuid.uuid4())

    def give(self, campaign: Any, amount: str = "25.00", card: str = "pm_card_visa", **changes: Any) -> dict[str, Any]:
        """A whole donation; answers the created payment."""
        opened: dict[str, Any] = self.open(campaign, amount, **changes).json()
        assert self.confirm(opened, card).status_code == 200
        return opened


def person(*roles: str, sub: UUID | None = None) -> Caller:
    sub = sub or uuid.uuid4()
    return Caller(user_token(sub, roles or ("donor",)), sub)


def service(name: str) -> Caller:
    return Caller(service_token(name))


@pytest.fixture
def guest() -> Caller:
    return Caller()


@pytest.fixture
def donor() -> Caller:
    return person()


@pytest.fixture
def campaign(db: None) -> Any:
    return CampaignFactory.create()


def deliver(event: dict[str, Any] | bytes, *, secret: str | None = None, at: float | None = None) -> Any:
    """Deliver an event the way Stripe does: raw bytes, signed now."""
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    stamp = str(int(at if at is not None else time.time()))
    secret = secret or settings.STRIPE_WEBHOOK_SECRETS[0]
    signature = hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()
    return Client(raise_request_exception=False).post(
        "/api/v1/payments/webhooks/stripe",
        body,
        content_type="application/json",
        headers={"Stripe-Signature": f"t={stamp},v1={signature}"},
    )
