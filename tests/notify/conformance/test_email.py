"""What every provider of mail promises, asked of each: SMTP (aiosmtpd), SES (moto), SendGrid (its wire format)."""

from __future__ import annotations

import base64
import email
import json
import socket
import uuid
from contextlib import closing
from dataclasses import dataclass
from email import policy
from typing import Any, Protocol

import pytest

from notify_svc.delivery.channels.base import Letter, Outcome, Provider
from notify_svc.delivery.channels.email.sendgrid import SendGrid
from notify_svc.delivery.channels.email.ses import Ses
from notify_svc.delivery.channels.email.smtp import Smtp
from notify_svc.wording.rendering import Rendered
from tests.notify.mailbox import Mailbox
from tests.notify.standins import Answer, SendGridDesk, SesDesk, refused

FROM = "giving@blessed-horizon.example"
NEWS = "news@blessed-horizon.example"


@dataclass
class Arrived:
    """One mail as the provider holds it."""

    to: str
    name: str
    sender: str
    subject: str
    headers: dict[str, str]
    text: str
    html: str
    delivery_id: str


class Carrier(Protocol):
    """A provider and the levers of its other side."""

    provider: Provider

    def arrived(self) -> list[Arrived]: ...
    def says(self, what: str) -> None: ...
    def away(self, settings: Any) -> None: ...


def read(raw: bytes, to: str, delivery_id: str = "") -> Arrived:
    mail = email.message_from_bytes(raw, policy=policy.default)
    text, html = mail.get_body(("plain",)), mail.get_body(("html",))
    assert text is not None
    assert html is not None
    (sender,), (person,) = mail["From"].addresses, mail["To"].addresses
    return Arrived(
        to=to,
        name=person.display_name,
        sender=sender.addr_spec,
        subject=str(mail["Subject"]),
        headers={name: str(value) for name, value in mail.items()},
        text=text.get_content(),
        html=html.get_content(),
        delivery_id=delivery_id or str(mail["X-BH-Delivery"]),
    )


def nowhere() -> int:
    """A port where nobody listens."""
    with closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


class OverSmtp:
    provider: Provider = Smtp()

    def __init__(self, box: Mailbox) -> None:
        self.box = box

    def arrived(self) -> list[Arrived]:
        return [read(raw, rcpt[0]) for rcpt, raw in self.box.raw]

    def says(self, what: str) -> None:
        answers = {"permanent": "550 5.1.1 no such user", "transient": "451 later", "throttled": "450 4.7.1 too many"}
        if what == "lost":
            self.box.vanish = True
        else:
            self.box.answers = [answers[what]]

    def away(self, settings: Any) -> None:
        settings.SMTP_URL = f"smtp://127.0.0.1:{nowhere()}"


class OverSes:
    provider: Provider = Ses()

    def __init__(self, desk: SesDesk) -> None:
        self.desk = desk

    def arrived(self) -> list[Arrived]:
        # moto keeps the envelope's recipients first, then those it reads in the headers.
        return [read(mail["raw_data"].encode(), mail["destinations"][0]) for mail in self.desk.mails()]

    def says(self, what: str) -> None:
        self.desk.script = [
            {
                "permanent": refused("BadRequestException", 400),
                "transient": refused("InternalServiceErrorException", 500),
                "throttled": refused("TooManyRequestsException", 429, "Maximum sending rate exceeded."),
                "auth": refused("UnrecognizedClientException", 403),
                "lost": Answer(None),
            }[what]
        ]

    def away(self, settings: Any) -> None:
        settings.SES_ENDPOINT = f"http://127.0.0.1:{nowhere()}"


