"""Rescoring: soon, together, once, and not lost when a worker dies."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from django.db import IntegrityError, connection, transaction

from bh_sdk.server.events.models import RecordedEvent
from bh_sdk.server.ops import clock
from tests.trust.conftest import Caller
from tests.trust.evidence import a_gift, a_good_campaign, about_user, ago, fact, gifts
from trust_svc.scoring import commands, dues, queries, tasks
from trust_svc.scoring.engine import SHIPPED, V1, V2
from trust_svc.scoring.models import CategoryRate, Due, ParameterSet, Score, ScorePoint
from trust_svc.scoring.rules import Standing, is_noted, is_told

pytestmark = pytest.mark.django_db


def due() -> set[tuple[str, UUID]]:
    return {(each.kind, each.entity_id) for each in Due.objects.all()}


def changes() -> list[dict[str, Any]]:
    return [event.payload for event in RecordedEvent.objects.filter(type="trust.score.changed.v1").order_by("position")]


def test_a_burst_of_evidence_is_calculated_once_a_second_after_the_first(monolith: Caller, moved_clock: Any) -> None:
    campaign = uuid4()
    moved_clock(-3600)
    began = clock.now()
    for _ in range(10):
        monolith.post("/trust/evidence", a_gift(about=campaign))
    waiting = Due.objects.get(kind="campaign", entity_id=campaign)
    # The later ones did not put the first one off.
    assert timedelta(seconds=1) <= waiting.due_at - began < timedelta(seconds=2)
    moved_clock(0.5)
    Due.objects.update(due_at=clock.now() + timedelta(seconds=0.5))
    assert commands.rescore_due() == 0
    moved_clock(0.6)
    assert commands.rescore_due() == 11
    assert Score.objects.get(entity_id=campaign).revision == 1
    assert due() == set()


def test_evidence_that_comes_while_a_score_is_calculated_asks_again(monolith: Caller, moved_clock: Any) -> None:
    campaign = uuid4()
    monolith.post("/trust/evidence", fact("campaign.update_posted", campaign))
    Due.objects.update(picked=True)
    monolith.post("/trust/evidence", fact("campaign.update_posted", campaign))
    assert sorted(Due.objects.values_list("picked", flat=True)) == [False, True]
    moved_clock(2)
    assert commands.rescore_due() == 2
    assert due() == set()


def test_an_answer_that_knew_less_never_replaces_one_that_knew_more(monolith: Caller) -> None:
    campaign = uuid4()
    monolith.post("/trust/evidence", fact("campaign.update_posted", campaign))
    first = commands.rescore(kind="campaign", entity_id=campaign)
    # As if a slower worker had drawn its turn before, and came last.
    Score.objects.filter(id=first.id).update(turn=first.turn + 1_000)
    monolith.post("/trust/evidence", fact("payment.disputed", campaign, payment_id="p", stage="lost"))
    assert commands.rescore(kind="campaign", entity_id=campaign).score == first.score
    assert (ScorePoint.objects.count(), RecordedEvent.objects.count()) == (1, 0)
    Score.objects.filter(id=first.id).update(turn=first.turn)
    assert commands.rescore(kind="campaign", entity_id=campaign).score < first.score


def test_a_clock_that_is_moved_back_holds_nothing_up(monolith: Caller, moved_clock: Any) -> None:
    campaign = uuid4()
    moved_clock(3 * 86400)
    monolith.post("/trust/evidence", fact("campaign.update_posted", campaign))
    before = commands.rescore(kind="campaign", entity_id=campaign)
    moved_clock(-3 * 86400)
    assert commands.rescore_due() == 1
    after = Score.objects.get(entity_id=campaign)
    assert after.calculated_at < before.calculated_at
    assert after.revision == 2


def test_a_rating_and_a_change_of_tier_are_told_and_noise_is_not(monolith: Caller, moved_clock: Any) -> None:
    campaign, owner = uuid4(), uuid4()
    facts = a_good_campaign(campaign, owner)
    monolith.post("/trust/evidence", {"facts": facts})
    moved_clock(2)
    tasks.rescore_due()
    told = {each["entity_kind"]: each for each in changes()}
    stored = Score.objects.get(entity_id=campaign)
    assert told.keys() == {"campaign", "user"}
    assert told["campaign"] == {
        "entity_kind": "campaign",
        "entity_id": str(campaign),
        "owner_id": str(owner),
        "score": f"{stored.score:.2f}",
        "previous_score": None,
        "tier": stored.tier,
        "previous_tier": None,
        "rated": True,
        "by_hand": False,
    }
    assert told["user"]["owner_id"] == str(owner)
    # One gift more is noise.
    monolith.post("/trust/evidence", a_gift(about=campaign, days=0))
    moved_clock(2)
    tasks.rescore_due()
    assert len(changes()) == 2
    assert ScorePoint.objects.filter(entity_id=campaign).count() == 2
    for index in range(6):
        monolith.post("/trust/evidence", fact("payment.disputed", campaign, payment_id=f"p{index}", stage="lost"))
    moved_clock(2)
    tasks.rescore_due()
    last = changes()[-2:]
    assert all(float(each["score"]) <= float(each["previous_score"]) - 1 for each in last)


def test_scores_without_new_evidence_stay_silent(monolith: Caller, moved_clock: Any) -> None:
    campaign = uuid4()
    monolith.post("/trust/evidence", {"facts": a_good_campaign(campaign, uuid4())})
    moved_clock(2)
    tasks.rescore_due()
    events, points = RecordedEvent.objects.count(), ScorePoint.objects.count()
    commands.mark(queries.everybody(), now=True)
    tasks.rescore_due()
    assert (RecordedEvent.objects.count(), ScorePoint.objects.count()) == (events, points)


def test_a_verification_that_runs_out_moves_the_score_by_itself(monolith: Caller, moved_clock: Any) -> None:
    campaign = uuid4()
    ends = ago(-2)
    monolith.post("/trust/evidence", fact("verification.granted", campaign, item="identity", expires_at=ends))
    moved_clock(2)
    tasks.rescore_due()
    before = Score.objects.get(entity_id=campaign)
    assert before.expires_at is not None
    tasks.mark_expired()
    assert due() == set()
    moved_clock(3 * 86400)
    tasks.mark_expired()
    tasks.rescore_due()
    after = Score.objects.get(entity_id=campaign)
    assert after.factors[3]["contribution"] == 0
    assert before.factors[3]["contribution"] > 4
    assert after.expires_at is None


def test_what_runs_out_is_asked_for_once_and_before_a_sweep(monolith: Caller, moved_clock: Any) -> None:
    people = [uuid4() for _ in range(3)]
    for person in people:
        granted = about_user("verification.granted", person, item="identity", expires_at=ago(-2))
        monolith.post("/trust/evidence", granted)
    moved_clock(2)
    tasks.rescore_due()
    moved_clock(3 * 86400)
    commands.mark_all()
    tasks.mark_expired()
    tasks.mark_expired()
    assert list(Due.objects.values_list("urgent", "bulk")) == [(True, False)] * 3
    # While they are calculated, too.
    Due.objects.update(picked=True)
    tasks.mark_expired()
    assert Due.objects.count() == 3
    tasks.rescore_due()
    tasks.mark_expired()
    assert (due(), Score.objects.filter(expires_at=None).count()) == (set(), 3)


def test_what_is_new_goes_before_a_sweep_and_not_together_with_it(monolith: Caller, moved_clock: Any) -> None:
    swept, moved = uuid4(), uuid4()
    for campaign in (swept, moved):
        monolith.post("/trust/evidence", fact("campaign.update_posted", campaign))
    moved_clock(2)
    tasks.rescore_due()
    commands.begin_epoch()
    moved_clock(60)
    monolith.post("/trust/evidence", fact("campaign.update_posted", moved))
    assert commands.rescore_due() == 1
    assert due() == {("campaign", swept)}
    # Of two that sweep at once a third is not needed: it leaves the sweep to them, and is free for what is new.
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": psycopg.Cursor}) as others:
        for place in range(1, dues.SWEEPERS + 1):
            others.execute("SELECT pg_advisory_xact_lock(%s, %s)", [dues._SWEEPER, place])
        assert commands.rescore_due() == 0
        monolith.post("/trust/evidence", fact("payment.disputed", moved, payment_id="p", stage="lost"))
        assert commands.rescore_due() == 1
    assert due() == {("campaign", swept)}
    assert (commands.rescore_due(), due()) == (1, set())


def test_the_nightly_sweep_changes_nothing_that_evidence_did_not(monolith: Caller, moved_clock: Any) -> None:
    campaign, owner = uuid4(), uuid4()
    monolith.post("/trust/evidence", {"facts": a_good_campaign(campaign, owner)})
    moved_clock(2)
    tasks.rescore_due()
    # A first epoch sets what people's words weigh; from then on a sweep is a repetition.
    tasks.begin_epoch()
    tasks.rescore_due()
    before = {row.entity_id: (row.score, row.factors) for row in Score.objects.all()}
    tasks.begin_epoch()
    assert len(due()) == Score.objects.count() == 22
    tasks.rescore_due()
    after = {row.entity_id: (row.score, row.factors) for row in Score.objects.all()}
    for entity, (score, _) in before.items():
        assert after[entity][0] == pytest.approx(score, abs=0.01)


def test_an_epoch_sets_what_words_weigh_and_how_often_categories_deliver(monolith: Caller, moved_clock: Any) -> None:
    campaign, owner = uuid4(), uuid4()
    monolith.post("/trust/evidence", {"facts": a_good_campaign(campaign, owner)})
    for kept in (True, False, False, False):
        ended = uuid4()
        monolith.post("/trust/evidence", fact("campaign.created", ended, 90, owner_id=str(uuid4()), category="roofs"))
        monolith.post("/trust/evidence", fact("campaign.ended", ended, 9, delivered=kept))
    moved_clock(2)
    tasks.rescore_due()
    assert Score.objects.filter(standing__isnull=False).count() == 0
    tasks.begin_epoch()
    person = Score.objects.get(kind="user", entity_id=owner)
    assert person.standing == pytest.approx(person.score / 100)
    assert Score.objects.filter(kind="user", rated=False, standing__isnull=False).count() == 0
    assert 0.3 <= CategoryRate.objects.get(category="roofs").rate < 0.7


def test_one_kernel_call_serves_a_batch(monolith: Caller, moved_clock: Any, django_assert_max_num_queries: Any) -> None:
    campaigns = [uuid4() for _ in range(30)]
    for campaign in campaigns:
        monolith.post("/trust/evidence", {"facts": gifts(campaign, 3)})
    moved_clock(2)
    with django_assert_max_num_queries(40):
        assert commands.rescore_due() == 120


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE trust_scoring_scorepoint SET score = 100",
        "DELETE FROM trust_scoring_scorepoint",
        "UPDATE trust_scoring_parameterset SET body = '{}'",
        "DELETE FROM trust_scoring_parameterset",
    ],
)
def test_the_database_refuses_to_rewrite_history(monolith: Caller, change: str) -> None:
    campaign = uuid4()
    monolith.post("/trust/evidence", about_user("user.joined", campaign))
    commands.rescore(kind="user", entity_id=campaign)
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)


def test_the_third_parameter_set_is_live_and_those_before_are_kept() -> None:
    stored = ParameterSet.objects.get(state="live")
    assert (stored.version, stored.digest, queries.live_parameters()) == (3, SHIPPED.digest, (3, SHIPPED))
    before = ParameterSet.objects.filter(version__lt=3).order_by("version")
    assert [(each.state, each.digest) for each in before] == [("retired", V1.digest), ("retired", V2.digest)]


@pytest.mark.parametrize(
    ("before", "after", "told", "noted"),
    [
        (None, Standing(40, "NEW", False), False, True),
        (None, Standing(40, "RISING", True), True, True),
        (Standing(40, "RISING", True), Standing(40.005, "RISING", True), False, False),
        (Standing(40, "RISING", True), Standing(40.5, "RISING", True), False, True),
        (Standing(40, "RISING", True), Standing(41, "RISING", True), True, True),
        (Standing(49.9, "RISING", True), Standing(50, "STEADY", True), True, True),
        (Standing(40, "NEW", False), Standing(40, "RISING", True), True, True),
    ],
)
def test_what_is_worth_telling(before: Standing | None, after: Standing, told: bool, noted: bool) -> None:
    assert (is_told(before, after), is_noted(before, after)) == (told, noted)


@pytest.mark.parametrize(
    ("type", "said"),
    [
        ("payment.disputed", {"payment_id": "p", "stage": "opened"}),
        ("report.decided", {"report_id": "r", "outcome": "upheld"}),
        ("case.decided", {"outcome": "confirmed"}),
        ("verification.revoked", {"item": "identity"}),
    ],
)
def test_what_is_urgent_goes_before_all_that_waits(monolith: Caller, type: str, said: dict[str, Any]) -> None:
    waiting, hurt = uuid4(), uuid4()
    monolith.post("/trust/evidence", fact("campaign.update_posted", waiting))
    Due.objects.update(due_at=clock.now() - timedelta(hours=1))
    monolith.post("/trust/evidence", fact("campaign.update_posted", hurt))
    assert not Due.objects.get(entity_id=hurt).urgent
    monolith.post("/trust/evidence", fact(type, hurt, **said))
    assert commands.rescore_due(limit=1) == 1
    assert (Score.objects.get().entity_id, due()) == (hurt, {("campaign", waiting)})


@pytest.mark.parametrize(
    ("type", "said"),
    [
        ("report.decided", {"report_id": "r", "outcome": "dismissed"}),
        ("verification.revoked", {"item": "phone"}),
        ("payment.refunded", {"payment_id": "p", "for_cause": True}),
    ],
)
def test_what_is_not_urgent_waits_for_the_rest_of_the_burst(monolith: Caller, type: str, said: dict[str, Any]) -> None:
    monolith.post("/trust/evidence", fact(type, uuid4(), **said))
    assert commands.rescore_due() == 0
    assert Due.objects.filter(urgent=False).exists()


def test_an_answer_that_did_not_move_is_as_of_now_and_is_not_written_again(monolith: Caller) -> None:
    person = uuid4()
    monolith.post("/trust/evidence", about_user("verification.granted", person, 4_000, item="email"))
    first = commands.rescore(kind="user", entity_id=person)
    Score.objects.filter(id=first.id).update(features=["untouched"], calculated_at=clock.now() - timedelta(hours=1))
    again = commands.rescore(kind="user", entity_id=person)
    assert (again.features, again.score, again.revision) == (["untouched"], first.score, 2)
    assert (again.turn > first.turn, again.calculated_at > first.calculated_at) == (True, True)
