"""The product API of notifications: who may, what is refused, what is answered."""

from __future__ import annotations

import re
import uuid
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from bh_sdk.server.ops import clock
from notify_svc.audience.models import Campaign, Contact
from notify_svc.delivery.models import Delivery, Notification
from tests.notify.conftest import Caller, describe, person, service, work
from tests.notify.mailbox import Mailbox, html
from tests.notify.test_sending import UPDATE

pytestmark = pytest.mark.django_db

CAMPAIGN = {"title": "Water", "owner_id": str(uuid.uuid4()), "currency": "GBP"}


def ask(*people: UUID, **rest: Any) -> dict[str, Any]:
    return {"recipient_ids": [str(one) for one in people], "type": "campaign_update", "data": UPDATE, **rest}


def code(response: Any) -> tuple[int, str]:
    return response.status_code, response.json().get("code", "")


# --- who may ----------------------------------------------------------------------------------------------------------

SUB = uuid.uuid4()
CALLS = {
    "send": ("POST", "/send"),
    "feed": ("GET", f"/user/{SUB}"),
    "read": ("PUT", f"/read/{uuid.uuid4()}"),
    "read_all": ("POST", "/read-all"),
    "see_all": ("POST", "/seen-all"),
    "counts": ("GET", f"/user/{SUB}/counts"),
    "delete": ("DELETE", f"/user/{SUB}/{uuid.uuid4()}"),
    **{
        f"{method} {mark}": (method, f"/{mark}/{uuid.uuid4()}")
        for method, mark in [("PUT", "seen"), ("DELETE", "read"), ("PUT", "archive"), ("DELETE", "archive")]
    },
    "contact": ("PUT", f"/contacts/{uuid.uuid4()}"),
    "campaign": ("PUT", f"/campaigns/{uuid.uuid4()}"),
}
BODIES: dict[str, Any] = {"send": ask(uuid.uuid4()), "contact": {}, "campaign": CAMPAIGN}
ONE_S_OWN = set(CALLS) - {"send", "contact", "campaign"}
OK = dict.fromkeys(ONE_S_OWN, 404) | {"send": 202, "contact": 200, "campaign": 200}
OK |= dict.fromkeys(("feed", "counts", "read_all", "see_all"), 200)
MAY = {
    "donor": ONE_S_OWN,
    "recipient": ONE_S_OWN,
    "editor": {"send"} | ONE_S_OWN,
    "admin": {"send"} | ONE_S_OWN,
    "support": ONE_S_OWN,
    "finance": ONE_S_OWN,
    "analyst": ONE_S_OWN,
    "auditor": ONE_S_OWN,
    "service:monolith": {"send", "contact", "campaign"},
    "service:payments": {"contact", "campaign"},
    "service:trust": set(),
    "service:notify": set(),
}


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize("who", MAY)
def test_each_caller_may_what_the_policies_say_and_nothing_else(who: str, call: str) -> None:
    caller = service(who.removeprefix("service:")) if who.startswith("service:") else person(who, "donor", sub=SUB)
    method, path = CALLS[call]
    response = caller(method, path, BODIES.get(call), **{"Idempotency-Key": str(uuid.uuid4())})
    assert response.status_code == (OK[call] if call in MAY[who] else 403), response.content


@pytest.mark.parametrize("call", CALLS)
def test_without_a_token_or_with_a_bad_one_nothing_is_answered_or_written(call: str) -> None:
    method, path = CALLS[call]
    for caller in (Caller(), Caller("not.a.token"), Caller(person().token[:-4] + "AAAA")):
        response = caller(method, path, BODIES.get(call), **{"Idempotency-Key": str(uuid.uuid4())})
        assert code(response) == (401, "unauthenticated")
        assert response.headers["Content-Type"] == "application/problem+json"
    assert (Notification.objects.count(), Contact.objects.count(), Campaign.objects.count()) == (0, 0, 0)


