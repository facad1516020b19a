"""The payments service in memory: the same types, checks and errors for the calls most tests need.

Imitated: campaigns, intents of guests and users, bounds and currencies, confirming with Stripe's test methods
(`pm_card_visa`, `pm_card_chargeDeclined…`, `pm_card_authenticationRequired`), canceling, idempotency keys, history,
totals, a donor's sums, asking for payouts, recurring gifts (their first gift; time stands still).
Not imitated: analytics, impact, fees (always zero), disputes, the link of the thank-you mail, staff, time.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from bh_sdk.clients.payments import AsyncPayments, Payments
from bh_sdk.errors import (
    AmountOutOfBounds,
    CampaignNotAccepting,
    CurrencyMismatch,
    Invalid,
    NotFound,
    PaymentNotCancelable,
    PaymentNotConfirmable,
)
from bh_sdk.money import Money
from bh_sdk.testing.payouts import Payouts
from bh_sdk.testing.recurring import Recurring
from bh_sdk.testing.refunds import Refunds
from bh_sdk.testing.world import Asked, Caller, Route, World, no_wait
from bh_sdk.wire import payments as wire
from bh_sdk.wire.analytics import DonorStats, DonorSums
from bh_sdk.wire.base import Page

BASE = "/api/v1/payments"


@dataclass(frozen=True, slots=True)
class Gift:
    """A payment and what the service knows besides."""

    payment: wire.Payment
    donor_name: str | None
    secret: str
    failure_code: str | None = None
    next_action: wire.NextAction | None = None


class PaymentsWorld(World):
    """All campaigns and gifts. Share one between fakes that call as different people."""

    service = "payments"

    def __init__(self) -> None:
        self.campaigns: dict[UUID, wire.Campaign] = {}
        self.gifts: dict[str, Gift] = {}
        self.payouts = Payouts(self)
        self.recurring = Recurring(self)
        self.refunds = Refunds(self)
        super().__init__()

    def routes(self) -> Sequence[tuple[str, str, Route, bool]]:
        return [
            ("POST", f"{BASE}/create-intent", self._create, True),
            ("POST", f"{BASE}/confirm", self._confirm, True),
            ("POST", f"{BASE}/{{}}/cancel", self._cancel, False),
            ("GET", f"{BASE}/{{}}", self._payment, False),
            ("GET", f"{BASE}/history/{{}}", self._history, False),
            ("GET", f"{BASE}/campaigns/{{}}/totals", self._totals, False),
            ("PUT", f"{BASE}/campaigns/{{}}", self._describe, False),
            ("GET", f"{BASE}/donors/{{}}/stats", self._stats, False),
            *self.payouts.routes(),
            *self.recurring.routes(),
            *self.refunds.routes(),
        ]

    def _describe(self, asked: Asked) -> tuple[int, wire.Campaign]:
        asked.caller.needs_service()
        body = asked.read(wire.DescribeCampaign)
        known = asked.ids[0] in self.campaigns
        campaign = wire.Campaign(campaign_id=asked.ids[0], **body.model_dump())
        self.campaigns[campaign.campaign_id] = campaign
        return 200 if known else 201, campaign

    def _create(self, asked: Asked) -> tuple[int, wire.PaymentCreated]:
        return 201, self.open_gift(asked.read(wire.CreateIntent), asked.caller)

    def open_gift(self, body: wire.CreateIntent, caller: Caller) -> wire.PaymentCreated:
        """A gift that waits to be paid."""
        amount = Money.parse(body.amount, body.currency)
        if (caller.user_id is None) != (body.donor is not None):
            raise Invalid(errors=[{"pointer": "#/donor", "message": "required from a guest, refused from a user"}])
        campaign = self.campaigns.get(body.campaign_id)
        if campaign is None:
            raise NotFound
        if campaign.status not in ("FUNDING", "FUNDED"):
            raise CampaignNotAccepting
        if campaign.currency != amount.code:
            raise CurrencyMismatch(currency=campaign.currency)
        low = Money.parse(campaign.min_amount, amount.code) if campaign.min_amount else Money(1, amount.code)
        high = Money.parse(campaign.max_amount, amount.code) if campaign.max_amount else None
        if amount < low or (high is not None and amount > high):
            raise AmountOutOfBounds(minimum=low.decimal, maximum=high.decimal if high else None)
        intent = f"pi_{uuid.uuid4().hex}"
        gift = Gift(
            payment=wire.Payment(
                payment_id=uuid.uuid4(),
                payment_intent_id=intent,
                campaign_id=body.campaign_id,
                user_id=caller.user_id,
                amount=amount.decimal,
                charged=amount.decimal,
                currency=amount.code,
                status="requires_payment_method",
                refund_status="none",
                refunded_amount=Money(0, amount.code).decimal,
                dispute_status="none",
                anonymous=body.anonymous,
                message=body.message,
                created_at=self.now(),
            ),
            donor_name=body.donor.name if body.donor else None,
            secret=f"{intent}_secret_{uuid.uuid4().hex}",
        )
        self.gifts[intent] = gift
        zero = Money(0, amount.code).decimal
        return wire.PaymentCreated(
            **gift.payment.model_dump(),
            client_secret=gift.secret,
            fees=wire.Fees(processing=zero, platform=zero),
            net_amount=amount.decimal,
        )

    def _confirm(self, asked: Asked) -> wire.PaymentConfirmed:
        body = asked.read(wire.ConfirmPayment)
        gift = self.gifts.get(body.payment_intent_id)
        if gift is None:
            raise NotFound
        payer = gift.payment.user_id
        if body.client_secret != gift.secret if payer is None else asked.caller.user_id != payer:
            raise NotFound
        method = body.payment_method_id
        if method and gift.payment.status == "canceled":
            raise PaymentNotConfirmable(payment_status="canceled")
        if method and gift.payment.status != "succeeded":
            gift = _charged(gift, method)
            self.gifts[body.payment_intent_id] = gift
        return wire.PaymentConfirmed(
            **gift.payment.model_dump(), next_action=gift.next_action, failure_code=gift.failure_code
        )

    def _cancel(self, asked: Asked) -> wire.Payment:
        body = asked.read(wire.CancelPayment)
        found = next(((key, gift) for key, gift in self.gifts.items() if gift.payment.payment_id == asked.ids[0]), None)
        if found is None:
            raise NotFound
        key, gift = found
        payer = gift.payment.user_id
        if body.client_secret != gift.secret if payer is None else asked.caller.user_id != payer:
            raise NotFound
        if gift.payment.status in ("succeeded", "processing"):
            raise PaymentNotCancelable(payment_status=gift.payment.status)
        self.gifts[key] = replace(
            gift, payment=gift.payment.model_copy(update={"status": "canceled"}), next_action=None
        )
        return self.gifts[key].payment

    def _payment(self, asked: Asked) -> wire.Payment:
        found = next((gift.payment for gift in self.gifts.values() if gift.payment.payment_id == asked.ids[0]), None)
        if found is None or (found.user_id is None and asked.caller.service is None):
            raise NotFound
        if found.user_id is not None:
            asked.caller.may_see(found.user_id)
        return found

    def _history(self, asked: Asked) -> Page[wire.Payment]:
        user_id = asked.ids[0]
        asked.caller.may_see(user_id)
        wanted = asked.query.get("status"), asked.query.get("campaign_id")
        mine = [
            gift.payment
            for gift in reversed(self.gifts.values())
            if gift.payment.user_id == user_id
            and wanted[0] in (None, gift.payment.status)
            and wanted[1] in (None, str(gift.payment.campaign_id))
        ]
        return self.page(mine, asked, f"{BASE}/history/{user_id}")

    def _stats(self, asked: Asked) -> DonorStats:
        user_id = asked.ids[0]
        asked.caller.may_see(user_id)
        mine = [
            gift.payment
            for gift in self.gifts.values()
            if gift.payment.user_id == user_id and gift.payment.status == "succeeded"
        ]
        sums = [_sums(code, [each for each in mine if each.currency == code]) for code in _codes(mine)]
        return DonorStats(
            user_id=user_id,
            total_donations=len(mine),
            campaigns_supported=len({each.campaign_id for each in mine}),
            currencies=sums,
        )

    def _totals(self, asked: Asked) -> wire.CampaignTotals:
        campaign = self.campaigns.get(asked.ids[0])
        if campaign is None:
            raise NotFound
        arrived = [
            gift
            for gift in reversed(self.gifts.values())
            if gift.payment.campaign_id == campaign.campaign_id and gift.payment.status == "succeeded"
        ]
        raised = Money(0, campaign.currency)
        for gift in arrived:
            raised += Money.parse(gift.payment.amount, campaign.currency)
        return wire.CampaignTotals(
            campaign_id=campaign.campaign_id,
            currency=campaign.currency,
            raised=raised.decimal,
            refunded=Money(0, campaign.currency).decimal,
            disputed=Money(0, campaign.currency).decimal,
            donors=len({gift.payment.user_id or gift.payment.payment_id for gift in arrived}),
            gifts=len(arrived),
            recent=[
                wire.PublicGift(
                    display_name=None if gift.payment.anonymous else gift.donor_name,
                    amount=gift.payment.amount,
                    message=gift.payment.message,
                    created_at=gift.payment.created_at,
                )
                for gift in arrived[:10]
            ],
        )


def _codes(gifts: Sequence[wire.Payment]) -> list[str]:
    return sorted({gift.currency for gift in gifts})


def _sums(code: str, gifts: Sequence[wire.Payment]) -> DonorSums:
    """What a donor gave in one currency."""
    given = Money(sum(Money.parse(gift.amount, code).minor for gift in gifts), code)
    days = [gift.created_at.date() for gift in gifts]
    return DonorSums(
        currency=code,
        total_donations=len(gifts),
        total_amount=given.decimal,
        average_donation=Money(given.minor // len(gifts), code).decimal,
        campaigns_supported=len({gift.campaign_id for gift in gifts}),
        given=given.decimal,
        refunded=Money(0, code).decimal,
        disputed=Money(0, code).decimal,
        first_on=min(days),
        last_on=max(days),
    )


def _charged(gift: Gift, method: str) -> Gift:
    def moved(status: str) -> wire.Payment:
        return gift.payment.model_copy(update={"status": status})

    if "chargeDeclined" in method:
        return replace(gift, payment=moved("requires_payment_method"), failure_code="generic_decline", next_action=None)
    if "authenticationRequired" in method or "threeDSecure" in method:
        action = wire.NextAction(type="redirect_to_url", url="https://bank.test/authenticate")
        return replace(gift, payment=moved("requires_action"), failure_code=None, next_action=action)
    return replace(gift, payment=moved("succeeded"), failure_code=None, next_action=None)


class FakePayments(Payments):
    """`Payments` without a network, called as `as_user`, `as_service` or a guest, in a world of its own or a shared one."""

    def __init__(
        self, *, as_user: UUID | None = None, as_service: str | None = None, world: PaymentsWorld | None = None
    ) -> None:
        self.world = world or PaymentsWorld()
        caller = Caller(as_user, as_service)
        super().__init__("http://payments.test", transport=self.world.transport(caller), sleep=lambda _: None)

    def campaign(self, **values: str) -> UUID:
        """Put a campaign that takes gifts into the world; keywords replace its facts."""
        return add_campaign(self.world, **values)


class AsyncFakePayments(AsyncPayments):
    """`AsyncPayments` without a network."""

    def __init__(
        self, *, as_user: UUID | None = None, as_service: str | None = None, world: PaymentsWorld | None = None
    ) -> None:
        self.world = world or PaymentsWorld()
        caller = Caller(as_user, as_service)
        super().__init__("http://payments.test", transport=self.world.transport(caller), sleep=no_wait)

    def campaign(self, **values: str) -> UUID:
        """Put a campaign that takes gifts into the world; keywords replace its facts."""
        return add_campaign(self.world, **values)


def add_campaign(world: PaymentsWorld, **values: str) -> UUID:
    facts: dict[str, object] = {
        "campaign_id": uuid.uuid4(),
        "title": "A roof for the chapel",
        "owner_id": uuid.uuid4(),
        "currency": "GBP",
        "goal": "1000.00",
        "status": "FUNDING",
        "min_amount": None,
        "max_amount": None,
        "ends_at": None,
        "category": None,
    }
    campaign = wire.Campaign.model_validate(facts | values)
    world.campaigns[campaign.campaign_id] = campaign
    return campaign.campaign_id
