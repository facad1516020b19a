"""Two at once: one wins, the other is told so, and nothing is written twice."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from bh_sdk.errors import BHError
from bh_sdk.server.events.models import RecordedEvent
from bh_sdk.server.ops import clock
from tests.trust.conftest import Caller
from tests.trust.test_cases import a_campaign, a_case, report, verdicts
from trust_svc.cases import commands, gathering
from trust_svc.cases.models import Case, LogLine
from trust_svc.evidence import commands as evidence
from trust_svc.evidence.rules import NewFact
from trust_svc.holds.models import Hold
from trust_svc.reports.models import Report


def at_once(*works: Callable[[], object]) -> list[object]:
    """Run these side by side; what each returned, or how it was refused."""
    gate, found = threading.Barrier(len(works)), [object()] * len(works)

    def run(place: int, work: Callable[[], object]) -> None:
        gate.wait()
        try:
            found[place] = work()
        except BHError as refused:
            found[place] = refused
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=each) for each in enumerate(works)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def refusals(found: list[object]) -> list[str]:
    return [each.code for each in found if isinstance(each, BHError)]


@pytest.mark.django_db(transaction=True)
def test_two_at_one_case(monolith: Caller) -> None:
    campaign = a_campaign(monolith)
    report(campaign)
    case = a_case(campaign)

    def claim(by: UUID) -> Case:
        return commands.claim(case_id=case.id, by=by, version=1)

    first, second = uuid4(), uuid4()
    assert refusals(at_once(lambda: claim(first), lambda: claim(second))) == ["case_taken"]
    case.refresh_from_db()
    assert (case.version, case.assignee in (first, second)) == (2, True)
    commands.release(case_id=case.id, by=case.assignee or first)

    def decide(by: UUID, outcome: Any) -> Case:
        return commands.decide(
            case_id=case.id, outcome=outcome, verdicts=verdicts(campaign, "dismissed"), stop=False, note="Why", by=by
        )

    judged = at_once(lambda: decide(first, "false"), lambda: decide(second, "valuable"))
    assert refusals(judged) in (["case_over"], ["case_moved"])
    assert RecordedEvent.objects.filter(type="trust.case.decided.v1").count() == 1
    assert RecordedEvent.objects.filter(type="trust.report.decided.v1").count() == 1
    # Two workers at once open one case.
    for _ in range(2):
        report(campaign)
    at_once(gathering.gather, gathering.gather)
    gathering.gather()
    assert Case.objects.filter(state="open").count() == 1
    assert Case.objects.get(state="open").signals.count() == 2


class Desk(RuleBasedStateMachine):
    """Whatever staff and the platform do with a case, in any order: it stays one case with a whole log."""

    people = st.integers(0, 2)

    @initialize()
    def begin(self) -> None:
        self.campaign, self.staff = uuid4(), [uuid4() for _ in range(3)]
        said = {"owner_id": str(uuid4())}
        evidence.take_in(
            facts=[NewFact(uuid4(), "campaign.created", clock.now(), "campaign", self.campaign, said)], source="test"
        )
        self.decided = 0

    def attempt(self, work: Callable[[], object]) -> bool:
        before = (Case.objects.count(), LogLine.objects.count(), RecordedEvent.objects.count())
        try:
            work()
        except BHError:
            assert (Case.objects.count(), LogLine.objects.count(), RecordedEvent.objects.count()) == before
            return False
        return True

    def open(self) -> UUID:
        found = Case.objects.filter(entity_id=self.campaign, state="open").first()
        return found.id if found else uuid4()

    @rule()
    def somebody_reports(self) -> None:
        Report.objects.create(
            reporter_id=uuid4(), entity_kind="campaign", entity_id=self.campaign, kind="spam",
            description="It is not what it says", created_at=clock.now(),
        )  # fmt: skip
        gathering.look("campaign", self.campaign, clock.now())

    @rule(who=people)
    def claim(self, who: int) -> None:
        self.attempt(lambda: commands.claim(case_id=self.open(), by=self.staff[who]))

    @rule(who=people)
    def release(self, who: int) -> None:
        self.attempt(lambda: commands.release(case_id=self.open(), by=self.staff[who]))

    @rule(who=people, verdict=st.sampled_from(["upheld", "dismissed"]))
    def decide(self, who: int, verdict: Any) -> None:
        outcome: Any = {"upheld": "confirmed", "dismissed": "false"}[verdict]
        judged = verdicts(self.campaign, verdict)
        self.decided += self.attempt(
            lambda: commands.decide(
                case_id=self.open(), outcome=outcome, verdicts=judged, stop=True, note="Why", by=self.staff[who]
            )
        )

    @rule(who=people)
    def take_back(self, who: int) -> None:
        last = Case.objects.filter(entity_id=self.campaign, state="closed").order_by("-closed_at").first()
        case_id = last.id if last else uuid4()
        self.decided += self.attempt(
            lambda: commands.reverse_decision(case_id=case_id, by=self.staff[who], note="It was right")
        )

    @rule(who=people, days=st.sampled_from([0, 3, 31]))
    def put_away(self, who: int, days: int) -> None:
        until = clock.now() + timedelta(days=days)
        self.attempt(lambda: commands.snooze(case_id=self.open(), until=until, by=self.staff[who]))

    @rule()
    def look(self) -> None:
        gathering.look("campaign", self.campaign, clock.now())

    @invariant()
    def what_is_open_is_one_case_and_holds_every_open_report(self) -> None:
        if not hasattr(self, "campaign"):
            return
        cases = Case.objects.filter(entity_id=self.campaign)
        waiting = Report.objects.filter(entity_id=self.campaign, state="open")
        case = cases.filter(state="open").first()
        held = set(case.signals.filter(kind="report").values_list("key", flat=True)) if case else set()
        assert {str(report_id) for report_id in waiting.values_list("id", flat=True)} <= held
        assert not cases.filter(state="closed", snoozed_until__isnull=False).exists()
        holds = Hold.objects.filter(entity_id=self.campaign)
        assert holds.filter(lifted_at=None).count() <= 1
        for hold in holds:
            facts = (
                RecordedEvent.objects.filter(aggregateid=hold.id).order_by("position").values_list("type", flat=True)
            )
            lifted = ["trust.hold.lifted.v1"] if hold.lifted_at else []
            assert list(facts) == ["trust.hold.placed.v1", *lifted]
        assert cases.filter(state="closed").exclude(log__what__in=("confirmed", "false")).count() == 0
        assert (
            RecordedEvent.objects.filter(type="trust.case.decided.v1", actor__in=map(str, self.staff)).count()
            == self.decided
        )


@pytest.mark.django_db
def test_whatever_is_done_the_desk_stays_whole() -> None:
    # One database transaction holds all examples: each has a campaign and people of its own.
    run_state_machine_as_test(
        Desk,
        settings=settings(
            max_examples=8, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
