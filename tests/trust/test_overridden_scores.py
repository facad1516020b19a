"""What is shown while an override is in force, and that the calculation goes on underneath and takes over to the bit."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest

from bh_sdk.server.events.models import RecordedEvent
from tests.trust.conftest import Caller, person
from tests.trust.evidence import a_good_campaign, gifts
from trust_svc.overrides import commands, tasks
from trust_svc.overrides.models import Override
from trust_svc.overrides.rules import Wish
from trust_svc.scoring import commands as scoring
from trust_svc.scoring import queries
from trust_svc.scoring.assessment import assess, read
from trust_svc.scoring.engine import V3, tier_of
from trust_svc.scoring.models import Due, Score, ScorePoint

pytestmark = pytest.mark.django_db
WHY = "The beneficiary called and sent the delivery notes."
DAY = 86_400
CALCULATED = ("score", "lower", "rated", "cap_adjustment", "factors", "reasons")


@pytest.fixture
def campaign(monolith: Caller) -> UUID:
    campaign = uuid4()
    monolith.post("/trust/evidence", {"facts": a_good_campaign(campaign, uuid4())})
    scoring.rescore(kind="campaign", entity_id=campaign)
    return campaign


def stored(campaign: UUID) -> Score:
    return Score.objects.get(kind="campaign", entity_id=campaign)


def calculated(row: Score) -> dict[str, Any]:
    """What the engine alone says of the evidence there is, as of the moment of a stored score."""
    _, params = queries.live_parameters()
    found = assess(read([(row.kind, row.entity_id)]), as_of=row.calculated_at, params=params)[0]
    return {name: getattr(found, name) for name in CALCULATED}


def settle() -> None:
    Due.objects.update(due_at="2020-01-01T00:00:00Z")
    scoring.rescore_due()


def place(campaign: UUID, wish: Wish, *, days: int = 30) -> Override:
    row = commands.ask_override(
        entity_kind="campaign", entity_id=campaign, wish=wish, reason="harm", note=WHY, days=days, by=uuid4()
    )
    return row if row.state == "active" else commands.approve_override(override_id=row.id, by=uuid4())


def changes() -> list[dict[str, Any]]:
    rows = RecordedEvent.objects.filter(type="trust.score.changed.v1").order_by("position")
    return [row.payload for row in rows]


@pytest.mark.parametrize(
    "wish",
    [Wish("score", value=12.5), Wish("factor", value=0.0, factor="history"), Wish("tier", tier="NEW")],
    ids=lambda wish: wish.what,
)
def test_every_reader_sees_what_staff_set_and_the_sum_holds(campaign: UUID, nobody: Caller, wish: Wish) -> None:
    before, told = stored(campaign), len(changes())
    row = place(campaign, wish)
    shown = nobody.get(f"/trust/campaign/{campaign}").json()
    assert sum(one["contribution"] for one in shown["factors"]) + shown["cap_adjustment"] == shown["score"]
    after = stored(campaign)
    assert (after.override_id, after.override_until) == (row.id, row.expires_at)
    assert (after.computed["score"], after.computed["tier"]) == (before.score, before.tier)
    if wish.what == "score":
        assert (shown["score"], shown["tier"], shown["reasons"][0]["code"]) == (12.5, "NEW", "O1")
    if wish.what == "tier":
        assert (shown["score"], shown["tier"]) == (before.score, "NEW")
    if wish.what == "factor":
        assert {one["name"]: one["contribution"] for one in shown["factors"]}["history"] == 0.0
        assert shown["score"] < before.score
    assert len(changes()) == told + 1
    assert changes()[-1]["tier"] == after.tier


def test_the_history_says_who_said_it(campaign: UUID) -> None:
    row = place(campaign, Wish("score", value=12.5))
    settle()
    commands.revoke_override(override_id=row.id, by=uuid4(), note="It was another campaign.")
    points = [
        (point.source, point.computed is None) for point in ScorePoint.objects.filter(kind="campaign").order_by("id")
    ]
    assert points == [("calculated", True), ("override", False), ("calculated", True)]
    lines = person("analyst").get(f"/trust/history/{campaign}").json()["results"]
    assert [line["source"] for line in lines] == ["calculated", "override", "calculated"]


@pytest.mark.parametrize("end", ["expired", "revoked"])
@pytest.mark.parametrize(
    "wish",
    [Wish("score", value=12.5), Wish("factor", value=0.0, factor="history"), Wish("tier", tier="STAR")],
    ids=lambda wish: wish.what,
)
def test_what_is_calculated_goes_on_and_takes_over_to_the_bit(
    campaign: UUID, monolith: Caller, moved_clock: Any, wish: Wish, end: str
) -> None:
    row = place(campaign, wish, days=3)
    monolith.post("/trust/evidence", {"facts": gifts(campaign, 8, days=0.01)})
    moved_clock(2 * DAY)
    settle()
    during = stored(campaign)
    assert during.override_id == row.id
    assert {name: during.computed[name] for name in CALCULATED} == calculated(during)
    moved_clock(2 * DAY)
    if end == "expired":
        tasks.expire_due()
        settle()
    else:
        commands.revoke_override(override_id=row.id, by=uuid4(), note="No longer needed.")
    after = stored(campaign)
    assert (after.override_id, after.override_until, after.computed) == (None, None, None)
    assert {name: getattr(after, name) for name in CALCULATED} == calculated(after)
    assert after.tier == tier_of(after.score, V3)


def test_a_late_beat_shows_nothing_longer_than_was_said(campaign: UUID, moved_clock: Any) -> None:
    before = stored(campaign)
    place(campaign, Wish("score", value=12.5), days=1)
    moved_clock(DAY + 1)
    after = scoring.rescore(kind="campaign", entity_id=campaign)
    assert after.override_id is None
    assert after.score == pytest.approx(before.score, abs=0.5)
    tasks.expire_due()
    assert Due.objects.filter(kind="campaign", entity_id=campaign, urgent=True).exists()


def test_the_tier_underneath_keeps_its_own_memory(campaign: UUID) -> None:
    """An override to STAR leaves no two points of grace behind it."""
    before = stored(campaign)
    row = place(campaign, Wish("tier", tier="STAR"))
    assert stored(campaign).tier == "STAR"
    commands.revoke_override(override_id=row.id, by=uuid4(), note="No longer needed.")
    assert stored(campaign).tier == before.tier


def test_an_unrated_one_becomes_rated_only_while_staff_say_so(monolith: Caller, nobody: Caller) -> None:
    campaign = uuid4()
    monolith.post("/trust/evidence", {"facts": [a_good_campaign(campaign, uuid4())[0]]})
    scoring.rescore(kind="campaign", entity_id=campaign)
    assert nobody.get(f"/trust/campaign/{campaign}").json()["rated"] is False
    row = place(campaign, Wish("tier", tier="RISING"))
    shown = nobody.get(f"/trust/campaign/{campaign}").json()
    assert (shown["rated"], shown["tier"]) == (True, "RISING")
    commands.revoke_override(override_id=row.id, by=uuid4(), note="No longer needed.")
    shown = nobody.get(f"/trust/campaign/{campaign}").json()
    assert (shown["rated"], shown["tier"], shown["score"]) == (False, None, None)


def test_a_note_of_staff_reaches_no_answer(campaign: UUID) -> None:
    place(campaign, Wish("score", value=12.5))
    for path in (f"/trust/campaign/{campaign}", f"/trust/factors/{campaign}"):
        for caller in (Caller(), person("donor"), person("analyst")):
            assert WHY not in caller.get(path).content.decode()
