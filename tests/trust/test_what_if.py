"""What would move a score: asked of the engine with facts that nobody told, and nothing is kept of it."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from django.urls import reverse

from bh_sdk.server.ops import clock
from tests.trust.conftest import Caller
from tests.trust.evidence import a_good_campaign, about_user, fact
from tests.trust.test_admin import desk
from trust_svc.evidence.models import Fact
from trust_svc.overrides import commands as overrides
from trust_svc.overrides.rules import Wish
from trust_svc.scoring import commands
from trust_svc.scoring.models import Score, ScorePoint
from trust_svc.scoring.whatif import what_if

pytestmark = pytest.mark.django_db


@pytest.fixture
def campaign(monolith: Caller) -> UUID:
    campaign, owner = uuid4(), uuid4()
    monolith.post("/trust/evidence", {"facts": a_good_campaign(campaign, owner)})
    monolith.post(
        "/trust/evidence", fact("report.filed", campaign, 2, report_id="r", kind="fraud", reporter_id=str(uuid4()))
    )
    commands.rescore(kind="campaign", entity_id=campaign)
    return campaign


def gain(campaign: UUID, *keys: str) -> float:
    found = what_if("campaign", campaign, chosen=keys, as_of=clock.now())
    return found.after.score - found.before.score


def test_a_step_alone_is_worth_what_it_says_and_moves_its_own_way(campaign: UUID) -> None:
    found = what_if("campaign", campaign, chosen=(), as_of=clock.now())
    assert found.before == found.after
    worth = {tried.step.key: tried.gain for tried in found.tried}
    good = {"verify-phone", "verify-registry", "verify-address", "dismissed", "deliver"}
    bad = {"revoke-identity", "revoke-bank", "upheld", "fail", "dispute", "hold", "confirm"}
    assert {key for key, points in worth.items() if points > 0} >= good
    assert {key for key, points in worth.items() if points < 0} >= bad
    for key in ("verify-phone", "fail", "hold"):
        assert gain(campaign, key) == pytest.approx(worth[key], abs=0.01)


def test_what_comes_true_is_what_was_foretold(campaign: UUID, monolith: Caller) -> None:
    before = Score.objects.get(entity_id=campaign).score
    foretold = gain(campaign, "verify-registry")
    monolith.post("/trust/evidence", fact("verification.granted", campaign, 0, item="registry"))
    assert commands.rescore(kind="campaign", entity_id=campaign).score - before == pytest.approx(foretold, abs=0.01)


def test_an_item_of_the_organiser_is_lost_for_the_campaign_too(campaign: UUID, monolith: Caller) -> None:
    owner = Score.objects.get(entity_id=campaign).owner_id
    assert owner is not None
    monolith.post("/trust/evidence", about_user("verification.granted", owner, 1, item="phone"))
    held = {tried.step.key for tried in what_if("campaign", campaign, chosen=(), as_of=clock.now()).tried}
    assert {"revoke-phone", "revoke-email"} <= held
    assert gain(campaign, "revoke-phone") < 0


def test_the_page_shows_old_and_new_and_keeps_nothing(campaign: UUID) -> None:
    row = Score.objects.get(entity_id=campaign)
    counted = (Fact.objects.count(), ScorePoint.objects.count(), row.revision)
    client = desk("analyst")
    page = reverse("admin:trust_scoring_score_change", args=(row.id,))
    shown = client.get(f"{page}?if=verify-phone&if=nonsense").content.decode()
    after = what_if("campaign", campaign, chosen=["verify-phone"], as_of=clock.now()).after.score
    assert f"{row.score:.1f} → {after:.1f}" in shown
    # The switch that is on leads to the page without it, the others keep it on.
    assert 'href="?#what-if"' in shown
    assert "if=verify-phone&amp;if=verify-registry" in shown
    row.refresh_from_db()
    assert (Fact.objects.count(), ScorePoint.objects.count(), row.revision) == counted


def test_with_something_set_by_hand_both_numbers_are_foretold_and_named(campaign: UUID) -> None:
    calculated = what_if("campaign", campaign, chosen=["revoke-identity"], as_of=clock.now())
    assert calculated.shown is None
    overrides.ask_override(
        entity_kind="campaign",
        entity_id=campaign,
        wish=Wish("factor", factor="verification", value=0.5),
        reason="investigation",
        note="The passport is being looked at again.",
        days=30,
        by=uuid4(),
    )
    found = what_if("campaign", campaign, chosen=["revoke-identity"], as_of=clock.now())
    row = Score.objects.get(entity_id=campaign)
    assert found.shown is not None
    assert found.before.score == pytest.approx(calculated.before.score, abs=0.01)
    assert found.shown.before == pytest.approx(row.score, abs=0.01)
    # What is set by hand does not move with what is verified; only the cap of a lost identity could show.
    step = next(each for each in found.tried if each.step.key == "verify-phone")
    assert step.gain > 0
    assert step.shown_gain == pytest.approx(0, abs=0.001)
    text = desk("analyst").get(reverse("admin:trust_scoring_score_change", args=(row.id,))).content.decode()
    for named in ("Verification, set by hand", "Verification, calculated", "What everybody sees is set by hand"):
        assert named in text
    assert f"set by hand; calculated {found.before.score:.1f}" in text
