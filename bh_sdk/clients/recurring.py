"""Recurring gifts of signed-in donors: begin, list, change, pause, resume, skip, cancel, another card."""

from __future__ import annotations

from uuid import UUID, uuid4

from bh_sdk.clients.amounts import amount_of
from bh_sdk.clients.call import Call, Ident, answer, ask, ident, query
from bh_sdk.errors import AmountInvalid
from bh_sdk.money import Money
from bh_sdk.wire.base import Page
from bh_sdk.wire.recurring import (
    ChangeMethod,
    ChangeRecurring,
    Interval,
    MethodChanged,
    PeriodToPay,
    RecurringCreated,
    RecurringGift,
    StartRecurring,
)

BASE = "/api/v1/payments/recurring"


def start_recurring(
    *,
    campaign_id: Ident,
    amount: Money | str,
    currency: str | None = None,
    interval: Interval = "monthly",
    cover_fees: bool = False,
    message: str | None = None,
    anonymous: bool = False,
    idempotency_key: UUID | None = None,
    timeout: float | None = None,
) -> Call[RecurringCreated]:
    """Give every period, beginning now: the browser confirms the first gift with `client_secret`, and its card is kept.

    Raises CampaignNotAccepting, AmountOutOfBounds, CurrencyMismatch, NotFound, ProviderUnavailable.
    """
    money = amount_of(amount, currency)
    body = ask(
        StartRecurring,
        campaign_id=campaign_id,
        amount=money.decimal,
        currency=money.code,
        interval=interval,
        cover_fees=cover_fees,
        message=message,
        anonymous=anonymous,
    )
    return Call(
        "payments.start_recurring",
        "POST",
        BASE,
        answer(RecurringCreated),
        body=body,
        key=idempotency_key or uuid4(),
        timeout=timeout,
    )


def recurring_gifts(
    user_id: Ident, *, limit: int = 50, cursor: str | None = None, timeout: float | None = None
) -> Call[Page[RecurringGift]]:
    """Every recurring gift of a person in every state, newest first. Raises NotFound for another person's."""
    asked = query(user_id=ident(user_id, "user_id"), limit=limit, cursor=cursor)
    return Call("payments.recurring_gifts", "GET", BASE, answer(Page[RecurringGift]), asked, timeout=timeout)


def recurring_gift(recurring_id: Ident, *, timeout: float | None = None) -> Call[RecurringGift]:
    """One recurring gift. Raises NotFound, for others' too."""
    return Call("payments.recurring_gift", "GET", _path(recurring_id), answer(RecurringGift), timeout=timeout)


def change_recurring(
    recurring_id: Ident, *, amount: Money | str, cover_fees: bool | None = None, timeout: float | None = None
) -> Call[RecurringGift]:
    """Give another amount from the next period on. Raises RecurringNotChangeable, AmountOutOfBounds."""
    if not isinstance(amount, Money | str):
        raise AmountInvalid("An amount is Money or a decimal string")
    body = ask(ChangeRecurring, amount=amount.decimal if isinstance(amount, Money) else amount, cover_fees=cover_fees)
    path = _path(recurring_id)
    return Call("payments.change_recurring", "PATCH", path, answer(RecurringGift), body=body, timeout=timeout)


def pause_recurring(recurring_id: Ident, *, timeout: float | None = None) -> Call[RecurringGift]:
    """Charge nothing until it is resumed. Raises RecurringNotChangeable."""
    path = _path(recurring_id, "/pause")
    return Call("payments.pause_recurring", "POST", path, answer(RecurringGift), timeout=timeout)


def resume_recurring(recurring_id: Ident, *, timeout: float | None = None) -> Call[RecurringGift]:
    """Go on with the next period still to come. Raises RecurringNotChangeable, CampaignNotAccepting."""
    path = _path(recurring_id, "/resume")
    return Call("payments.resume_recurring", "POST", path, answer(RecurringGift), timeout=timeout)


def skip_recurring(
    recurring_id: Ident, *, idempotency_key: UUID | None = None, timeout: float | None = None
) -> Call[RecurringGift]:
    """Leave the next period out. Raises RecurringNotChangeable."""
    return Call(
        "payments.skip_recurring",
        "POST",
        _path(recurring_id, "/skip"),
        answer(RecurringGift),
        key=idempotency_key or uuid4(),
        timeout=timeout,
    )


def cancel_recurring(recurring_id: Ident, *, timeout: float | None = None) -> Call[RecurringGift]:
    """End it for good; asking twice is asking once."""
    path = _path(recurring_id, "/cancel")
    return Call("payments.cancel_recurring", "POST", path, answer(RecurringGift), timeout=timeout)


def change_method(
    recurring_id: Ident,
    *,
    payment_method_id: str,
    return_url: str | None = None,
    idempotency_key: UUID | None = None,
    timeout: float | None = None,
) -> Call[MethodChanged]:
    """Charge another card, which Stripe.js has made. With a `next_action` in the answer nothing has changed yet: the browser
    does it, then call `take_method`. Raises MethodRefused, RecurringNotChangeable, ProviderUnavailable."""
    body = ask(ChangeMethod, payment_method_id=payment_method_id, return_url=return_url)
    return _method("payments.change_method", recurring_id, body, idempotency_key, timeout)


def take_method(
    recurring_id: Ident, *, setup_intent_id: str, idempotency_key: UUID | None = None, timeout: float | None = None
) -> Call[MethodChanged]:
    """Take over the card whose bank has asked its holder. Raises as `change_method`."""
    body = ask(ChangeMethod, setup_intent_id=setup_intent_id)
    return _method("payments.take_method", recurring_id, body, idempotency_key, timeout)


def _method(
    name: str, recurring_id: Ident, body: bytes, key: UUID | None, timeout: float | None
) -> Call[MethodChanged]:
    path = _path(recurring_id, "/method")
    return Call(name, "POST", path, answer(MethodChanged), body=body, key=key or uuid4(), timeout=timeout)


def pay_period(recurring_id: Ident, *, timeout: float | None = None) -> Call[PeriodToPay]:
    """The period that could not be charged, for the donor to pay in the browser. Raises NothingToPay."""
    path = _path(recurring_id, "/pay")
    return Call("payments.pay_period", "POST", path, answer(PeriodToPay), timeout=timeout)


def _path(recurring_id: Ident, rest: str = "") -> str:
    return f"{BASE}/{ident(recurring_id, 'recurring_id')}{rest}"
