"""What may happen to a refund. Pure."""

from __future__ import annotations

# A refund that succeeded may still fail when the donor's bank sends it back.
REFUND_MOVES: dict[str, frozenset[str]] = {
    "pending": frozenset({"succeeded", "failed", "canceled"}),
    "succeeded": frozenset({"failed"}),
    "failed": frozenset(),
    "canceled": frozenset(),
}
# Stripe's reason that speaks against the campaign or the gift, not of a donor's second thought.
_FOR_CAUSE = frozenset({"fraudulent"})


def for_cause(reason: str | None) -> bool:
    return reason in _FOR_CAUSE
