"""What a gift costs: Stripe's processing fee and the platform's own, and the gross-up when the donor covers both.

Pure: the rates are given. Estimates; what Stripe really took comes with the charge. All in whole minor units.
"""

from __future__ import annotations

from dataclasses import dataclass

from bh_sdk.money import Money
from payments_svc.pricing.rules import Rate, Rates


@dataclass(frozen=True, slots=True)
class Quote:
    """What the card is charged and where it goes: `charged` = `net` + `processing` + `platform`."""

    charged: Money
    processing: Money
    platform: Money
    net: Money


def quote(gift: Money, rates: Rates, *, cover_fees: bool) -> Quote:
    """Without `cover_fees` the fees come out of the gift; with it the campaign receives the gift to the last minor unit."""
    platform = Money(rates.platform.of(gift.minor), gift.code)
    charged = _grossed_up(gift + platform, rates.processing) if cover_fees else gift
    processing = Money(rates.processing.of(charged.minor), gift.code)
    # A gift so small that its fees exceed it leaves nothing; the campaign never pays to receive.
    if not cover_fees and processing.minor + platform.minor > charged.minor:
        platform = Money(0, gift.code)
        processing = min(processing, charged)
    return Quote(charged, processing, platform, charged - processing - platform)


def _grossed_up(wanted: Money, rate: Rate) -> Money:
    """The least chargeable amount that leaves `wanted` after the processing fee."""
    step = wanted.chargeable_step
    # The algebraic answer, then the few steps by which rounding can miss it.
    start = (wanted.minor + rate.fixed) * 10_000 // (10_000 - rate.basis_points)
    charged = max(start // step * step - 2 * step, 0)
    while charged - rate.of(charged) < wanted.minor:
        charged += step
    return Money(charged, wanted.code)
