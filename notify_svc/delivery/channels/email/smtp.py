"""Mail by SMTP: one connection per batch, and an honest answer about each letter's fate."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import parse_qs, unquote, urlsplit

from django.conf import settings

from notify_svc.delivery.channels.base import Letter, Link, Outcome
from notify_svc.delivery.channels.email import mime

# A server that greylists wants a few minutes, not seconds.
GREYLISTED = timedelta(minutes=2)
TIMEOUT = 20


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


class _Smtp:
    """One connection, made for the first letter and again after it broke. An absent server is asked once a batch."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._smtp: smtplib.SMTP | None = None
        self._away: Outcome | None = None

    def hand_over(self, letter: Letter) -> Outcome:
        try:
            sealed, body = mime.envelope(letter), mime.as_bytes(letter)
        except mime.AddressUnusable:
            return Outcome("permanent", "address_unusable")
        except mime.Unwritable:
            # It must not hold up the letters behind it.
            return Outcome("permanent", "unwritable")
        smtp = self._ready()
        if isinstance(smtp, Outcome):
            return smtp
        return self._carry(smtp, sealed, body)

    def _ready(self) -> smtplib.SMTP | Outcome:
        if self._away is not None:
            return self._away
        if self._smtp is None:
            try:
                self._smtp = self._server.connect()
            except smtplib.SMTPAuthenticationError as error:
                self._away = Outcome("auth", "login_refused", error.smtp_code)
                return self._away
            except (OSError, smtplib.SMTPException) as error:
                self._away = Outcome("transient", "server_away", getattr(error, "smtp_code", None))
                return self._away
        return self._smtp

    def _carry(self, smtp: smtplib.SMTP, sealed: mime.Envelope, body: bytes) -> Outcome:
        if not sealed.plain and not smtp.has_extn("smtputf8"):
            return Outcome("permanent", "smtputf8_unsupported")
        given_away = False
        try:
            no = (_ask_at_once if smtp.has_extn("pipelining") else _ask)(smtp, sealed)
            if no is not None:
                self._reset()
                return _refused(no)
            # From here on the server may take the letter although we never hear of it.
            given_away = True
            smtp.send(_framed(body))
            code, _ = smtp.getreply()
            return Outcome("accepted", code=code) if code == 250 else _refused(code)
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


def _ask(smtp: smtplib.SMTP, sealed: mime.Envelope) -> int | None:
    """Ask whether a letter may come, word by word; the code of a refusal, None for yes."""
    code, _ = smtp.mail(sealed.sender, [] if sealed.plain else ["SMTPUTF8"])
    if code == 250:
        code, _ = smtp.rcpt(sealed.to)
    if code in (250, 251):
        code, _ = smtp.docmd("data")
    return None if code == 354 else code


def _ask_at_once(smtp: smtplib.SMTP, sealed: mime.Envelope) -> int | None:
    """The same in one breath (RFC 2920): the server answers each in turn, and one wait takes the place of three."""
    utf8 = "" if sealed.plain else " SMTPUTF8"
    asked = f"MAIL FROM:<{sealed.sender}>{utf8}\r\nRCPT TO:<{sealed.to}>\r\nDATA\r\n"
    smtp.send(asked.encode())
    sender, recipient, data = (smtp.getreply()[0] for _ in range(3))
    no = next((code for code in (sender, recipient) if code not in (250, 251)), None)
    if data != 354:
        return no or data
    if no is not None:
        # It waits for a letter to nobody, which has to be ended.
        smtp.send(b".\r\n")
        smtp.getreply()
    return no


def _framed(body: bytes) -> bytes:
    """A letter between DATA and the lone dot that ends it; it ends in CRLF itself."""
    return (b"." if body.startswith(b".") else b"") + body.replace(b"\r\n.", b"\r\n..") + b".\r\n"


def _refused(code: int) -> Outcome:
    """5xx will not change its mind; 421 closes, 45x asks for patience."""
    if 500 <= code < 600:
        return Outcome("permanent", "refused", code)
    return Outcome("transient", "deferred", code, wait=GREYLISTED if code in (450, 451, 452) else None)


class Smtp:
    """A mail server of ours or of a host."""

    name, channel, lane = "smtp", "email", ""

    @contextmanager
    def open(self) -> Iterator[Link]:
        link = _Smtp(Server.of(settings.SMTP_URL))
        try:
            yield link
        finally:
            link.quit()
