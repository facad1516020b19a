"""Notify's own fixtures: a mail server, callers with real tokens, people and campaigns."""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import pytest
from django.test import Client

from bh_sdk.events import DonationFailed, DonationSucceeded, Event, Fact, RefundFailed, RefundSucceeded, ScoreChanged
from bh_sdk.server.events import handlers
from bh_sdk.tokens import jwk_of, sign_jwt
from deploy.local.issuer.tokens import user_token
from notify_svc.delivery.channels.email import ses as ses_provider
from tests.notify import mailbox as mailboxes
from tests.notify import pushes, standins, telephones
from tests.notify.mailbox import Mailbox

KEYS = Path(os.environ["BH_TEST_STATE"]) / "keys"
# The issuer's published keys, without the issuer.
os.environ["BH_USER_JWKS"] = json.dumps({"keys": [jwk_of((KEYS / "issuer.pem").read_text())]})
# What boto3 finds; with nothing it would ask for a machine of Amazon's.
os.environ |= {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_EC2_METADATA_DISABLED": "true"}


@pytest.fixture(autouse=True)
def _nobody_is_pushed_to(settings: Any) -> None:
    """A local stack knows one push service. Here a test says which, or means the world's."""
    settings.VAPID_PRIVATE_KEY, settings.WEBPUSH_SERVICES = "", []


@pytest.fixture
def mailbox(settings: Any) -> Iterator[Mailbox]:
    with mailboxes.running() as box:
        settings.SMTP_URL = box.url
        yield box


@pytest.fixture(scope="session")
def moto() -> Iterator[str]:
    """One moto for all tests; its address."""
    with standins.moto() as url:
        yield url


@pytest.fixture
def ses(moto: str, settings: Any) -> Iterator[standins.SesDesk]:
    """SES knows our senders and holds no mail yet."""
    httpx.post(f"{moto}/moto-api/reset", timeout=30)
    with standins.SesDesk(moto=moto).running() as desk:
        settings.SES_REGION, settings.SES_ENDPOINT, settings.SMTP_URL = standins.REGION, desk.url, ""
        client = ses_provider.client()
        for sender in ("giving@blessed-horizon.example", "news@blessed-horizon.example"):
            client.create_email_identity(EmailIdentity=sender)
        yield desk


@pytest.fixture
def sns(settings: Any) -> Iterator[standins.Sns]:
    """SNS, with one topic that is ours."""
    settings.SES_TOPICS = [standins.TOPIC]
    with standins.Sns().running() as desk:
        settings.SNS_ENDPOINT = desk.url
        yield desk


@pytest.fixture
def sendgrid(settings: Any) -> Iterator[standins.SendGridDesk]:
    with standins.SendGridDesk().running() as desk:
        settings.SENDGRID_API_KEY, settings.SENDGRID_URL, settings.SMTP_URL = desk.api_key, desk.url, ""
        yield desk


@pytest.fixture
def webpush_desk(settings: Any) -> Iterator[pushes.PushService]:
    """A push service of browsers, and our key to it."""
    with pushes.PushService().running() as desk:
        settings.VAPID_PRIVATE_KEY, settings.WEBPUSH_SERVICES = pushes.b64(b"\x07" * 32), [desk.url]
        yield desk


@pytest.fixture
def fcm_desk(settings: Any) -> Iterator[pushes.FcmDesk]:
    """A project of Firebase, and our account there."""
    with pushes.firebase() as desk:
        settings.FCM_SERVICE_ACCOUNT, settings.FCM_URL = json.dumps(desk.account), desk.url
        yield desk


@pytest.fixture
def twilio(settings: Any) -> Iterator[telephones.TwilioDesk]:
    """An account at Twilio."""
    with telephones.TwilioDesk().running() as desk:
        settings.TWILIO_ON, settings.TWILIO_URL, settings.TWILIO_FROM = True, desk.url, telephones.FROM
        settings.TWILIO_ACCOUNT_SID, settings.TWILIO_AUTH_TOKEN = telephones.SID, telephones.TOKEN
        yield desk


@pytest.fixture
def moved_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[timedelta], None]:
    """Moves the house's clock so far from the world's."""
    file = tmp_path / "moved"
    monkeypatch.setenv("BH_CLOCK_FILE", str(file))

    def move(so_far: timedelta) -> None:
        file.write_text(str(so_far.total_seconds()))

    return move


