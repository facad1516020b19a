"""What providers tell us: proven first, kept once, linked late or early, and believed about an address."""

from __future__ import annotations

import json
import re
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from bh_sdk.server.access.models import Staff
from bh_sdk.server.events.models import RecordedEvent
from bh_sdk.server.ops import clock
from notify_svc.delivery import claims
from notify_svc.delivery.channels.base import Outcome
from notify_svc.delivery.channels.reports import delivery_named
from notify_svc.delivery.models import Delivery
from notify_svc.preferences.queries import Ask, verdicts
from notify_svc.tracking import commands, queries, rules, tasks
from notify_svc.tracking.errors import AddressInvalid, AlreadyReleased, AlreadySuppressed, SuppressionNotFound
from notify_svc.tracking.models import PendingEvent, ProviderEvent, Suppression
from tests.notify.conftest import Caller, describe, work
from tests.notify.mailbox import Mailbox
from tests.notify.standins import REGION, TOPIC, SendGridHook, SesDesk, Sns
from tests.notify.test_admin import at_desk
from tests.notify.test_sending import UPDATE, accept, make_due

FACT = "notifications.delivery"
# How a dialog is sent.
YES = {"_form_submitted": "on"}


def stamp(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def told(kind: str, *, to: str = "ruth@example.org", delivery_id: Any = None, ref: str = "ses-1", **rest: Any) -> Any:
    """An event as SES publishes it."""
    at = stamp(rest.pop("at", None) or datetime.now(UTC))
    tags = {"ses:operation": ["SendEmail"]} | ({"delivery_id": [str(delivery_id)]} if delivery_id else {})
    mail = {"messageId": ref, "destination": [to], "tags": tags, "timestamp": at}
    if kind == "bounce":
        body = {
            "bounceType": rest.pop("type", "Permanent"),
            "bounceSubType": "General",
            "bouncedRecipients": [{"emailAddress": to, "status": "5.1.1", "diagnosticCode": f"smtp; 550 <{to}>"}],
            "timestamp": at,
        }
    elif kind == "complaint":
        body = {"complainedRecipients": [{"emailAddress": to}], "timestamp": at, **rest}
    else:
        body = {"timestamp": at}
    return {"eventType": kind.capitalize(), "mail": mail, kind: body}


def call(sns: Sns, body: Any, **changes: Any) -> Any:
    raw = body if isinstance(body, bytes) else sns.message(body, **changes)
    return Caller()("POST", "/webhooks/ses", raw)


def sent_to(address: str) -> Delivery:
    """A delivery that was handed over to SES, by hand of the claim alone."""
    person = uuid.uuid4()
    (delivery_id,) = accept(person)
    describe(person, address)
    token, (held,) = claims.claim("email", limit=10)
    assert held.id == delivery_id
    claims.settle(token, [claims.Result(held.id, clock.now(), clock.now(), Outcome("accepted"))])
    return Delivery.objects.get(id=delivery_id)


def facts_of(type: str) -> list[Any]:
    return [row.payload for row in RecordedEvent.objects.filter(type=type)]


def facts(kind: str) -> list[Any]:
    return facts_of(f"{FACT}.{kind}.v1")


# --- the whole way ----------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_ses_holds_our_mail_a_bounce_suppresses_and_the_second_mail_is_not_sent(ses: SesDesk, sns: Sns) -> None:
    person = uuid.uuid4()
    (first,) = accept(person)
    work()
    (held,) = ses.mails()
    address = f"{person}@example.org"
    assert (held["destinations"][0], str(first) in held["raw_data"]) == (address, True)
    assert Delivery.objects.get(id=first).status == "sent"

    assert call(sns, told("bounce", to=address, delivery_id=first)).json() == {"new": 1}
    tasks.work()
    delivery = Delivery.objects.get(id=first)
    assert (delivery.status, delivery.reason, delivery.bounced_at is not None) == ("bounced", "bounced", True)
    assert Suppression.objects.get().reason == "bounced"
    assert [fact["lasting"] for fact in facts("bounced")] == [True]

    (second,) = accept(person)
    work()
    assert len(ses.mails()) == 1
    delivery = Delivery.objects.get(id=second)
    assert (delivery.status, delivery.reason) == ("failed", "suppressed")


@pytest.mark.django_db
def test_an_address_suppressed_while_its_mail_waits_is_not_written_to(mailbox: Mailbox) -> None:
    person = uuid.uuid4()
    (delivery_id,) = accept(person)
    commands.suppress(email=f"  {person}@EXAMPLE.org", note="Asked on the phone", by="staff")
    work()
    assert mailbox.raw == []
    delivery = Delivery.objects.get(id=delivery_id)
    assert (delivery.status, delivery.reason) == ("failed", "suppressed")
    assert delivery.attempts.get().reason == "suppressed"


@pytest.mark.django_db
def test_one_address_that_is_suppressed_holds_up_nobody_else(mailbox: Mailbox) -> None:
    dead, alive = uuid.uuid4(), uuid.uuid4()
    accept(dead, alive)
    commands.suppress(email=f"{dead}@example.org", note="dead", by="staff")
    work()
    assert [rcpt for rcpt, _ in mailbox.raw] == [[f"{alive}@example.org"]]


# --- proof ------------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("version", ["1", "2"])
def test_both_versions_of_the_signature_are_believed(sns: Sns, version: str) -> None:
    assert call(sns, told("delivery"), version=version).status_code == 200
    assert ProviderEvent.objects.count() == 1


def forged(sns: Sns) -> bytes:
    return sns.message(told("bounce"), key=rsa.generate_private_key(65537, 2048))


def altered(sns: Sns) -> bytes:
    fields = json.loads(sns.message(told("delivery")))
    return json.dumps(fields | {"Message": json.dumps(told("bounce"))}).encode()


def with_subject_added(sns: Sns) -> bytes:
    return json.dumps(json.loads(sns.message(told("bounce"))) | {"Subject": "x"}).encode()


def certificate_at(url: str) -> Any:
    def made(sns: Sns) -> bytes:
        return sns.message(told("bounce"), SigningCertURL=url)

    return made


def changed(**fields: Any) -> Any:
    def made(sns: Sns) -> bytes:
        return sns.message(told("bounce"), **fields)

    return made


PATH = "/SimpleNotificationService-0123456789abcdef0123456789abcdef.pem"


@pytest.mark.django_db
@pytest.mark.parametrize(
    "made",
    [
        pytest.param(forged, id="another key"),
        pytest.param(altered, id="altered after it was signed"),
        pytest.param(with_subject_added, id="a subject added"),
        pytest.param(changed(TopicArn=TOPIC.replace("mail", "other")), id="another topic"),
        pytest.param(changed(TopicArn=TOPIC.replace("123456789012", "999999999999")), id="another account"),
        pytest.param(changed(Timestamp=stamp(datetime.now(UTC) - timedelta(hours=2))), id="recorded and sent again"),
        pytest.param(changed(Timestamp=stamp(datetime.now(UTC) + timedelta(hours=1))), id="from the future"),
        pytest.param(changed(Timestamp="yesterday"), id="no time"),
        pytest.param(changed(SignatureVersion="3"), id="a signature nobody knows"),
        pytest.param(certificate_at(f"http://sns.{REGION}.amazonaws.com{PATH}"), id="not https"),
        pytest.param(certificate_at(f"https://evil.example{PATH}"), id="a foreign host"),
        pytest.param(certificate_at(f"https://sns.{REGION}.amazonaws.com.evil.example{PATH}"), id="a host like it"),
        pytest.param(certificate_at(f"https://evil.example#@sns.{REGION}.amazonaws.com{PATH}"), id="a fragment"),
        pytest.param(certificate_at(f"https://sns.{REGION}.amazonaws.com@evil.example{PATH}"), id="a user"),
        pytest.param(certificate_at(f"https://sns.{REGION}.amazonaws.com:444{PATH}"), id="another port"),
        pytest.param(certificate_at(f"https://sns.us-east-1.amazonaws.com{PATH}"), id="another region"),
        pytest.param(certificate_at(f"https://sns.{REGION}.amazonaws.com/evil.pem"), id="another file"),
        pytest.param(certificate_at(f"https://sns.{REGION}.amazonaws.com/x/..{PATH}"), id="a way round"),
        pytest.param(certificate_at("https://[::1"), id="no address"),
        pytest.param(lambda sns: b"{}", id="empty"),
        pytest.param(lambda sns: b"[" * 5_000, id="deep"),
        pytest.param(lambda sns: b"\xff", id="no text"),
    ],
)
def test_what_sns_did_not_sign_just_now_for_us_is_refused_and_leaves_nothing(sns: Sns, made: Any) -> None:
    answer = call(sns, made(sns))
    assert (answer.status_code, answer.json()["code"]) == (403, "webhook_unproven")
    assert ProviderEvent.objects.count() == 0
    assert {path for _, path in sns.calls} <= {sns.certificate}


@pytest.mark.django_db
def test_a_certificate_that_has_expired_proves_nothing(sns: Sns) -> None:
    sns.valid = -timedelta(days=1)
    assert call(sns, told("bounce")).status_code == 403
    assert ProviderEvent.objects.count() == 0


@pytest.mark.django_db
def test_a_certificate_is_fetched_once_and_its_absence_is_not_the_caller_s_fault(sns: Sns, settings: Any) -> None:
    message = sns.message(told("delivery"))
    there, settings.SNS_ENDPOINT = settings.SNS_ENDPOINT, "http://127.0.0.1:1"
    assert call(sns, message).status_code == 503
    assert ProviderEvent.objects.count() == 0
    settings.SNS_ENDPOINT = there
    for _ in range(3):
        assert call(sns, message).status_code == 200
    assert len(sns.calls) == 1


@pytest.mark.django_db
def test_a_subscription_is_confirmed_for_our_topic_at_sns_alone(sns: Sns) -> None:
    host = f"https://sns.{REGION}.amazonaws.com/"
    asks = {"Type": "SubscriptionConfirmation", "Token": "t" * 20}
    wanted = f"{host}?Action=ConfirmSubscription&TopicArn={TOPIC}&Token={'t' * 20}"
    for foreign in (
        f"https://evil.example/?Action=ConfirmSubscription&TopicArn={TOPIC}&Token=t",
        f"{host}?Action=DeleteTopic&TopicArn={TOPIC}",
        f"{host}?Action=ConfirmSubscription&TopicArn={TOPIC}x&Token=t",
    ):
        assert call(sns, "You have chosen", SubscribeURL=foreign, **asks).status_code == 403
    other = TOPIC.replace("mail", "other")
    assert call(sns, "x", SubscribeURL=wanted.replace(TOPIC, other), TopicArn=other, **asks).status_code == 403
    assert sns.confirmed == []
    assert call(sns, "You have chosen", SubscribeURL=wanted, **asks).json() == {"new": 0}
    assert len(sns.confirmed) == 1


@pytest.mark.django_db
def test_a_provider_that_is_not_set_up_here_has_no_door(sns: Sns, settings: Any) -> None:
    settings.SENDGRID_WEBHOOK_KEY = ""
    for name in ("sendgrid", "smtp", "x"):
        assert Caller()("POST", f"/webhooks/{name}", b"[]").status_code == 404
    assert Caller()("GET", "/webhooks/ses").status_code == 405


@pytest.mark.django_db
def test_what_is_signed_and_is_no_event_is_a_400(sns: Sns) -> None:
    for body in ("Successfully validated SNS topic", "[]", '{"mail": 1}'):
        assert (call(sns, body).status_code, ProviderEvent.objects.count()) == (400, 0)


@pytest.fixture
def hook(settings: Any) -> SendGridHook:
    made = SendGridHook()
    settings.SENDGRID_WEBHOOK_KEY = made.public
    return made


def event(kind: str, **rest: Any) -> dict[str, Any]:
    """An event as SendGrid posts it."""
    return {
        "email": "ruth@example.org",
        "timestamp": int(datetime.now(UTC).timestamp()),
        "event": kind,
        "sg_event_id": uuid.uuid4().hex,
        "sg_message_id": "sg1.recvd-5f-1.0",
        "category": "x",
        **rest,
    }


def post(hook: SendGridHook, events: Any, **rest: Any) -> Any:
    body, headers = hook.call(events, **rest)
    return Caller()("POST", "/webhooks/sendgrid", body, **headers)


@pytest.mark.django_db
def test_sendgrid_s_batch_is_believed_by_its_signature_alone(hook: SendGridHook) -> None:
    batch = [event("delivered"), event("bounce", type="bounce"), event("processed"), event("open"), event("click")]
    body, headers = hook.call(batch)
    for spoilt in (
        (body + b" ", headers),
        (body, headers | {"X-Twilio-Email-Event-Webhook-Timestamp": "1"}),
        (body, headers | {"X-Twilio-Email-Event-Webhook-Timestamp": "²"}),
        (body, headers | {"X-Twilio-Email-Event-Webhook-Signature": "AAAA"}),
        (body, headers | {"X-Twilio-Email-Event-Webhook-Signature": "ä"}),
        (body, {}),
        SendGridHook().call(batch),
        hook.call(batch, at=datetime.now(UTC) - timedelta(hours=26)),
        hook.call(batch, at=datetime.now(UTC) + timedelta(hours=1)),
    ):
        answer = Caller()("POST", "/webhooks/sendgrid", spoilt[0], **spoilt[1])
        assert answer.status_code == 403
    assert ProviderEvent.objects.count() == 0
    assert Caller()("POST", "/webhooks/sendgrid", body, **headers).json() == {"new": 2}
    assert set(ProviderEvent.objects.values_list("kind", "provider_ref")) == {("delivered", "sg1"), ("bounced", "sg1")}
    odd = event("bounce", sg_event_id="\x00x", status="5\x00", email="\ud800@\x00", sg_message_id="\x00")
    assert post(hook, [odd]).json() == {"new": 1}
    for broken in (
        b"{}",
        b"[1]",
        [event("bounce", sg_event_id="\ud800")],
        b"[" * 5_000,
        b'[{"event": "bounce", "timestamp": 99999999999999999, "sg_event_id": "x"}]',
    ):
        assert post(hook, broken).status_code == 400


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("told_as", "reason"),
    [
        ({"event": "bounce", "type": "bounce"}, "bounced"),
        ({"event": "bounce", "type": "blocked"}, None),
        ({"event": "dropped", "reason": "Bounced Address"}, "bounced"),
        ({"event": "dropped", "reason": "Unsubscribed Address"}, None),
        ({"event": "spamreport"}, "complained"),
        ({"event": "deferred"}, None),
    ],
)
def test_what_sendgrid_says_of_an_address_is_believed(
    hook: SendGridHook, told_as: dict[str, str], reason: str | None
) -> None:
    post(hook, [event("x") | told_as])
    tasks.work()
    assert list(Suppression.objects.values_list("reason", flat=True)) == ([reason] if reason else [])


