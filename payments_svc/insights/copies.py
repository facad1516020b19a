"""Which kept answers a fact puts out of date: those about its campaign, and those about many campaigns."""

from __future__ import annotations

import threading
from uuid import UUID

from django.db import transaction

from bh_sdk.server.ops.copies import Copies

# The subject of every answer about more than one campaign.
MANY = "many"

COPIES = Copies("bh:payments:insights")
_changed = threading.local()


def outdated(campaign_id: UUID) -> None:
    """After this transaction commits, nobody gets an answer from before it. Many facts of one transaction cost one trip."""
    _told().update((str(campaign_id), MANY))
    transaction.on_commit(_tell)


def all_outdated() -> None:
    """The same for whatever is counted in this transaction, and for the sums over many campaigns."""
    _told().add(MANY)
    transaction.on_commit(_tell)


def _told() -> set[str]:
    """Campaigns that changed. What a rolled back transaction left here is told by the next: harmless."""
    if not hasattr(_changed, "campaigns"):
        _changed.campaigns = set()
    told: set[str] = _changed.campaigns
    return told


def _tell() -> None:
    told = _told()
    if told:
        subjects = sorted(told)
        told.clear()
        COPIES.outdated(subjects)
