"""The least and the most that Stripe charges at once (docs.stripe.com/currencies#minimum-and-maximum-charge-amounts)."""

from __future__ import annotations

from bh_sdk.money import Money, currency

_MINIMUM = {
    "AED": "2.00", "AUD": "0.50", "BGN": "1.00", "BRL": "0.50", "CAD": "0.50", "CHF": "0.50", "CZK": "15.00",
    "DKK": "2.50", "EUR": "0.50", "GBP": "0.30", "HKD": "4.00", "HUF": "175.00", "INR": "0.50", "JPY": "50",
    "MXN": "10.00", "MYR": "2.00", "NOK": "3.00", "NZD": "0.50", "PLN": "2.00", "RON": "2.00", "SEK": "3.00",
    "SGD": "0.50", "THB": "10.00", "USD": "0.50",
}  # fmt: skip
# Eight digits of Stripe's own units.
_MOST_STRIPE_UNITS = 99_999_999


def least(code: str) -> Money:
    """Where Stripe names no minimum, one chargeable step."""
    if code in _MINIMUM:
        return Money.parse(_MINIMUM[code], code)
    return Money(Money(0, code).chargeable_step, code)


def most(code: str) -> Money:
    kind = currency(code)
    minor = _MOST_STRIPE_UNITS * 10**kind.exponent // 10**kind.stripe_exponent
    step = Money(0, code).chargeable_step
    return Money(minor // step * step, code)
