"""Text messages: from /send to a telephone, what they cost, what Twilio's answers mean, and STOP."""

from __future__ import annotations

import uuid
from typing import Any
from uuid import UUID

import pytest
from django.test import Client

from notify_svc.audience import queries as audience
from notify_svc.delivery import channels, metrics, tasks
from notify_svc.delivery.channels.base import Letter, Outcome
from notify_svc.delivery.channels.sms.twilio import Twilio, callback_url
from notify_svc.delivery.models import Attempt, Delivery
from notify_svc.tracking import commands as tracking
from notify_svc.tracking import queries, rules
from notify_svc.tracking import tasks as tracking_tasks
from notify_svc.tracking.models import PendingEvent, ProviderEvent, Suppression
from notify_svc.wording.rendering import Rendered
from tests.notify.conformance.test_email import nowhere
from tests.notify.conftest import describe
from tests.notify.standins import Answer
from tests.notify.telephones import SID, TwilioDesk, signed, twilio_error
from tests.notify.test_admin import address, at_desk
from tests.notify.test_pushes import send, worded

NUMBER = "+447700900123"


def letter(to: str = NUMBER, body: str = "Water in Kibera") -> Letter:
    return Letter(uuid.uuid4(), "account_security", "security", Rendered(body=body), phone=to)


def carried(*letters: Letter) -> list[Outcome]:
    with Twilio().open() as link:
        return [link.hand_over(one) for one in letters]


def reached(number: str | None = NUMBER) -> UUID:
    """Somebody with a telephone."""
    ruth = uuid.uuid4()
    describe(ruth, "ruth@example.org", phone=number)
    return ruth


def tell(**form: str) -> Any:
    body, signature = signed(callback_url(), {"AccountSid": SID} | form)
    return Client(raise_request_exception=False).generic(
        "POST",
        "/api/v1/notifications/webhooks/twilio",
        body,
        content_type="application/x-www-form-urlencoded",
        headers={"X-Twilio-Signature": signature},
    )


def one(ruth: UUID) -> Delivery:
    return Delivery.objects.filter(recipient_id=ruth, channel="sms").latest("created_at")


@pytest.fixture
def words(db: None) -> None:
    worded("sms", text="Water in {{ place }}")


# --- what every provider promises -----------------------------------------------------------------------------------------


def test_a_text_arrives_with_its_cost_counted(twilio: TwilioDesk) -> None:
    short, long, greek = carried(letter(), letter(body="x" * 161), letter(body="Ж" * 71))
    assert [(each.fate, each.segments) for each in (short, long, greek)] == [("accepted", n) for n in (1, 2, 2)]
    assert short.provider_ref == f"SM{1:032d}"
    (first, *_) = twilio.messages
    assert (first["To"], first["Body"], first["StatusCallback"]) == (NUMBER, "Water in Kibera", callback_url())


@pytest.mark.parametrize(
    ("answer", "fate", "reason"),
    [
        (twilio_error(400, 21610), "permanent", "opted_out"),
        (twilio_error(400, 21211), "permanent", "address_unusable"),
        (twilio_error(400, 21614), "permanent", "address_unusable"),
        (twilio_error(400, 21408), "permanent", "region_unserved"),
        (twilio_error(400, 21606), "auth", "sender_refused"),
        (twilio_error(401, 20003), "auth", "credentials_refused"),
        (twilio_error(404, 20404), "auth", "configuration_missing"),
        (twilio_error(429, 20429, Retry_After="7"), "throttled", "too_fast"),
        (Answer(429), "throttled", "too_fast"),
        (Answer(400, b"[]"), "permanent", "refused"),
        (Answer(503), "transient", "deferred"),
        (Answer(504), "unknown", "deferred"),
        (Answer(None), "unknown", "connection_lost"),
    ],
)
def test_what_twilio_answers_is_told_by_its_class(twilio: TwilioDesk, answer: Answer, fate: str, reason: str) -> None:
    twilio.script = [answer]
    (outcome,) = carried(letter())
    assert (outcome.fate, outcome.reason) == (fate, reason)
    assert (outcome.wait is not None) == (fate == "throttled")
    assert NUMBER not in repr(outcome)
    assert twilio.messages == []


def test_one_that_is_away_or_refuses_us_is_asked_once_a_batch(twilio: TwilioDesk, settings: Any) -> None:
    twilio.script = [twilio_error(401, 20003)]
    assert [each.fate for each in carried(letter(), letter())] == ["auth", "auth"]
    assert len(twilio.calls) == 1
    settings.TWILIO_URL = f"http://127.0.0.1:{nowhere()}"
    assert {(each.fate, each.reason) for each in carried(letter(), letter())} == {("transient", "server_away")}


@pytest.mark.parametrize(
    "number", ["", "07700900123", "+44 7700 900123", "+0123456789", "+1234567890123456", "+४४7700900123"]
)
def test_what_is_no_number_is_never_asked_about(twilio: TwilioDesk, number: str) -> None:
    assert [(each.fate, each.reason) for each in carried(letter(number))] == [("permanent", "address_unusable")]
    assert twilio.calls == []


# --- on its way -------------------------------------------------------------------------------------------------------------


