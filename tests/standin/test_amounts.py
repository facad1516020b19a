"""docs.stripe.com/currencies, stripe.com/pricing"""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from .conftest import StandIn


@pytest.mark.parametrize(
    ("amount", "currency", "code", "message"),
    [
        (49, "usd", "amount_too_small", "Amount must be at least $0.50 usd"),
        (29, "gbp", "amount_too_small", "Amount must be at least £0.30 gbp"),
        (49, "jpy", "amount_too_small", "Amount must be at least ¥50 jpy"),
        (17_499, "huf", "amount_too_small", "Amount must be at least 175.00 huf"),
        (100_000_000, "usd", "amount_too_large", "Amount must be no more than $999,999.99 usd"),
        (100_000_000, "jpy", "amount_too_large", "Amount must be no more than ¥99,999,999 jpy"),
        (5125, "kwd", "parameter_invalid_integer", None),
        (501, "isk", "parameter_invalid_integer", None),
        (50_050, "ugx", "parameter_invalid_integer", None),
        (1000, "xxx", None, None),
    ],
)
def test_an_amount_stripe_does_not_take_is_refused(
    v1: Any, amount: int, currency: str, code: str | None, message: str | None
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as refused:
        v1.payment_intents.create({"amount": amount, "currency": currency})
    assert refused.value.code == code
    assert message in (None, refused.value.user_message)
    assert v1.payment_intents.list().data == []


@pytest.mark.parametrize(
    ("amount", "currency", "fee"),
    [
        (50, "usd", 31),
        (1000, "usd", 59),
        (5000, "usd", 175),
        (1050, "usd", 60),
        (99_999_999, "usd", 2_900_030),
        (30, "gbp", 21),
        (2500, "gbp", 93),
        (500, "jpy", 15),
        (50, "jpy", 1),
        (5120, "kwd", 250),
        (50_000, "isk", 5500),
        (100_000, "ugx", 2900),
    ],
)
def test_the_fee_is_a_share_rounded_half_up_and_a_fixed_part(
    standin: StandIn, amount: int, currency: str, fee: int
) -> None:
    booked = standin.given(amount, currency).latest_charge.balance_transaction
    assert (booked.amount, booked.currency, booked.fee, booked.net) == (amount, currency, fee, amount - fee)
    assert [detail.amount for detail in booked.fee_details] == [fee]