@dataclass
class Caller:
    """Somebody with a token (or none) who calls the API."""

    token: str = ""
    sub: UUID = field(default_factory=uuid.uuid4)

    def __call__(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        if self.token:
            headers["Authorization"] = f"Bearer {self.token}"
        content = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
        return Client(raise_request_exception=False).generic(
            method, f"/api/v1/notifications{path}", content, content_type="application/json", headers=headers
        )

    def send(self, body: Any, key: Any = None) -> Any:
        return self("POST", "/send", body, **{"Idempotency-Key": str(key or uuid.uuid4())})


def person(*roles: str, sub: UUID | None = None) -> Caller:
    sub = sub or uuid.uuid4()
    token = user_token(KEYS / "issuer.pem", os.environ["BH_USER_ISSUER"], sub, list(roles or ("donor",)))
    return Caller(token, sub)


def service(name: str) -> Caller:
    """A token as this service's own issuer would write it for `name`."""
    now = int(time.time())
    claims = {
        "iss": os.environ["BH_SERVICE_URL"],
        "aud": "notify",
        "sub": name,
        "client_id": name,
        "scope": "",
        "iat": now,
        "exp": now + 300,
        "jti": str(uuid.uuid4()),
    }
    return Caller(sign_jwt(claims, (KEYS / "notify.pem").read_text(), typ="at+jwt"))


@pytest.fixture
def payments() -> Caller:
    return service("payments")


@pytest.fixture
def monolith() -> Caller:
    return service("monolith")


@pytest.fixture
def guest() -> Caller:
    return Caller()


@dataclass
class Campaign:
    id: UUID = field(default_factory=uuid.uuid4)
    owner: UUID = field(default_factory=uuid.uuid4)
    title: str = "Clean water for Kibera"


@pytest.fixture
def campaign(db: None) -> Campaign:
    """A campaign that payments has told us about."""
    from notify_svc.audience import commands

    known = Campaign()
    commands.describe_campaign(campaign_id=known.id, title=known.title, owner_id=known.owner, currency="GBP")
    return known


def describe(person_id: UUID, email: str, name: str | None = None, **rest: Any) -> None:
    from notify_svc.audience import commands

    commands.describe_contact(user_id=person_id, email=email, name=name, **rest)


def succeeded(campaign: Campaign, **changes: Any) -> DonationSucceeded:
    facts = {
        "payment_id": uuid.uuid4(),
        "campaign_id": campaign.id,
        "donor_id": uuid.uuid4(),
        "guest": False,
        "amount": "25.00",
        "charged": "25.00",
        "currency": "GBP",
        "anonymous": False,
        "net": "24.00",
    }
    return DonationSucceeded.model_validate(facts | changes)


def failed(campaign: Campaign, **changes: Any) -> DonationFailed:
    facts = {
        "payment_id": uuid.uuid4(),
        "campaign_id": campaign.id,
        "donor_id": uuid.uuid4(),
        "guest": False,
        "amount": "25.00",
        "charged": "25.00",
        "currency": "GBP",
        "reason": "insufficient_funds",
    }
    return DonationFailed.model_validate(facts | changes)


def refunded(campaign: Campaign, **changes: Any) -> RefundSucceeded:
    facts = {
        "refund_id": uuid.uuid4(),
        "payment_id": uuid.uuid4(),
        "campaign_id": campaign.id,
        "donor_id": uuid.uuid4(),
        "guest": False,
        "amount": "10.00",
        "currency": "GBP",
        "refunded_total": "10.00",
        "full": False,
        "for_cause": False,
    }
    return RefundSucceeded.model_validate(facts | changes)


def refund_failed(refund: RefundSucceeded, **changes: Any) -> RefundFailed:
    """The same refund, sent back by the bank."""
    facts = {
        "refund_id": refund.refund_id,
        "payment_id": refund.payment_id,
        "campaign_id": refund.campaign_id,
        "donor_id": refund.donor_id,
        "amount": refund.amount,
        "currency": refund.currency,
        "refunded_total": "0.00",
        "reversed": True,
        "reason": "lost_or_stolen_card",
    }
    return RefundFailed.model_validate(facts | changes)


def scored(campaign: Campaign, **changes: Any) -> ScoreChanged:
    facts = {
        "entity_kind": "campaign",
        "entity_id": campaign.id,
        "owner_id": campaign.owner,
        "score": "76.00",
        "rated": True,
        "previous_score": "74.00",
        "tier": "TRUSTED",
        "previous_tier": "STEADY",
    }
    return ScoreChanged.model_validate(facts | changes)


def hear(fact: Fact, *, event_id: UUID | None = None) -> UUID:
    """Let the service hear of a fact the way its consumer does; returns the event's id."""
    from django.db import transaction
    from django.utils import timezone

    handlers.load()
    event = Event(
        id=event_id or uuid.uuid4(),
        source="payments",
        type=fact.type,
        subject=str(uuid.uuid4()),
        time=timezone.now(),
        data=fact.payload(),
    )
    with transaction.atomic():
        handlers.handle(event)
    return event.id


def work() -> None:
    """Do what the workers do, once round."""
    from notify_svc.delivery import tasks

    tasks.tell_waiting()
    tasks.wake()
    tasks.send()
