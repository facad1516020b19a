"""What templates may do to a value besides Liquid's own filters: write money and days as people read them."""

from __future__ import annotations

from datetime import datetime

from liquid.exceptions import FilterArgumentError

from bh_sdk.errors import BHError
from bh_sdk.money import Money

_SIGNS = {"GBP": "£", "USD": "$", "EUR": "€", "JPY": "¥", "INR": "₹", "NGN": "₦", "ILS": "₪", "KRW": "₩", "PHP": "₱"}


def money(amount: object, code: object = "") -> str:
    """`"1250.5" | money: "GBP"` is £1,250.50; a currency without a sign of its own keeps its code: 1.250 KWD."""
    try:
        exact = Money.parse(str(amount), str(code))
    except BHError as error:
        raise FilterArgumentError(f"money: {error.detail}", token=None) from error
    whole, dot, fraction = exact.decimal.partition(".")
    figures = f"{int(whole):,}{dot}{fraction}"
    sign = _SIGNS.get(exact.code)
    return f"{sign}{figures}" if sign else f"{figures} {exact.code}"


def day(value: object) -> str:
    """`"2026-03-01T09:00:00Z" | day` is 1 March 2026."""
    try:
        when = datetime.fromisoformat(str(value))
    except ValueError as error:
        raise FilterArgumentError("day: not an ISO date", token=None) from error
    return f"{when.day} {when:%B %Y}"
