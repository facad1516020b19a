"""What a gift costs, to the minor unit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bh_sdk.money import CURRENCIES, Money
from payments_svc.donations.fees import quote
from payments_svc.gateway import limits


@st.composite
def gifts(draw: st.DrawFn) -> Money:
    code = draw(st.sampled_from(sorted(CURRENCIES)))
    step = Money(0, code).chargeable_step
    lowest, highest = limits.least(code).minor // step, limits.most(code).minor // step
    return Money(draw(st.integers(lowest, highest)) * step, code)


@pytest.mark.parametrize(
    ("gift", "code", "covered", "charged", "processing", "platform", "net"),
    [
        ("25.00", "GBP", False, "25.00", "0.93", "0.50", "23.57"),
        ("25.00", "GBP", True, "26.47", "0.97", "0.50", "25.00"),
        ("500", "JPY", False, "500", "55", "10", "435"),
        ("500", "JPY", True, "566", "56", "10", "500"),
        ("10.000", "KWD", False, "10.000", "0.590", "0.200", "9.210"),
    ],
)
def test_documented_examples(
    gift: str, code: str, covered: bool, charged: str, processing: str, platform: str, net: str
) -> None:
    price = quote(Money.parse(gift, code), cover_fees=covered)
    shown = (price.charged.decimal, price.processing.decimal, price.platform.decimal, price.net.decimal)
    assert shown == (charged, processing, platform, net)


@given(gifts(), st.booleans())
def test_the_parts_always_add_up_to_the_charge(gift: Money, covered: bool) -> None:
    price = quote(gift, cover_fees=covered)
    assert price.net + price.processing + price.platform == price.charged
    assert price.net.minor >= 0
    assert price.charged.minor % gift.chargeable_step == 0


@given(gifts())
def test_covered_fees_leave_the_campaign_the_gift_and_no_smaller_charge_would(gift: Money) -> None:
    price = quote(gift, cover_fees=True)
    assert price.net >= gift
    step = gift.chargeable_step
    less = price.charged.minor - step
    fixed = price.processing.minor - (price.charged.minor * 290 + 5_000) // 10_000
    assert less - ((less * 290 + 5_000) // 10_000 + fixed) - price.platform.minor < gift.minor
