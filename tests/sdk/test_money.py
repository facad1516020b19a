"""Money is exact or refused, on the wire, inside and at Stripe."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bh_sdk.errors import AmountInvalid, CurrencyMismatch, CurrencyUnknown
from bh_sdk.money import CURRENCIES, MAX_MINOR, Money, currency

# docs.stripe.com/currencies
ZERO_DECIMALS = "BIF CLP DJF GNF JPY KMF KRW MGA PYG RWF VND VUV XAF XOF XPF"
THREE_DECIMALS = "BHD JOD KWD OMR TND"

codes = st.sampled_from(sorted(CURRENCIES))
halves = st.integers(-MAX_MINOR // 2 + 1, MAX_MINOR // 2)
not_negative = st.integers(0, MAX_MINOR)


@given(not_negative, codes)
def test_the_wire_form_reads_back_as_the_same_money(minor: int, code: str) -> None:
    money = Money(minor, code)
    assert Money.parse(money.decimal, code) == money
    assert money.as_decimal().scaleb(CURRENCIES[code].exponent) == minor


@given(halves, halves, codes)
def test_sums_are_exact_and_can_be_undone(one: int, other: int, code: str) -> None:
    a, b = Money(one, code), Money(other, code)
    assert (a + b) - b == a
    assert (a + b).minor == a.minor + b.minor
    assert a + -a == Money(0, code)


@given(st.integers(0, MAX_MINOR // 1000), codes)
def test_what_stripe_can_charge_comes_back_from_stripe_unchanged(steps: int, code: str) -> None:
    money = Money(steps * Money(0, code).chargeable_step, code)
    sent = money.stripe_amount()
    assert sent % CURRENCIES[code].stripe_step == 0
    assert Money.from_stripe(sent, code.lower()) == money


@given(not_negative, codes)
def test_an_amount_is_charged_exactly_or_refused(minor: int, code: str) -> None:
    money, kind = Money(minor, code), CURRENCIES[code]
    if minor % money.chargeable_step == 0:
        assert money.stripe_amount() * 10**kind.exponent == minor * 10**kind.stripe_exponent
        return
    with pytest.raises(AmountInvalid) as refusal:
        money.stripe_amount()
    assert refusal.value.facts["step"] == Money(money.chargeable_step, code).decimal


@pytest.mark.parametrize(
    ("amount", "code", "minor", "stripe"),
    [
        ("25.00", "GBP", 2500, 2500),
        ("10", "USD", 1000, 1000),
        ("0.5", "EUR", 50, 50),
        ("500", "JPY", 500, 500),
        ("500", "KRW", 500, 500),
        ("1.250", "KWD", 1250, 1250),
        ("5.12", "JOD", 5120, 5120),
        # docs.stripe.com/currencies, special cases: to charge 5 ISK or UGX, send 500.
        ("5", "ISK", 5, 500),
        ("500", "ISK", 500, 50000),
        ("500", "UGX", 500, 50000),
        ("5.00", "MGA", 500, 5),
    ],
)
def test_documented_amounts(amount: str, code: str, minor: int, stripe: int) -> None:
    money = Money.parse(amount, code)
    assert money.minor == minor
    assert money.stripe_amount() == stripe


@pytest.mark.parametrize(("amount", "code", "step"), [("1.255", "KWD", "0.010"), ("5.50", "MGA", "1.00")])
def test_an_amount_that_stripe_cannot_charge_names_the_step(amount: str, code: str, step: str) -> None:
    with pytest.raises(AmountInvalid) as refusal:
        Money.parse(amount, code).stripe_amount()
    assert refusal.value.facts == {"currency": code, "step": step}


def test_stripes_two_decimal_kronur_never_hide_a_fraction() -> None:
    with pytest.raises(AmountInvalid):
        Money.from_stripe(50050, "isk")


def test_every_currency_has_the_decimals_that_stripe_documents() -> None:
    zero = {code for code, kind in CURRENCIES.items() if kind.stripe_exponent == 0}
    three = {code for code, kind in CURRENCIES.items() if kind.stripe_exponent == 3}
    assert sorted(zero) == ZERO_DECIMALS.split()
    assert sorted(three) == THREE_DECIMALS.split()
    assert {code for code, kind in CURRENCIES.items() if kind.stripe_step != 1} == three | {"ISK", "UGX"}


@pytest.mark.parametrize(
    "amount",
    [
        "",
        " 5",
        "5 ",
        "+5",
        "-5",
        "05",
        "5.",
        ".5",
        "1e3",
        "1E+999999",
        "1_000",
        "1,000",
        "٥",
        "5.001",
        "0x5",
        "NaN",
        "9" * 16,
    ],
)
def test_what_is_no_plain_decimal_is_refused(amount: str) -> None:
    with pytest.raises(AmountInvalid):
        Money.parse(amount, "GBP")


@pytest.mark.parametrize("amount", [5, 5.0, True, None, b"5"])
def test_numbers_are_no_amounts(amount: object) -> None:
    with pytest.raises(AmountInvalid):
        Money.parse(amount, "GBP")  # type: ignore[arg-type]


def test_needless_zeros_are_fine_and_lost_digits_are_not() -> None:
    assert Money.parse("500.00", "JPY") == Money(500, "JPY")
    with pytest.raises(AmountInvalid):
        Money.parse("500.50", "JPY")


@pytest.mark.parametrize("code", ["gbp", "XXX", "", "GB", "GBPP", None])
def test_an_unknown_currency_is_refused(code: str) -> None:
    with pytest.raises(CurrencyUnknown):
        currency(code)


@pytest.mark.parametrize("minor", [True, 1.0, "1"])
def test_minor_units_are_whole_numbers(minor: object) -> None:
    with pytest.raises(AmountInvalid):
        Money(minor, "GBP")  # type: ignore[arg-type]


def test_two_currencies_neither_add_up_nor_compare() -> None:
    pounds, yen = Money(1, "GBP"), Money(1, "JPY")
    assert pounds != yen
    with pytest.raises(CurrencyMismatch):
        _ = pounds + yen
    with pytest.raises(CurrencyMismatch):
        _ = pounds < yen


def test_a_sum_beyond_the_bounds_is_refused() -> None:
    with pytest.raises(AmountInvalid):
        _ = Money(MAX_MINOR, "GBP") + Money(1, "GBP")
