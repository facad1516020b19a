"""The trust desk: who sees it, what it shows, and that it writes nothing by hand."""

from __future__ import annotations

import re
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.test import Client
from django.urls import reverse

from bh_sdk.server.access.models import Staff
from tests.trust.conftest import Caller, person
from tests.trust.evidence import a_good_campaign
from trust_svc.evidence.models import Fact
from trust_svc.holds import commands as holding
from trust_svc.holds import queries as holds
from trust_svc.reports.models import Report
from trust_svc.scoring import commands
from trust_svc.scoring.models import ParameterSet, Score

pytestmark = pytest.mark.django_db

SECRET = "Ask Jonah Amittai of Tarshish about it"


def desk(*roles: str) -> Client:
    staff = Staff.objects.create_user(f"staff-{uuid4().hex[:8]}", "demo-demo", sub=uuid4(), roles=list(roles))
    client = Client()
    client.force_login(staff)
    return client


@pytest.fixture
def campaign(monolith: Caller) -> UUID:
    campaign, owner = uuid4(), uuid4()
    body = {"title": "A well in Tamale", "owner_id": str(owner), "currency": "GBP", "category": "water"}
    monolith.put(f"/trust/campaigns/{campaign}", body)
    monolith.post("/trust/evidence", {"facts": a_good_campaign(campaign, owner)})
    commands.rescore(kind="campaign", entity_id=campaign)
    report = {"entity_type": "campaign", "entity_id": str(campaign), "kind": "fraud", "description": SECRET}
    assert person().post("/trust/report", report).status_code == 201
    return campaign


def pages(campaign: UUID) -> dict[str, str]:
    score, report = Score.objects.get(entity_id=campaign), Report.objects.get()
    fact = Fact.objects.filter(subject_id=campaign).first()
    assert fact is not None
    return {
        "scores": reverse("admin:trust_scoring_score_changelist"),
        "score": reverse("admin:trust_scoring_score_change", args=(score.id,)),
        "reports": reverse("admin:trust_reports_report_changelist"),
        "report": reverse("admin:trust_reports_report_change", args=(report.id,)),
        "facts": reverse("admin:trust_evidence_fact_changelist"),
        "fact": reverse("admin:trust_evidence_fact_change", args=(fact.id,)),
        "campaigns": reverse("admin:trust_evidence_campaign_changelist"),
        "campaign": reverse("admin:trust_evidence_campaign_change", args=(campaign,)),
        "parameters": reverse("admin:trust_versions_version_change", args=(1,)),
    }


def test_an_analyst_sees_every_page(campaign: UUID) -> None:
    client = desk("analyst")
    for name, path in pages(campaign).items():
        answer = client.get(path)
        assert answer.status_code == 200, name
        assert "unclosed" not in answer.content.decode()
    assert client.get("/admin/").status_code == 200


@pytest.mark.parametrize("role", ["finance", "editor"])
def test_other_desks_see_none_of_it(campaign: UUID, role: str) -> None:
    client = desk(role)
    for name, path in pages(campaign).items():
        assert client.get(path).status_code == 403, name


def test_nobody_signed_in_sees_nothing(campaign: UUID) -> None:
    for name, path in pages(campaign).items():
        answer = Client().get(path)
        assert (answer.status_code, "/login/" in answer.headers["Location"]) == (302, True), name


def test_a_score_page_shows_what_it_is_made_of(campaign: UUID) -> None:
    text = desk("analyst").get(pages(campaign)["score"]).content.decode()
    score = Score.objects.get(entity_id=campaign)
    assert f"{score.score:.1f}" in text
    assert "A well in Tamale" in text
    for factor in ("Completion", "Updates", "Engagement", "Verification", "History"):
        assert factor in text
    assert "<polyline" in text
    assert score.reasons[0]["text"] in text
    assert "campaign.update_posted" in text
    gift = Fact.objects.filter(type="payment.succeeded").first()
    assert gift is not None
    assert str(gift.person_id) not in text


