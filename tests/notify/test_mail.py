"""A letter as a mail: what its head and its parts hold, and what they never can."""

from __future__ import annotations

import uuid
from email import message_from_bytes, policy
from typing import Any, get_args

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import StringConstraints

from bh_sdk.wire.base import Email as Email_
from notify_svc.delivery.channels.base import Letter
from notify_svc.delivery.channels.email.mime import AddressUnusable, as_bytes
from notify_svc.delivery.channels.email.mime import mailbox as parse_mailbox
from notify_svc.delivery.channels.email.smtp import Server, Smtp
from notify_svc.wording.rendering import Rendered
from tests.notify.mailbox import Mailbox, plain
from tests.notify.mailbox import html as html_of

HEADERS = ["from", "to", "subject", "message-id", "date", "auto-submitted", "x-bh-type", "x-bh-delivery"]
HEADERS += ["mime-version", "content-type"]
EMAIL_PATTERN = next(str(one.pattern) for one in get_args(Email_)[1:] if isinstance(one, StringConstraints))


def letter(email: str, **rest: Any) -> Letter:
    words = Rendered(subject=rest.pop("subject", "Hi"), html="<p>hi</p>", text="hi\n")
    return Letter(uuid.uuid4(), "t", rest.pop("category", "transactional"), words, email, **rest)


@pytest.mark.parametrize(
    "name", ["A\r\nBcc: x@example.org", 'He "said" <x@y.example>', "Ünal, Ş.", "x" * 300, "a\x00b", "\u202eevil"]
)
def test_a_name_never_breaks_out_of_its_header(name: str) -> None:
    raw = as_bytes(letter("ruth@example.org", name=name))
    message = message_from_bytes(raw, policy=policy.default)
    assert message["Bcc"] is None
    assert [address.addr_spec for address in message["To"].addresses] == ["ruth@example.org"]
    assert b"\nBcc:" not in raw


ADDRESSES = st.from_regex(EMAIL_PATTERN, fullmatch=True)


@given(email=ADDRESSES, name=st.text(max_size=100), subject=st.text(max_size=200))
@settings(max_examples=150, deadline=None)
def test_whatever_may_be_stored_is_written_to_one_recipient_or_not_at_all(email: str, name: str, subject: str) -> None:
    try:
        raw = as_bytes(letter(email, name=name, subject=subject))
    except AddressUnusable:
        return
    read = message_from_bytes(raw, policy=policy.default)
    assert {key.lower() for key in read} == set(HEADERS)
    assert len(read.get_all("To") or []) == 1
    assert len(read["To"].addresses) == 1


def test_a_subject_never_breaks_out_of_its_header() -> None:
    raw = as_bytes(letter("ruth@example.org", subject="Hi\r\nBcc: x@example.org"))
    assert message_from_bytes(raw, policy=policy.default)["Bcc"] is None
    assert b"\nBcc:" not in raw


TEXTS = st.text(st.characters(codec="utf-8"), max_size=300)


@given(name=TEXTS, subject=TEXTS, text=TEXTS, html=TEXTS)
@example(name="", subject="word " * 60, text=".\r\n..\n \t\n" + "é" * 90, html="=_" * 50)
@settings(max_examples=100, deadline=None)
def test_what_is_read_is_what_was_written_in_lines_that_every_server_takes(
    name: str, subject: str, text: str, html: str
) -> None:
    words = Rendered(subject=subject, html=html, text=text)
    raw = as_bytes(Letter(uuid.uuid4(), "t", "transactional", words, "ruth@example.org", name))
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 76
    assert not any(char in raw.replace(b"\r\n", b"") for char in b"\r\n\0")
    mail = message_from_bytes(raw, policy=policy.default)
    assert not mail.defects
    assert str(mail["Subject"]) == one_line(subject)
    # Readers make one space of several in a name, and Python's puts one where a long name was divided.
    assert "".join(mail["To"].addresses[0].display_name.split()) == "".join(one_line(name).split())
    assert (lines(plain(mail)), lines(html_of(mail))) == (lines(text), lines(html))


def one_line(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text).strip()


def lines(text: str) -> list[bytes]:
    return text.encode().splitlines()


def test_the_way_out_of_news_stands_in_one_line_that_programs_can_follow() -> None:
    way_out = "https://notify.example/api/v1/notifications/unsubscribe/" + "A" * 64
    raw = as_bytes(letter("ruth@example.org", category="subscription", unsubscribe_url=way_out))
    assert f"\r\nList-Unsubscribe: <{way_out}>\r\n".encode() in raw
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in raw


@pytest.mark.parametrize(
    ("email", "expected"),
    [
        ("ruth@example.org", ("ruth", "example.org")),
        ("ruth+gifts@example.org", ("ruth+gifts", "example.org")),
        ("ruth@bücher.example", ("ruth", "xn--bcher-kva.example")),
        ("рут@пример.рф", ("рут", "xn--e1afmkfd.xn--p1ai")),
    ],
)
def test_addresses_of_all_alphabets_are_understood(email: str, expected: tuple[str, str]) -> None:
    assert parse_mailbox(email) == expected
    assert b"\r\nTo: " in as_bytes(letter(email))


@pytest.mark.parametrize(
    "email",
    [
        "",
        "@",
        "a@",
        "@b",
        "a b@c.example",
        "a@-.example",
        "a\r\nb@c.example",
        "a@b..example",
        '"a"@b.example',
        "a@" + "x" * 300,
    ],
)
def test_no_mail_is_written_to_what_is_no_address(email: str) -> None:
    with pytest.raises(AddressUnusable):
        as_bytes(letter(email))


def test_news_and_thanks_come_from_different_addresses() -> None:
    assert as_bytes(letter("a@b.example")).startswith(b"From: Blessed Horizon <giving@")
    assert as_bytes(letter("a@b.example", category="subscription")).startswith(b"From: Blessed Horizon <news@")


def test_a_letter_in_another_alphabet_arrives(mailbox: Mailbox) -> None:
    with Smtp().open() as link:
        outcomes = [link.hand_over(letter("рут@example.org")), link.hand_over(letter("nobody"))]
    assert [outcome.fate for outcome in outcomes] == ["accepted", "permanent"]
    assert [rcpt for rcpt, _ in mailbox.raw] == [["рут@example.org"]]


def test_the_address_of_the_mail_server_is_read_from_a_url() -> None:
    server = Server.of("smtps://me:s%40cret@mail.example?starttls=on")
    assert (server.host, server.port, server.user, server.password, server.tls, server.starttls) == (
        "mail.example",
        465,
        "me",
        "s@cret",
        True,
        True,
    )
    with pytest.raises(ValueError, match="SMTP_URL"):
        Server.of("http://mail.example")


def test_an_address_is_in_no_repr() -> None:
    assert "example" not in repr(letter("ruth@example.org", name="Ruth"))
