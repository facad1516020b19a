"""What the tests of this suite say again and again: a campaign, a gift, a card in a browser."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs, urlsplit
from uuid import UUID, uuid4

import httpx

from bh_sdk.clients import BearerAuth, Feed, Notify, Payments
from bh_sdk.events import Event
from bh_sdk.money import Money
from bh_sdk.tokens import ServiceAuth
from bh_sdk.wire.payments import GuestDonor, Payment, PaymentConfirmed, PaymentCreated
from deploy.local import tokens
from tests.stack import House, until

PUBLISHABLE = "pk_test_e2e0000000000000000000000"
VISA, DECLINED, NO_FUNDS = "4242424242424242", "4000000000000002", "4000000000009995"
# What a loaded machine with two cores keeps; the figures it really took are printed.
AT_MOST = 30.0


@dataclass(frozen=True)
class Campaign:
    """A campaign that takes gifts, and who owns it."""

    id: UUID
    owner: UUID
    title: str
    currency: str

    @property
    def owner_mail(self) -> str:
        return f"owner.{self.id.hex[:12]}@demo.test"


def a_campaign(house: House, *, currency: str = "GBP", title: str = "Clean water for Kisumu") -> Campaign:
    """The platform tells payments of a campaign, and notify how its owner is reached."""
    campaign = Campaign(uuid4(), uuid4(), title, currency)
    house.doors.notify.describe_contact(campaign.owner, email=campaign.owner_mail, name="Grace Otieno")
    house.doors.payments.describe_campaign(
        campaign.id,
        title=title,
        owner_id=campaign.owner,
        currency=currency,
        goal=Money.parse("1000000", currency),
        status="FUNDING",
    )
    return campaign


def a_guest(name: str = "Ruth Adler") -> GuestDonor:
    return GuestDonor(name=name, email=f"guest.{uuid4().hex[:12]}@demo.test")


def as_user(house: House, user: UUID) -> Payments:
    return Payments(house.url("payments"), auth=user_auth(house, user), timeout=30)


def feed_of(house: House, user: UUID) -> Notify:
    return Notify(house.url("notify"), auth=user_auth(house, user), timeout=30)


def user_auth(house: House, user: UUID, role: str = "donor") -> BearerAuth:
    return BearerAuth(tokens.for_user(house.stack, str(user), role))


def service_auth(house: House, caller: str, audience: str) -> ServiceAuth:
    """A caller that gets its tokens the way services do: with a signed assertion at the other side's door."""
    return ServiceAuth(
        token_url=f"{house.url(audience)}/oauth2/token",
        client_id=caller,
        signing_key_pem=(house.stack.keys / f"{caller}.pem").read_text(),
        audience=audience,
    )


def in_the_browser(house: House, client_secret: str, card: str = VISA) -> dict[str, Any]:
    """What Stripe.js does with a publishable key: send the card to Stripe, then confirm the intent with it."""
    intent = client_secret.partition("_secret_")[0]
    with httpx.Client(base_url=house.url("stripe"), auth=(PUBLISHABLE, ""), timeout=30, trust_env=False) as stripe:
        method = stripe.post(
            "/v1/payment_methods",
            data={
                "type": "card",
                "card[number]": card,
                "card[exp_month]": "12",
                "card[exp_year]": "2040",
                "card[cvc]": "123",
            },
        ).raise_for_status()
        answer = stripe.post(
            f"/v1/payment_intents/{intent}/confirm",
            data={"client_secret": client_secret, "payment_method": method.json()["id"]},
        )
    answered: dict[str, Any] = answer.json()
    return answered


def give(house: House, campaign: Campaign, amount: str, donor: GuestDonor | UUID, **more: Any) -> PaymentCreated:
    """Open a payment, as a guest or as a user."""
    if isinstance(donor, UUID):
        with as_user(house, donor) as client:
            return client.create_intent(campaign_id=campaign.id, amount=amount, currency=campaign.currency, **more)
    return house.doors.guest.create_intent(
        campaign_id=campaign.id, amount=amount, currency=campaign.currency, donor=donor, **more
    )


def pay(house: House, gift: PaymentCreated, donor: GuestDonor | UUID, card: str = "pm_card_visa") -> PaymentConfirmed:
    """Charge it through our own confirm."""
    if isinstance(donor, UUID):
        with as_user(house, donor) as client:
            return client.confirm(payment_intent_id=str(gift.payment_intent_id), payment_method_id=card)
    return house.doors.guest.confirm(
        payment_intent_id=str(gift.payment_intent_id), client_secret=gift.client_secret, payment_method_id=card
    )


def payment_when(house: House, payment_id: UUID, what: str, *, seconds: float = AT_MOST, **wanted: Any) -> Payment:
    """The payment as the platform sees it, once its fields are as `wanted`."""

    def look() -> Payment | None:
        found = house.doors.payments.payment(payment_id)
        return found if all(getattr(found, name) == value for name, value in wanted.items()) else None

    return until(look, what, seconds=seconds)


def one_mail(house: House, to: str, what: str, *, containing: str = "", seconds: float = AT_MOST) -> dict[str, Any]:
    """The mail to an address whose subject contains the given words."""

    def look() -> dict[str, Any] | None:
        return next((mail for mail in house.mails(to) if containing in mail["subject"]), None)

    return until(look, what, seconds=seconds)


def link_in(mail: dict[str, Any]) -> tuple[UUID, str]:
    """The payment and the signature that the thank-you mail leads to."""
    found = re.search(r"\S+/gifts/\S+", mail["text"])
    assert found is not None, mail["text"]
    address = urlsplit(found.group())
    return UUID(address.path.rpartition("/")[2]), parse_qs(address.query)["link"][0]


def facts(house: House, service: str, *, about: UUID | None = None) -> list[Event]:
    """The facts of a service's feed, as the platform reads them; those of one subject when it is given."""
    found: list[Event] = []
    with Feed(house.url(service), auth=service_auth(house, "monolith", service), timeout=30) as feed:
        after = ""
        while True:
            page = feed.page(after, 500)
            found += page.results
            if not page.results:
                break
            after = page.next
    return [event for event in found if about is None or event.subject == str(about)]


def journals(house: House, payment_id: UUID) -> list[tuple[str, str, dict[str, int]]]:
    """The journals of a payment as (kind, currency, {account/line: minor units}), oldest first."""
    rows = house.rows(
        "payments",
        "SELECT j.kind, j.currency, jsonb_object_agg(e.account || '/' || e.line, e.amount)"
        "  FROM payments_ledger_journal j JOIN payments_ledger_entry e ON e.journal_id = j.id"
        " WHERE j.payment_id = %s GROUP BY j.id ORDER BY j.created_at",
        payment_id,
    )
    return [(kind, currency, entries) for kind, currency, entries in rows]
