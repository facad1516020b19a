"""What a journal and its lines were when they were posted, as one digest."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC
from typing import Any

from bh_sdk.server.events.canonical import canonical

# The columns of a journal besides its time.
COLUMNS = (
    "id",
    "reference",
    "kind",
    "payment_id",
    "campaign_id",
    "source",
    "currency",
    "entry_count",
    "actor",
    "door",
    "address",
    "reason",
    "request_id",
)


def digest_of(journal: Any, entries: Sequence[Any]) -> str:
    """SHA-256 over every column of a journal and of its lines, in the order of their ids; hexadecimal."""
    told: dict[str, Any] = {name: _plain(getattr(journal, name)) for name in COLUMNS}
    told["created_at"] = journal.created_at.astimezone(UTC).isoformat(timespec="microseconds")
    # Amounts as text: they may be larger than what JSON's readers keep.
    told["entries"] = [[str(entry.id), entry.account, entry.line, str(entry.amount)] for entry in entries]
    return hashlib.sha256(canonical(told).encode()).hexdigest()


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, int) else str(value)
