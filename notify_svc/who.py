"""How staff are called on the pages of this service."""

from __future__ import annotations

from bh_sdk.server.access.models import Staff


def called(sub: str) -> str:
    """The name of the staff account whose `sub` a row keeps; what is no such `sub`, such as a provider, is its own name."""
    known = Staff.objects.filter(sub=sub).first() if len(sub) == 36 else None
    return str(known) if known else sub