def test_another_persons_notifications_are_not_there(monolith: Caller) -> None:
    mine, other = person(), person()
    sent = monolith.send(ask(mine.sub)).json()["results"][0]["notification_id"]
    assert code(other("GET", f"/user/{mine.sub}")) == (404, "not_found")
    assert code(other("PUT", f"/read/{sent}")) == (404, "notification_not_found")
    assert other("POST", "/read-all").json() == {"marked": 0}
    assert Notification.objects.get(id=sent).read_at is None
    assert other("GET", f"/user/{other.sub}").json() == {
        "results": [],
        "unread_count": 0,
        "unseen_count": 0,
        "next": None,
    }
    admin = person("admin", "donor")
    assert admin("GET", f"/user/{mine.sub}").status_code == 404


# --- sending ----------------------------------------------------------------------------------------------------------


def test_an_update_reaches_feed_and_mailbox_and_its_words_stay_words(monolith: Caller, mailbox: Mailbox) -> None:
    reader = person()
    describe(reader.sub, "ruth@example.org")
    response = monolith.send(ask(reader.sub))
    assert response.status_code == 202
    (result,) = response.json()["results"]
    assert (result["status"], result["channels"], response.json()["unavailable"]) == (
        "accepted",
        ["email", "in_app"],
        [],
    )
    entry = reader("GET", f"/user/{reader.sub}").json()["results"][0]
    assert (entry["id"], entry["title"], entry["data"]) == (result["notification_id"], "Water: News", UPDATE)
    assert entry["body"] == "It rained & all is <well>."
    work()
    assert "It rained &amp; all is &lt;well&gt;." in html(mailbox.mails[0])
    assert mailbox.mails[0]["Subject"] == "Water: News"


def test_the_same_key_sends_once_and_another_body_is_refused(monolith: Caller) -> None:
    key, reader = uuid.uuid4(), uuid.uuid4()
    first = monolith.send(ask(reader), key)
    again = monolith.send(ask(reader), key)
    assert (again.json(), again.headers["Idempotent-Replayed"]) == (first.json(), "true")
    assert code(monolith.send(ask(uuid.uuid4()), key)) == (422, "idempotency_key_reused")
    assert Notification.objects.count() == 1
    other = monolith.send(ask(reader))
    assert other.json()["results"][0]["notification_id"] != first.json()["results"][0]["notification_id"]


def test_a_call_repeated_after_a_crash_finds_what_it_wrote(monolith: Caller) -> None:
    from bh_sdk.server.api.models import IdempotencyKey

    key, readers = uuid.uuid4(), [uuid.uuid4() for _ in range(3)]
    first = monolith.send(ask(*readers), key).json()
    IdempotencyKey.objects.all().delete()
    assert monolith.send(ask(*readers), key).json() == first
    assert (Notification.objects.count(), Delivery.objects.count()) == (3, 6)


def test_a_person_named_twice_in_one_call_is_told_once(monolith: Caller) -> None:
    reader = uuid.uuid4()
    assert len(monolith.send(ask(reader, reader)).json()["results"]) == 1


def test_a_thousand_people_are_accepted_at_once_and_one_more_is_refused(monolith: Caller) -> None:
    people = [uuid.uuid4() for _ in range(1001)]
    assert monolith.send(ask(*people)).status_code == 422
    assert Notification.objects.count() == 0
    response = monolith.send(ask(*people[:1000]))
    assert response.status_code == 202
    assert [one["recipient_id"] for one in response.json()["results"]] == [str(one) for one in people[:1000]]
    assert Delivery.objects.count() == 2000


def test_a_channel_without_a_provider_is_left_out_and_named(monolith: Caller) -> None:
    answer = monolith.send(ask(uuid.uuid4(), channels=["push", "in_app", "sms"])).json()
    assert (answer["unavailable"], answer["results"][0]["channels"]) == (["push", "sms"], ["in_app"])
    alone = monolith.send(ask(uuid.uuid4(), channels=["push"])).json()
    assert (alone["unavailable"], alone["results"][0]["channels"]) == (["push"], [])


