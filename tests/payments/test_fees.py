"""What a gift costs, to the minor unit, whatever the rates."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bh_sdk.money import CURRENCIES, Money
from payments_svc.donations.fees import quote
from payments_svc.gateway import limits
from payments_svc.pricing.rules import HIGHEST_BP, Rate, Rates


@st.composite
def gifts(draw: st.DrawFn) -> Money:
    code = draw(st.sampled_from(sorted(CURRENCIES)))
    step = Money(0, code).chargeable_step
    lowest, highest = limits.least(code).minor // step, limits.most(code).minor // step
    return Money(draw(st.integers(lowest, highest)) * step, code)


def rates() -> st.SearchStrategy[Rates]:
    shares, fixed = st.integers(0, HIGHEST_BP), st.integers(0, 100_000)
    return st.builds(Rates, processing=st.builds(Rate, shares, fixed), platform=st.builds(Rate, shares, fixed))


@pytest.mark.parametrize(
    ("gift", "code", "fixed", "covered", "charged", "processing", "platform", "net"),
    [
        ("25.00", "GBP", 20, False, "25.00", "0.93", "0.50", "23.57"),
        ("25.00", "GBP", 20, True, "26.47", "0.97", "0.50", "25.00"),
        ("500", "JPY", 40, False, "500", "55", "10", "435"),
        ("500", "JPY", 40, True, "566", "56", "10", "500"),
        ("10.000", "KWD", 300, False, "10.000", "0.590", "0.200", "9.210"),
    ],
)
def test_documented_examples(
    gift: str, code: str, fixed: int, covered: bool, charged: str, processing: str, platform: str, net: str
) -> None:
    price = quote(Money.parse(gift, code), Rates(Rate(290, fixed), Rate(200)), cover_fees=covered)
    shown = (price.charged.decimal, price.processing.decimal, price.platform.decimal, price.net.decimal)
    assert shown == (charged, processing, platform, net)


@given(gifts(), rates(), st.booleans())
def test_the_parts_always_add_up_to_the_charge(gift: Money, rates: Rates, covered: bool) -> None:
    price = quote(gift, rates, cover_fees=covered)
    assert price.net + price.processing + price.platform == price.charged
    assert price.net.minor >= 0
    assert price.charged.minor % gift.chargeable_step == 0


@given(gifts(), rates())
def test_covered_fees_leave_the_campaign_the_gift_and_no_smaller_charge_would(gift: Money, rates: Rates) -> None:
    price = quote(gift, rates, cover_fees=True)
    assert price.net >= gift
    less = price.charged.minor - gift.chargeable_step
    assert less - rates.processing.of(less) - price.platform.minor < gift.minor


@given(gifts(), rates())
def test_a_currency_that_is_charged_in_single_units_leaves_the_gift_exactly(gift: Money, rates: Rates) -> None:
    """One charge too many is at most what rounding a whole unit can hide."""
    if gift.chargeable_step == 1 and rates.processing.basis_points < HIGHEST_BP:
        assert quote(gift, rates, cover_fees=True).net - gift <= Money(1, gift.code)
