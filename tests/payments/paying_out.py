"""What tests of payouts start from: money in the ledger, money at Stripe, accounts, people of finance, a clock that moves."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from django.db import transaction

from bh_sdk.server.ops import clock
from payments_svc.donations.models import Campaign
from payments_svc.ledger import commands as ledger
from payments_svc.ledger import rules as postings
from payments_svc.payouts import commands
from payments_svc.payouts.models import Payout, PayoutAccount
from payments_svc.payouts.tasks import send_due
from tests.payments.conftest import Caller, StandIn, person
from tests.payments.factories import campaign as a_campaign

ANNA, BEN, CLARA = (UUID(int=number) for number in (101, 102, 103))
LONG_AGO = timedelta(days=8)


@transaction.atomic
def gift(campaign: Campaign, minor: int, *, ago: timedelta = LONG_AGO, fee: int = 0) -> None:
    """A gift that arrived then, as the ledger books it."""
    ledger.post(
        reference=f"payment:{uuid.uuid4()}:succeeded",
        kind="donation",
        campaign_id=campaign.id,
        currency=campaign.currency,
        postings=postings.donation(charged=minor, processing_fee=fee, platform_fee=0),
        at=clock.now() - ago,
    )


def funded(minor: int = 100_000, **changes: Any) -> tuple[Campaign, Caller]:
    """A campaign with this much to pay out, and its organiser."""
    owner = person("recipient")
    campaign = a_campaign(owner_id=owner.sub, **changes)
    gift(campaign, minor)
    return campaign, owner


def asked(minor: int = 30_000, *, balance: int = 100_000, **changes: Any) -> Payout:
    """A payout that an organiser asked for."""
    campaign, owner = funded(balance, **changes)
    money = None if minor == balance else f"{minor // 100}.{minor % 100:02}"
    return commands.request_payout(campaign_id=campaign.id, amount=money, by=owner.sub)


def approved(minor: int = 30_000, **changes: Any) -> Payout:
    payout = commands.approve_payout(payout_id=asked(minor, **changes).id, by=ANNA)
    return payout if payout.status == "approved" else commands.approve_payout(payout_id=payout.id, by=BEN)


def money_at_stripe(standin: StandIn, minor: int, currency: str = "gbp") -> None:
    """Money that can be transferred at once, whatever earlier tests gave back out of money that is not there yet."""
    held = {row.currency: row.amount for row in standin.stripe.v1.balance.retrieve().available}
    missing = minor * 2 - min(held.get(currency, 0), 0)
    standin.stripe.v1.payment_intents.create(
        {"amount": missing, "currency": currency, "payment_method": "pm_card_bypassPending", "confirm": True}
    )


def account(standin: StandIn, *, transfers: str = "active") -> str:
    made = standin.stripe.v1.accounts.create({"type": "express", "capabilities": {"transfers": {"requested": True}}})
    standin.http.post(f"/_standin/accounts/{made.id}", json={"transfers": transfers}).raise_for_status()
    return str(made.id)


def paid_by_stripe(standin: StandIn, owner_id: UUID) -> str:
    """Give an organiser an account that receives transfers."""
    account_id = account(standin)
    PayoutAccount.objects.create(
        owner_id=owner_id, account_id=account_id, transfers_active=True, set_by="monolith", changed_at=clock.now()
    )
    return account_id


def hold(entity_id: UUID, kind: str = "campaign") -> UUID:
    hold_id = uuid.uuid4()
    commands.note_hold(hold_id=hold_id, entity_kind=kind, entity_id=entity_id, placed_at=clock.now())
    return hold_id


def sweep() -> int:
    """Whatever is to be looked at some time is due now."""
    Payout.objects.filter(look_again_at__isnull=False).update(look_again_at=clock.now())
    return int(send_due())


def sent(standin: StandIn, payout: Payout) -> list[Any]:
    """The transfers of a payout at Stripe."""
    return list(standin.stripe.v1.transfers.list({"transfer_group": f"payout-{payout.id}"}).data)


class Watch:
    """A clock to move by hand."""

    def __init__(self, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.file, self.total = file, timedelta()
        monkeypatch.setenv("BH_CLOCK_FILE", str(file))

    def forward(self, by: timedelta) -> datetime:
        self.total += by
        part = self.file.with_suffix(".part")
        part.write_text(str(self.total.total_seconds()))
        part.replace(self.file)
        return clock.now()