def test_the_page_of_a_score_leads_to_everything_about_it_that_the_reader_may_open(campaign: UUID) -> None:
    holding.place_hold(entity_kind="campaign", entity_id=campaign, reason="Nobody was paid.", by=str(uuid4()))
    hold = holds.holds_of("campaign", campaign)[0]
    path, report = pages(campaign)["score"], Report.objects.get()
    seen = {role: desk(role).get(path).content.decode() for role in ("analyst", "support", "auditor")}
    for role, text in seen.items():
        for model, row in (("reports_report", report.id), ("holds_hold", hold.id)):
            there = reverse(f"admin:trust_{model}_changelist") in text or str(row) in text
            assert there, (role, model)
        assert "1 open" in text, role
        assert "1 in force" in text, role
        assert "Identity verified" in text, role
    facts, appeals = reverse("admin:trust_evidence_fact_changelist"), "Appeals</dt>"
    assert [facts in seen[role] for role in ("analyst", "support", "auditor")] == [True, False, True]
    assert [appeals in seen[role] for role in ("analyst", "support", "auditor")] == [True, False, True]


@pytest.mark.parametrize("role", ["analyst", "support", "auditor", "admin"])
def test_no_link_of_any_page_leads_to_a_refusal(campaign: UUID, role: str) -> None:
    client = desk(role)
    for name, path in pages(campaign).items():
        answer = client.get(path)
        if answer.status_code != 200:
            continue
        for href in sorted(set(re.findall(r'href="(/admin/trust_[^"]+)"', answer.content.decode()))):
            # A button's address needs the verb; its page asked for that already.
            status = client.get(href.replace("&amp;", "&")).status_code
            assert status in (200, 302), (name, href, status)


def test_only_who_may_open_a_report_reads_it(campaign: UUID) -> None:
    report, path = Report.objects.get(), pages(campaign)["report"]
    opened = desk("analyst").get(path).content.decode()
    assert SECRET in opened
    assert str(report.reporter_id) in opened
    closed = desk("support").get(path).content.decode()
    assert SECRET not in closed
    assert str(report.reporter_id) not in closed
    assert "Sealed" in closed


@pytest.mark.parametrize("term", ["tamale", "{campaign}", "no such thing", "'; --", "%"])
def test_searching_finds_by_id_and_title_and_never_breaks(campaign: UUID, term: str) -> None:
    client, paths = desk("analyst"), pages(campaign)
    for name in ("scores", "reports", "facts", "campaigns"):
        answer = client.get(paths[name], {"q": term.format(campaign=campaign)})
        assert answer.status_code == 200, name
    found = client.get(paths["scores"], {"q": term.format(campaign=campaign)}).content.decode()
    assert (str(campaign) in found.replace(term, "")) is (term in ("tamale", "{campaign}"))


def test_no_form_writes_anything(campaign: UUID) -> None:
    client, paths = desk("admin", "analyst"), pages(campaign)
    before = [list(model.objects.order_by("pk").values()) for model in (Score, Fact, ParameterSet)]
    for name in ("score", "report", "fact", "campaign", "parameters"):
        assert client.post(paths[name], {"score": "100", "state": "dismissed"}).status_code == 403, name
        assert client.post(paths[name].replace("/change/", "/delete/"), {"post": "yes"}).status_code == 403, name
        add = paths[name].rsplit("/", 3)[0] + "/add/"
        assert client.post(add, {}).status_code == 403, name
    assert [list(model.objects.order_by("pk").values()) for model in (Score, Fact, ParameterSet)] == before
    assert Report.objects.get().state == "open"


def test_a_refused_report_reads_as_a_page_and_a_program_gets_its_problem(campaign: UUID) -> None:
    client = desk("support")
    answer = client.get("/staff/reports/scores/", headers={"Accept": "text/html"})
    text = answer.content.decode()
    assert (answer.status_code, answer["Content-Type"]) == (403, "text/html; charset=utf-8")
    assert "takes the role analyst or admin or auditor." in text
    assert 'href="/staff/reports/"' in text
    answer = client.get("/staff/reports/scores/", headers={"Accept": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


def calculate_path(campaign: UUID) -> str:
    score = Score.objects.get(entity_id=campaign)
    return reverse("admin:trust_scoring_score_calculate", args=(score.id,))


def test_calculating_takes_a_confirmed_dialog(campaign: UUID) -> None:
    client: Any = desk("analyst")
    path = calculate_path(campaign)
    asked = client.get(path, headers={"HX-Request": "true"})
    assert (asked.status_code, Score.objects.get(entity_id=campaign).revision) == (200, 1)
    done = client.post(path, {"_form_submitted": "on"}, headers={"HX-Request": "true"})
    assert (done.status_code, "HX-Redirect" in done.headers) == (200, True)
    assert Score.objects.get(entity_id=campaign).revision == 2
    for role in ("support", "auditor"):
        assert desk(role).post(path, {"_form_submitted": "on"}, headers={"HX-Request": "true"}).status_code == 403
    assert Score.objects.get(entity_id=campaign).revision == 2