@pytest.mark.django_db
def test_who_reads_is_kept_only_where_that_is_wanted(hook: SendGridHook, settings: Any) -> None:
    delivery = sent_to("ruth@example.org")
    batch = [event("open", delivery_id=str(delivery.id)), event("click", delivery_id=str(delivery.id))]
    assert post(hook, batch).json() == {"new": 0}
    settings.NOTIFY_TRACK_READING = True
    assert post(hook, batch).json() == {"new": 2}
    tasks.work()
    delivery.refresh_from_db()
    assert (delivery.opened_at is not None, delivery.clicked_at is not None, delivery.status) == (True, True, "sent")


@pytest.mark.django_db
def test_who_leaves_the_list_at_the_provider_has_left_it_here(hook: SendGridHook) -> None:
    delivery = sent_to("ruth@example.org")
    assert delivery.notification.category == "subscription"
    post(hook, [event("group_unsubscribe", delivery_id=str(delivery.id))])
    tasks.work()
    verdict = verdicts([Ask(delivery.recipient_id, "subscription", "email")], clock.now())
    assert [type(one).__name__ for one in verdict] == ["Never"]
    assert [fact["category"] for fact in facts_of("notifications.recipient.unsubscribed.v1")] == ["subscription"]


# --- once, late, early ------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_what_is_told_twice_is_kept_and_worked_once(sns: Sns) -> None:
    delivery = sent_to("ruth@example.org")
    message = sns.message(told("delivery", delivery_id=delivery.id))
    assert [call(sns, message).json()["new"] for _ in range(3)] == [1, 0, 0]
    tasks.work()
    assert call(sns, message).json() == {"new": 0}
    tasks.work()
    # The same by another message: an identity's notification beside the configuration set's event.
    call(sns, told("delivery", delivery_id=delivery.id))
    tasks.work()
    assert (ProviderEvent.objects.count(), PendingEvent.objects.count(), len(facts("delivered"))) == (2, 0, 1)
    assert Delivery.objects.get().status == "delivered"


