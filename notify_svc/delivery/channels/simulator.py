"""A provider that is none: what it takes never leaves the house, and what became of it is made up.

It carries notifications marked `test`, whoever they are for, and everything to the reserved addresses: `delivered@…`,
`temporary-failure@…`, `permanent-failure@…` and `complaint@…`, at `NOTIFY_SIMULATOR`; the apps whose tokens are
`simulator:delivered` and so on; and the telephones +1 500 555 0006, 0007 and 0001.
"""

from __future__ import annotations

from notify_svc.delivery.channels.base import Letter, Outcome

NAME = "simulator"
# What the provider answers, and the words that follow.
_FATES: dict[str, tuple[Outcome, tuple[str, ...]]] = {
    "delivered": (Outcome("accepted"), ("delivered",)),
    "temporary-failure": (Outcome("transient", "simulated"), ()),
    "permanent-failure": (Outcome("accepted"), ("bounced",)),
    "complaint": (Outcome("accepted"), ("delivered", "complained")),
}
_PREFIX = "simulator:"
# Numbers that belong to nobody: Twilio keeps them for tests, too.
_PHONES = {"+15005550006": "delivered", "+15005550007": "temporary-failure", "+15005550001": "permanent-failure"}


def stands_for_a_fate(address: str) -> bool:
    """Whether this token or number stands for a fate and for nobody's telephone."""
    return address.startswith(_PREFIX) or address in _PHONES


def fate_of(letter: Letter, *, domain: str) -> tuple[Outcome, tuple[str, ...]]:
    """What becomes of a letter, by whichever way it would go."""
    if letter.device is not None and letter.device.address.startswith(_PREFIX):
        return _FATES.get(letter.device.address.removeprefix(_PREFIX), _FATES["delivered"])
    if letter.phone:
        return _FATES[_PHONES.get(letter.phone, "delivered")]
    return fate(letter.email, domain=domain)


def reserved(email: str, *, domain: str) -> bool:
    """Whether this address stands for a fate and for nobody's mailbox."""
    return email.strip().lower().rpartition("@")[2] == domain.lower()


def fate(email: str, *, domain: str) -> tuple[Outcome, tuple[str, ...]]:
    """What becomes of a letter; one to a real address, or to a reserved one that we do not know, arrives."""
    local = email.strip().lower().rpartition("@")[0] if reserved(email, domain=domain) else ""
    return _FATES.get(local, _FATES["delivered"])
