"""What a gift costs: Stripe's processing fee and the platform's own, and the gross-up when the donor covers both.

Estimates; what Stripe really took comes with the charge. All in whole minor units, rounded half up like Stripe does.
"""

from __future__ import annotations

from dataclasses import dataclass

from bh_sdk.money import Money, currency

# Basis points: 290 is 2.9 %.
PROCESSING_BP = 290
PLATFORM_BP = 200
# The fixed part of Stripe's fee per charge (stripe.com/pricing), in major units.
_FIXED = {
    "AUD": "0.30", "CAD": "0.30", "CHF": "0.30", "CZK": "6.50", "DKK": "1.80", "EUR": "0.25", "GBP": "0.20", "HKD": "2.35",
    "HUF": "85.00", "INR": "3.00", "JPY": "40", "MXN": "3.00", "MYR": "1.00", "NOK": "2.00", "NZD": "0.30", "PLN": "1.00",
    "RON": "1.00", "SEK": "1.80", "SGD": "0.50", "THB": "11.00", "USD": "0.30",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Quote:
    """What the card is charged and where it goes: `charged` = `net` + `processing` + `platform`."""

    charged: Money
    processing: Money
    platform: Money
    net: Money


def quote(gift: Money, *, cover_fees: bool) -> Quote:
    """Without `cover_fees` the fees come out of the gift; with it the campaign receives the gift to the last minor unit."""
    platform = Money(_share(gift.minor, PLATFORM_BP), gift.code)
    charged = _grossed_up(gift + platform) if cover_fees else gift
    processing = _processing(charged)
    # A gift so small that its fees exceed it leaves nothing; the campaign never pays to receive.
    if not cover_fees and processing.minor + platform.minor > charged.minor:
        platform = Money(0, gift.code)
        processing = min(processing, charged)
    return Quote(charged, processing, platform, charged - processing - platform)


def _grossed_up(wanted: Money) -> Money:
    """The least chargeable amount that leaves `wanted` after the processing fee."""
    step = wanted.chargeable_step
    # The algebraic answer, then the few steps by which rounding can miss it.
    start = (wanted.minor + _fixed(wanted.code)) * 10_000 // (10_000 - PROCESSING_BP)
    charged = max(start // step * step - 2 * step, 0)
    while charged - _processing(Money(charged, wanted.code)).minor < wanted.minor:
        charged += step
    return Money(charged, wanted.code)


def _processing(charged: Money) -> Money:
    return Money(_share(charged.minor, PROCESSING_BP) + _fixed(charged.code), charged.code)


def _fixed(code: str) -> int:
    if code in _FIXED:
        return Money.parse(_FIXED[code], code).minor
    exponent = currency(code).exponent
    return 30 * 10 ** (exponent - 2) if exponent >= 2 else 40


def _share(minor: int, basis_points: int) -> int:
    return (minor * basis_points + 5_000) // 10_000