@pytest.mark.django_db
def test_a_word_that_comes_before_our_commit_waits_for_it(sns: Sns) -> None:
    (delivery_id,) = accept(uuid.uuid4())
    token, (held,) = claims.claim("email", limit=10)
    call(sns, told("delivery", delivery_id=delivery_id))
    assert tasks.work() == 0
    assert (Delivery.objects.get().status, PendingEvent.objects.get().tries) == ("sending", 1)
    claims.settle(token, [claims.Result(held.id, clock.now(), clock.now(), Outcome("accepted"))])
    assert tasks.work() == 0
    PendingEvent.objects.update(due_at=clock.now())
    assert tasks.work() == 1
    assert (Delivery.objects.get().status, PendingEvent.objects.count()) == ("delivered", 0)


@pytest.mark.django_db
def test_a_word_of_no_delivery_of_ours_is_looked_for_a_while_and_left_to_staff(sns: Sns) -> None:
    call(sns, told("bounce", delivery_id=uuid.uuid4(), ref="nobody's"))
    for _ in range(20):
        tasks.work()
        PendingEvent.objects.filter(due_at__isnull=False).update(due_at=clock.now())
    assert (PendingEvent.objects.get().due_at, queries.unlinked()) == (None, 1)
    # The address is dead all the same.
    assert Suppression.objects.count() == 1


