"""A letter as a mail: headers in a stable order, ready to be signed, one recipient, a text part beside the HTML.

Everything a provider needs to know stands in an Envelope; `write` makes the whole message for those who take one.
"""

from __future__ import annotations

from dataclasses import dataclass
from email import policy
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr

import idna
from django.conf import settings

from bh_sdk.server.ops import clock
from notify_svc.delivery.channels.base import Letter

# What people chose to get: it comes from an address of its own, names its list, and can be stopped with one click.
NEWS = frozenset({"subscription", "social"})


class AddressUnusable(ValueError):
    """No mail can be written to this address."""


class Unwritable(ValueError):
    """No header or part can hold this. It stays so."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """Who writes to whom, and the headers that make the mail ours. The domain is ASCII; the local part may not be."""

    sender_name: str
    sender: str
    name: str
    local: str
    domain: str
    subject: str
    headers: dict[str, str]

    @property
    def to(self) -> str:
        return f"{self.local}@{self.domain}"

    @property
    def plain(self) -> bool:
        """Whether every server can carry it; the others must know SMTPUTF8."""
        return self.local.isascii()

    def __repr__(self) -> str:
        return "<Envelope>"


def mailbox(email: str) -> tuple[str, str]:
    """Local part and ASCII domain. Raises AddressUnusable."""
    local, at, domain = email.strip().rpartition("@")
    if not at or not local or any(ord(char) < 33 or ord(char) == 127 or char in '<>()[],;:\\"' for char in local):
        raise AddressUnusable
    try:
        return local, idna.encode(domain, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError) as error:
        raise AddressUnusable from error


def envelope(letter: Letter) -> Envelope:
    """The letter's envelope. Raises AddressUnusable."""
    local, domain = mailbox(letter.email)
    news = letter.category in NEWS
    sender_name, sender = parseaddr(settings.NOTIFY_FROM_NEWS if news else settings.NOTIFY_FROM)
    home = sender.rpartition("@")[2]
    headers = {
        "Message-ID": f"<{letter.delivery_id}@{home}>",
        "Date": format_datetime(clock.now()),
        # Holiday replies to a machine help nobody.
        "Auto-Submitted": "auto-generated",
        "X-BH-Type": letter.type,
        # Some providers put a Message-ID of their own in place of ours; this one stays.
        "X-BH-Delivery": str(letter.delivery_id),
    }
    if news:
        headers["List-Id"] = f"<{letter.category}.{home}>"
    if letter.unsubscribe_url:
        headers["List-Unsubscribe"] = f"<{letter.unsubscribe_url}>"
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return Envelope(sender_name, sender, _line(letter.name), local, domain, _line(letter.words.subject), headers)


def write(letter: Letter) -> EmailMessage:
    """The message as it goes out. Raises AddressUnusable, Unwritable."""
    sealed = envelope(letter)
    message = EmailMessage(policy=policy.SMTP if sealed.plain else policy.SMTPUTF8)
    try:
        message["From"] = Address(display_name=sealed.sender_name, addr_spec=sealed.sender)
        message["To"] = Address(display_name=sealed.name, username=sealed.local, domain=sealed.domain)
    except (ValueError, IndexError, MessageError) as error:
        raise AddressUnusable from error
    message["Subject"] = sealed.subject
    for name, value in sealed.headers.items():
        message[name] = value
    message.set_content(letter.words.text, cte="quoted-printable")
    message.add_alternative(letter.words.html, subtype="html", cte="quoted-printable")
    return message


def as_bytes(letter: Letter) -> bytes:
    """The message as it goes over the wire. Raises AddressUnusable, Unwritable."""
    try:
        return write(letter).as_bytes()
    except AddressUnusable:
        raise
    except (ValueError, MessageError) as error:
        raise Unwritable from error


def _line(text: str) -> str:
    """One line: nothing in it ends a header or turns the reading round."""
    return "".join(char if char.isprintable() else " " for char in text).strip()
