"""What an owner reads of the evidence, and the badges that everybody sees."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from bh_sdk.server.ops import clock
from tests.trust.conftest import Caller, person
from tests.trust.evidence import a_good_campaign, about_user, ago, fact
from trust_svc.evidence import commands as evidence
from trust_svc.evidence.rules import CONTRACT, HOUSE, NewFact
from trust_svc.overrides import commands as overrides
from trust_svc.overrides.rules import Wish
from trust_svc.scoring import commands
from trust_svc.scoring.engine import FACTORS
from trust_svc.scoring.telling import told

pytestmark = pytest.mark.django_db

EXAMPLES: dict[str, list[dict[str, Any]]] = {
    "verification.granted": [{"item": "identity"}, {"item": "bank", "expires_at": "2030-01-02T00:00:00Z"}],
    "verification.revoked": [{"item": "address"}],
    "campaign.progress": [{"progress": 0.4}],
    "campaign.milestone": [{"milestone_id": "m", "kept": True}, {"milestone_id": "m", "kept": False}],
    "campaign.ended": [{"delivered": True}, {"delivered": False}],
    "payment.succeeded": [{"payment_id": "p", "donor_id": "SECRET", "amount": "5.00", "cluster": "SECRET"}],
    "payment.refunded": [{"payment_id": "p", "for_cause": True}, {"payment_id": "p", "for_cause": False}],
    "payment.disputed": [{"payment_id": "p", "stage": stage} for stage in ("early_warning", "opened", "won", "lost")],
    "report.filed": [{"report_id": "r", "kind": "fraud", "reporter_id": "SECRET", "cluster": "SECRET", "severity": 5}],
    "report.decided": [{"report_id": "r", "outcome": outcome} for outcome in ("upheld", "dismissed")],
    "case.decided": [{"outcome": outcome} for outcome in ("confirmed", "valuable", "false")],
    "hold.placed": [{"hold_id": "SECRET"}],
    "score.imported": [{"score": 40}],
}


@pytest.mark.parametrize("type", [*CONTRACT, *HOUSE])
def test_every_type_of_fact_says_something_and_names_nobody(type: str) -> None:
    for data in EXAMPLES.get(type, [{}]):
        text, factor, effect = told(type, data)
        assert len(text) > 8
        assert "SECRET" not in text
        assert factor is None or factor in FACTORS
        assert (factor is None) or effect is not None


@pytest.fixture
def owner() -> Caller:
    return person("recipient")


def rated(monolith: Caller, owner: Caller, *more: dict[str, Any]) -> UUID:
    campaign = uuid4()
    facts = [*a_good_campaign(campaign, owner.id), *more]
    assert monolith.post("/trust/evidence", {"facts": facts}).status_code == 200
    commands.rescore(kind="campaign", entity_id=campaign)
    commands.rescore(kind="user", entity_id=owner.id)
    return campaign


def test_lines_say_what_happened_and_what_it_did(monolith: Caller, owner: Caller) -> None:
    campaign = rated(monolith, owner)
    lines = owner.get(f"/trust/factors/{campaign}").json()["evidence"]
    assert [line["time"] for line in lines] == sorted((line["time"] for line in lines), reverse=True)
    said = {(line["text"], line["about"], line["factor"], line["effect"]) for line in lines}
    assert ("Identity verified", "organiser", "verification", "raises") in said
    assert ("Bank account verified", "itself", "verification", "raises") in said
    assert ("A gift arrived", "itself", "engagement", "raises") in said
    assert ("Progress reported: 80%", "itself", "completion", "raises") in said


def test_reporters_and_givers_stay_unknown_to_owner_and_staff(monolith: Caller, owner: Caller, analyst: Caller) -> None:
    reporter, giver = uuid4(), uuid4()
    campaign = uuid4()
    filed = fact("report.filed", campaign, 3, report_id="r1", kind="fraud", reporter_id=str(reporter), cluster="ring-7")
    gift = fact(
        "payment.succeeded",
        campaign,
        4,
        payment_id="p1",
        donor_id=str(giver),
        amount="5.00",
        currency="GBP",
        cluster="ring-8",
    )
    monolith.post("/trust/evidence", {"facts": [*a_good_campaign(campaign, owner.id), filed, gift]})
    for caller in (owner, analyst):
        answer = caller.get(f"/trust/factors/{campaign}")
        for secret in (str(reporter), str(giver), "ring-7", "ring-8", "reporter_id", "donor_id", "cluster", "severity"):
            assert secret not in answer.content.decode(), secret
        [line] = [each for each in answer.json()["evidence"] if each["type"] == "report.filed"]
        assert line["time"] == ago(3)[:10] + "T00:00:00Z"


def test_badges_are_exact_and_public(monolith: Caller, owner: Caller, nobody: Caller) -> None:
    campaign = rated(monolith, owner)
    badges = nobody.get(f"/trust/campaign/{campaign}").json()["badges"]
    assert badges == [
        {"code": "identity_verified", "text": "Identity verified"},
        {"code": "bank_verified", "text": "Bank account verified"},
        {"code": "steady_updates", "text": "An update in at least five of the last six periods"},
    ]
    assert nobody.get(f"/trust/factors/{campaign}").json()["score"]["badges"] == badges
    # Steady updates are one campaign's, not a person's.
    assert [each["code"] for each in nobody.get(f"/trust/user/{owner.id}").json()["badges"]] == [
        "identity_verified",
        "bank_verified",
    ]


def test_delivered_before_means_another_campaign_by_its_last_word(
    monolith: Caller, owner: Caller, nobody: Caller
) -> None:
    def codes(path: str) -> list[str]:
        return [each["code"] for each in nobody.get(path).json()["badges"]]

    campaign, older = rated(monolith, owner), uuid4()
    facts = [
        fact("campaign.created", older, 400, owner_id=str(owner.id), category="health", currency="GBP"),
        fact("campaign.ended", older, 200, delivered=False),
    ]
    monolith.post("/trust/evidence", {"facts": facts})
    commands.rescore(kind="campaign", entity_id=campaign)
    assert "delivered_before" not in codes(f"/trust/campaign/{campaign}")
    monolith.post("/trust/evidence", fact("campaign.ended", older, 100, delivered=True))
    commands.rescore(kind="campaign", entity_id=campaign)
    commands.rescore(kind="campaign", entity_id=older)
    assert "delivered_before" in codes(f"/trust/campaign/{campaign}")
    assert "delivered_before" in codes(f"/trust/user/{owner.id}")
    assert "delivered_before" not in codes(f"/trust/campaign/{older}")


def test_a_badge_goes_with_what_it_stands_for(monolith: Caller, owner: Caller, nobody: Caller) -> None:
    campaign = rated(monolith, owner)
    monolith.post("/trust/evidence", about_user("verification.revoked", owner.id, 0, item="identity"))
    commands.rescore(kind="campaign", entity_id=campaign)
    assert [each["code"] for each in nobody.get(f"/trust/campaign/{campaign}").json()["badges"]] == [
        "bank_verified",
        "steady_updates",
    ]


def test_a_held_campaign_shows_its_hold_to_its_owner(monolith: Caller, owner: Caller) -> None:
    campaign, hold = rated(monolith, owner), uuid4()
    placed = NewFact(uuid4(), "hold.placed", clock.now(), "campaign", campaign, {"hold_id": str(hold)})
    evidence.take_in(facts=[placed], source="trust")
    answer = owner.get(f"/trust/factors/{campaign}")
    [line] = [each for each in answer.json()["evidence"] if each["type"] == "hold.placed"]
    assert (line["text"], line["effect"]) == ("Put on hold by our staff", "lowers")
    assert str(hold) not in answer.content.decode()


def test_an_override_is_told_to_owner_and_staff_and_its_end(
    monolith: Caller, owner: Caller, nobody: Caller, analyst: Caller
) -> None:
    campaign = rated(monolith, owner)
    path = f"/trust/campaign/{campaign}"
    assert owner.get(path).json()["override"] is None
    before = nobody.get(path).json()["score"]
    wish = Wish(what="score", value=round(before) - 5)
    overrides.ask_override(
        entity_kind="campaign", entity_id=campaign, wish=wish, reason="harm", note="Until the bank has answered us",
        days=10, by=analyst.id,
    )  # fmt: skip
    public = nobody.get(path).json()
    assert (public["score"], public["override"]) == (round(before) - 5, None)
    for caller in (owner, analyst):
        [until] = caller.get(path).json()["override"].values()
        assert until[:10] == ago(-10)[:10]
        assert caller.get(f"/trust/factors/{campaign}").json()["score"]["override"]["until"][:20] == until[:20]
    sources = [line["source"] for line in owner.get(f"/trust/history/{campaign}").json()["results"]]
    assert sources == ["override", "calculated"]
