"""Reports: once per person and thing, weighed by who reports, sealed, and never showing who it was."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from bh_sdk.server.events.models import RecordedEvent
from tests.trust.conftest import Caller, person
from tests.trust.evidence import a_good_campaign, about_user, fact
from trust_svc.evidence.models import Campaign, Fact
from trust_svc.reports import commands as reports
from trust_svc.reports.models import Report
from trust_svc.scoring import commands as scoring
from trust_svc.scoring.models import Due, Score

pytestmark = pytest.mark.django_db

WORDS = "The pictures show another well, and nobody answers my questions."


@pytest.fixture
def campaign(monolith: Caller) -> UUID:
    campaign = uuid4()
    monolith.post("/trust/evidence", {"facts": a_good_campaign(campaign, uuid4())})
    scoring.rescore(kind="campaign", entity_id=campaign)
    return campaign


def report(campaign: UUID, **more: Any) -> dict[str, Any]:
    return {"entity_type": "campaign", "entity_id": str(campaign), "kind": "fraud", "description": WORDS} | more


def test_a_report_is_kept_told_and_weighed(donor: Caller, campaign: UUID, moved_clock: Any) -> None:
    before = Score.objects.get(entity_id=campaign).score
    Due.objects.all().delete()
    answer = donor.post("/trust/report", report(campaign, evidence_urls=["https://example.org/a.jpg"]))
    assert answer.status_code == 201
    stored = Report.objects.get()
    assert answer.json() == {
        "report_id": str(stored.id),
        "entity_type": "campaign",
        "entity_id": str(campaign),
        "kind": "fraud",
        "status": "open",
        "created_at": answer.json()["created_at"],
    }
    assert (stored.description.open(), stored.evidence_urls) == (WORDS, ["https://example.org/a.jpg"])
    told = RecordedEvent.objects.get(type="trust.report.filed.v1")
    assert told.payload == {
        "report_id": str(stored.id),
        "entity_kind": "campaign",
        "entity_id": str(campaign),
        "kind": "fraud",
    }
    known = Fact.objects.get(type="report.filed")
    assert known.data == {"report_id": str(stored.id), "kind": "fraud", "reporter_id": str(donor.id)}
    moved_clock(2)
    scoring.rescore_due()
    assert 0 < before - Score.objects.get(entity_id=campaign).score <= 3


def test_what_was_written_is_nowhere_in_clear(donor: Caller, campaign: UUID) -> None:
    donor.post("/trust/report", report(campaign, description="Ask Jonah Amittai of Tarshish about it"))
    with connection.cursor() as cursor:
        for table in ("trust_reports_report", "trust_evidence_fact", "event"):
            cursor.execute(f"SELECT count(*) FROM {table} AS t WHERE t::text LIKE '%Amittai%'")
            assert cursor.fetchone() == (0,)


def test_a_second_open_report_about_the_same_thing_is_refused(donor: Caller, campaign: UUID) -> None:
    donor.post("/trust/report", report(campaign))
    again = donor.post("/trust/report", report(campaign, kind="spam"))
    assert (again.status_code, again.json()["code"]) == (409, "report_already_open")
    assert (Report.objects.count(), Fact.objects.filter(type="report.filed").count()) == (1, 1)
    assert RecordedEvent.objects.filter(type="trust.report.filed.v1").count() == 1
    assert person().post("/trust/report", report(campaign)).status_code == 201


def test_the_database_repeats_that_rule(donor: Caller, campaign: UUID) -> None:
    donor.post("/trust/report", report(campaign))
    first = Report.objects.get()
    twin = Report(
        reporter_id=first.reporter_id,
        entity_kind=first.entity_kind,
        entity_id=first.entity_id,
        kind="spam",
        description="again",
        created_at=first.created_at,
    )
    with pytest.raises(IntegrityError, match="trust_one_open_report"), transaction.atomic():
        twin.save()


def test_a_decided_report_makes_room_for_a_new_one(donor: Caller, monolith: Caller, campaign: UUID) -> None:
    first = donor.post("/trust/report", report(campaign)).json()["report_id"]
    assert reports.settle_decided() == 0
    monolith.post("/trust/evidence", fact("report.decided", campaign, 0, report_id=first, outcome="upheld"))
    assert reports.settle_decided() == 1
    assert reports.settle_decided() == 0
    assert Report.objects.get(id=first).state == "upheld"
    assert donor.post("/trust/report", report(campaign)).status_code == 201


def test_reports_of_one_who_cries_wolf_weigh_less(monolith: Caller, campaign: UUID) -> None:
    def fall(reporter: Caller) -> float:
        with transaction.atomic():
            before = scoring.rescore(kind="campaign", entity_id=campaign).score
            reporter.post("/trust/report", report(campaign))
            after = scoring.rescore(kind="campaign", entity_id=campaign).score
            transaction.set_rollback(True)
        return before - after

    wolf, honest = person(), person()
    for reporter, outcome in ((wolf, "dismissed"), (honest, "upheld")):
        for _ in range(5):
            other, name = uuid4(), str(uuid4())
            said = {"report_id": name, "kind": "fraud", "reporter_id": str(reporter.id)}
            monolith.post("/trust/evidence", fact("report.filed", other, 30, **said))
            monolith.post("/trust/evidence", fact("report.decided", other, 20, report_id=name, outcome=outcome))
    assert 0 < fall(wolf) < fall(person()) < fall(honest) <= 3


@pytest.mark.parametrize(("gave", "least", "most"), [(False, 0.2, 1.0), (True, 2.5, 3.0)], ids=["strangers", "donors"])
def test_a_brigade_costs_little_and_most_when_its_members_gave(
    monolith: Caller, campaign: UUID, gave: bool, least: float, most: float
) -> None:
    mob = [uuid4() for _ in range(250)]
    if gave:
        gifts = [
            fact(
                "payment.succeeded", campaign, 40, payment_id=f"g{at}", donor_id=str(one), amount="5.00", currency="GBP"
            )
            for at, one in enumerate(mob)
        ]
        assert monolith.post("/trust/evidence", {"facts": gifts}).status_code == 200
    before = scoring.rescore(kind="campaign", entity_id=campaign).score
    facts = [
        fact("report.filed", campaign, 0, report_id=f"r{at}", kind="fraud", severity=5, reporter_id=str(one))
        for at, one in enumerate(mob)
    ]
    assert monolith.post("/trust/evidence", {"facts": facts}).status_code == 200
    assert least < before - scoring.rescore(kind="campaign", entity_id=campaign).score <= most


def test_people_can_be_reported_too(donor: Caller, monolith: Caller) -> None:
    user = uuid4()
    monolith.post("/trust/evidence", about_user("user.joined", user))
    answer = donor.post("/trust/report", report(user, entity_type="user", kind="inappropriate"))
    assert (answer.status_code, answer.json()["entity_type"]) == (201, "user")


@pytest.mark.parametrize(
    ("wrong", "pointer"),
    [
        ({"description": "too short"}, "#/description"),
        ({"description": "x" * 5001}, "#/description"),
        ({"description": "a\u0000" * 20}, "#/description"),
        ({"kind": "rude"}, "#/kind"),
        ({"entity_type": "church"}, "#/entity_type"),
        ({"entity_id": 7}, "#/entity_id"),
        ({"evidence_urls": ["javascript:alert(1)"]}, "#/evidence_urls/0"),
        ({"evidence_urls": ["https://a.example/" + "x" * 2100]}, "#/evidence_urls/0"),
        ({"evidence_urls": ["https://a.example/"] * 11}, "#/evidence_urls"),
        ({"reporter_id": str(uuid4())}, "#/reporter_id"),
    ],
)
def test_a_wrong_report_is_refused_and_nothing_is_written(
    donor: Caller, campaign: UUID, wrong: dict[str, Any], pointer: str
) -> None:
    answer = donor.post("/trust/report", report(campaign, **wrong))
    assert answer.status_code == 422
    assert [each["pointer"] for each in answer.json()["errors"]] == [pointer]
    assert (Report.objects.count(), Fact.objects.filter(type="report.filed").count()) == (0, 0)


def test_nobody_can_report_what_nobody_has_heard_of(donor: Caller) -> None:
    assert donor.post("/trust/report", report(uuid4())).status_code == 404
    assert Report.objects.count() == 0


def test_reporting_takes_a_person(nobody: Caller, monolith: Caller, campaign: UUID) -> None:
    assert nobody.post("/trust/report", report(campaign)).status_code == 401
    assert monolith.post("/trust/report", report(campaign)).status_code == 403
    assert Report.objects.count() == 0


def test_nobody_learns_who_reported(donor: Caller, analyst: Caller, campaign: UUID) -> None:
    donor.post("/trust/report", report(campaign))
    scoring.rescore(kind="campaign", entity_id=campaign)
    owner = Caller(person("recipient", id=Score.objects.get(entity_id=campaign).owner_id).token)
    for caller in (owner, analyst):
        for route in ("factors", "campaign", "history"):
            assert str(donor.id) not in caller.get(f"/trust/{route}/{campaign}").content.decode()


def test_staff_list_reports_in_pages_and_never_who_filed_them(analyst: Caller, campaign: UUID) -> None:
    filed = [person().post("/trust/report", report(campaign)).json()["report_id"] for _ in range(3)]
    page = analyst.get("/trust/reports?limit=2").json()
    rest = analyst.get(page["next"].removeprefix("/api/v1")).json()
    rows = page["results"] + rest["results"]
    assert [each["report_id"] for each in rows] == filed[::-1]
    assert set(rows[0]) == {
        "report_id", "entity_type", "entity_id", "kind", "status", "created_at", "decided_at",
    }  # fmt: skip
    for narrowed, count in (("status=open", 3), ("status=upheld", 0), ("kind=spam", 0), (f"entity_id={campaign}", 3)):
        assert len(analyst.get(f"/trust/reports?{narrowed}").json()["results"]) == count, narrowed
    assert analyst.get("/trust/reports?status=gone").status_code == 422
    own = person("analyst", id=Campaign.objects.get(id=campaign).owner_id)
    assert own.get("/trust/reports").json()["results"] == []
