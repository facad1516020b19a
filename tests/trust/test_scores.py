"""Scores as others see them: exact sums, thin evidence, who sees what, ETags."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.trust.conftest import Caller, person
from tests.trust.evidence import a_good_campaign, about_user, fact, gifts
from trust_svc.evidence.models import Campaign
from trust_svc.scoring import commands
from trust_svc.scoring.models import Due, Job, Score, ScorePoint

pytestmark = pytest.mark.django_db


@pytest.fixture
def owner() -> Caller:
    return person("recipient")


@pytest.fixture
def campaign(monolith: Caller, owner: Caller, moved_clock: Any) -> UUID:
    """A campaign that is rated and calculated."""
    campaign = uuid4()
    assert monolith.post("/trust/evidence", {"facts": a_good_campaign(campaign, owner.id)}).status_code == 200
    moved_clock(2)
    commands.rescore_due()
    return campaign


@pytest.fixture
def newcomer(monolith: Caller, owner: Caller, moved_clock: Any) -> UUID:
    """A campaign of which next to nothing is known."""
    campaign = uuid4()
    body = {"title": "A well", "owner_id": str(owner.id), "currency": "GBP"}
    assert monolith.put(f"/trust/campaigns/{campaign}", body).status_code == 201
    moved_clock(2)
    commands.rescore_due()
    return campaign


def test_parts_of_a_score_sum_exactly_as_printed(nobody: Caller, campaign: UUID) -> None:
    text = nobody.get(f"/trust/campaign/{campaign}").content
    printed = json.loads(text, parse_float=Decimal, parse_int=Decimal)
    parts = [factor["contribution"] for factor in printed["factors"]] + [printed["cap_adjustment"]]
    assert sum(parts) == printed["score"]
    floats = json.loads(text)
    assert sum(factor["contribution"] for factor in floats["factors"]) + floats["cap_adjustment"] == floats["score"]
    assert [factor["name"] for factor in floats["factors"]] == [
        "completion",
        "updates",
        "engagement",
        "verification",
        "history",
    ]
    assert sum(factor["weight"] for factor in floats["factors"]) == pytest.approx(1)
    for factor in floats["factors"]:
        assert 100 * factor["weight"] * factor["value"] == pytest.approx(factor["contribution"], abs=0.001)


def test_a_rated_campaign_shows_everything_but_whose_it_is(nobody: Caller, campaign: UUID) -> None:
    found = nobody.get(f"/trust/campaign/{campaign}").json()
    assert (found["entity_kind"], found["entity_id"]) == ("campaign", str(campaign))
    assert found["rated"] is True
    assert 50 < found["score"] < 90
    assert found["tier"] in ("STEADY", "TRUSTED")
    assert 0.25 <= found["confidence"] <= 1
    assert found["trend"] is None
    assert 1 <= len(found["reasons"]) <= 4
    assert set(found["reasons"][0]) == {"code", "factor", "points", "text", "help", "gain"}
    assert "owner_id" not in found


def test_without_identity_a_score_is_capped_and_still_sums(monolith: Caller, analyst: Caller) -> None:
    campaign, owner = uuid4(), uuid4()
    facts = [each for each in a_good_campaign(campaign, owner) if each["data"].get("item") != "identity"]
    facts += gifts(campaign, 300, days=3)
    facts += [
        fact("verification.granted", campaign, item=item) for item in ("phone", "registry", "beneficiary", "address")
    ]
    facts += [fact("campaign.milestone", campaign, milestone_id=f"m{index}", kept=True) for index in range(60)]
    assert monolith.post("/trust/evidence", {"facts": facts}).status_code == 200
    found = analyst.post("/trust/calculate", {"entity": {"kind": "campaign", "id": str(campaign)}}).json()
    assert found["score"] == 69
    assert found["cap_adjustment"] < 0
    assert sum(factor["contribution"] for factor in found["factors"]) + found["cap_adjustment"] == 69
    assert (found["reasons"][0]["code"], found["reasons"][0]["factor"]) == ("K1", None)


def test_thin_evidence_hides_the_number_from_the_public(nobody: Caller, donor: Caller, newcomer: UUID) -> None:
    for caller in (nobody, donor):
        answer = caller.get(f"/trust/campaign/{newcomer}")
        found = answer.json()
        assert (answer.status_code, found["rated"], found["score"], found["tier"]) == (200, False, None, None)
        assert (found["factors"], found["cap_adjustment"]) == ([], 0)
        assert [reason["code"] for reason in found["reasons"]] == ["N1"]


def test_owner_and_staff_see_the_provisional_number(
    owner: Caller, analyst: Caller, monolith: Caller, newcomer: UUID
) -> None:
    for caller in (owner, analyst, monolith):
        found = caller.get(f"/trust/campaign/{newcomer}").json()
        assert (found["rated"], found["tier"]) == (False, None)
        assert sum(factor["contribution"] for factor in found["factors"]) + found["cap_adjustment"] == found["score"]
        assert found["score"] > 0


def test_a_campaign_that_was_described_this_moment_is_known_already(nobody: Caller, monolith: Caller) -> None:
    campaign, owner = uuid4(), person("recipient")
    body = {"title": "A well", "owner_id": str(owner.id), "currency": "GBP"}
    monolith.put(f"/trust/campaigns/{campaign}", body)
    assert nobody.get(f"/trust/campaign/{campaign}").json()["score"] is None
    assert owner.get(f"/trust/campaign/{campaign}").json()["score"] > 0
    assert owner.get(f"/trust/user/{owner.id}").json()["score"] > 0
    assert Score.objects.count() == 0


@pytest.mark.parametrize("path", ["/trust/campaign/{}", "/trust/user/{}", "/trust/factors/{}", "/trust/history/{}"])
def test_what_nobody_has_heard_of_is_not_found(analyst: Caller, path: str) -> None:
    answer = analyst.get(path.format(uuid4()))
    assert (answer.status_code, answer.json()["code"]) == (404, "not_found")


@pytest.mark.parametrize("what", ["1", "not-an-id", "%00", "..%2f..", "'--", "0" * 5000, "urn:uuid:{}", "{{{}}}"])
def test_a_malformed_id_in_a_path_leads_nowhere(analyst: Caller, monolith: Caller, campaign: UUID, what: str) -> None:
    malformed, before = what.format(campaign), Campaign.objects.count()
    for route in ("campaign", "user", "factors", "history", "jobs"):
        answer = analyst.get(f"/trust/{route}/{malformed}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found"), route
    body = {"title": "Water", "owner_id": str(uuid4()), "currency": "GBP"}
    assert monolith.put(f"/trust/campaigns/{malformed}", body).status_code == 404
    assert Campaign.objects.count() == before


def test_an_etag_holds_until_the_score_moves(
    nobody: Caller, monolith: Caller, campaign: UUID, moved_clock: Any
) -> None:
    first = nobody.get(f"/trust/campaign/{campaign}")
    etag = first.headers["ETag"]
    again = nobody.get(f"/trust/campaign/{campaign}", **{"If-None-Match": etag})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", etag)
    monolith.post("/trust/evidence", fact("payment.disputed", campaign, payment_id="p", stage="lost"))
    moved_clock(2)
    commands.rescore_due()
    moved = nobody.get(f"/trust/campaign/{campaign}", **{"If-None-Match": etag})
    assert moved.status_code == 200
    assert moved.headers["ETag"] != etag
    assert moved.json()["score"] < first.json()["score"]


def test_owner_and_public_never_share_an_etag(nobody: Caller, owner: Caller, newcomer: UUID) -> None:
    path = f"/trust/campaign/{newcomer}"
    mine = owner.get(path)
    assert "Authorization" in mine.headers["Vary"]
    assert nobody.get(path, **{"If-None-Match": mine.headers["ETag"]}).status_code == 200


def test_evidence_is_shown_to_owner_and_staff_and_names_nobody(
    nobody: Caller, donor: Caller, owner: Caller, analyst: Caller, monolith: Caller, campaign: UUID
) -> None:
    for outsider in (nobody, donor, person("recipient"), person("editor"), person("finance")):
        found = outsider.get(f"/trust/factors/{campaign}").json()
        assert found["score"]["rated"] is True
        assert found["evidence"] is None
    for insider in (owner, analyst, monolith):
        found = insider.get(f"/trust/factors/{campaign}").json()
        assert len(found["evidence"]) > 20
        assert {tuple(line) for line in found["evidence"]} == {
            ("type", "time", "source", "text", "about", "factor", "effect")
        }


def test_history_is_for_owner_and_staff(
    nobody: Caller, donor: Caller, owner: Caller, analyst: Caller, monolith: Caller, campaign: UUID
) -> None:
    path = f"/trust/history/{campaign}"
    assert nobody.get(path).status_code == 401
    assert donor.get(path).status_code == 404
    for insider in (owner, analyst, monolith):
        found = insider.get(path).json()
        assert [set(point) for point in found["results"]] == [
            {"score", "tier", "rated", "source", "version", "calculated_at"}
        ]
        assert found["next"] is None


def test_history_comes_in_pages_newest_first(
    monolith: Caller, analyst: Caller, campaign: UUID, moved_clock: Any
) -> None:
    for index in range(3):
        monolith.post("/trust/evidence", fact("payment.disputed", campaign, payment_id=f"p{index}", stage="lost"))
        moved_clock(2)
        commands.rescore_due()
    first = analyst.get(f"/trust/history/{campaign}?limit=3").json()
    scores = [point["score"] for point in first["results"]]
    assert scores == sorted(scores)
    rest = analyst.get(first["next"].removeprefix("/api/v1")).json()
    assert len(rest["results"]) == 1
    assert rest["results"][0]["score"] > scores[-1]
    assert analyst.get(f"/trust/history/{campaign}?limit=0").status_code == 422
    assert analyst.get(f"/trust/history/{campaign}?cursor=zz").status_code == 422


def test_a_person_has_a_score_through_their_campaigns(nobody: Caller, campaign: UUID, owner: Caller) -> None:
    found = nobody.get(f"/trust/user/{owner.id}").json()
    assert (found["entity_kind"], found["rated"]) == ("user", True)
    assert sum(factor["contribution"] for factor in found["factors"]) + found["cap_adjustment"] == found["score"]


def test_a_giver_owes_no_updates(monolith: Caller, analyst: Caller) -> None:
    giver = uuid4()
    monolith.post("/trust/evidence", about_user("user.joined", giver, 400))
    found = analyst.post("/trust/calculate", {"entity": {"kind": "user", "id": str(giver)}}).json()
    weights = {factor["name"]: factor["weight"] for factor in found["factors"]}
    assert weights["updates"] == 0
    assert sum(weights.values()) == pytest.approx(1, abs=1e-5)


def test_trend_is_what_thirty_days_changed(nobody: Caller, monolith: Caller, campaign: UUID, moved_clock: Any) -> None:
    before = nobody.get(f"/trust/campaign/{campaign}").json()["score"]
    moved_clock(31 * 86400)
    monolith.post("/trust/evidence", fact("campaign.update_posted", campaign, 0))
    moved_clock(2)
    commands.rescore_due()
    after = nobody.get(f"/trust/campaign/{campaign}").json()
    assert after["trend"] == after["score"] - before


# -- calculating -------------------------------------------------------------------------------------------------------


def test_one_entity_is_calculated_now(monolith: Caller, analyst: Caller) -> None:
    campaign = uuid4()
    monolith.post("/trust/evidence", {"facts": a_good_campaign(campaign, uuid4())})
    for caller in (analyst, monolith):
        answer = caller.post("/trust/calculate", {"entity": {"kind": "campaign", "id": str(campaign)}})
        assert (answer.status_code, answer.json()["rated"]) == (200, True)
    assert Score.objects.get(entity_id=campaign).revision == 2


def test_many_are_a_job_that_tells_how_far_it_is(analyst: Caller, campaign: UUID, newcomer: UUID) -> None:
    wanted = [{"kind": "campaign", "id": str(each)} for each in (campaign, newcomer)]
    asked = analyst.post("/trust/calculate", {"entities": [*wanted, wanted[0]]})
    job = asked.json()
    assert (asked.status_code, job["status"], job["done"], job["total"]) == (202, "queued", 0, 2)
    commands.rescore_due(limit=1)
    assert analyst.get(f"/trust/jobs/{job['job_id']}").json()["status"] == "running"
    commands.rescore_due()
    assert analyst.get(f"/trust/jobs/{job['job_id']}").json() == job | {"status": "done", "done": 2}


def test_ten_thousand_are_one_job_and_one_unknown_among_them_is_named(analyst: Caller) -> None:
    campaigns = [Campaign(id=uuid4(), owner_id=uuid4()) for _ in range(10_000)]
    Campaign.objects.bulk_create(campaigns)
    wanted = [{"kind": "campaign", "id": str(each.id)} for each in campaigns]
    asked = analyst.post("/trust/calculate", {"entities": wanted})
    assert (asked.status_code, asked.json()["total"], Due.objects.count()) == (202, 10_000, 10_000)
    stranger = str(uuid4())
    refused = analyst.post("/trust/calculate", {"entities": [*wanted[1:], {"kind": "user", "id": stranger}]})
    assert (refused.status_code, refused.json()["unknown"]) == (404, [stranger])
    assert analyst.post("/trust/calculate", {"entities": [*wanted, wanted[0]]}).status_code == 422
    assert Job.objects.count() == 1


def test_everything_can_be_calculated_again(monolith: Caller, campaign: UUID) -> None:
    job = monolith.post("/trust/calculate", {}).json()
    # The campaign, its owner, and twenty givers.
    assert job["total"] == 22
    commands.rescore_due()
    assert monolith.get(f"/trust/jobs/{job['job_id']}").json()["status"] == "done"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"entity": {"kind": "campaign", "id": str(uuid4())}}, 404),
        ({"entity": {"kind": "church", "id": str(uuid4())}}, 422),
        ({"entities": []}, 422),
        ({"entities": [{"kind": "user", "id": str(uuid4())}]}, 404),
        ({"entity": {"kind": "user", "id": str(uuid4())}, "entities": [{"kind": "user", "id": str(uuid4())}]}, 422),
        ({"everything": True}, 422),
        ([], 422),
    ],
)
def test_nonsense_is_not_calculated(analyst: Caller, body: Any, status: int) -> None:
    assert analyst.post("/trust/calculate", body).status_code == status
    assert (Score.objects.count(), Due.objects.count()) == (0, 0)


def test_calculating_is_for_analysts_and_the_platform(nobody: Caller, donor: Caller, payments: Caller) -> None:
    for caller, status in (
        (nobody, 401),
        (donor, 403),
        (payments, 403),
        (person("support"), 403),
        (person("recipient"), 403),
    ):
        assert caller.post("/trust/calculate", {}).status_code == status
        assert caller.get(f"/trust/jobs/{uuid4()}").status_code == status
    assert ScorePoint.objects.count() == 0