@pytest.mark.django_db
def test_a_delivery_is_found_by_the_provider_s_own_name_for_it(sns: Sns) -> None:
    delivery = sent_to("ruth@example.org")
    Delivery.objects.filter(id=delivery.id).update(provider="ses", provider_ref="ses-77")
    call(sns, told("delivery", ref="ses-77"))
    call(sns, told("complaint", ref="ses-77"))
    tasks.work()
    delivery.refresh_from_db()
    assert (delivery.status, delivery.complained_at is not None) == ("delivered", True)
    assert len(facts("complained")) == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("words", "status"),
    [
        (["bounce", "delivery"], "bounced"),
        (["delivery", "bounce"], "bounced"),
        (["complaint", "delivery"], "delivered"),
        (["delivery", "complaint", "delivery"], "delivered"),
        (["complaint"], "sent"),
    ],
)
def test_words_in_any_order_lead_forward_only(sns: Sns, words: list[str], status: str) -> None:
    delivery = sent_to("ruth@example.org")
    for word in words:
        call(sns, told(word, delivery_id=delivery.id))
        tasks.work()
    assert (Delivery.objects.get().status, PendingEvent.objects.count()) == (status, 0)
    assert len(facts("delivered")) <= 1
    assert Suppression.objects.count() == (1 if {"bounce", "complaint"} & set(words) else 0)


