"""The nightly proof: what real time kept is what the evidence in PostgreSQL says."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.urls import reverse
from redis import Redis

from bh_sdk.server.access.models import Staff
from tests.trust.conftest import Caller
from tests.trust.evidence import a_good_campaign, fact, gifts
from tests.trust.test_versions import begun
from trust_svc.overrides import commands as overrides
from trust_svc.overrides.rules import Wish
from trust_svc.scoring import commands, metrics, parity, tasks
from trust_svc.scoring.models import Due, ParityCheck, Score
from trust_svc.versions import commands as versions

pytestmark = pytest.mark.django_db


def settle() -> None:
    Due.objects.update(due_at="2020-01-01T00:00:00Z")
    while commands.rescore_due():
        pass


@pytest.fixture
def campaigns(monolith: Caller) -> list[UUID]:
    """Some that differ, calculated at several moments as real time does."""
    made = [uuid4() for _ in range(4)]
    for at, campaign in enumerate(made):
        monolith.post("/trust/evidence", {"facts": [*a_good_campaign(campaign, uuid4()), *gifts(campaign, at)]})
        monolith.post("/trust/evidence", fact("report.filed", campaign, report_id=f"r{at}", kind="other"))
        settle()
    return made


def test_an_untouched_population_differs_by_nothing(campaigns: list[UUID], moved_clock: Any) -> None:
    # The moment of the check counts for nothing: each answer is held against its own.
    moved_clock(40 * 86_400)
    tasks.check_parity()
    check = ParityCheck.objects.get()
    assert (check.compared, check.left_out) == (Score.objects.count(), 0)
    assert (check.differing, check.worst, check.named) == (0, 0.0, [])


def test_a_score_that_was_tampered_with_is_found_and_named(campaigns: list[UUID]) -> None:
    Score.objects.filter(entity_id=campaigns[2]).update(score=99.0)
    Score.objects.filter(entity_id=campaigns[1]).update(rated=False)
    row = Score.objects.get(entity_id=campaigns[3])
    row.factors[0]["contribution"] += 0.5
    Score.objects.filter(id=row.id).update(factors=row.factors)
    check = parity.check_parity()
    assert check.differing == 3
    assert [(each["entity"], each["what"]) for each in check.named] == [
        (["campaign", str(campaigns[2])], "score"),
        (["campaign", str(campaigns[3])], "completion"),
        (["campaign", str(campaigns[1])], "rated or not"),
    ]
    assert check.worst == check.named[0]["points"] == 99.0 - check.named[0]["fresh"]
    # It finds, and repairs nothing: the sweep does.
    assert Score.objects.get(entity_id=campaigns[2]).score == 99.0


def test_evidence_that_never_asked_for_a_calculation_is_found(campaigns: list[UUID], monolith: Caller) -> None:
    monolith.post("/trust/evidence", fact("case.decided", campaigns[0], outcome="confirmed"))
    asked = Due.objects.count()
    waits = parity.check_parity()
    assert (waits.differing, waits.left_out) == (0, asked)
    Due.objects.all().delete()
    assert str(campaigns[0]) in {each["entity"][1] for each in parity.check_parity().named}


def test_a_decision_moves_what_else_its_reporter_reported(campaigns: list[UUID], monolith: Caller) -> None:
    reporter = str(uuid4())
    for at, campaign in enumerate(campaigns[:3]):
        said: dict[str, Any] = {"report_id": f"mine{at}", "kind": "fraud", "reporter_id": reporter}
        monolith.post("/trust/evidence", fact("report.filed", campaign, **said))
    settle()
    before = shown()
    monolith.post("/trust/evidence", fact("report.decided", campaigns[0], report_id="mine0", outcome="dismissed"))
    assert ("campaign", campaigns[1]) in set(Due.objects.values_list("kind", "entity_id"))
    assert ("campaign", campaigns[3]) not in set(Due.objects.values_list("kind", "entity_id"))
    settle()
    # Who was wrong once counts for less in the other two.
    assert all(shown()["campaign", campaign] > before["campaign", campaign] for campaign in campaigns[1:3])
    assert parity.check_parity().differing == 0


def test_a_gift_that_goes_back_moves_the_giver(campaigns: list[UUID], monolith: Caller) -> None:
    giver = uuid4()
    gift: dict[str, Any] = {"payment_id": "p1", "donor_id": str(giver), "amount": "25.00", "currency": "GBP"}
    monolith.post("/trust/evidence", fact("payment.succeeded", campaigns[0], 30, **gift))
    settle()
    monolith.post("/trust/evidence", fact("payment.refunded", campaigns[0], payment_id="p1", for_cause=False))
    assert ("user", giver) in set(Due.objects.values_list("kind", "entity_id"))
    settle()
    assert parity.check_parity().differing == 0


def test_overrides_and_a_trial_in_force_are_no_difference(campaigns: list[UUID]) -> None:
    overrides.ask_override(
        entity_kind="campaign",
        entity_id=campaigns[0],
        wish=Wish("tier", tier="NEW"),
        reason="harm",
        note="The beneficiary called about it.",
        days=30,
        by=uuid4(),
    )
    version = versions.draft_from_text(text='{"identity_cap": 40.0}', note="Stricter", by="miriam")
    versions.shadow(version=version, note="", by="miriam")
    begun(version)
    commands.mark_all()
    settle()
    assert Score.objects.values("parameters_id").distinct().count() == 2
    check = parity.check_parity()
    assert (check.compared, check.differing) == (Score.objects.count(), 0)


def test_one_night_goes_on_where_the_last_one_ended(campaigns: list[UUID]) -> None:
    ids = list(Score.objects.order_by("id").values_list("id", flat=True))
    share = len(ids) // 2 + 1
    first, second = parity.check_parity(share), parity.check_parity(share)
    assert (first.compared, first.upto) == (share, ids[share - 1])
    # The second came round to the beginning again.
    assert (second.compared, second.upto) == (share, ids[2 * share - len(ids) - 1])


def test_the_sweep_after_a_proof_and_the_proof_after_a_sweep_agree(campaigns: list[UUID]) -> None:
    tasks.begin_epoch()
    assert parity.check_parity().compared == 0
    settle()
    check = parity.check_parity()
    assert (check.compared, check.differing) == (Score.objects.count(), 0)


def test_nobody_rewrites_a_proof(campaigns: list[UUID]) -> None:
    parity.check_parity()
    for change in ("UPDATE trust_scoring_paritycheck SET differing = 0", "DELETE FROM trust_scoring_paritycheck"):
        with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(change)


def test_metrics_tell_of_the_last_proof(campaigns: list[UUID]) -> None:
    numbers = metrics.ParityNumbers()
    assert list(numbers.collect()) == []
    Score.objects.filter(entity_id=campaigns[2]).update(score=99.0)
    parity.check_parity()
    assert next(numbers.collect()).samples[0].value == 1


def test_analysts_read_what_a_proof_found(campaigns: list[UUID]) -> None:
    Score.objects.filter(entity_id=campaigns[2]).update(score=99.0)
    check = parity.check_parity()
    staff = Staff.objects.create_user("miriam", "demo-demo", sub=uuid4(), roles=["analyst"])
    desk = Client()
    desk.force_login(staff)
    listed = desk.get(reverse("admin:trust_scoring_paritycheck_changelist"))
    assert listed.status_code == 200
    page = desk.get(reverse("admin:trust_scoring_paritycheck_change", args=(check.id,))).content.decode()
    assert str(campaigns[2]) in page
    assert "99.00" in page


def test_an_emptied_redis_changes_no_score(monolith: Caller, clean_redis: Redis) -> None:
    """Half of the evidence before, half after: the same as if nothing had been lost."""
    campaign, owner = uuid4(), uuid4()
    facts = [*a_good_campaign(campaign, owner), fact("report.filed", campaign, report_id="r", kind="other")]
    monolith.post("/trust/evidence", {"facts": facts[::2]})
    settle()
    clean_redis.flushdb()
    monolith.post("/trust/evidence", {"facts": facts[1::2]})
    clean_redis.flushdb()
    settle()
    check = parity.check_parity()
    assert (check.compared, check.differing) == (Score.objects.count(), 0)
    # And the same as where everything came at once, and nothing was stored before.
    before = shown()
    Score.objects.all().delete()
    commands.mark(before)
    settle()
    assert shown() == pytest.approx(before, abs=2 / 1024)


def shown() -> dict[tuple[str, UUID], float]:
    return {(row.kind, row.entity_id): row.score for row in Score.objects.all()}
