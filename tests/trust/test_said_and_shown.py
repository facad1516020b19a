"""What says nothing is no report, an id is of one kind, and the first answer shows the same badges as the stored one."""

from __future__ import annotations

from uuid import uuid4

import pytest

from bh_sdk.wire.base import said
from tests.trust.conftest import Caller, person
from tests.trust.evidence import a_fact, a_good_campaign, about_user, fact
from trust_svc.evidence.models import Campaign, Fact
from trust_svc.reports.models import Report
from trust_svc.scoring import commands as scoring
from trust_svc.scoring.models import Score


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        (" \n\t" * 9, ""),
        ("\u200b\u200d\u2060\ufeff" * 9, ""),
        ("\u2800\u3164\ufe0f\u00a0" * 9, ""),
        ("  It\u200b is   true ", "It is true"),
        ("सही है", "सही है"),
    ],
)
def test_of_a_text_counts_what_can_be_seen(text: str, seen: str) -> None:
    assert said(text) == seen


@pytest.mark.django_db
@pytest.mark.parametrize("text", [" " * 30, "\u200b" * 30, "a" + " " * 20, "\u3164" * 30])
def test_a_report_that_says_nothing_is_refused_and_nothing_is_written(monolith: Caller, text: str) -> None:
    campaign = uuid4()
    monolith.post("/trust/evidence", fact("campaign.created", campaign, 9, owner_id=str(uuid4())))
    body = {"entity_type": "campaign", "entity_id": str(campaign), "kind": "fraud", "description": text}
    answer = person().post("/trust/report", body)
    assert (answer.status_code, answer.json()["errors"][0]["pointer"]) == (422, "#/description")
    assert not Report.objects.exists()


@pytest.mark.django_db
def test_the_first_answer_has_the_badges_of_the_stored_one(monolith: Caller) -> None:
    campaign, before, owner = uuid4(), uuid4(), uuid4()
    delivered = [
        fact("campaign.created", before, 400, owner_id=str(owner)),
        fact("campaign.ended", before, 200, delivered=True),
    ]
    monolith.post("/trust/evidence", {"facts": [*a_good_campaign(campaign, owner), *delivered]})
    paths = [("campaign", campaign), ("user", owner)]
    assert not Score.objects.exists()
    first = {each: Caller().get(f"/trust/{each[0]}/{each[1]}").json()["badges"] for each in paths}
    for kind, entity_id in paths:
        scoring.rescore(kind=kind, entity_id=entity_id)
    stored = {each: Caller().get(f"/trust/{each[0]}/{each[1]}").json()["badges"] for each in paths}
    assert first == stored
    codes = {each["code"] for each in first["campaign", campaign]}
    assert {"identity_verified", "bank_verified", "steady_updates", "delivered_before"} <= codes


@pytest.mark.django_db
def test_a_persons_id_is_told_as_no_campaigns_and_a_campaigns_as_no_persons(monolith: Caller) -> None:
    campaign, owner, giver, new = uuid4(), uuid4(), uuid4(), uuid4()
    gift = {"payment_id": "p-1", "donor_id": str(giver), "amount": "5.00", "currency": "GBP"}
    monolith.post("/trust/evidence", {"facts": [*a_good_campaign(campaign, owner)]})
    monolith.post("/trust/evidence", fact("payment.succeeded", campaign, 1, **gift))
    before = Fact.objects.count(), Campaign.objects.count()
    for wrong in (
        a_fact(about=owner),
        a_fact(about=giver),
        about_user("user.joined", campaign),
        {"facts": [a_fact(about=new), about_user("user.joined", new)]},
    ):
        answer = monolith.post("/trust/evidence", wrong)
        assert (answer.status_code, answer.json()["errors"][0]["pointer"][-8:]) == (422, "/subject"), answer.content
    described = {"title": "A well", "owner_id": str(uuid4()), "currency": "GBP"}
    assert monolith.put(f"/trust/campaigns/{owner}", described).status_code == 422
    assert (Fact.objects.count(), Campaign.objects.count()) == before
    kind = Caller(monolith.token).get(f"/trust/factors/{owner}").json()["score"]["entity_kind"]
    assert kind == "user"
    assert monolith.put(f"/trust/campaigns/{campaign}", described).status_code in (200, 201)
