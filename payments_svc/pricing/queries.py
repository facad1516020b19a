"""Reading the rates. A process keeps the whole table for a few seconds: it is asked with every gift and small."""

from __future__ import annotations

import time
from datetime import datetime

from payments_svc.pricing.models import FeeRate
from payments_svc.pricing.rules import Kind, Line, Rate, Rates, rate_at

# Shorter than the notice that a new rate is given, so that every process has heard of it when it begins.
_SECONDS = 20.0
_kept: tuple[float, list[Line]] | None = None


def rates_at(currency: str, *, at: datetime) -> Rates:
    """What a gift in this currency is quoted with at this time. Raises LookupError when the table has no such rate."""
    return Rates(processing=_rate("processing", currency, at), platform=_rate("platform", currency, at))


def _rate(kind: Kind, currency: str, at: datetime) -> Rate:
    found = rate_at(_lines(), kind, currency, at)
    if found is None:
        raise LookupError(f"there is no {kind} rate for {currency} at {at.isoformat()}")
    return found


def _lines() -> list[Line]:
    global _kept
    if _kept is None or time.monotonic() - _kept[0] > _SECONDS:
        _kept = time.monotonic(), [row.line for row in FeeRate.objects.all()]
    return _kept[1]


def forget() -> None:
    """Read the table again with the next question."""
    global _kept
    _kept = None
