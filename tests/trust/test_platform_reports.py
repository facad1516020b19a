"""A report that the platform tells is for staff like one that was filed here."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from bh_sdk.server.events.models import RecordedEvent
from tests.trust.conftest import Caller, person
from tests.trust.evidence import a_good_campaign, fact
from trust_svc.cases import commands, gathering
from trust_svc.cases.errors import OwnCase
from trust_svc.cases.models import Case
from trust_svc.evidence.models import Fact
from trust_svc.reports.models import NO_WORDS, NOBODY, Report

pytestmark = pytest.mark.django_db

ANALYST = uuid4()


@pytest.fixture
def campaign(monolith: Caller) -> UUID:
    campaign = uuid4()
    monolith.post("/trust/evidence", {"facts": a_good_campaign(campaign, uuid4())})
    gathering.gather()
    return campaign


def tell(monolith: Caller, campaign: UUID, name: str, days: float = 0.5, **more: Any) -> None:
    told = fact("report.filed", campaign, days, report_id=name, kind="fraud", **more)
    assert monolith.post("/trust/evidence", told).status_code == 200


def decided() -> dict[str, str]:
    rows = Fact.objects.filter(type="report.decided")
    return {row.data["report_id"]: row.data["outcome"] for row in rows}


def test_reports_by_every_door_gather_in_one_case(monolith: Caller, campaign: UUID) -> None:
    reporter = person()
    tell(monolith, campaign, "old-7", reporter_id=str(reporter.id))
    tell(monolith, campaign, "old-8")
    tell(monolith, campaign, "old-9")
    body = {
        "entity_type": "campaign",
        "entity_id": str(campaign),
        "kind": "spam",
        "description": "It is no well at all",
    }
    assert reporter.post("/trust/report", body).status_code == 201
    for _ in range(3):
        gathering.gather()
    tell(monolith, campaign, "old-8", days=0.4)
    gathering.gather()
    case = Case.objects.get()
    assert (case.state, case.signals.filter(kind="report").count()) == ("open", 4)
    reports = {each.name: each for each in Report.objects.exclude(told_as=None)}
    assert set(reports) == {"old-7", "old-8", "old-9"}
    assert (reports["old-7"].reporter_id, reports["old-8"].reporter_id) == (reporter.id, NOBODY)
    assert reports["old-7"].description.open() == NO_WORDS


def test_staff_judge_it_under_the_name_that_the_platform_knows(monolith: Caller, campaign: UUID) -> None:
    reporter = uuid4()
    tell(monolith, campaign, "old-7", reporter_id=str(reporter))
    tell(monolith, campaign, "old-8")
    gathering.gather()
    case = Case.objects.get()
    with pytest.raises(OwnCase):
        commands.claim(case_id=case.id, by=reporter)
    reports = {each.name: each for each in Report.objects.all()}
    verdicts: dict[UUID, Any] = {reports["old-7"].id: "upheld", reports["old-8"].id: "dismissed"}
    commands.decide(
        case_id=case.id, outcome="confirmed", verdicts=verdicts, stop=False, note="Seen it myself", by=ANALYST
    )
    assert decided() == {"old-7": "upheld", "old-8": "dismissed"}
    assert {each.name: each.state for each in Report.objects.all()} == {"old-7": "upheld", "old-8": "dismissed"}
    # Nobody is told what came without a name.
    told = RecordedEvent.objects.filter(type="trust.report.decided.v1")
    assert [each.payload["reporter_id"] for each in told] == [str(reporter)]


def test_what_the_platform_decides_itself_closes_the_case(monolith: Caller, campaign: UUID) -> None:
    tell(monolith, campaign, "old-7")
    gathering.gather()
    monolith.post("/trust/evidence", fact("report.decided", campaign, 0, report_id="old-7", outcome="dismissed"))
    gathering.gather()
    assert (Case.objects.get().outcome, Report.objects.get().state) == ("false", "dismissed")


def test_what_was_judged_before_opens_nothing(monolith: Caller, campaign: UUID) -> None:
    facts = [
        fact("report.filed", campaign, 20, report_id="old-7", kind="fraud"),
        fact("report.decided", campaign, 10, report_id="old-7", outcome="dismissed"),
    ]
    monolith.post("/trust/evidence", {"facts": facts})
    gathering.gather()
    assert (Case.objects.count(), Report.objects.count()) == (0, 0)
