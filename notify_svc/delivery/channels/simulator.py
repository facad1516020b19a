"""A provider that is none: what it takes never leaves the house, and what became of it is made up.

It carries notifications marked `test`, whoever they are for, and everything to the reserved addresses:
`delivered@…`, `temporary-failure@…`, `permanent-failure@…` and `complaint@…`, at `NOTIFY_SIMULATOR`.
"""

from __future__ import annotations

from notify_svc.delivery.channels.base import Outcome

NAME = "simulator"
# What the provider answers, and the words that follow.
_FATES: dict[str, tuple[Outcome, tuple[str, ...]]] = {
    "delivered": (Outcome("accepted"), ("delivered",)),
    "temporary-failure": (Outcome("transient", "simulated"), ()),
    "permanent-failure": (Outcome("accepted"), ("bounced",)),
    "complaint": (Outcome("accepted"), ("delivered", "complained")),
}


def reserved(email: str, *, domain: str) -> bool:
    """Whether this address stands for a fate and for nobody's mailbox."""
    return email.strip().lower().rpartition("@")[2] == domain.lower()


def fate(email: str, *, domain: str) -> tuple[Outcome, tuple[str, ...]]:
    """What becomes of a letter; one to a real address, or to a reserved one that we do not know, arrives."""
    local = email.strip().lower().rpartition("@")[0] if reserved(email, domain=domain) else ""
    return _FATES.get(local, _FATES["delivered"])
