"""Payouts in the memory of `PaymentsWorld`: asking, taking back, escrow and accounts. Finance and time are not imitated:
nothing is approved, and nobody waits seven days."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING
from uuid import UUID

from bh_sdk.errors import FundsNotAvailable, NotFound, PayoutNotOpen
from bh_sdk.money import Money
from bh_sdk.wire import payouts as wire
from bh_sdk.wire.base import Page

if TYPE_CHECKING:
    from bh_sdk.testing.payments import PaymentsWorld
    from bh_sdk.testing.world import Asked, Route
    from bh_sdk.wire.payments import Campaign

BASE = "/api/v1/payments"


class Payouts:
    """The payouts of a world."""

    def __init__(self, world: PaymentsWorld) -> None:
        self.world = world
        self.rows: dict[UUID, wire.Payout] = {}

    def routes(self) -> list[tuple[str, str, Route, bool]]:
        return [
            ("POST", f"{BASE}/payouts", self._ask, True),
            ("GET", f"{BASE}/payouts", self._mine, False),
            ("GET", f"{BASE}/payouts/{{}}", self._one, False),
            ("POST", f"{BASE}/payouts/{{}}/cancel", self._cancel, True),
            ("GET", f"{BASE}/campaigns/{{}}/escrow", self._escrow, False),
            ("PUT", f"{BASE}/payout-accounts/{{}}", self._account, False),
        ]

    def _campaign(self, campaign_id: UUID) -> Campaign:
        campaign = self.world.campaigns.get(campaign_id)
        if campaign is None:
            raise NotFound
        return campaign

    def _sums(self, campaign: Campaign) -> tuple[Money, Money]:
        """What arrived, and what of it was asked for."""
        raised = reserved = Money(0, campaign.currency)
        for gift in self.world.gifts.values():
            if gift.payment.campaign_id == campaign.campaign_id and gift.payment.status == "succeeded":
                raised += Money.parse(gift.payment.amount, campaign.currency)
        for row in self.rows.values():
            if row.campaign_id == campaign.campaign_id and row.status == "requested":
                reserved += Money.parse(row.amount, campaign.currency)
        return raised, reserved

    def _ask(self, asked: Asked) -> tuple[int, wire.Payout]:
        body = asked.read(wire.AskPayout)
        campaign = self._campaign(body.campaign_id)
        if asked.caller.user() != campaign.owner_id:
            raise NotFound
        raised, reserved = self._sums(campaign)
        available = raised - reserved
        amount = available if body.amount is None else Money.parse(body.amount, campaign.currency)
        if amount > available or not amount:
            raise FundsNotAvailable(available=available.decimal, currency=campaign.currency)
        row = wire.Payout(
            payout_id=uuid.uuid4(),
            campaign_id=campaign.campaign_id,
            owner_id=campaign.owner_id,
            amount=amount.decimal,
            currency=campaign.currency,
            status="requested",
            on_hold=False,
            method=None,
            reference=None,
            reason=None,
            created_at=self.world.now(),
            settled_at=None,
        )
        self.rows[row.payout_id] = row
        return 201, row

    def _mine(self, asked: Asked) -> Page[wire.Payout]:
        wanted = asked.query.get("campaign_id")
        mine = [
            row
            for row in reversed(self.rows.values())
            if row.owner_id == asked.caller.user() and wanted in (None, str(row.campaign_id))
        ]
        return self.world.page(mine, asked, f"{BASE}/payouts")

    def _one(self, asked: Asked) -> wire.Payout:
        row = self.rows.get(asked.ids[0])
        if row is None:
            raise NotFound
        asked.caller.may_see(row.owner_id)
        return row

    def _cancel(self, asked: Asked) -> wire.Payout:
        row = self._one(asked)
        if row.status != "requested":
            raise PayoutNotOpen(payout_status=row.status)
        self.rows[row.payout_id] = row.model_copy(update={"status": "canceled", "settled_at": self.world.now()})
        return self.rows[row.payout_id]

    def _escrow(self, asked: Asked) -> wire.Escrow:
        campaign = self._campaign(asked.ids[0])
        asked.caller.may_see(campaign.owner_id)
        raised, reserved = self._sums(campaign)
        nothing = Money(0, campaign.currency).decimal
        left = dict.fromkeys(
            ("fees", "refunded", "lost", "disputed", "in_flight", "paid_out", "corrected", "held"), nothing
        )
        balance = wire.EscrowBalance(
            currency=campaign.currency,
            raised=raised.decimal,
            owed=raised.decimal,
            reserved=reserved.decimal,
            available=(raised - reserved).decimal,
            **left,
        )
        return wire.Escrow(
            campaign_id=campaign.campaign_id,
            on_hold=False,
            balances=[balance],
            minimum=nothing,
            currency=campaign.currency,
            possible_from=self.world.now() if raised else None,
        )

    def _account(self, asked: Asked) -> wire.PayoutAccount:
        asked.caller.needs_service()
        body = asked.read(wire.SetPayoutAccount)
        return wire.PayoutAccount(
            owner_id=asked.ids[0],
            account_id=body.account_id,
            transfers_active=body.account_id is not None,
            changed_at=self.world.now(),
        )
