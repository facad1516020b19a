"""A letter as a mail: headers in a stable order, ready to be signed, one recipient, a text part beside the HTML.

Everything a provider needs to know stands in an Envelope; `as_bytes` makes the whole message for those who take one.
"""

from __future__ import annotations

from binascii import b2a_qp
from dataclasses import dataclass
from email.utils import format_datetime, parseaddr
from functools import lru_cache

import idna
from django.conf import settings

from bh_sdk.server.ops import clock
from notify_svc.delivery.channels.base import Letter
from notify_svc.delivery.channels.email import headers

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
    if not at or not local or any(char in ' <>()[],;:\\"' or not char.isprintable() for char in local):
        raise AddressUnusable
    return local, _ascii(domain)


@lru_cache(maxsize=4096)
def _ascii(domain: str) -> str:
    """The domain as the network knows it. Raises AddressUnusable."""
    try:
        return idna.encode(domain, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError) as error:
        raise AddressUnusable from error


@lru_cache(maxsize=8)
def _sender(setting: str) -> tuple[str, str]:
    return parseaddr(setting)


def envelope(letter: Letter) -> Envelope:
    """The letter's envelope. Raises AddressUnusable."""
    local, domain = mailbox(letter.email)
    news = letter.category in NEWS
    sender_name, sender = _sender(settings.NOTIFY_FROM_NEWS if news else settings.NOTIFY_FROM)
    home = sender.rpartition("@")[2]
    own = {
        "Message-ID": f"<{letter.delivery_id}@{home}>",
        "Date": format_datetime(clock.now()),
        # Holiday replies to a machine help nobody.
        "Auto-Submitted": "auto-generated",
        "X-BH-Type": letter.type,
        # Some providers put a Message-ID of their own in place of ours; this one stays.
        "X-BH-Delivery": str(letter.delivery_id),
    }
    if news:
        own["List-Id"] = f"<{letter.category}.{home}>"
    if letter.unsubscribe_url:
        own["List-Unsubscribe"] = f"<{letter.unsubscribe_url}>"
        own["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return Envelope(sender_name, sender, _line(letter.name), local, domain, _line(letter.words.subject), own)


def as_bytes(letter: Letter) -> bytes:
    """The message as it goes over the wire. Raises AddressUnusable, Unwritable."""
    sealed = envelope(letter)
    try:
        return _head(sealed) + _body(letter)
    except ValueError as error:
        raise Unwritable from error


def _head(sealed: Envelope) -> bytes:
    lines = [
        headers.mailbox("From", sealed.sender_name, sealed.sender),
        headers.mailbox("To", sealed.name, sealed.to),
        headers.words("Subject", sealed.subject),
    ]
    lines += [headers.token(name, value) for name, value in sealed.headers.items()]
    return b"".join(lines)


def _body(letter: Letter) -> bytes:
    # No quoted-printable text holds `=_`, so nothing in a part ends it.
    boundary = b"=_%b" % letter.delivery_id.hex.encode()
    return _BODY % {
        b"boundary": boundary,
        b"text": _quoted(letter.words.text),
        b"html": _quoted(letter.words.html),
    }


_BODY = b"""\
MIME-Version: 1.0
Content-Type: multipart/alternative;
 boundary="%(boundary)b"

--%(boundary)b
Content-Type: text/plain; charset="utf-8"
Content-Transfer-Encoding: quoted-printable

%(text)b
--%(boundary)b
Content-Type: text/html; charset="utf-8"
Content-Transfer-Encoding: quoted-printable

%(html)b
--%(boundary)b--
""".replace(b"\n", b"\r\n")


def _quoted(text: str) -> bytes:
    """Quoted-printable: lines of at most 76 characters, each ended by CRLF."""
    return b2a_qp(b"\r\n".join([*text.encode().splitlines(), b""]))


def _line(text: str) -> str:
    """One line: nothing in it ends a header or turns the reading round."""
    if text.isprintable():
        return text.strip()
    return "".join(char if char.isprintable() else " " for char in text).strip()
