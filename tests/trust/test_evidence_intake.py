"""Evidence comes in once, whole or not at all, and is never changed."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from tests.trust.conftest import Caller, person
from tests.trust.evidence import a_fact, a_gift, a_good_campaign, about_user, ago, fact
from trust_svc.evidence.models import Campaign, Fact
from trust_svc.scoring.models import Due

pytestmark = pytest.mark.django_db


def test_one_fact_or_many_are_taken_and_counted(monolith: Caller) -> None:
    one = monolith.post("/trust/evidence", a_gift())
    assert (one.status_code, one.json()) == (200, {"accepted": 1, "repeated": 0})
    many = monolith.post("/trust/evidence", {"facts": [a_gift() for _ in range(1000)]})
    assert (many.status_code, many.json()) == (200, {"accepted": 1000, "repeated": 0})
    assert Fact.objects.count() == 1001


def test_a_repetition_changes_nothing(monolith: Caller) -> None:
    told = a_gift()
    monolith.post("/trust/evidence", told)
    Due.objects.all().delete()
    answer = monolith.post("/trust/evidence", {"facts": [told, dict(reversed(told.items()))]})
    assert answer.json() == {"accepted": 0, "repeated": 2}
    assert Fact.objects.get().time.isoformat() == told["time"]
    assert Due.objects.count() == 0


@pytest.mark.parametrize(
    "other",
    [
        {"time": ago(400)},
        {"type": "campaign.milestone", "data": {"milestone_id": "m", "kept": True}},
        {"subject": {"kind": "campaign", "id": str(uuid4())}},
        {"data": {"update_id": "u-2"}},
    ],
)
def test_a_known_id_that_says_something_else_is_refused(monolith: Caller, other: dict[str, Any]) -> None:
    told = a_fact(data={"update_id": "u-1"})
    monolith.post("/trust/evidence", told)
    Due.objects.all().delete()
    answer = monolith.post("/trust/evidence", told | other)
    assert (answer.status_code, answer.json()["code"]) == (409, "evidence_conflict")
    assert (answer["Content-Type"], answer.json()["ids"]) == ("application/problem+json", [told["id"]])
    assert told["id"] in answer.json()["detail"]
    assert (Fact.objects.get().data, Due.objects.count(), Campaign.objects.count()) == ({"update_id": "u-1"}, 0, 1)
    assert monolith.post("/trust/evidence", told).json() == {"accepted": 0, "repeated": 1}


def test_one_conflict_among_many_refuses_all_and_says_how_each_stands(monolith: Caller) -> None:
    known, new, twice = a_gift(), a_gift(), a_gift()
    monolith.post("/trust/evidence", known)
    Due.objects.all().delete()
    facts = [new, known, twice, twice | {"time": ago(3)}, known]
    answer = monolith.post("/trust/evidence", {"facts": facts})
    assert (answer.status_code, answer.json()["ids"]) == (409, [twice["id"]])
    assert [each["status"] for each in answer.json()["facts"]] == [
        "not_kept", "repeated", "conflict", "conflict", "repeated",
    ]  # fmt: skip
    assert [each["id"] for each in answer.json()["facts"]] == [each["id"] for each in facts]
    assert (str(Fact.objects.get().id), Due.objects.count(), Campaign.objects.count()) == (known["id"], 0, 1)


def test_every_type_of_the_contract_is_taken(monolith: Caller) -> None:
    campaign, user = uuid4(), uuid4()
    facts = [
        about_user("user.joined", user),
        about_user("verification.granted", user, item="identity", expires_at="2030-01-01T00:00:00Z"),
        fact("verification.revoked", campaign, item="bank"),
        fact(
            "campaign.created",
            campaign,
            owner_id=str(user),
            category="health",
            need_type="EMERGENCY",
            currency="GBP",
            goal="5000.00",
            ends_at="2030-01-01T00:00:00Z",
        ),
        fact("campaign.progress", campaign, progress=1, elapsed=0.5),
        fact("campaign.update_posted", campaign, update_id=str(uuid4())),
        fact("campaign.question_asked", campaign, question_id="q-1"),
        fact("campaign.question_answered", campaign, question_id="q-1"),
        fact("campaign.milestone", campaign, milestone_id="m-1", kept=True),
        fact("campaign.ended", campaign, delivered=True, reason="all delivered"),
        fact(
            "payment.succeeded",
            campaign,
            payment_id=str(uuid4()),
            amount="5.00",
            currency="GBP",
            cluster="h1:abcdef",
            donor_standing=0.5,
        ),
        fact("payment.refunded", campaign, payment_id="p", for_cause=False),
        fact("payment.refunded", campaign, payment_id="p", for_cause=True, refund_id="r"),
        fact("payment.refund_reversed", campaign, payment_id="p", refund_id="r"),
        *(
            fact("payment.disputed", campaign, payment_id="p", stage=s)
            for s in ("early_warning", "opened", "won", "lost")
        ),
        about_user(
            "report.filed", user, report_id="r", kind="spam", severity=5, reporter_upheld=3, reporter_dismissed=1
        ),
        about_user("report.decided", user, report_id="r", outcome="dismissed"),
        fact("case.decided", campaign, outcome="valuable"),
    ]
    answer = monolith.post("/trust/evidence", {"facts": facts})
    assert (answer.status_code, answer.json()) == (200, {"accepted": len(facts), "repeated": 0})


@pytest.mark.parametrize(
    ("broken", "pointer"),
    [
        ({"type": "user.joined"}, "#/subject/kind"),
        ({"type": "campaign.gone"}, "#/type"),
        ({"time": "2026-01-01T00:00:00"}, "#/time"),
        ({"time": 1767225600}, "#/time"),
        ({"time": "8000-01-01T00:00:00Z"}, "#/time"),
        ({"id": "7"}, "#/id"),
        ({"subject": {"kind": "campaign"}}, "#/subject/id"),
        ({"subject": {"kind": "church", "id": str(uuid4())}}, "#/subject/kind"),
        ({"data": {"colour": "red"}}, "#/data/colour"),
        ({"data": []}, "#/data"),
        ({"extra": 1}, "#/extra"),
        ({"type": "campaign.progress", "data": {"progress": True}}, "#/data/progress"),
        ({"type": "campaign.progress", "data": {"progress": 1.01}}, "#/data/progress"),
        ({"type": "campaign.progress", "data": {"progress": "0.5"}}, "#/data/progress"),
        ({"type": "campaign.ended", "data": {"delivered": 1}}, "#/data/delivered"),
        ({"type": "campaign.ended", "data": {"delivered": True, "reason": "a\u0000b"}}, "#/data/reason"),
        ({"type": "verification.granted", "data": {"item": "shoe_size"}}, "#/data/item"),
        ({"type": "verification.granted", "data": {"item": "bank", "expires_at": "soon"}}, "#/data/expires_at"),
        ({"type": "payment.succeeded", "data": {"payment_id": "p", "amount": 5, "currency": "GBP"}}, "#/data/amount"),
        (
            {"type": "payment.succeeded", "data": {"payment_id": "p", "amount": "-5", "currency": "GBP"}},
            "#/data/amount",
        ),
    ],
)
def test_a_wrong_fact_is_refused_where_it_is_wrong_and_nothing_is_written(
    monolith: Caller, broken: dict[str, Any], pointer: str
) -> None:
    answer = monolith.post("/trust/evidence", a_fact() | broken)
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid")
    assert any(each["pointer"].endswith(pointer.lstrip("#")) for each in answer.json()["errors"]), answer.json()
    assert (Fact.objects.count(), Campaign.objects.count(), Due.objects.count()) == (0, 0, 0)


def test_one_wrong_fact_among_many_refuses_all(monolith: Caller) -> None:
    facts = [a_gift(), a_fact(type="campaign.milestone", data={"milestone_id": "m"}), a_gift()]
    answer = monolith.post("/trust/evidence", {"facts": facts})
    assert answer.status_code == 422
    assert answer.json()["errors"] == [{"pointer": "#/facts/1/data/kept", "message": "Field required"}]
    assert Fact.objects.count() == 0


def test_more_than_a_thousand_facts_are_too_many(monolith: Caller) -> None:
    answer = monolith.post("/trust/evidence", {"facts": [a_fact() for _ in range(1001)]})
    assert answer.status_code == 422
    assert Fact.objects.count() == 0


@pytest.mark.parametrize(
    "text",
    ["", "{", "null", "[]", "[[[[", '{"facts": []}', '{"facts": null}', '{"facts": {}}', b"\xff\xfe", '"x"', "1e999"],
)
def test_no_body_is_an_internal_error(monolith: Caller, text: str | bytes) -> None:
    assert monolith.post_text("/trust/evidence", text).status_code in (400, 422)


@pytest.mark.parametrize(
    "roles", [("donor",), ("recipient",), ("analyst",), ("admin",), ("support", "finance", "editor")]
)
def test_people_cannot_plant_evidence(roles: tuple[str, ...]) -> None:
    assert person(*roles).post("/trust/evidence", a_gift()).status_code == 403
    assert Fact.objects.count() == 0


def test_neither_can_nobody_nor_another_service(nobody: Caller, payments: Caller, notify: Caller) -> None:
    for caller, status in ((nobody, 401), (payments, 403), (notify, 403)):
        assert caller.post("/trust/evidence", a_gift()).status_code == status
    assert Fact.objects.count() == 0


@pytest.mark.parametrize("change", ["UPDATE trust_evidence_fact SET type = 'x'", "DELETE FROM trust_evidence_fact"])
def test_the_database_refuses_to_change_a_fact(monolith: Caller, change: str) -> None:
    monolith.post("/trust/evidence", a_gift())
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)
    assert Fact.objects.get().type == "payment.succeeded"


def test_evidence_marks_the_campaign_its_owner_and_the_giver(monolith: Caller) -> None:
    campaign, owner, other, giver = uuid4(), uuid4(), uuid4(), uuid4()
    monolith.put(f"/trust/campaigns/{campaign}", {"title": "Well", "owner_id": str(owner), "currency": "GBP"})
    monolith.put(f"/trust/campaigns/{other}", {"title": "Roof", "owner_id": str(owner), "currency": "GBP"})
    Due.objects.all().delete()
    monolith.post(
        "/trust/evidence",
        fact("payment.succeeded", campaign, payment_id="p", donor_id=str(giver), amount="1.00", currency="GBP"),
    )
    assert {(due.kind, due.entity_id) for due in Due.objects.all()} == {
        ("campaign", campaign),
        ("user", owner),
        ("user", giver),
    }
    # What the organiser's other campaigns inherit moves them too.
    monolith.post("/trust/evidence", fact("payment.disputed", campaign, payment_id="p", stage="opened"))
    assert ("campaign", other) in {(due.kind, due.entity_id) for due in Due.objects.all()}


def test_describing_a_campaign_is_new_once(monolith: Caller, payments: Caller) -> None:
    campaign, owner = uuid4(), uuid4()
    body = {"title": "A well", "owner_id": str(owner), "currency": "GBP", "category": "water"}
    first = payments.put(f"/trust/campaigns/{campaign}", body)
    assert (first.status_code, first.json()) == (201, body | {"campaign_id": str(campaign)})
    again = monolith.put(f"/trust/campaigns/{campaign}", body | {"title": "Two wells"})
    assert (again.status_code, again.json()["title"]) == (200, "Two wells")


def test_a_description_wins_over_what_facts_claim(monolith: Caller) -> None:
    campaign, owner, claimed = uuid4(), uuid4(), uuid4()
    monolith.post("/trust/evidence", fact("campaign.created", campaign, owner_id=str(claimed), category="water"))
    assert Campaign.objects.get().owner_id == claimed
    body = {"title": "A well", "owner_id": str(owner), "currency": "GBP"}
    assert monolith.put(f"/trust/campaigns/{campaign}", body).status_code == 201
    monolith.post("/trust/evidence", fact("campaign.created", campaign, owner_id=str(claimed), category="roofs"))
    found = Campaign.objects.get()
    assert (found.owner_id, found.category) == (owner, "water")


@pytest.mark.parametrize("roles", [("donor",), ("analyst",), ("admin",)])
def test_people_cannot_describe_campaigns(roles: tuple[str, ...]) -> None:
    body = {"title": "A well", "owner_id": str(uuid4()), "currency": "GBP"}
    assert person(*roles).put(f"/trust/campaigns/{uuid4()}", body).status_code == 403
    assert Campaign.objects.count() == 0


def test_the_same_facts_in_another_order_give_the_same_score(monolith: Caller, analyst: Caller) -> None:
    one, other, owner = uuid4(), uuid4(), uuid4()
    facts = a_good_campaign(one, owner)
    for told in facts:
        if told["subject"]["id"] == str(one):
            assert monolith.post("/trust/evidence", told).status_code == 200
    again = [
        told | {"id": str(uuid4()), "subject": {"kind": "campaign", "id": str(other)}}
        for told in reversed(facts)
        if told["subject"]["id"] == str(one)
    ]
    Campaign.objects.update(owner_id=None)
    assert monolith.post("/trust/evidence", {"facts": again}).status_code == 200
    Campaign.objects.update(owner_id=None)
    answers = [
        analyst.post("/trust/calculate", {"entity": {"kind": "campaign", "id": str(each)}}).json()
        for each in (one, other)
    ]
    assert answers[0]["rated"] is True
    assert answers[0]["score"] == pytest.approx(answers[1]["score"], abs=0.01)


@pytest.mark.parametrize(
    ("type", "kind", "data"),
    [
        ("hold.placed", "campaign", {"hold_id": str(uuid4())}),
        ("hold.lifted", "user", {"hold_id": str(uuid4())}),
        ("score.imported", "user", {"score": 99}),
    ],
)
def test_what_only_the_house_may_tell_is_refused_from_outside(
    monolith: Caller, type: str, kind: str, data: dict[str, Any]
) -> None:
    answer = monolith.post("/trust/evidence", a_fact(type=type, kind=kind, data=data))
    assert (answer.status_code, Fact.objects.count()) == (422, 0)
