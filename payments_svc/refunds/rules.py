"""What may happen to a refund and a dispute. Pure."""

from __future__ import annotations

# A refund that succeeded may still fail when the donor's bank sends it back.
REFUND_MOVES: dict[str, frozenset[str]] = {
    "pending": frozenset({"succeeded", "failed", "canceled"}),
    "succeeded": frozenset({"failed"}),
    "failed": frozenset(),
    "canceled": frozenset(),
}
DISPUTE_MOVES: dict[str, frozenset[str]] = {
    "open": frozenset({"won", "lost"}),
    "won": frozenset(),
    "lost": frozenset(),
}
# Stripe's reason that speaks against the campaign or the gift, not of a donor's second thought.
_FOR_CAUSE = frozenset({"fraudulent"})


def for_cause(reason: str | None) -> bool:
    return reason in _FOR_CAUSE


def dispute_status(states: list[str]) -> str:
    """What a payment shows of its disputes: an open one before a lost one before a won one."""
    return next((state for state in ("open", "lost", "won") if state in states), "none")
