"""Cases: what opens one, in which order they are worked, who may decide, and what follows from a decision."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import DatabaseError, IntegrityError, transaction

from bh_sdk.errors import BadRequest, SecondPersonNeeded
from bh_sdk.server.access.models import Staff
from bh_sdk.server.events.models import RecordedEvent
from bh_sdk.server.ops import clock
from tests.trust.conftest import Caller, person
from tests.trust.evidence import a_good_campaign, fact
from trust_svc.cases import commands, gathering, money, queries
from trust_svc.cases.errors import CaseMoved, CaseOpen, CaseOver, CaseTaken, OwnCase
from trust_svc.cases.models import Case, LogLine, Look, Signal
from trust_svc.cases.rules import Verdict
from trust_svc.evidence.models import Fact
from trust_svc.holds import commands as holding
from trust_svc.holds.models import Hold
from trust_svc.reports import commands as reporting
from trust_svc.reports.models import Report
from trust_svc.scoring import commands as scoring
from trust_svc.scoring.models import Score

pytestmark = pytest.mark.django_db
WORDS = "The pictures show another well, and nobody answers my questions."


def a_campaign(monolith: Caller, owner: UUID | None = None) -> UUID:
    campaign = uuid4()
    monolith.post("/trust/evidence", {"facts": a_good_campaign(campaign, owner or uuid4())})
    scoring.rescore(kind="campaign", entity_id=campaign)
    return campaign


@pytest.fixture
def campaign(monolith: Caller) -> UUID:
    return a_campaign(monolith)


def report(campaign: UUID, kind: str = "fraud", by: Caller | None = None) -> UUID:
    body = {"entity_type": "campaign", "entity_id": str(campaign), "kind": kind, "description": WORDS}
    answer = (by or person()).post("/trust/report", body)
    assert answer.status_code == 201, answer.json()
    return UUID(answer.json()["report_id"])


def a_case(campaign: UUID) -> Case:
    """The open case about it, after everything that waits was looked at."""
    gathering.gather()
    return Case.objects.get(entity_id=campaign, state="open")


def verdicts(campaign: UUID, verdict: Verdict) -> dict[UUID, Verdict]:
    return dict.fromkeys(Report.objects.filter(entity_id=campaign, state="open").values_list("id", flat=True), verdict)


def decide(case: Case, by: UUID, outcome: Any = "confirmed", verdict: Verdict = "upheld", **more: Any) -> Case:
    said: dict[str, Any] = {
        "stop": True,
        "note": "Nobody in the village knows of it.",
        "verdicts": verdicts(case.entity_id, verdict),
    }
    return commands.decide(case_id=case.id, outcome=outcome, by=by, **(said | more))


def last_line(case: Case) -> str:
    return case.log.all()[0].what


def told(kind: str) -> list[dict[str, Any]]:
    return [row.payload for row in RecordedEvent.objects.filter(type=f"trust.{kind}.v1").order_by("position")]


def what_stands() -> list[Any]:
    """Everything a refusal must leave as it was."""
    models = (Case, Signal, LogLine, Report, Hold, Fact, RecordedEvent)
    return [[repr(row) for row in model.objects.order_by("pk").values_list()] for model in models]


# -- what opens a case, and what belongs into it --------------------------------------------------------------------------


def test_reports_about_one_thing_come_into_one_case(campaign: UUID) -> None:
    report(campaign, "misleading")
    case = a_case(campaign)
    assert (case.summary, case.signals.count(), case.due_at - case.opened_at) == ("1 report", 1, timedelta(hours=72))
    report(campaign)
    again = a_case(campaign)
    assert (again.id, again.summary, again.signals.count()) == (case.id, "2 reports", 2)
    assert again.harm > case.harm > 0
    # Fraud is answered within a day.
    assert again.due_at < case.due_at
    assert [line.what for line in case.log.all()] == ["opened"]


def test_looking_again_changes_nothing(campaign: UUID) -> None:
    report(campaign)
    case = a_case(campaign)
    before = what_stands()
    for _ in range(3):
        gathering.look("campaign", campaign, clock.now())
    assert what_stands() == before
    assert (case.version, Look.objects.count()) == (1, 0)


def test_the_database_repeats_that_one_case_is_open(campaign: UUID) -> None:
    report(campaign)
    case = a_case(campaign)
    with pytest.raises(IntegrityError, match="trust_one_open_case"), transaction.atomic():
        Case.objects.create(entity_kind="campaign", entity_id=campaign, opened_at=case.opened_at, due_at=case.due_at)


@pytest.mark.parametrize(
    ("facts", "kinds"),
    [
        ([("payment.disputed", {"payment_id": "p1", "stage": "opened"})], {"dispute_opened"}),
        ([("payment.disputed", {"payment_id": "p1", "stage": "lost"})], {"dispute_lost"}),
        ([("payment.disputed", {"payment_id": "p1", "stage": "early_warning"})], {"early_warning"}),
        ([("payment.disputed", {"payment_id": "p1", "stage": "won"})], set()),
        ([("payment.refunded", {"payment_id": f"p{each}", "for_cause": True}) for each in range(3)], {"refunds"}),
        ([("payment.refunded", {"payment_id": f"p{each}", "for_cause": True}) for each in range(2)], set()),
        ([("payment.refunded", {"payment_id": f"p{each}", "for_cause": False}) for each in range(9)], set()),
    ],
)
def test_what_payments_tell_opens_a_case(
    monolith: Caller, campaign: UUID, facts: list[tuple[str, dict[str, Any]]], kinds: set[str]
) -> None:
    monolith.post("/trust/evidence", {"facts": [fact(type, campaign, 0.1, **data) for type, data in facts]})
    gathering.gather()
    assert set(Signal.objects.values_list("kind", flat=True)) == kinds
    assert Case.objects.count() == bool(kinds)


def test_what_is_long_ago_opens_nothing(monolith: Caller, campaign: UUID) -> None:
    monolith.post("/trust/evidence", fact("payment.disputed", campaign, 45, payment_id="p1", stage="lost"))
    gathering.gather()
    assert Case.objects.count() == 0


def test_a_score_that_falls_steeply_opens_a_case(monolith: Caller, campaign: UUID, moved_clock: Any) -> None:
    moved_clock(60)
    monolith.post("/trust/evidence", fact("verification.revoked", campaign, 0, item="bank"))
    lost = [fact("payment.disputed", campaign, 40, payment_id=f"p{each}", stage="lost") for each in range(4)]
    monolith.post("/trust/evidence", {"facts": lost})
    gathering.gather()
    assert Case.objects.count() == 0
    scoring.rescore(kind="campaign", entity_id=campaign)
    gathering.gather()
    assert [(each.kind, each.case.entity_id) for each in Signal.objects.all()] == [("score_fell", campaign)]


# -- the order of the queue -----------------------------------------------------------------------------------------------


def test_what_could_do_most_harm_comes_first(monolith: Caller) -> None:
    small, large, weak = (a_campaign(monolith) for _ in range(3))
    money_given(large, "90000.00")
    money_given(small, "100.00")
    money_given(weak, "100.00")
    for campaign in (weak, small, large):
        report(campaign, "spam" if campaign == weak else "fraud")
    gathering.gather()
    ordered = queries.heap(Case.objects.all(), "open", of=uuid4(), now=clock.now())
    assert [case.entity_id for case in ordered] == [large, small, weak]
    found = queries.next_case(of=uuid4(), now=clock.now())
    assert found is not None
    assert found.entity_id == large


def money_given(campaign: UUID, amount: str, way: str = "given", payout: UUID | None = None) -> None:
    money.moved(uuid4(), way, campaign, amount, "GBP", payout)


def test_a_brigade_weighs_less_than_one_lost_dispute_and_three_honest_reports(monolith: Caller) -> None:
    shouted, shown = a_campaign(monolith), a_campaign(monolith)
    for _ in range(30):
        report(shouted)
    for _ in range(3):
        report(shown)
    monolith.post("/trust/evidence", fact("payment.disputed", shown, 0.1, payment_id="p1", stage="lost"))
    gathering.gather()
    assert a_case(shouted).mass < a_case(shown).mass


# -- working on one -------------------------------------------------------------------------------------------------------


def test_a_case_is_claimed_by_one(campaign: UUID) -> None:
    report(campaign)
    case, first, second = a_case(campaign), colleague("Ada"), colleague("Ben")
    commands.claim(case_id=case.id, by=first, version=case.version)
    before = what_stands()
    with pytest.raises(CaseTaken, match="Ada works on this case"):
        commands.claim(case_id=case.id, by=second, version=case.version)
    with pytest.raises(CaseTaken):
        decide(case, second)
    assert what_stands() == before
    commands.assign(case_id=case.id, to=second, by=first, note="You know Tamale")
    commands.release(case_id=case.id, by=second)
    case.refresh_from_db()
    assert case.assignee is None
    assert [line.what for line in case.log.all()] == ["released", "assigned", "claimed", "opened"]


def colleague(name: str, *roles: str) -> UUID:
    return Staff.objects.create_user(name, "demo-demo", sub=uuid4(), name=name, roles=list(roles) or ["analyst"]).sub


def test_a_case_goes_only_to_who_decides_cases(campaign: UUID) -> None:
    report(campaign)
    case, before = a_case(campaign), what_stands()
    for to in (colleague("Sue", "support"), uuid4()):
        with pytest.raises(BadRequest):
            commands.assign(case_id=case.id, to=to, by=colleague(f"by-{to}"))
    assert what_stands() == before


def test_a_snoozed_case_comes_back_by_itself(campaign: UUID, moved_clock: Any) -> None:
    report(campaign)
    case, by = a_case(campaign), uuid4()
    for wrong in (clock.now() - timedelta(days=1), clock.now() + timedelta(days=31)):
        with pytest.raises(BadRequest):
            commands.snooze(case_id=case.id, until=wrong, by=by)
    commands.snooze(case_id=case.id, until=clock.now() + timedelta(days=2), by=by)
    heaps = {name: list(queries.heap(Case.objects.all(), name, of=by, now=clock.now())) for name in queries.HEAPS}
    assert [name for name, cases in heaps.items() if cases] == ["snoozed"]
    assert commands.wake() == 0
    moved_clock(2 * 86400 + 1)
    assert queries.next_case(of=by, now=clock.now()) == case
    assert (commands.wake(), commands.wake()) == (1, 0)
    assert last_line(case) == "back"


def test_something_new_brings_a_snoozed_case_back(campaign: UUID) -> None:
    report(campaign)
    case = a_case(campaign)
    commands.snooze(case_id=case.id, until=clock.now() + timedelta(days=2), by=uuid4())
    report(campaign)
    assert a_case(campaign).snoozed_until is None


# -- deciding -------------------------------------------------------------------------------------------------------------


def test_a_confirmed_case_stops_the_campaign_caps_its_score_and_is_told(campaign: UUID, moved_clock: Any) -> None:
    reporter = person()
    first, second = report(campaign, by=reporter), report(campaign, "misleading")
    case, before = a_case(campaign), Score.objects.get(entity_id=campaign)
    moved_clock(5)
    decide(case, uuid4())
    case.refresh_from_db()
    assert (case.state, case.outcome, last_line(case)) == ("closed", "confirmed", "confirmed")
    assert set(Report.objects.values_list("state", flat=True)) == {"upheld"}
    assert Hold.objects.get().entity_id == campaign
    decided = {each["report_id"]: (each["reporter_id"], each["outcome"]) for each in told("report.decided")}
    assert decided.keys() == {str(first), str(second)}
    assert decided[str(first)] == (str(reporter.id), "upheld")
    assert [(each["case_id"], each["outcome"]) for each in told("case.decided")] == [(str(case.id), "confirmed")]
    assert told("case.decided")[0]["owner_id"] == str(before.owner_id)
    # At once: decisions do not wait for the debounce.
    scoring.rescore_due()
    after = Score.objects.get(entity_id=campaign)
    assert after.score < before.score - 10
    assert (after.cap < 100, after.cap_adjustment < 0) == (True, True)
    # What the decision brought about opens no case of its own.
    gathering.gather()
    assert Case.objects.count() == 1


def test_reports_are_judged_one_by_one(campaign: UUID) -> None:
    right, wrong = report(campaign, "misleading"), report(campaign, "spam")
    case = a_case(campaign)
    decide(case, uuid4(), "valuable", verdicts={right: "upheld", wrong: "dismissed"}, stop=True)
    assert dict(Report.objects.values_list("id", "state")) == {right: "upheld", wrong: "dismissed"}
    assert Hold.objects.count() == 0


def test_nothing_is_judged_unseen(campaign: UUID) -> None:
    report(campaign)
    case, seen = a_case(campaign), verdicts(campaign, "upheld")
    report(campaign)
    before = what_stands()
    with pytest.raises(CaseMoved):
        decide(case, uuid4(), verdicts=seen)
    with pytest.raises(CaseMoved):
        decide(case, uuid4(), version=case.version + 1)
    assert what_stands() == before


def test_a_case_is_decided_once(campaign: UUID) -> None:
    report(campaign)
    case = a_case(campaign)
    by = uuid4()
    decide(case, by, "false", "dismissed")
    before = what_stands()
    with pytest.raises(CaseOver) as refused:
        decide(case, by)
    assert refused.value.facts == {"outcome": "false"}
    for again in (commands.claim, commands.release):
        with pytest.raises(CaseOver):
            again(case_id=case.id, by=by)
    assert what_stands() == before


def test_nobody_works_on_a_case_of_their_own(monolith: Caller) -> None:
    owner, reporter = uuid4(), person("analyst")
    campaign = a_campaign(monolith, owner)
    report(campaign, by=reporter)
    case, before = a_case(campaign), what_stands()
    for party in (owner, reporter.id):
        for forbidden in (
            lambda who: commands.claim(case_id=case.id, by=who),
            lambda who: commands.add_note(case_id=case.id, by=who, note="They are honest"),
            lambda who: commands.assign(case_id=case.id, to=who, by=uuid4()),
            lambda who: decide(case, who, "false", "dismissed"),
        ):
            with pytest.raises(OwnCase):
                forbidden(party)
        assert queries.next_case(of=party, now=clock.now()) is None
    assert what_stands() == before


def test_new_reports_after_a_decision_open_a_new_case(campaign: UUID) -> None:
    report(campaign)
    first = a_case(campaign)
    decide(first, uuid4(), "false", "dismissed")
    gathering.gather()
    assert Case.objects.count() == 1
    report(campaign)
    assert a_case(campaign).id != first.id
    assert queries.last_closed("campaign", campaign) == first


def test_a_hold_after_a_decision_belongs_to_it_for_a_week(campaign: UUID, moved_clock: Any) -> None:
    report(campaign)
    decide(a_case(campaign), uuid4(), "valuable", "dismissed")
    hold = holding.place_hold(entity_kind="campaign", entity_id=campaign, reason="To be safe", by=str(uuid4()))
    gathering.look("campaign", campaign, clock.now())
    assert Case.objects.filter(state="open").count() == 0
    moved_clock(8 * 86400)
    holding.lift_hold(hold_id=hold.id, reason="All is well", by="x")
    holding.place_hold(entity_kind="campaign", entity_id=campaign, reason="Again", by=str(uuid4()))
    gathering.look("campaign", campaign, clock.now())
    assert Case.objects.get(state="open").summary == "Put on hold"


# -- decisions of the platform ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("outcome", "becomes"), [("upheld", "confirmed"), ("dismissed", "false")])
def test_the_platforms_decisions_close_reports_and_then_the_case(
    monolith: Caller, campaign: UUID, outcome: str, becomes: str
) -> None:
    first, second = report(campaign), report(campaign)
    case = a_case(campaign)
    monolith.post("/trust/evidence", fact("report.decided", campaign, 0, report_id=str(first), outcome=outcome))
    assert a_case(campaign) == case
    assert Report.objects.get(id=first).state == outcome
    monolith.post("/trust/evidence", fact("report.decided", campaign, 0, report_id=str(second), outcome=outcome))
    gathering.gather()
    case.refresh_from_db()
    assert (case.state, case.outcome, case.decided_by) == ("closed", becomes, "platform")
    assert [each["outcome"] for each in told("case.decided")] == [becomes]
    assert len(told("report.decided")) == 2


def test_a_case_with_a_lost_dispute_stays_open_without_its_reports(monolith: Caller, campaign: UUID) -> None:
    filed = report(campaign)
    monolith.post("/trust/evidence", fact("payment.disputed", campaign, 0.1, payment_id="p", stage="lost"))
    case = a_case(campaign)
    monolith.post("/trust/evidence", fact("report.decided", campaign, 0, report_id=str(filed), outcome="dismissed"))
    assert a_case(campaign) == case
    monolith.post("/trust/evidence", fact("case.decided", campaign, 0, outcome="valuable"))
    gathering.gather()
    case.refresh_from_db()
    assert (case.outcome, case.decided_by) == ("valuable", "platform")


# -- taking a decision back -------------------------------------------------------------------------------------------------


def test_a_decision_is_taken_back_by_somebody_else(campaign: UUID, moved_clock: Any) -> None:
    report(campaign)
    case, judge, other = a_case(campaign), uuid4(), uuid4()
    before = Score.objects.get(entity_id=campaign).score
    with pytest.raises(CaseOpen):
        commands.reverse_decision(case_id=case.id, by=other, note="The village was found.")
    decide(case, judge)
    scoring.rescore(kind="campaign", entity_id=campaign)
    stands = what_stands()
    with pytest.raises(SecondPersonNeeded):
        commands.reverse_decision(case_id=case.id, by=judge, note="The village was found.")
    assert what_stands() == stands
    moved_clock(60)
    commands.reverse_decision(case_id=case.id, by=other, note="The village was found.")
    case.refresh_from_db()
    assert (case.outcome, Report.objects.get().state) == ("false", "dismissed")
    assert Hold.objects.get().lifted_at is not None
    assert [each["outcome"] for each in told("case.decided")] == ["confirmed", "false"]
    assert [each["outcome"] for each in told("report.decided")] == ["upheld", "dismissed"]
    # Nothing that was decided is gone: both decisions are on record, and the last one stands.
    assert Fact.objects.filter(type="case.decided").count() == 2
    assert abs(scoring.rescore(kind="campaign", entity_id=campaign).score - before) < 1
    with pytest.raises(CaseOver):
        commands.reverse_decision(case_id=case.id, by=other, note="The village was found.")


def test_while_another_case_stands_confirmed_the_hold_and_what_is_known_stay(campaign: UUID, moved_clock: Any) -> None:
    cases = []
    for number in range(2):
        report(campaign)
        cases.append(a_case(campaign))
        decide(cases[-1], uuid4(), stop=True)
        moved_clock(60 * (number + 1))
    low = scoring.rescore(kind="campaign", entity_id=campaign).score
    commands.reverse_decision(case_id=cases[0].id, by=uuid4(), note="The village was found.")
    assert Hold.objects.get().lifted_at is None
    assert scoring.rescore(kind="campaign", entity_id=campaign).score < low + 2
    moved_clock(180)
    commands.reverse_decision(case_id=cases[1].id, by=uuid4(), note="So was the well.")
    assert Hold.objects.get().lifted_at is not None
    assert scoring.rescore(kind="campaign", entity_id=campaign).score > low + 10


def test_the_log_stays(campaign: UUID) -> None:
    report(campaign)
    case = a_case(campaign)
    line = case.log.get()
    for change in (lambda: LogLine.objects.update(what="nothing"), line.delete):
        with pytest.raises(DatabaseError), transaction.atomic():
            change()


def test_an_appeal_comes_into_the_open_case_once_and_opens_none(campaign: UUID) -> None:
    said: dict[str, Any] = {"kind": "appeal", "key": str(uuid4()), "entity_kind": "campaign", "entity_id": campaign}
    assert commands.add_signal(**said) is None
    report(campaign)
    case = a_case(campaign)
    for _ in range(2):
        assert commands.add_signal(**said) == case
    case.refresh_from_db()
    assert (case.summary, Case.objects.count()) == ("1 report, an appeal was filed", 1)
    assert reporting.settle_decided() == 0