def test_mail_alone_is_not_in_the_feed(monolith: Caller) -> None:
    reader = person()
    monolith.send(ask(reader.sub, channels=["email"]))
    assert reader("GET", f"/user/{reader.sub}").json()["results"] == []


def test_what_is_scheduled_is_seen_and_sent_in_its_time(
    monolith: Caller, mailbox: Mailbox, tmp_path: Any, monkeypatch: Any
) -> None:
    reader = person()
    describe(reader.sub, "ruth@example.org")
    at = (clock.now() + timedelta(hours=2)).isoformat()
    (result,) = monolith.send(ask(reader.sub, schedule_at=at)).json()["results"]
    assert result["status"] == "scheduled"
    work()
    assert (mailbox.raw, reader("GET", f"/user/{reader.sub}").json()["results"]) == ([], [])
    assert reader("PUT", f"/read/{result['notification_id']}").status_code == 404
    (tmp_path / "clock").write_text(str(3 * 3600))
    monkeypatch.setenv("BH_CLOCK_FILE", str(tmp_path / "clock"))
    work()
    assert len(mailbox.raw) == 1
    assert reader("GET", f"/user/{reader.sub}").json()["unread_count"] == 1


def test_data_that_does_not_fit_is_refused_with_pointers_and_nothing_is_written(monolith: Caller) -> None:
    wrong = UPDATE | {"update_title": "a\r\nBcc: x", "update_id": "7", "evil": 1}
    del wrong["campaign_title"]
    response = monolith.send(ask(uuid.uuid4()) | {"data": wrong})
    assert code(response) == (422, "notification_data_invalid")
    pointers = {entry["pointer"] for entry in response.json()["errors"]}
    assert pointers == {"#/data/update_title", "#/data/update_id", "#/data/evil", "#/data/campaign_title"}
    assert Notification.objects.count() == 0
    key = uuid.uuid4()
    assert monolith.send(ask(uuid.uuid4()) | {"data": wrong}, key).status_code == 422
    assert monolith.send(ask(uuid.uuid4()), key).status_code == 202


@pytest.mark.parametrize(
    "change",
    [
        {"type": "nothing"},
        {"type": "Bad Type"},
        {"recipient_ids": []},
        {"recipient_ids": ["x"]},
        {"recipient_ids": [1]},
        {"channels": []},
        {"channels": ["pigeon"]},
        {"priority": "soon"},
        {"schedule_at": "tomorrow"},
        {"schedule_at": "2026-01-01T00:00:00"},
        {"schedule_at": "8999-01-01T00:00:00Z"},
        {"data": []},
        {"data": {"campaign_title": {"a": [1]}}},
        {"unknown": 1},
        {"group": "x" * 65},
        {"data": UPDATE | {"update_content": "\x00"}},
        {"data": UPDATE | {"update_content": "\ud800"}},
        {"data": UPDATE | {"update_content": 1e400}},
        {"data": UPDATE | {"update_content": True}},
        {"data": UPDATE | {"a\x00b": 1}},
        {"data": UPDATE | {"x" * 100_000: 1}},
    ],
)
def test_hostile_calls_are_refused_and_write_nothing(monolith: Caller, change: dict[str, Any]) -> None:
    response = monolith.send(ask(uuid.uuid4()) | change)
    assert 400 <= response.status_code < 500
    assert response.headers["Content-Type"] == "application/problem+json"
    assert Notification.objects.count() == 0


@pytest.mark.parametrize("body", [b"", b"null", b"[]", b"{", b'"x"', b"{}" * 2, b"[" * 5000, b"\xff"])
@pytest.mark.parametrize("path", ["/send", f"/contacts/{uuid.uuid4()}", f"/campaigns/{uuid.uuid4()}"])
def test_what_is_no_object_is_refused(monolith: Caller, path: str, body: bytes) -> None:
    method = "POST" if path == "/send" else "PUT"
    response = monolith(method, path, body, **{"Idempotency-Key": str(uuid.uuid4())})
    assert 400 <= response.status_code < 500


