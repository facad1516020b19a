"""Mail by SMTP: one connection per batch, Message-ID = delivery id, and an honest answer about each letter's fate."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from email import policy
from email.errors import MessageError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, parseaddr
from urllib.parse import parse_qs, unquote, urlsplit

import idna
from django.conf import settings

from bh_sdk.server.ops import clock
from notify_svc.delivery.channels.base import Letter, Link, Outcome

# A server that greylists wants a few minutes, not seconds.
GREYLISTED = timedelta(minutes=2)
TIMEOUT = 20


class AddressUnusable(ValueError):
    """No mail can be written to this address."""


@dataclass(frozen=True, slots=True)
class Server:
    """Where mail goes, read from a URL."""

    host: str
    port: int
    user: str
    password: str
    tls: bool
    starttls: bool

    @classmethod
    def of(cls, url: str) -> Server:
        parts = urlsplit(url)
        if parts.scheme not in ("smtp", "smtps") or not parts.hostname:
            raise ValueError("SMTP_URL must be smtp://host:port or smtps://host:port")
        tls = parts.scheme == "smtps"
        return cls(
            host=parts.hostname,
            port=parts.port or (465 if tls else 25),
            user=unquote(parts.username or ""),
            password=unquote(parts.password or ""),
            tls=tls,
            starttls=parse_qs(parts.query).get("starttls", ["off"])[0] == "on",
        )

    def connect(self) -> smtplib.SMTP:
        """A greeted connection. Raises OSError or SMTPException."""
        smtp = (
            smtplib.SMTP_SSL(self.host, self.port, timeout=TIMEOUT, context=ssl.create_default_context())
            if self.tls
            else smtplib.SMTP(self.host, self.port, timeout=TIMEOUT)
        )
        try:
            smtp.ehlo_or_helo_if_needed()
            if self.starttls:
                smtp.starttls(context=ssl.create_default_context())
                smtp.ehlo()
            if self.user:
                smtp.login(self.user, self.password)
        except BaseException:
            smtp.close()
            raise
        return smtp


def mailbox(email: str) -> tuple[str, str]:
    """Local part and ASCII domain. Raises AddressUnusable."""
    local, at, domain = email.strip().rpartition("@")
    if not at or not local or any(ord(char) < 33 or ord(char) == 127 or char in '<>()[],;:\\"' for char in local):
        raise AddressUnusable
    try:
        return local, idna.encode(domain, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError) as error:
        raise AddressUnusable from error


def write(letter: Letter) -> EmailMessage:
    """The message as it goes out. Raises AddressUnusable."""
    local, domain = mailbox(letter.email)
    name, sender = parseaddr(
        settings.NOTIFY_FROM_NEWS if letter.category in ("subscription", "social") else settings.NOTIFY_FROM
    )
    message = EmailMessage(policy=policy.SMTP if local.isascii() else policy.SMTPUTF8)
    try:
        message["From"] = Address(display_name=name, addr_spec=sender)
        message["To"] = Address(display_name=_header(letter.name), username=local, domain=domain)
    except (ValueError, IndexError, MessageError) as error:
        raise AddressUnusable from error
    message["Subject"] = _header(letter.words.subject)
    message["Message-ID"] = f"<{letter.delivery_id}@{sender.rpartition('@')[2]}>"
    message["Date"] = format_datetime(clock.now())
    # Holiday replies to a machine help nobody.
    message["Auto-Submitted"] = "auto-generated"
    message["X-BH-Type"] = letter.type
    message.set_content(letter.words.text, cte="quoted-printable")
    message.add_alternative(letter.words.html, subtype="html", cte="quoted-printable")
    return message


def _header(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text).strip()


class _Smtp:
    """One connection, made for the first letter and again after it broke. An absent server is asked once a batch."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._smtp: smtplib.SMTP | None = None
        self._away: Outcome | None = None

    def hand_over(self, letter: Letter) -> Outcome:
        try:
            message = write(letter)
            body = message.as_bytes()
        except AddressUnusable:
            return Outcome("permanent", "address_unusable")
        except (ValueError, MessageError):
            # What no header or part can hold. It stays so, and it must not hold up the letters behind it.
            return Outcome("permanent", "unwritable")
        smtp = self._ready()
        if isinstance(smtp, Outcome):
            return smtp
        return self._carry(smtp, letter, message["From"].addresses[0].addr_spec, body)

    def _ready(self) -> smtplib.SMTP | Outcome:
        if self._away is not None:
            return self._away
        if self._smtp is None:
            try:
                self._smtp = self._server.connect()
            except smtplib.SMTPAuthenticationError as error:
                self._away = Outcome("transient", "login_refused", error.smtp_code)
                return self._away
            except (OSError, smtplib.SMTPException) as error:
                self._away = Outcome("transient", "server_away", getattr(error, "smtp_code", None))
                return self._away
        return self._smtp

    def _carry(self, smtp: smtplib.SMTP, letter: Letter, sender: str, body: bytes) -> Outcome:
        local, domain = mailbox(letter.email)
        options = []
        if not local.isascii():
            if not smtp.has_extn("smtputf8"):
                return Outcome("permanent", "smtputf8_unsupported")
            options = ["SMTPUTF8"]
        given_away = False
        try:
            code, _ = smtp.mail(sender, options)
            if code == 250:
                code, _ = smtp.rcpt(f"{local}@{domain}")
            if code not in (250, 251):
                self._reset()
                return _refused(code)
            # From here on the server may take the letter although we never hear of it.
            given_away = True
            code, _ = smtp.data(body)
            return Outcome("accepted", code=code) if code == 250 else _refused(code)
        except smtplib.SMTPDataError as error:
            # It said no to the DATA command itself: nothing was handed over.
            self._reset()
            return _refused(error.smtp_code)
        except (OSError, smtplib.SMTPException):
            self.close()
            return Outcome("unknown", "connection_lost") if given_away else Outcome("transient", "connection_lost")

    def _reset(self) -> None:
        try:
            if self._smtp is not None:
                self._smtp.rset()
        except (OSError, smtplib.SMTPException):
            self.close()

    def close(self) -> None:
        if self._smtp is not None:
            with suppress(OSError, smtplib.SMTPException):
                self._smtp.close()
            self._smtp = None

    def quit(self) -> None:
        if self._smtp is not None:
            # Every letter's fate is known by now; how the goodbye goes changes none.
            with suppress(OSError, smtplib.SMTPException):
                self._smtp.quit()
            self.close()


def _refused(code: int) -> Outcome:
    """5xx will not change its mind; 421 closes, 45x asks for patience."""
    if 500 <= code < 600:
        return Outcome("permanent", "refused", code)
    return Outcome("transient", "deferred", code, wait=GREYLISTED if code in (450, 451, 452) else None)


class Email:
    name = "email"

    @contextmanager
    def open(self) -> Iterator[Link]:
        link = _Smtp(Server.of(settings.SMTP_URL))
        try:
            yield link
        finally:
            link.quit()
