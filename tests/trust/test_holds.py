"""Stopping a campaign or a person: with a reason, one hold at a time, told to payments, and by an upheld report of fraud."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, transaction
from django.urls import reverse

from bh_sdk.errors import NotFound
from bh_sdk.server.events.models import RecordedEvent
from tests.trust.conftest import Caller
from tests.trust.evidence import a_good_campaign, about_user, fact
from tests.trust.test_admin import desk
from trust_svc.evidence.models import Fact
from trust_svc.holds import commands
from trust_svc.holds.errors import HoldAlreadyPlaced, HoldOver
from trust_svc.holds.models import Hold
from trust_svc.reports import commands as reports
from trust_svc.scoring import commands as scoring
from trust_svc.scoring.models import Due, Score

pytestmark = pytest.mark.django_db
WHY = "The beneficiary says that no money has reached them."


@pytest.fixture
def campaign(monolith: Caller) -> UUID:
    campaign = uuid4()
    monolith.post("/trust/evidence", {"facts": a_good_campaign(campaign, uuid4())})
    scoring.rescore(kind="campaign", entity_id=campaign)
    return campaign


def place(campaign: UUID) -> Hold:
    return commands.place_hold(entity_kind="campaign", entity_id=campaign, reason=WHY, by=str(uuid4()))


def told() -> list[tuple[str, dict[str, Any]]]:
    rows = RecordedEvent.objects.filter(type__startswith="trust.hold").order_by("position")
    return [(row.type, row.payload) for row in rows]


def test_a_hold_is_told_by_its_ids_and_never_by_its_reason(campaign: UUID) -> None:
    hold = place(campaign)
    said = {"hold_id": str(hold.id), "entity_kind": "campaign", "entity_id": str(campaign)}
    commands.lift_hold(hold_id=hold.id, reason="They were paid after all.", by=str(uuid4()))
    assert told() == [("trust.hold.placed.v1", said), ("trust.hold.lifted.v1", said)]


def calculated(campaign: UUID) -> Score:
    Due.objects.update(due_at="2020-01-01T00:00:00Z")
    scoring.rescore_due()
    return Score.objects.get(kind="campaign", entity_id=campaign)


def test_a_score_is_capped_while_held_and_comes_back_when_it_is_lifted(campaign: UUID) -> None:
    before = calculated(campaign)
    hold = place(campaign)
    assert Due.objects.filter(kind="campaign", entity_id=campaign, urgent=True).exists()
    held = calculated(campaign)
    assert (held.score, held.cap, held.reasons[0]["code"]) == (20.0, 20.0, "K3")
    commands.lift_hold(hold_id=hold.id, reason="They were paid after all.", by=str(uuid4()))
    after = calculated(campaign)
    assert after.score == pytest.approx(before.score, abs=0.01)
    assert [fact.data for fact in Fact.objects.filter(type__startswith="hold.")] == [{"hold_id": str(hold.id)}] * 2


def test_a_held_person_caps_their_campaigns(campaign: UUID) -> None:
    owner = Score.objects.get(kind="campaign", entity_id=campaign).owner_id
    assert owner is not None
    hold = commands.place_hold(entity_kind="user", entity_id=owner, reason=WHY, by="x")
    assert calculated(campaign).score == 20.0
    commands.lift_hold(hold_id=hold.id, reason="They were paid after all.", by="x")
    assert calculated(campaign).score > 20.0


def test_a_lifting_that_the_clock_puts_before_the_placing_still_lifts(campaign: UUID, moved_clock: Any) -> None:
    moved_clock(3600)
    hold = place(campaign)
    moved_clock(-1800)
    lifted = commands.lift_hold(hold_id=hold.id, reason="They were paid after all.", by="x")
    assert lifted.lifted_at is not None
    assert lifted.lifted_at > hold.placed_at
    assert calculated(campaign).score > 20.0


def test_one_hold_at_a_time(campaign: UUID) -> None:
    first = place(campaign)
    with pytest.raises(HoldAlreadyPlaced):
        place(campaign)
    with pytest.raises(IntegrityError), transaction.atomic():
        Hold.objects.create(
            entity_kind="campaign", entity_id=campaign, reason=WHY, placed_by="x", placed_at=first.placed_at
        )
    assert len(told()) == 1
    commands.lift_hold(hold_id=first.id, reason="They were paid.", by="x")
    assert place(campaign).id != first.id


def test_a_hold_is_lifted_once(campaign: UUID) -> None:
    hold = place(campaign)
    commands.lift_hold(hold_id=hold.id, reason="They were paid.", by="x")
    with pytest.raises(HoldOver):
        commands.lift_hold(hold_id=hold.id, reason="They were paid.", by="x")
    assert len(told()) == 2


def test_nobody_stops_what_nobody_has_heard_of() -> None:
    with pytest.raises(NotFound):
        place(uuid4())
    assert not Hold.objects.exists()


@pytest.mark.parametrize(
    ("kind", "outcome", "stopped"),
    [("fraud", "upheld", True), ("fraud", "dismissed", False), ("spam", "upheld", False)],
)
def test_an_upheld_report_of_fraud_stops_what_it_is_about(
    donor: Caller, monolith: Caller, campaign: UUID, kind: str, outcome: str, stopped: bool
) -> None:
    body = {"entity_type": "campaign", "entity_id": str(campaign), "kind": kind, "description": WHY}
    report = donor.post("/trust/report", body).json()["report_id"]
    monolith.post("/trust/evidence", fact("report.decided", campaign, 0, report_id=report, outcome=outcome))
    reports.settle_decided()
    assert Hold.objects.exists() is stopped
    if stopped:
        hold = Hold.objects.get()
        assert (hold.entity_id, str(hold.report_id), hold.placed_by) == (campaign, report, "system")
        assert [kind for kind, _ in told()] == ["trust.hold.placed.v1"]


def test_a_second_upheld_report_leaves_the_first_hold_and_a_lifted_one_stays_lifted(
    donor: Caller, monolith: Caller, campaign: UUID
) -> None:
    hold = place(campaign)
    body = {"entity_type": "campaign", "entity_id": str(campaign), "kind": "fraud", "description": WHY}
    report = donor.post("/trust/report", body).json()["report_id"]
    monolith.post("/trust/evidence", fact("report.decided", campaign, 0, report_id=report, outcome="upheld"))
    assert reports.settle_decided() == 1
    assert Hold.objects.get().id == hold.id
    commands.lift_hold(hold_id=hold.id, reason="They were paid.", by="x")
    assert reports.settle_decided() == 0
    assert Hold.objects.filter(lifted_at=None).count() == 0


def test_a_person_can_be_stopped_too(monolith: Caller) -> None:
    user = uuid4()
    monolith.post("/trust/evidence", about_user("user.joined", user))
    hold = commands.place_hold(entity_kind="user", entity_id=user, reason=WHY, by="x")
    assert told()[0][1]["entity_kind"] == "user"
    assert hold.lifted_at is None


def press(role: str, name: str, pk: Any, **fields: str) -> Any:
    path = reverse(f"admin:{name}", args=(pk,))
    return desk(role).post(path, {"_form_submitted": "on", **fields}, headers={"HX-Request": "true"})


def test_an_analyst_stops_and_lets_go_on_the_page_of_the_score(campaign: UUID) -> None:
    score = Score.objects.get(entity_id=campaign)
    press("analyst", "trust_scoring_score_place_hold", score.id, reason="short")
    assert not Hold.objects.exists()
    press("analyst", "trust_scoring_score_place_hold", score.id, reason=WHY)
    hold = Hold.objects.get()
    page = desk("analyst").get(reverse("admin:trust_scoring_score_change", args=(score.id,))).content.decode()
    assert WHY in page
    assert WHY in desk("support").get(reverse("admin:trust_holds_hold_change", args=(hold.id,))).content.decode()
    press("analyst", "trust_scoring_score_lift_hold", score.id, reason="They were paid after all.")
    hold.refresh_from_db()
    assert (hold.lifted_because, len(told())) == ("They were paid after all.", 2)


@pytest.mark.parametrize("role", ["support", "auditor", "finance", "editor"])
def test_nobody_else_stops_or_lets_go(campaign: UUID, role: str) -> None:
    score = Score.objects.get(entity_id=campaign)
    assert press(role, "trust_scoring_score_place_hold", score.id, reason=WHY).status_code == 403
    hold = place(campaign)
    assert press(role, "trust_holds_hold_lift", hold.id, reason="They were paid.").status_code == 403
    assert Hold.objects.get().lifted_at is None


def test_lifting_works_on_the_page_of_the_hold(campaign: UUID) -> None:
    hold = place(campaign)
    assert press("analyst", "trust_holds_hold_lift", hold.id, reason="They were paid.").status_code == 200
    assert Hold.objects.get().lifted_because == "They were paid."
    assert desk("analyst").get(reverse("admin:trust_holds_hold_changelist")).status_code == 200