@pytest.mark.django_db
def test_a_mail_of_unknown_fate_that_arrived_does_not_go_again(sns: Sns, mailbox: Mailbox) -> None:
    (delivery_id,) = accept(uuid.uuid4())
    mailbox.vanish = True
    work()
    mailbox.vanish = False
    assert Delivery.objects.get().status == "unknown"
    call(sns, told("delivery", delivery_id=delivery_id))
    tasks.work()
    make_due(delivery_id)
    work()
    assert (Delivery.objects.get().status, len(mailbox.raw)) == ("delivered", 1)


# --- the list ---------------------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_no_address_is_kept_in_clear(sns: Sns) -> None:
    call(sns, told("bounce", to="ruth@example.org"))
    tasks.work()
    for row in (ProviderEvent.objects.get(), Suppression.objects.get()):
        shown = json.dumps({field.attname: str(getattr(row, field.attname)) for field in row._meta.concrete_fields})
        assert "ruth" not in shown
        assert "example" not in shown


@pytest.mark.django_db
def test_an_address_is_the_same_however_its_domain_is_written(sns: Sns, mailbox: Mailbox) -> None:
    person = uuid.uuid4()
    accept(person)
    describe(person, "Ruth@bücher.example")
    call(sns, told("bounce", to="ruth@xn--bcher-kva.example"))
    tasks.work()
    work()
    assert (mailbox.raw, Delivery.objects.get().reason) == ([], "suppressed")