def test_a_text_goes_to_who_has_a_telephone_and_is_delivered(twilio: TwilioDesk, words: None) -> None:
    ruth, asha = reached(), reached(None)
    told = send(ruth, asha)
    assert [each["channels"] for each in told["results"]] == [["sms"], []]
    tasks.send()
    assert [each["Body"] for each in twilio.messages] == ["Water in Kibera"]
    assert (one(ruth).status, one(ruth).provider) == ("sent", "twilio")
    assert Attempt.objects.get(delivery=one(ruth)).segments == 1
    (cut,) = metrics.DeliveryNumbers()._segments().samples
    assert (cut.labels, cut.value) == ({"provider": "twilio"}, 1)
    assert tell(MessageSid=one(ruth).provider_ref, MessageStatus="delivered", To=NUMBER).json() == {"new": 1}
    assert tell(MessageSid=one(ruth).provider_ref, MessageStatus="delivered", To=NUMBER).json() == {"new": 0}
    tracking.work()
    assert one(ruth).status == "delivered"
    page = at_desk("support").get(address(one(ruth))).content.decode()
    assert "Water in Kibera" in page
    assert "1 text message" in page
    assert NUMBER not in page


def test_a_number_that_is_none_gets_nothing_more(twilio: TwilioDesk, words: None) -> None:
    ruth = reached()
    send(ruth)
    tasks.send()
    tell(MessageSid=one(ruth).provider_ref, MessageStatus="undelivered", ErrorCode="30006", To=NUMBER)
    tracking.work()
    assert one(ruth).status == "bounced"
    assert send(ruth)["results"][0]["suppressed"] == ["sms"]
    tasks.send()
    assert len(twilio.messages) == 1


def test_stop_is_heard_before_and_at_the_moment_of_sending_and_start_ends_it(twilio: TwilioDesk, words: None) -> None:
    ruth = reached()
    send(ruth)
    assert tell(MessageSid="SM1", From=NUMBER, To="+447700900000", Body=" Stop. ").status_code == 200
    tracking.work()
    tasks.send()
    assert (one(ruth).status, one(ruth).reason) == ("failed", "suppressed")
    assert send(ruth)["results"][0]["suppressed"] == ["sms"]
    assert twilio.messages == []
    assert PendingEvent.objects.count() == 0
    assert "Stop" not in repr(list(ProviderEvent.objects.values()))
    tell(MessageSid="SM2", From=NUMBER, To="+447700900000", Body="START")
    tracking.work()
    assert Suppression.objects.get().released_by == "twilio"
    send(ruth)
    tasks.send()
    assert len(twilio.messages) == 1


def test_a_stop_that_only_twilio_heard_is_learnt_from_its_refusal(twilio: TwilioDesk, words: None) -> None:
    ruth = reached()
    twilio.stopped = {NUMBER}
    send(ruth)
    tasks.send()
    assert (one(ruth).status, one(ruth).reason) == ("failed", "opted_out")
    (number,) = audience.phone_hashes_of(NUMBER)
    for _ in range(2):
        tracking_tasks.opted_out(provider="twilio", address_hash=number)
    assert [row.reason for row in Suppression.objects.all()] == ["opted_out"]
    assert send(ruth)["results"][0]["suppressed"] == ["sms"]


def test_start_releases_no_number_that_is_dead(twilio: TwilioDesk, words: None) -> None:
    (number,) = audience.phone_hashes_of(NUMBER)
    tell(MessageSid="SM1", MessageStatus="failed", ErrorCode="30005", To=NUMBER)
    tell(MessageSid="SM2", From=NUMBER, Body="Start")
    tracking.work()
    assert queries.suppressed([number], "sms") == {number}
    assert rules.suppression("opted_in", lasting=False, soft=0) is None


@pytest.mark.django_db
def test_only_twilio_tells_us_and_only_what_it_signed(twilio: TwilioDesk) -> None:
    body, signature = signed(callback_url(), {"MessageSid": "SM1", "From": NUMBER, "Body": "STOP"})
    elsewhere, other = signed("https://elsewhere.example/hook", {"MessageSid": "SM1", "From": NUMBER, "Body": "STOP"})
    for text, proof in (
        (body, ""),
        (body, "x" + signature[1:]),
        (body + b"&More=1", signature),
        (elsewhere, other),
        (b"\xff\xfe", signature),
        (b"", ""),
    ):
        answer = Client(raise_request_exception=False).generic(
            "POST",
            "/api/v1/notifications/webhooks/twilio",
            text,
            content_type="application/x-www-form-urlencoded",
            headers={"X-Twilio-Signature": proof},
        )
        assert (answer.status_code, answer.json()["code"]) == (403, "webhook_unproven")
    assert ProviderEvent.objects.count() == 0
    assert tell(MessageSid="SM1", From=NUMBER, Body="How are you?").json() == {"new": 0}
    assert tell(From=NUMBER, Body="STOP").status_code == 400


@pytest.mark.django_db
def test_without_the_flag_there_are_no_texts_and_no_door(settings: Any, words: None) -> None:
    settings.TWILIO_ON = False
    assert "sms" not in channels.offered()
    assert "twilio" not in channels.reporters()
    ruth = reached()
    assert send(ruth, channels=["sms", "in_app"])["unavailable"] == ["sms"]
    assert not Delivery.objects.filter(channel="sms").exists()


@pytest.mark.django_db
def test_reserved_numbers_stand_for_fates_and_ring_nowhere(twilio: TwilioDesk, words: None) -> None:
    fine, dead = reached("+15005550006"), reached("+15005550001")
    send(fine, dead)
    tasks.send()
    assert (one(fine).status, one(dead).status) == ("delivered", "bounced")
    assert twilio.calls == []