# --- contacts and campaigns ---------------------------------------------------------------------------------------------


def test_a_contact_is_replaced_whole_and_its_address_is_never_answered_or_readable(payments: Caller) -> None:
    from django.db import connection

    someone = uuid.uuid4()
    body = {
        "email": "planted@example.org",
        "phone": "+447700900123",
        "name": "Planted Person",
        "locale": "fr-CA",
        "timezone": "Africa/Nairobi",
    }
    answer = payments("PUT", f"/contacts/{someone}", body)
    assert answer.status_code == 200
    known = answer.json()
    assert (known["has_email"], known["has_phone"], known["locale"], known["timezone"]) == (
        True,
        True,
        "fr-CA",
        "Africa/Nairobi",
    )
    assert "planted" not in answer.content.decode().lower()
    with connection.cursor() as cursor:
        cursor.execute("SELECT row_to_json(c)::text, encode(email, 'escape') FROM notify_audience_contact c")
        assert not re.search("planted|7700900", str(cursor.fetchall()), re.IGNORECASE)
    contact = Contact.objects.get()
    assert (contact.email.open(), contact.name.open()) == ("planted@example.org", "Planted Person")
    less = payments("PUT", f"/contacts/{someone}", {"phone": "+447700900123"}).json()
    assert (less["has_email"], less["has_phone"], less["locale"], less["timezone"]) == (False, True, "en", "UTC")
    contact = Contact.objects.get()
    assert (contact.email, contact.name, contact.email_hash) == (None, None, "")


@pytest.mark.parametrize(
    "body",
    [
        {"email": "no"},
        {"email": "a@b.example\r\nBcc: x@y.example"},
        {"email": "a" * 300 + "@b.example"},
        {"name": "a\nb"},
        {"name": ""},
        {"phone": "07700"},
        {"timezone": "Mars/Base"},
        {"timezone": "../../etc/passwd"},
        {"locale": "english"},
        {"is_admin": True},
    ],
)
def test_a_contact_that_makes_no_sense_is_refused(payments: Caller, body: dict[str, Any]) -> None:
    assert payments("PUT", f"/contacts/{uuid.uuid4()}", body).status_code == 422
    assert Contact.objects.count() == 0


def test_a_campaign_is_known_by_what_was_said_last(payments: Caller) -> None:
    campaign_id = uuid.uuid4()
    assert payments("PUT", f"/campaigns/{campaign_id}", CAMPAIGN).status_code == 200
    answer = payments("PUT", f"/campaigns/{campaign_id}", CAMPAIGN | {"title": "Well"})
    assert answer.json() == {
        "campaign_id": str(campaign_id),
        "title": "Well",
        "owner_id": CAMPAIGN["owner_id"],
        "currency": "GBP",
    }
    assert Campaign.objects.get().title == "Well"
    assert payments("PUT", f"/campaigns/{campaign_id}", CAMPAIGN | {"title": "a\nb"}).status_code == 422


@pytest.mark.parametrize("malformed", ["not-an-id", "1", "urn:uuid:{}", "{{{}}}", "{}0", "%00"])
def test_a_malformed_id_in_a_path_leads_nowhere(payments: Caller, malformed: str) -> None:
    reader = person()
    what = malformed.format(reader.sub)
    contact = {"email": "ruth@example.org"}
    for answer in (
        reader("GET", f"/user/{what}"),
        reader("PUT", f"/read/{what}"),
        payments("PUT", f"/contacts/{what}", contact),
        payments("PUT", f"/campaigns/{what}", CAMPAIGN),
    ):
        assert code(answer) == (404, "not_found")
    assert not Contact.objects.exists()
    assert not Campaign.objects.exists()