class OverSendGrid:
    provider: Provider = SendGrid()

    def __init__(self, desk: SendGridDesk) -> None:
        self.desk = desk

    def arrived(self) -> list[Arrived]:
        found = []
        for mail in self.desk.accepted:
            (person,) = mail["personalizations"]
            (to,) = person["to"]
            text, html = mail["content"]
            found.append(
                Arrived(
                    to=to["email"],
                    name=to.get("name", ""),
                    sender=mail["from"]["email"],
                    subject=mail["subject"],
                    headers=mail["headers"],
                    text=text["value"],
                    html=html["value"],
                    delivery_id=person["custom_args"]["delivery_id"],
                )
            )
        return found

    def says(self, what: str) -> None:
        self.desk.script = [
            {
                "permanent": Answer(400, b'{"errors":[{"message":"no"}]}'),
                "transient": Answer(503),
                "throttled": Answer(429, headers={"Retry-After": "30"}),
                "auth": Answer(401),
                "lost": Answer(None),
            }[what]
        ]

    def away(self, settings: Any) -> None:
        settings.SENDGRID_URL = f"http://127.0.0.1:{nowhere()}"


class WordByWord(OverSmtp):
    """A server that hears one command at a time."""

    def __init__(self, box: Mailbox) -> None:
        super().__init__(box)
        box.at_once = False


@pytest.fixture(params=["smtp", "smtp word by word", "ses", "sendgrid"])
def carrier(request: pytest.FixtureRequest) -> Carrier:
    kind, fixture = {
        "smtp": (OverSmtp, "mailbox"),
        "smtp word by word": (WordByWord, "mailbox"),
        "ses": (OverSes, "ses"),
        "sendgrid": (OverSendGrid, "sendgrid"),
    }[request.param]
    made: Carrier = kind(request.getfixturevalue(fixture))
    return made


def letter(to: str = "ruth@example.org", **rest: Any) -> Letter:
    words = Rendered(
        subject=rest.pop("subject", "Thank you"),
        html=rest.pop("html", "<p>Grüße</p>"),
        text=rest.pop("text", "Grüße\n"),
    )
    return Letter(uuid.uuid4(), "gift.received", rest.pop("category", "transactional"), words, to, **rest)


def carried(carrier: Carrier, *letters: Letter) -> list[Outcome]:
    with carrier.provider.open() as link:
        return [link.hand_over(one) for one in letters]


def test_a_letter_arrives_under_its_delivery_s_id(carrier: Carrier) -> None:
    sent = letter(name="Ruth Müller")
    (outcome,) = carried(carrier, sent)
    assert outcome.fate == "accepted"
    (mail,) = carrier.arrived()
    assert (mail.to, mail.name, mail.sender) == ("ruth@example.org", "Ruth Müller", FROM)
    assert (mail.subject, mail.text.strip(), mail.html.strip()) == ("Thank you", "Grüße", "<p>Grüße</p>")
    assert mail.delivery_id == str(sent.delivery_id)
    assert mail.headers["Message-ID"] == f"<{sent.delivery_id}@blessed-horizon.example>"
    assert mail.headers["X-BH-Delivery"] == str(sent.delivery_id)
    assert not {"List-Id", "List-Unsubscribe", "List-Unsubscribe-Post"} & set(mail.headers)


def test_news_names_its_list_says_how_to_leave_it_and_comes_from_its_own_address(carrier: Carrier) -> None:
    out = f"https://notify.blessed-horizon.example/api/v1/notifications/unsubscribe/{'t' * 48}"
    carried(carrier, letter(category="subscription", unsubscribe_url=out))
    (mail,) = carrier.arrived()
    assert (mail.sender, mail.headers["List-Id"]) == (NEWS, "<subscription.blessed-horizon.example>")
    assert mail.headers["List-Unsubscribe"] == f"<{out}>"
    assert mail.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


def test_a_provider_that_names_what_it_took_is_remembered_by_that_name(carrier: Carrier) -> None:
    first, second = carried(carrier, letter(), letter())
    named = carrier.provider.name != "smtp"
    assert (bool(first.provider_ref), bool(second.provider_ref)) == (named, named)
    assert not named or first.provider_ref != second.provider_ref


