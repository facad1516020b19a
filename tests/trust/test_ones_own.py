"""Staff are people too: about themselves and their own campaigns they decide nothing, and see what owners see."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from django.urls import reverse

from tests.trust.conftest import Caller
from tests.trust.evidence import a_good_campaign
from tests.trust.test_overrides_desk import at_desk, press
from trust_svc.evidence.models import Fact
from trust_svc.holds import commands as holds
from trust_svc.holds.errors import OwnHold
from trust_svc.holds.models import Hold
from trust_svc.scoring import commands as scoring
from trust_svc.scoring.models import Score

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


def page_of(row: Score | Hold) -> str:
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
