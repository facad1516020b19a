"""What payments and the platform tell becomes evidence, however often and in whatever order it is told."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest

from bh_sdk.events import Event
from bh_sdk.server.events import handlers
from bh_sdk.server.events.consumer import Consumer, Reading
from bh_sdk.server.events.leadership import direct_connection
from bh_sdk.server.events.models import Checkpoint, DeadLetter, Inbox
from bh_sdk.wire.events import FeedPage
from tests.trust.conftest import Caller
from trust_svc.evidence import commands
from trust_svc.evidence.models import Campaign, Fact
from trust_svc.evidence.queries import given_by
from trust_svc.scoring.models import Due

pytestmark = pytest.mark.django_db

NOW = datetime.now(UTC)


def told(type: str, subject: UUID, source: str = "payments", **data: Any) -> Event:
    handlers.load()
    return Event.model_validate(
        {
            "id": uuid4(),
            "source": source,
            "type": type,
            "subject": str(subject),
            "time": NOW - timedelta(minutes=1),
            "data": {name: str(value) if isinstance(value, UUID) else value for name, value in data.items()},
        }
    )


def donation(campaign: UUID, payment: UUID, donor: UUID, **more: Any) -> dict[str, Any]:
    said = {"payment_id": payment, "campaign_id": campaign, "donor_id": donor, "guest": False, "amount": "25.00"}
    return said | {"charged": "25.00", "currency": "GBP", "anonymous": False, "net": "24.00"} | more


def refund(campaign: UUID, payment: UUID, **more: Any) -> dict[str, Any]:
    said = {"refund_id": uuid4(), "payment_id": payment, "campaign_id": campaign, "donor_id": uuid4(), "guest": False}
    said |= {"amount": "5.00", "currency": "GBP", "refunded_total": "5.00", "full": False, "for_cause": False}
    return said | more


def test_a_donation_is_evidence_once_however_often_it_is_told() -> None:
    campaign, payment, donor = uuid4(), uuid4(), uuid4()
    event = told("payments.donation.succeeded.v1", payment, **donation(campaign, payment, donor, cluster="h1:ab"))
    for _ in range(5):
        handlers.handle(event)
    fact = Fact.objects.get()
    assert (fact.id, fact.type, fact.subject_id, fact.person_id, fact.source) == (
        event.id,
        "payment.succeeded",
        campaign,
        donor,
        "payments",
    )
    assert fact.data == {
        "payment_id": str(payment),
        "donor_id": str(donor),
        "amount": "25.00",
        "currency": "GBP",
        "cluster": "h1:ab",
    }
    assert Due.objects.filter(kind="campaign", entity_id=campaign).count() == 1


@pytest.mark.parametrize(
    ("more", "count"),
    [({}, 0), ({"full": True}, 1), ({"for_cause": True}, 1)],
)
def test_a_part_given_back_without_cause_leaves_the_gift_a_gift(more: dict[str, Any], count: int) -> None:
    campaign, payment = uuid4(), uuid4()
    handlers.handle(told("payments.refund.succeeded.v1", payment, **refund(campaign, payment, **more)))
    assert Fact.objects.filter(type="payment.refunded").count() == count


def test_a_refund_that_came_back_is_told_and_one_that_never_left_is_not() -> None:
    campaign, payment, refund_id = uuid4(), uuid4(), uuid4()
    for reversed in (False, True):
        said = refund(campaign, payment, refund_id=refund_id, reversed=reversed, reason="lost_or_stolen_card")
        handlers.handle(told("payments.refund.failed.v1", payment, **said))
    fact = Fact.objects.get()
    assert (fact.type, fact.subject_id) == ("payment.refund_reversed", campaign)
    assert fact.data == {"payment_id": str(payment), "refund_id": str(refund_id)}


def test_a_gift_whose_refund_came_back_counts_for_its_giver_again() -> None:
    campaign, payment, donor, refund_id = uuid4(), uuid4(), uuid4(), uuid4()
    handlers.handle(told("payments.donation.succeeded.v1", payment, **donation(campaign, payment, donor)))
    assert len(given_by([donor])[donor]) == 1
    whole = refund(campaign, payment, refund_id=refund_id, full=True)
    handlers.handle(told("payments.refund.succeeded.v1", payment, **whole))
    assert given_by([donor]) == {}
    back = told("payments.refund.failed.v1", payment, **whole, reversed=True, reason="lost_or_stolen_card")
    handlers.handle(back.model_copy(update={"time": NOW}))
    assert len(given_by([donor])[donor]) == 1


def test_an_early_fraud_warning_is_evidence_of_its_own_stage() -> None:
    campaign, payment = uuid4(), uuid4()
    event = told("payments.fraud.warned.v1", payment, payment_id=payment, campaign_id=campaign, donor_id=uuid4())
    for _ in range(2):
        handlers.handle(event)
    fact = Fact.objects.get()
    assert (fact.type, fact.subject_id) == ("payment.disputed", campaign)
    assert fact.data == {"payment_id": str(payment), "stage": "early_warning"}


def test_disputes_may_be_told_before_the_gift() -> None:
    campaign, payment = uuid4(), uuid4()
    said: dict[str, Any] = {"payment_id": payment, "campaign_id": campaign, "amount": "25.00", "currency": "GBP"}
    handlers.handle(told("payments.dispute.closed.v1", payment, outcome="lost", **said))
    handlers.handle(told("payments.dispute.opened.v1", payment, **said))
    assert set(Fact.objects.values_list("data__stage", flat=True)) == {"opened", "lost"}


CAMPAIGN, USER, THING = uuid4(), uuid4(), uuid4()


@pytest.mark.parametrize(
    ("event", "said", "type", "data"),
    [
        ("campaign.progressed", {"progress": "0.75"}, "campaign.progress", {"progress": 0.75}),
        (
            "campaign.progressed",
            {"progress": "1", "elapsed": "0.5"},
            "campaign.progress",
            {"progress": 1.0, "elapsed": 0.5},
        ),
        ("campaign.question_asked", {"question_id": THING}, "campaign.question_asked", {"question_id": str(THING)}),
        (
            "campaign.question_answered",
            {"question_id": THING},
            "campaign.question_answered",
            {"question_id": str(THING)},
        ),
        (
            "campaign.milestone_decided",
            {"milestone_id": THING, "kept": False},
            "campaign.milestone",
            {"milestone_id": str(THING), "kept": False},
        ),
        ("campaign.ended", {"delivered": True}, "campaign.ended", {"delivered": True}),
        (
            "campaign.ended",
            {"delivered": False, "reason": "cancelled"},
            "campaign.ended",
            {"delivered": False, "reason": "cancelled"},
        ),
        ("campaign.verified", {"item": "bank"}, "verification.granted", {"item": "bank"}),
        ("campaign.verification_revoked", {"item": "bank"}, "verification.revoked", {"item": "bank"}),
        ("user.verification_revoked", {"item": "identity"}, "verification.revoked", {"item": "identity"}),
    ],
)
def test_the_bus_and_the_api_speak_the_same_facts(
    monolith: Caller, event: str, said: dict[str, Any], type: str, data: dict[str, Any]
) -> None:
    kind = event.partition(".")[0]
    subject = CAMPAIGN if kind == "campaign" else USER
    pushed = told(f"platform.{event}.v1", subject, source="monolith", **said, **{f"{kind}_id": subject})
    for _ in range(2):
        assert monolith.post("/events", pushed.model_dump(mode="json", exclude_none=True)).status_code // 100 == 2
    stored = Fact.objects.get()
    assert (stored.id, stored.type, stored.subject_kind, stored.subject_id) == (pushed.id, type, kind, subject)
    assert stored.data == data
    # The same fact by the other door is a repetition.
    same = {"id": str(pushed.id), "type": type, "time": pushed.time.isoformat(), "data": data}
    answer = monolith.post("/trust/evidence", same | {"subject": {"kind": kind, "id": str(subject)}})
    assert answer.json() == {"accepted": 0, "repeated": 1}


def test_an_event_told_again_with_another_body_is_refused_and_changes_nothing(monolith: Caller) -> None:
    pushed = told("platform.user.verified.v1", USER, source="monolith", user_id=USER, item="bank")
    body = pushed.model_dump(mode="json", exclude_none=True)
    assert monolith.post("/events", body).status_code == 202
    for other in (
        body | {"data": body["data"] | {"item": "identity"}},
        body | {"subject": str(uuid4())},
        body | {"time": (NOW - timedelta(days=2)).isoformat()},
    ):
        answer = monolith.post("/events", other)
        assert (answer.status_code, answer.json()["code"]) == (409, "event_id_reused")
        assert answer.json()["event_id"] == str(pushed.id)
    again = monolith.post("/events", dict(reversed(body.items())))
    assert (again.status_code, again.json()["status"]) == (200, "repeated")
    assert Fact.objects.get().data == {"item": "bank"}


def test_an_event_that_contradicts_what_the_other_door_was_told_keeps_nothing(monolith: Caller) -> None:
    pushed = told("platform.user.verified.v1", USER, source="monolith", user_id=USER, item="bank")
    said = {"id": str(pushed.id), "type": "user.joined", "time": pushed.time.isoformat(), "data": {}}
    assert monolith.post("/trust/evidence", said | {"subject": {"kind": "user", "id": str(USER)}}).status_code == 200
    answer = monolith.post("/events", pushed.model_dump(mode="json", exclude_none=True))
    assert (answer.status_code, answer.json()["ids"]) == (409, [str(pushed.id)])
    assert (Fact.objects.get().type, Inbox.objects.count()) == ("user.joined", 0)


def test_what_the_platform_pushes_becomes_evidence(monolith: Caller, analyst: Caller) -> None:
    campaign, owner = uuid4(), uuid4()

    def push(type: str, subject: UUID, **data: Any) -> Any:
        event = told(type, subject, source="monolith", **data)
        body = event.model_dump(mode="json", exclude_none=True)
        return monolith.post("/events", body)

    created = {"campaign_id": campaign, "owner_id": owner, "category": "health", "need_type": "EMERGENCY"}
    answers = [
        push("platform.campaign.created.v1", campaign, **created),
        push("platform.campaign.update_posted.v1", campaign, campaign_id=campaign, update_id=uuid4()),
        push("platform.user.joined.v1", owner, user_id=owner),
        push("platform.user.verified.v1", owner, user_id=owner, item="identity"),
    ]
    assert [answer.status_code // 100 for answer in answers] == [2, 2, 2, 2], [answer.content for answer in answers]
    assert sorted(Fact.objects.values_list("type", flat=True)) == [
        "campaign.created",
        "campaign.update_posted",
        "user.joined",
        "verification.granted",
    ]
    assert Campaign.objects.get().owner_id == owner
    found = analyst.post("/trust/calculate", {"entity": {"kind": "campaign", "id": str(campaign)}}).json()
    values = {factor["name"]: factor["value"] for factor in found["factors"]}
    assert values["verification"] == 0.28


class _FeedOf:
    """A source's feed of two events."""

    def __init__(self, *events: Event) -> None:
        self.events = events

    def page(self, after: str, limit: int) -> FeedPage:
        epoch = self.events[0].epoch
        last = self.events[-1].number
        return FeedPage(results=list(self.events), next=f"{epoch}:{last}", head=f"{epoch}:{last}")