@pytest.mark.parametrize("fate", ["permanent", "transient", "throttled"])
def test_a_refusal_is_told_by_its_class_and_nothing_arrives(carrier: Carrier, fate: str) -> None:
    carrier.says(fate)
    (outcome,) = carried(carrier, letter())
    if carrier.provider.name == "smtp" and fate == "throttled":
        # A mail server has one way to say "later".
        fate = "transient"
    assert outcome.fate == fate
    assert outcome.code is not None
    assert "ruth" not in repr(outcome)
    assert carrier.arrived() == []


def test_throttling_says_how_long_to_wait(carrier: Carrier) -> None:
    carrier.says("throttled")
    (outcome,) = carried(carrier, letter())
    assert outcome.wait is not None
    assert outcome.wait.total_seconds() >= 1


def test_a_refused_letter_holds_up_none_behind_it(carrier: Carrier) -> None:
    carrier.says("permanent")
    outcomes = carried(carrier, letter(), letter("asha@example.org"), letter("nobody"), letter("ruth@example.org"))
    assert [outcome.fate for outcome in outcomes] == ["permanent", "accepted", "permanent", "accepted"]
    assert [mail.to for mail in carrier.arrived()] == ["asha@example.org", "ruth@example.org"]


def test_an_answer_that_is_lost_leaves_the_fate_unknown(carrier: Carrier) -> None:
    carrier.says("lost")
    (outcome,) = carried(carrier, letter())
    assert (outcome.fate, outcome.reason) == ("unknown", "connection_lost")


def test_a_provider_that_is_away_took_nothing(carrier: Carrier, settings: Any) -> None:
    carrier.away(settings)
    outcomes = carried(carrier, letter(), letter())
    assert {(one.fate, one.reason) for one in outcomes} == {("transient", "server_away")}


@pytest.mark.parametrize(
    ("given", "written"),
    [("ruth+gifts@example.org", "ruth+gifts@example.org"), ("ruth@bücher.example", "ruth@xn--bcher-kva.example")],
)
def test_plus_addresses_and_domains_of_all_alphabets_arrive(carrier: Carrier, given: str, written: str) -> None:
    assert [one.fate for one in carried(carrier, letter(given))] == ["accepted"]
    assert [mail.to for mail in carrier.arrived()] == [written]


def test_a_local_part_of_another_alphabet_is_carried_or_refused_for_good(carrier: Carrier) -> None:
    (outcome,) = carried(carrier, letter("рут@example.org"))
    if carrier.provider.name == "smtp":
        assert outcome.fate == "accepted"
        assert [mail.to for mail in carrier.arrived()] == ["рут@example.org"]
    else:
        assert (outcome.fate, outcome.reason) == ("permanent", "smtputf8_unsupported")
        assert carrier.arrived() == []


@pytest.mark.parametrize(
    "evil", ["Hi\r\nBcc: x@example.org", "Hi\nX-Evil: 1", 'a" <x@example.org>, "b', "\u202eevil\x00"]
)
def test_neither_subject_nor_name_breaks_out(carrier: Carrier, evil: str) -> None:
    assert [one.fate for one in carried(carrier, letter(subject=evil, name=evil))] == ["accepted"]
    (mail,) = carrier.arrived()
    assert mail.to == "ruth@example.org"
    assert not {"Bcc", "X-Evil"} & set(mail.headers)
    assert not any(char in mail.subject + mail.name for char in "\r\n\x00\u202e")


@pytest.mark.parametrize(
    "evil", ["a@b.example\r\nBcc: x@example.org", "a,b@c.example", "a b@c.example", "<a@b.example>"]
)
def test_no_address_holds_more_than_one_recipient(carrier: Carrier, evil: str) -> None:
    assert [one.fate for one in carried(carrier, letter(evil))] == ["permanent"]
    assert carrier.arrived() == []


# --- what only providers with an account know -------------------------------------------------------------------------


