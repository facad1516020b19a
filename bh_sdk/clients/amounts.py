"""Amounts as callers of the SDK may give them."""

from __future__ import annotations

from bh_sdk.errors import AmountInvalid, CurrencyMismatch
from bh_sdk.money import Money


def amount_of(amount: Money | str, currency: str | None) -> Money:
    """`Money`, or a decimal string with its currency. Raises AmountInvalid, CurrencyUnknown or CurrencyMismatch."""
    if isinstance(amount, Money):
        if currency is not None and currency != amount.code:
            raise CurrencyMismatch(f"The amount is in {amount.code}, not in {currency}", currency=amount.code)
        return amount
    if currency is None:
        raise AmountInvalid("A decimal string needs its currency")
    return Money.parse(amount, currency)