def test_on_the_bus_a_contradiction_is_set_apart_and_everything_else_goes_on() -> None:
    campaign, one, other, epoch = uuid4(), uuid4(), uuid4(), uuid4()
    first = told("payments.donation.succeeded.v1", one, **donation(campaign, one, uuid4()))
    handlers.handle(first)
    twisted = told("payments.donation.succeeded.v1", one, **donation(campaign, one, uuid4()))
    twisted = twisted.model_copy(update={"id": first.id, "number": 1, "epoch": epoch})
    good = told("payments.donation.succeeded.v1", other, **donation(campaign, other, uuid4()))
    good = good.model_copy(update={"number": 2, "epoch": epoch})
    before = commands.CONFLICTS.labels("payments")._value.get()
    consumer = Consumer("trust", "payments", feed=_FeedOf(twisted, good), attempts=1)
    with direct_connection() as held:
        Reading(consumer, held).apply([twisted, good], threading.Event())
    parked = DeadLetter.objects.get()
    assert (parked.event_id, parked.state, "EvidenceConflict" in parked.reason) == (first.id, "parked", True)
    assert {fact.id for fact in Fact.objects.all()} == {first.id, good.id}
    assert Fact.objects.get(id=first.id).data["donor_id"] == str(first.data["donor_id"])
    assert Checkpoint.objects.get(consumer="trust", source="payments").number == 2
    assert commands.CONFLICTS.labels("payments")._value.get() > before
