"""Stripe's payloads without the personal data in them, for looking at."""

from __future__ import annotations

from typing import Any

_PERSONAL = frozenset(
    {
        "address", "billing_details", "client_secret", "customer_email", "customer_name", "email", "ip", "name", "phone",
        "receipt_email", "receipt_number", "receipt_url", "shipping", "user_agent",
    }
)  # fmt: skip


def masked(value: Any) -> Any:
    """The same structure; what may name or reach a person reads `•••`."""
    if isinstance(value, dict):
        return {name: "•••" if name in _PERSONAL and part else masked(part) for name, part in value.items()}
    if isinstance(value, list):
        return [masked(part) for part in value]
    return value