@pytest.mark.django_db
def test_passing_bounces_are_counted_and_the_fifth_in_a_month_ends_it(sns: Sns) -> None:
    old = datetime.now(UTC) - timedelta(days=40)
    for number in range(rules.SOFT_AT_MOST):
        at = None if number else old
        call(sns, told("bounce", type="Transient", at=at))
        tasks.work()
        assert Suppression.objects.count() == 0
    call(sns, told("bounce", type="Transient"))
    tasks.work()
    assert Suppression.objects.get().reason == "kept_bouncing"


@pytest.mark.django_db
def test_somebody_who_calls_it_no_spam_does_not_complain(sns: Sns) -> None:
    assert call(sns, told("complaint", complaintFeedbackType="not-spam")).json() == {"new": 0}


@pytest.mark.django_db
def test_a_released_address_is_written_to_until_it_bounces_again(sns: Sns, mailbox: Mailbox) -> None:
    call(sns, told("bounce"))
    late = sns.message(told("bounce"))
    tasks.work()
    first = Suppression.objects.get()
    commands.release(suppression_id=first.id, note="The mailbox was rebuilt", by="staff")
    with pytest.raises(AlreadyReleased):
        commands.release(suppression_id=first.id, note="again", by="staff")
    with pytest.raises(SuppressionNotFound):
        commands.release(suppression_id=uuid.uuid4(), note="again", by="staff")
    assert queries.suppressed([first.address_hash], "email") == set()
    # An old word that comes only now does not undo what staff decided.
    call(sns, late)
    tasks.work()
    assert queries.suppressed([first.address_hash], "email") == set()
    call(sns, told("bounce", at=datetime.now(UTC) + timedelta(seconds=2)))
    tasks.work()
    assert Suppression.objects.filter(released_at__isnull=True).count() == 1
    assert Suppression.objects.count() == 2


@pytest.mark.django_db
def test_staff_suppress_an_address_once() -> None:
    commands.suppress(email="ruth@example.org", note="asked", by="staff")
    with pytest.raises(AlreadySuppressed):
        commands.suppress(email="RUTH@example.org ", note="asked", by="staff")
    with pytest.raises(AddressInvalid):
        commands.suppress(email="nobody", note="asked", by="staff")
    assert Suppression.objects.count() == 1