@pytest.fixture(params=["ses", "sendgrid"])
def account(request: pytest.FixtureRequest) -> Carrier:
    made: Carrier = {"ses": OverSes, "sendgrid": OverSendGrid}[request.param](request.getfixturevalue(request.param))
    return made


def test_refused_credentials_are_asked_once_a_batch(account: Any) -> None:
    account.desk.calls.clear()
    account.says("auth")
    assert [one.fate for one in carried(account, letter(), letter(), letter())] == ["auth"] * 3
    assert len(account.desk.calls) == 1
    assert account.arrived() == []


def test_a_throttled_batch_is_not_pressed_on(account: Any) -> None:
    account.desk.calls.clear()
    account.says("throttled")
    assert [one.fate for one in carried(account, letter(), letter())] == ["throttled"] * 2
    assert len(account.desk.calls) == 1


@pytest.mark.parametrize(
    ("answer", "fate", "reason"),
    [
        (refused("AccountSuspendedException", 400), "auth", "account_suspended"),
        (refused("SendingPausedException", 400), "auth", "sending_paused"),
        (refused("MailFromDomainNotVerifiedException", 400), "auth", "sender_unverified"),
        (refused("NotFoundException", 404, "Configuration set <x> does not exist."), "auth", "configuration_missing"),
        (refused("MessageRejected", 400, "Email address is not verified."), "auth", "sender_unverified"),
        (refused("MessageRejected", 400, "Illegal content"), "permanent", "refused"),
        (refused("LimitExceededException", 400, "Daily message quota exceeded."), "throttled", "quota_used"),
        (refused("Throttling", 400, "Maximum sending rate exceeded."), "throttled", "too_fast"),
        (refused("SignatureDoesNotMatch", 403), "auth", "credentials_refused"),
        (refused("ServiceUnavailable", 503), "transient", "deferred"),
        (refused("GatewayTimeout", 504), "unknown", "deferred"),
    ],
)
def test_what_ses_answers_is_told_by_its_class(ses: SesDesk, answer: Answer, fate: str, reason: str) -> None:
    ses.script = [answer]
    (outcome,) = carried(OverSes(ses), letter())
    assert (outcome.fate, outcome.reason) == (fate, reason)


def test_ses_is_never_asked_twice_for_one_letter(ses: SesDesk) -> None:
    ses.calls.clear()
    ses.script = [refused("ServiceUnavailable", 503)]
    carried(OverSes(ses), letter())
    assert len(ses.calls) == 1


def test_ses_is_told_our_id_and_the_configuration_set(ses: SesDesk, settings: Any) -> None:
    settings.SES_CONFIGURATION_SET = "mail"
    asked: list[dict[str, Any]] = []
    serve = ses.serve

    def listen(method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        asked.append(json.loads(body))
        return serve(method, path, headers, body)

    ses.serve = listen  # type: ignore[method-assign]
    sent = letter()
    carried(OverSes(ses), sent)
    assert asked[0]["EmailTags"] == [{"Name": "delivery_id", "Value": str(sent.delivery_id)}]
    assert asked[0]["ConfigurationSetName"] == "mail"
    assert str(sent.delivery_id).encode() in base64.b64decode(asked[0]["Content"]["Raw"]["Data"])


@pytest.mark.parametrize(
    ("headers", "at_least", "at_most"),
    [
        ({"Retry-After": "30"}, 30, 30),
        ({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}, 1, 1),
        ({"Retry-After": "99999999999"}, 4 * 3600, 4 * 3600),
        ({"Retry-After": "soon"}, 10, 10),
        ({"X-RateLimit-Reset": "0"}, 1, 1),
        ({}, 10, 10),
    ],
)
def test_sendgrid_says_how_long_to_wait(
    sendgrid: SendGridDesk, headers: dict[str, str], at_least: int, at_most: int
) -> None:
    sendgrid.script = [Answer(429, headers=headers)]
    (outcome,) = carried(OverSendGrid(sendgrid), letter())
    assert outcome.wait is not None
    assert at_least <= outcome.wait.total_seconds() <= at_most
