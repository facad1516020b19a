"""Staff are people too: about themselves and their own campaigns they decide nothing, and see what owners see."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.contrib.admin.models import LogEntry
from django.db.models import Model
from django.urls import reverse

from tests.trust.conftest import Caller, person
from tests.trust.evidence import a_good_campaign, fact
from tests.trust.test_overrides_desk import at_desk, press
from trust_svc.cases import gathering
from trust_svc.cases.models import Case
from trust_svc.evidence.models import Fact
from trust_svc.holds import commands as holds
from trust_svc.holds.errors import OwnHold
from trust_svc.holds.models import Hold
from trust_svc.reports.models import Report
from trust_svc.scoring import commands as scoring
from trust_svc.scoring.models import Due, Score

pytestmark = pytest.mark.django_db
WHY = "The beneficiary says that no money has reached them."


@pytest.fixture
def owner() -> UUID:
    return uuid4()


@pytest.fixture
def campaign(monolith: Caller, owner: UUID) -> UUID:
    campaign = uuid4()
    body = {"title": "A well in Tamale", "owner_id": str(owner), "currency": "GBP", "category": "water"}
    monolith.put(f"/trust/campaigns/{campaign}", body)
    monolith.post("/trust/evidence", {"facts": a_good_campaign(campaign, owner)})
    for kind, entity_id in (("campaign", campaign), ("user", owner)):
        scoring.rescore(kind=kind, entity_id=entity_id)
    return campaign


def report(campaign: UUID) -> Report:
    """Somebody reports it; its score is calculated with that, and its case is open."""
    body = {"entity_type": "campaign", "entity_id": str(campaign), "kind": "fraud", "description": WHY}
    assert person().post("/trust/report", body).status_code == 201
    Due.objects.update(due_at="2020-01-01T00:00:00Z")
    scoring.rescore_due()
    gathering.gather()
    return Report.objects.get(entity_id=campaign)


def page_of(row: Model) -> str:
    return reverse(f"admin:{row._meta.app_label}_{row._meta.model_name}_change", args=(row.pk,))


@pytest.mark.parametrize("kind", ["campaign", "user"])
def test_nobody_lifts_a_hold_of_their_own_by_either_door_nor_by_the_command(
    campaign: UUID, owner: UUID, kind: str
) -> None:
    entity_id = campaign if kind == "campaign" else owner
    hold = holds.place_hold(entity_kind=kind, entity_id=entity_id, reason=WHY, by=str(uuid4()))
    score = Score.objects.get(kind=kind, entity_id=entity_id)
    with pytest.raises(OwnHold):
        holds.lift_hold(hold_id=hold.id, reason="I was paid after all.", by=str(owner))
    mine, _ = at_desk("analyst", sub=owner)
    assert "/lift" not in mine.get(page_of(hold)).content.decode()
    for name, pk in (("trust_holds_hold_lift", hold.id), ("trust_scoring_score_lift_hold", score.id)):
        assert press(mine, name, pk, reason="I was paid after all.").status_code in (403, 404)
    hold.refresh_from_db()
    assert hold.lifted_at is None
    assert not Fact.objects.filter(type="hold.lifted").exists()
    colleague, _ = at_desk("analyst")
    assert "/lift" in colleague.get(page_of(hold)).content.decode()


def test_nobody_puts_a_hold_on_their_own(campaign: UUID, owner: UUID) -> None:
    score = Score.objects.get(kind="campaign", entity_id=campaign)
    mine, _ = at_desk("analyst", sub=owner)
    assert press(mine, "trust_scoring_score_place_hold", score.id, reason=WHY).status_code in (403, 404)
    with pytest.raises(OwnHold):
        holds.place_hold(entity_kind="user", entity_id=owner, reason=WHY, by=str(owner))
    assert not Hold.objects.exists()


def test_the_page_of_ones_own_score_shows_what_an_owner_sees_and_nothing_of_reports(
    campaign: UUID, owner: UUID
) -> None:
    mine, _ = at_desk("analyst", sub=owner)
    colleague, _ = at_desk("analyst")
    score = Score.objects.get(entity_id=campaign)
    before = mine.get(page_of(score)).content.decode()
    report(campaign)
    score.refresh_from_db()
    assert score.outside is not None
    assert f"{score.outside['score']:.1f}" != f"{score.score:.1f}"
    after = mine.get(page_of(score)).content.decode()
    assert f"{score.outside['score']:.1f}" in after
    for secret in (
        f"{score.score:.1f}",
        "report.filed",
        "Unreviewed reports",
        "All open reports",
        "Others see",
        "1 open",
    ):
        assert secret not in after, secret
    assert before.count("<") == after.count("<")
    theirs = colleague.get(page_of(score)).content.decode()
    assert f"{score.score:.1f}" in theirs
    assert "All open reports are dismissed" in theirs


def test_what_is_said_against_ones_own_stands_on_no_desk_and_in_no_sheet_of_theirs(campaign: UUID, owner: UUID) -> None:
    filed = report(campaign)
    case, told = Case.objects.get(entity_id=campaign), Fact.objects.get(type="report.filed")
    mine, _ = at_desk("analyst", "auditor", sub=owner)
    colleague, _ = at_desk("analyst", "auditor")
    for row in (case, filed):
        refused = mine.get(page_of(row))
        assert (refused.status_code, WHY in refused.content.decode()) == (403, False)
        assert colleague.get(page_of(row)).status_code == 200
    assert mine.get(page_of(told)).status_code == 302
    rows: list[Model] = [case, filed, Score.objects.get(entity_id=campaign)]
    for listed in rows:
        path = page_of(listed).rsplit("/", 3)[0] + "/"
        seen = [page_of(listed) in _whole(client.get(path)) for client in (mine, colleague)]
        assert seen == [False, True], path
    for name in ("cases", "reports", "scores", "history-of-scores"):
        path = f"/staff/reports/{name}/?format=csv"
        seen = [str(campaign) in _whole(client.get(path)) for client in (mine, colleague)]
        assert seen == [False, True], path


@pytest.mark.parametrize(("role", "reads"), [("analyst", True), ("admin", True), ("auditor", False)])
def test_only_who_may_open_reports_reads_in_the_evidence_who_reported(campaign: UUID, role: str, reads: bool) -> None:
    reporter, told = str(report(campaign).reporter_id), Fact.objects.get(type="report.filed")
    client, _ = at_desk(role)
    text = client.get(page_of(told)).content.decode()
    assert (reporter in text, "sealed" in text) == (reads, not reads)
    assert LogEntry.objects.filter(object_id=str(told.id)).exists() is reads


def test_what_a_platform_says_of_a_reporter_stands_on_no_page_of_a_score(monolith: Caller, campaign: UUID) -> None:
    said = {"report_id": "r-1", "kind": "spam", "reporter_standing": 0.8123, "reporter_upheld": 41, "cluster": "c-77"}
    monolith.post("/trust/evidence", fact("report.filed", campaign, 2, **said))
    support, _ = at_desk("support")
    text = support.get(page_of(Score.objects.get(entity_id=campaign))).content.decode()
    assert "Somebody reported a concern" in text
    for secret in ("0.8123", "reporter_upheld", "c-77"):
        assert secret not in text


def _whole(answer: Any) -> str:
    assert answer.status_code == 200
    body = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return str(body.decode())