@pytest.mark.django_db
def test_the_database_keeps_what_was_said_and_who_released_whom(sns: Sns) -> None:
    call(sns, told("bounce"))
    tasks.work()
    row, event_row = Suppression.objects.get(), ProviderEvent.objects.get()
    for change in (
        lambda: ProviderEvent.objects.filter(id=event_row.id).update(kind="delivered"),
        lambda: ProviderEvent.objects.filter(id=event_row.id)._raw_delete("default"),
        lambda: Suppression.objects.filter(id=row.id).update(reason="by_staff"),
        lambda: Suppression.objects.filter(id=row.id).update(released_at=timezone.now()),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            change()


def test_a_delivery_id_is_an_id_or_nothing() -> None:
    known = uuid.uuid4()
    assert delivery_named(str(known)) == UUID(str(known))
    assert [delivery_named(value) for value in ("", "x", None, 5, ["x"])] == [None] * 5


# --- accepting, metrics, the desk -------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_who_asks_is_told_at_once_that_an_address_gets_nothing(monolith: Caller, mailbox: Mailbox) -> None:
    dead, alive = uuid.uuid4(), uuid.uuid4()
    for person in (dead, alive):
        describe(person, f"{person}@example.org")
    commands.suppress(email=f"{dead}@example.org", note="It bounced", by="staff")
    body = {
        "recipient_ids": [str(dead), str(alive)],
        "type": "campaign_update",
        "data": UPDATE,
        "channels": ["email", "in_app"],
    }
    first, second = monolith.send(body).json()["results"]
    assert (first["channels"], first["suppressed"]) == (["in_app"], ["email"])
    assert (second["channels"], second["suppressed"]) == (["email", "in_app"], [])
    refused = Delivery.objects.get(recipient_id=dead, channel="email")
    assert (refused.status, refused.reason, refused.tries) == ("failed", "suppressed", 0)
    assert [fact["reason"] for fact in facts("failed")] == ["suppressed"]
    work()
    assert [rcpt for rcpt, _ in mailbox.raw] == [[f"{alive}@example.org"]]


@pytest.mark.django_db
def test_the_metrics_tell_states_complaints_and_the_backlog(sns: Sns, mailbox: Mailbox) -> None:
    delivery = sent_to("ruth@example.org")
    call(sns, told("delivery", delivery_id=delivery.id))
    call(sns, told("complaint", delivery_id=delivery.id))
    tasks.work()
    (late,) = accept(uuid.uuid4())
    Delivery.objects.filter(id=late).update(due_at=clock.now() - timedelta(minutes=5))
    page = Client().get("/metrics").content.decode()
    assert 'bh_notify_deliveries{channel="email",provider="",status="delivered",type="campaign_update"} 1.0' in page
    assert 'bh_notify_complaints{channel="email",provider="",type="campaign_update"} 1.0' in page
    assert 'bh_notify_backlog{channel="email"} 1.0' in page


@pytest.mark.django_db
def test_support_releases_an_address_with_a_note_and_the_page_tells_it(sns: Sns, mailbox: Mailbox) -> None:
    delivery = sent_to("ruth@example.org")
    call(sns, told("bounce", delivery_id=delivery.id))
    tasks.work()
    row = Suppression.objects.get()
    url = reverse("admin:notify_tracking_suppression_release", args=[row.pk])
    note = YES | {"note": "She wrote from that address"}
    assert at_desk("editor").post(url, note).status_code == 403
    support = at_desk("support")
    own_page = reverse("admin:notify_tracking_suppression_change", args=[row.pk])
    assert "Release the address" in support.get(own_page).content.decode()
    support.get(url, headers={"HX-Request": "true"})
    support.post(url, YES | {"note": "short"}, headers={"HX-Request": "true"})
    assert Suppression.objects.get().released_at is None
    support.post(url, note, headers={"HX-Request": "true"})
    row.refresh_from_db()
    assert row.released_at is not None
    assert row.release_note == note["note"]
    page = support.get(own_page).content.decode()
    assert note["note"] in page
    assert "Release the address" not in page
    assert row.released_by not in page
    assert str(Staff.objects.get(sub=row.released_by)) in page
    assert "Bounced (ses)" in page
    assert "ruth" not in page
    timeline = support.get(reverse("admin:notify_delivery_delivery_change", args=[delivery.pk])).content.decode()
    assert re.search(r"Bounced.*Try 1: accepted.*Accepted", timeline, re.DOTALL)
    event_page = reverse("admin:notify_tracking_providerevent_change", args=[ProviderEvent.objects.get().pk])
    assert "The mailbox sent it back." in support.get(event_page).content.decode()


@pytest.mark.django_db
def test_support_suppresses_an_address_and_finds_it_by_typing_it() -> None:
    support = at_desk("support")
    url = reverse("admin:notify_tracking_suppression_add_address")
    given = YES | {"email": "ruth@example.org", "note": "Asked by telephone"}
    assert at_desk("editor").post(url, given).status_code == 403
    support.post(url, given, headers={"HX-Request": "true"})
    support.post(url, given, headers={"HX-Request": "true"})
    row = Suppression.objects.get()
    assert (row.reason, row.note) == ("by_staff", "Asked by telephone")
    everything = reverse("admin:notify_tracking_suppression_changelist")
    assert row.address_hash[-12:] in support.get(everything, {"q": "Ruth@example.org"}).content.decode()
    assert row.address_hash[-12:] not in support.get(everything, {"q": "asha@example.org"}).content.decode()
