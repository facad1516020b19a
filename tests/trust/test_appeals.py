"""Appeals: filed by those whom a decision is about, decided in time by somebody else, and carried out by deciding."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Barrier
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection, connections, transaction

from bh_sdk.errors import BHError, NotFound, Refused, SecondPersonNeeded
from bh_sdk.server.events.models import RecordedEvent
from tests.trust.conftest import Caller, person
from tests.trust.evidence import a_good_campaign
from tests.trust.test_verification import ask, files_in_a_room
from trust_svc.appeals import commands
from trust_svc.appeals.decisions import Instead
from trust_svc.appeals.errors import AppealDecidedAlready, AppealTaken, DecidedByYou, OutcomeUnfit, OwnAppeal
from trust_svc.appeals.models import Appeal
from trust_svc.cases import commands as cases
from trust_svc.cases import gathering
from trust_svc.cases.models import Case
from trust_svc.evidence.models import Fact
from trust_svc.holds import commands as holds
from trust_svc.holds.models import Hold
from trust_svc.overrides import commands as overrides
from trust_svc.overrides.models import Override
from trust_svc.overrides.rules import Wish
from trust_svc.reports.models import Report
from trust_svc.scoring import commands as scoring
from trust_svc.scoring.models import Score
from trust_svc.verification import commands as verification
from trust_svc.verification.models import Request

__all__ = ["files_in_a_room"]
pytestmark = pytest.mark.django_db

WORDS = "Jonah Amittai of Tarshish was paid; here is his letter."
ANSWER = "We read the letter and called the beneficiary."
FIRST, SECOND, THIRD = uuid4(), uuid4(), uuid4()


@pytest.fixture
def owner() -> Caller:
    return person("donor", "recipient")


@pytest.fixture
def campaign(monolith: Caller, owner: Caller) -> UUID:
    campaign = uuid4()
    monolith.post("/trust/evidence", {"facts": a_good_campaign(campaign, owner.id)})
    scoring.rescore(kind="campaign", entity_id=campaign)
    return campaign


def hold(campaign: UUID) -> Hold:
    return holds.place_hold(entity_kind="campaign", entity_id=campaign, reason="Nobody was paid.", by=str(FIRST))


def override(campaign: UUID, change: float = -5, by: UUID = FIRST, replaces: UUID | None = None) -> Override:
    value = Score.objects.get(entity_id=campaign).score + change
    return overrides.ask_override(
        entity_kind="campaign",
        entity_id=campaign,
        wish=Wish(what="score", value=value),
        reason="wrong_evidence",
        note="The pictures show another well.",
        days=30,
        by=by,
        replaces=replaces,
    )


def refused(owner: Caller) -> Request:
    row = ask(owner, "address")
    return verification.refuse(request_id=row.id, reason="mismatch", message="Another name.", by=FIRST)


def body(campaign: UUID, against: str = "hold", **more: Any) -> dict[str, Any]:
    said = {"entity_type": "campaign", "entity_id": str(campaign), "against": against, "statement": WORDS}
    return said | more


def file(caller: Caller, said: dict[str, Any]) -> Appeal:
    answer = caller.post("/trust/appeal", said)
    assert answer.status_code == 201, answer.content
    return Appeal.objects.get(id=answer.json()["appeal_id"])


def decide(row: Appeal, outcome: str, by: UUID = SECOND, note: str = "") -> Appeal:
    return commands.decide(appeal_id=row.id, outcome=outcome, answer=ANSWER, note=note, by=by)


def told(kind: str) -> list[dict[str, Any]]:
    rows = RecordedEvent.objects.filter(type=f"trust.appeal.{kind}.v1").order_by("position")
    return [row.payload for row in rows]


class TestFiling:
    def test_an_owner_appeals_and_reads_the_answer(self, owner: Caller, campaign: UUID) -> None:
        stopped = hold(campaign)
        answer = owner.post("/trust/appeal", body(campaign, evidence_urls=["https://example.org/letter.pdf"]))
        row = Appeal.objects.get()
        assert answer.status_code == 201
        assert answer.json() == owner.get(f"/trust/appeal/{row.id}").json()
        assert (row.target_id, row.not_by, answer.json()["status"]) == (stopped.id, [FIRST], "open")
        about = {"appeal_id": str(row.id), "entity_kind": "campaign", "entity_id": str(campaign)}
        about |= {"filed_by": str(owner.id), "against": "hold"}
        assert [each | {"due_at": ""} for each in told("filed")] == [about | {"due_at": ""}]
        decide(row, "upheld", note="They called from another number")
        (listed,) = owner.get("/trust/appeal").json()["results"]
        assert (listed["status"], listed["answer"]) == ("upheld", ANSWER)
        assert told("decided") == [about | {"outcome": "upheld"}]
        for secret in (str(SECOND), str(FIRST), "another number"):
            assert secret not in str(listed)

    def test_it_is_due_in_five_working_days(self, owner: Caller, campaign: UUID) -> None:
        hold(campaign)
        row = file(owner, body(campaign))
        assert row.due_at.weekday() < 5
        assert timedelta(days=7) <= row.due_at - row.filed_at <= timedelta(days=9)

    def test_what_was_written_is_nowhere_in_clear(self, owner: Caller, campaign: UUID) -> None:
        hold(campaign)
        row = file(owner, body(campaign))
        commands.decide(appeal_id=row.id, outcome="upheld", answer=WORDS, note=WORDS, by=SECOND)
        with connection.cursor() as cursor:
            for table in ("trust_appeals_appeal", "event"):
                cursor.execute(f"SELECT count(*) FROM {table} AS t WHERE t::text LIKE '%Amittai%'")
                assert cursor.fetchone() == (0,)

    @pytest.mark.parametrize("against", ["score", "report", "case", "override", "hold", "verification"])
    def test_anothers_decisions_and_those_that_are_not_there_are_one_and_the_same_404(
        self, owner: Caller, donor: Caller, campaign: UUID, against: str
    ) -> None:
        stopped, shown = hold(campaign), refused(owner)
        override(campaign)
        ids = {"hold": stopped.id, "verification": shown.id}
        named = {"decision_id": str(ids[against])} if against in ids else {}
        kind = {"entity_type": "user", "entity_id": str(owner.id)} if against == "verification" else {}
        stranger = donor.post("/trust/appeal", body(campaign, against, **named) | kind)
        nothing = donor.post("/trust/appeal", body(uuid4(), against, **named) | kind)
        own = donor.post("/trust/appeal", {"against": against, "statement": WORDS})
        answers = [{**each.json(), "request_id": ""} for each in (stranger, nothing, own)]
        assert [each.status_code for each in (stranger, nothing, own)] == [404] * 3
        assert answers[0] == answers[1] == answers[2]
        assert (Appeal.objects.count(), told("filed")) == (0, [])

    def test_an_appeal_against_a_report_tells_nobody_that_there_is_one(
        self, owner: Caller, donor: Caller, campaign: UUID
    ) -> None:
        before = owner.post("/trust/appeal", body(campaign, "report"))
        report = {"entity_type": "campaign", "entity_id": str(campaign), "kind": "spam", "description": WORDS}
        report_id = donor.post("/trust/report", report).json()["report_id"]
        after = [
            owner.post("/trust/appeal", body(campaign, "report", **more)) for more in ({}, {"decision_id": report_id})
        ]
        for each in after:
            assert {**each.json(), "request_id": ""} == {**before.json(), "request_id": ""}
        assert (before.status_code, Appeal.objects.count()) == (404, 0)

    def test_an_upheld_report_is_appealed_against_as_its_case(
        self, owner: Caller, donor: Caller, campaign: UUID
    ) -> None:
        case = confirmed(donor, campaign)
        said = owner.post("/trust/appeal", body(campaign, "report")).json()
        assert (said["against"], Appeal.objects.get().target_id) == ("case", case.id)
        assert str(donor.id) not in str(said)
        assert owner.post("/trust/appeal", body(campaign, "case")).json()["code"] == "appeal_open"

    def test_what_stands_no_more_cannot_be_appealed_against(self, owner: Caller, campaign: UUID) -> None:
        stopped = hold(campaign)
        holds.lift_hold(hold_id=stopped.id, reason="They were paid.", by=str(FIRST))
        for named in ({}, {"decision_id": str(stopped.id)}):
            assert owner.post("/trust/appeal", body(campaign, **named)).status_code == 404
        row = ask(owner, "address")
        for state in ("open", "granted"):
            said = {"against": "verification", "decision_id": str(row.id), "statement": WORDS}
            assert owner.post("/trust/appeal", said).status_code == 404, state
            if state == "open":
                verification.grant(request_id=row.id, by=FIRST)

    def test_one_open_appeal_against_one_decision_and_no_second_after_it(self, owner: Caller, campaign: UUID) -> None:
        override(campaign)
        hold(campaign)
        first = file(owner, body(campaign))
        again = owner.post("/trust/appeal", body(campaign))
        assert (again.status_code, again.json()["code"]) == (409, "appeal_open")
        assert again.json()["appeal_id"] == str(first.id)
        file(owner, body(campaign, "override"))
        decide(first, "upheld")
        final = owner.post("/trust/appeal", body(campaign))
        assert (final.status_code, final.json()["code"]) == (409, "appeal_final")
        assert (Appeal.objects.count(), len(told("filed"))) == (2, 2)

    def test_the_database_repeats_that_rule(self, owner: Caller, campaign: UUID) -> None:
        hold(campaign)
        first = file(owner, body(campaign))
        twin = {
            name: getattr(first, name)
            for name in ("entity_kind", "entity_id", "filed_by", "against", "target_id", "filed_at", "due_at")
        }
        with pytest.raises(IntegrityError, match="trust_one_open_appeal"), transaction.atomic():
            Appeal(**twin, statement=WORDS).save()

    def test_a_score_may_be_appealed_against_again_after_a_month(
        self, owner: Caller, campaign: UUID, moved_clock: Any
    ) -> None:
        decide(file(owner, body(campaign, "score")), "upheld")
        assert owner.post("/trust/appeal", body(campaign, "score")).status_code == 409
        moved_clock(31 * 86_400)
        file(owner, body(campaign, "score"))

    @pytest.mark.parametrize(
        ("wrong", "pointer"),
        [
            ({"statement": "too short"}, "#/statement"),
            ({"statement": "x" * 5001}, "#/statement"),
            ({"against": "taxes"}, "#/against"),
            ({"decision_id": "7"}, "#/decision_id"),
            ({"evidence_urls": ["javascript:alert(1)"]}, "#/evidence_urls/0"),
            ({"evidence_urls": ["https://a.example/"] * 11}, "#/evidence_urls"),
            ({"filed_by": str(uuid4())}, "#/filed_by"),
        ],
    )
    def test_an_unfit_appeal_is_refused_and_nothing_is_written(
        self, owner: Caller, campaign: UUID, wrong: dict[str, Any], pointer: str
    ) -> None:
        hold(campaign)
        answer = owner.post("/trust/appeal", body(campaign) | wrong)
        assert (answer.status_code, [each["pointer"] for each in answer.json()["errors"]]) == (422, [pointer])
        assert (Appeal.objects.count(), told("filed")) == (0, [])

    def test_too_many_a_day_are_refused(self, owner: Caller, campaign: UUID, settings: Any) -> None:
        settings.BH_LIMIT_FACTOR = 1
        hold(campaign)
        file(owner, body(campaign))
        for _ in range(4):
            assert owner.post("/trust/appeal", body(campaign)).status_code == 409
        full = owner.post("/trust/appeal", body(campaign))
        assert (full.status_code, "Retry-After" in full.headers, Appeal.objects.count()) == (429, True, 1)

    def test_nobody_reads_anothers_appeal(self, owner: Caller, donor: Caller, analyst: Caller, campaign: UUID) -> None:
        hold(campaign)
        row = file(owner, body(campaign))
        for caller in (donor, analyst):
            assert caller.get(f"/trust/appeal/{row.id}").status_code == 404
            assert caller.get("/trust/appeal").json()["results"] == []


def against_hold(owner: Caller, campaign: UUID) -> tuple[Appeal, set[UUID]]:
    hold(campaign)
    return file(owner, body(campaign)), {FIRST}


def confirmed(reporter: Caller, campaign: UUID) -> Case:
    """A case in which a report of fraud was upheld, which puts the campaign on hold."""
    report = {"entity_type": "campaign", "entity_id": str(campaign), "kind": "fraud", "description": WORDS}
    report_id = UUID(reporter.post("/trust/report", report).json()["report_id"])
    gathering.gather()
    case = Case.objects.get(entity_id=campaign)
    return cases.decide(
        case_id=case.id, outcome="confirmed", verdicts={report_id: "upheld"}, stop=True, note="Seen", by=FIRST
    )


def against_case(owner: Caller, campaign: UUID) -> tuple[Appeal, set[UUID]]:
    confirmed(person(), campaign)
    return file(owner, body(campaign, "case")), {FIRST}


def against_hold_of_a_case(owner: Caller, campaign: UUID) -> tuple[Appeal, set[UUID]]:
    confirmed(person(), campaign)
    assert Hold.objects.get().placed_by == "system"
    return file(owner, body(campaign)), {FIRST}


def against_override(owner: Caller, campaign: UUID) -> tuple[Appeal, set[UUID]]:
    row = override(campaign, -30)
    overrides.approve_override(override_id=row.id, by=THIRD)
    return file(owner, body(campaign, "override")), {FIRST, THIRD}


def against_refusal(owner: Caller, campaign: UUID) -> tuple[Appeal, set[UUID]]:
    said = {"against": "verification", "decision_id": str(refused(owner).id), "statement": WORDS}
    return file(owner, said), {FIRST}


class TestSomebodyElse:
    @pytest.mark.parametrize(
        "make", [against_hold, against_hold_of_a_case, against_case, against_override, against_refusal]
    )
    def test_neither_who_decided_nor_who_appealed_decides(
        self, owner: Caller, campaign: UUID, make: Callable[[Caller, UUID], tuple[Appeal, set[UUID]]]
    ) -> None:
        row, deciders = make(owner, campaign)
        facts = Fact.objects.count()
        for by, refusal in [*((by, DecidedByYou) for by in deciders), (owner.id, OwnAppeal)]:
            with pytest.raises(refusal):
                decide(row, "reversed", by=by)
            with pytest.raises(refusal):
                commands.claim(appeal_id=row.id, by=by)
        row.refresh_from_db()
        assert (row.state, row.claimed_by, told("decided"), Fact.objects.count()) == ("open", None, [], facts)
        assert not Hold.objects.exclude(lifted_at=None).exists()

    @pytest.mark.parametrize("who", ["decider", "filer"])
    def test_the_database_repeats_that_rule(self, owner: Caller, campaign: UUID, who: str) -> None:
        row, _ = against_hold(owner, campaign)
        decide(row, "upheld")
        by = FIRST if who == "decider" else owner.id
        with pytest.raises(IntegrityError, match="trust_appeal_"), transaction.atomic():
            Appeal.objects.filter(id=row.id).update(decided_by=by)

    def test_a_colleagues_appeal_is_taken_over_before_it_is_decided(self, owner: Caller, campaign: UUID) -> None:
        row, _ = against_hold(owner, campaign)
        commands.claim(appeal_id=row.id, by=SECOND)
        with pytest.raises(AppealTaken):
            decide(row, "upheld", by=THIRD)
        commands.claim(appeal_id=row.id, by=THIRD)
        assert decide(row, "upheld", by=THIRD).state == "upheld"

    def test_a_second_decision_is_refused_and_changes_nothing(self, owner: Caller, campaign: UUID) -> None:
        row, _ = against_hold(owner, campaign)
        decide(row, "upheld")
        with pytest.raises(AppealDecidedAlready):
            decide(row, "reversed", by=THIRD)
        with pytest.raises(AppealDecidedAlready):
            commands.claim(appeal_id=row.id, by=THIRD)
        assert (Hold.objects.get().lifted_at, len(told("decided"))) == (None, 1)


class TestCarriedOut:
    def test_a_hold_is_lifted(self, owner: Caller, campaign: UUID) -> None:
        row, _ = against_hold(owner, campaign)
        decide(row, "reversed")
        stopped = Hold.objects.get()
        assert (stopped.lifted_by, ANSWER in (stopped.lifted_because or "")) == (str(SECOND), True)
        assert RecordedEvent.objects.filter(type="trust.hold.lifted.v1").count() == 1

    def test_one_that_was_lifted_meanwhile_is_lifted_once(self, owner: Caller, campaign: UUID) -> None:
        row, _ = against_hold(owner, campaign)
        holds.lift_hold(hold_id=row.target_id, reason="They were paid.", by=str(THIRD))
        decide(row, "reversed")
        assert (Hold.objects.get().lifted_by, Appeal.objects.get().state) == (str(THIRD), "reversed")

    @pytest.mark.parametrize(("outcome", "left"), [("reversed", "false"), ("adjusted", "valuable")])
    def test_a_case_is_taken_back_with_its_reports_and_its_hold(
        self, owner: Caller, campaign: UUID, outcome: str, left: str
    ) -> None:
        row, _ = against_case(owner, campaign)
        decide(row, outcome)
        case = Case.objects.get()
        assert (case.outcome, case.decided_by, Report.objects.get().state) == (left, str(SECOND), "dismissed")
        assert Hold.objects.get().lifted_by == str(SECOND)

    def test_an_override_ends_and_what_was_calculated_counts(self, owner: Caller, campaign: UUID) -> None:
        before = Score.objects.get(entity_id=campaign).score
        row, _ = against_override(owner, campaign)
        assert Score.objects.get(entity_id=campaign).score < before
        decide(row, "reversed")
        assert Override.objects.get().ended_because == "revoked"
        assert Score.objects.get(entity_id=campaign).score == pytest.approx(before, abs=0.1)

    @pytest.mark.parametrize("against", ["override", "score"])
    def test_adjusting_a_score_takes_another_override_first(self, owner: Caller, campaign: UUID, against: str) -> None:
        placed = override(campaign) if against == "override" else None
        row = file(owner, body(campaign, against))
        with pytest.raises(OutcomeUnfit):
            decide(row, "adjusted")
        assert Appeal.objects.get().state == "open"
        override(campaign, -1, by=SECOND, replaces=placed.id if placed else None)
        assert decide(row, "adjusted").state == "adjusted"

    @pytest.mark.parametrize("against", ["override", "score"])
    def test_an_adjusted_score_is_set_in_the_same_step(self, owner: Caller, campaign: UUID, against: str) -> None:
        placed = override(campaign) if against == "override" else None
        row, before = file(owner, body(campaign, against)), Score.objects.get(entity_id=campaign).score
        instead = Instead(round(before) + 3.0, 10)
        decided = commands.decide(
            appeal_id=row.id, outcome="adjusted", answer=ANSWER, note="", by=SECOND, instead=instead
        )
        now = Override.objects.get(state="active")
        assert (decided.state, now.reason, now.requested_by, now.days) == ("adjusted", "appeal", SECOND, 10)
        assert now.replaces_id == (placed.id if placed else None)
        assert Score.objects.get(entity_id=campaign).score == instead.points

    def test_what_takes_a_second_person_keeps_the_appeal_open_until_somebody_agreed(
        self, owner: Caller, campaign: UUID
    ) -> None:
        row, before = file(owner, body(campaign, "score")), Score.objects.get(entity_id=campaign).score
        far = Instead(round(before) - 30.0, 30)
        waits = commands.decide(appeal_id=row.id, outcome="adjusted", answer=ANSWER, note="", by=SECOND, instead=far)
        asked = Override.objects.get()
        assert (waits.state, waits.claimed_by, asked.state) == ("open", SECOND, "waiting")
        assert (Score.objects.get(entity_id=campaign).score, told("decided")) == (before, [])
        with pytest.raises(SecondPersonNeeded):
            overrides.approve_override(override_id=asked.id, by=SECOND)
        overrides.approve_override(override_id=asked.id, by=THIRD)
        assert decide(row, "adjusted").state == "adjusted"
        assert Score.objects.get(entity_id=campaign).score == far.points

    def test_who_set_the_score_by_hand_decides_no_appeal_against_it(self, owner: Caller, campaign: UUID) -> None:
        override(campaign)
        row = file(owner, body(campaign, "score"))
        assert row.not_by == [FIRST]
        with pytest.raises(DecidedByYou):
            decide(row, "upheld", by=FIRST)
        assert decide(row, "upheld").state == "upheld"

    def test_a_refused_verification_is_granted(self, owner: Caller, campaign: UUID) -> None:
        row, _ = against_refusal(owner, campaign)
        decide(row, "reversed")
        request = Request.objects.get()
        assert (request.state, request.decided_by) == ("granted", SECOND)
        assert Fact.objects.get(type="verification.granted", source="trust").id == request.fact_id

    def test_a_refused_verification_goes_back_to_somebody_else(self, owner: Caller, campaign: UUID) -> None:
        row, _ = against_refusal(owner, campaign)
        decide(row, "adjusted")
        assert (Request.objects.get().state, Fact.objects.filter(source="trust").count()) == ("open", 0)

    def test_one_that_was_taken_back_stands_again(self, owner: Caller) -> None:
        request = ask(owner, "address")
        verification.grant(request_id=request.id, by=FIRST)
        verification.revoke(request_id=request.id, message="Letters came back.", by=THIRD)
        row = file(owner, {"against": "verification", "decision_id": str(request.id), "statement": WORDS})
        with pytest.raises(DecidedByYou):
            decide(row, "reversed", by=THIRD)
        decide(row, "reversed", by=FIRST)
        assert Request.objects.get().state == "granted"

    def test_the_documents_of_a_verification_stay_until_the_appeal_is_decided(
        self, owner: Caller, campaign: UUID
    ) -> None:
        row, _ = against_refusal(owner, campaign)
        until = Request.objects.get().documents_until
        assert until is not None
        assert until >= row.due_at + timedelta(days=30)

    @pytest.mark.parametrize(("make", "outcome"), [(against_hold, "adjusted"), (against_hold, "forgotten")])
    def test_what_cannot_be_done_is_refused_whole(self, owner: Caller, campaign: UUID, make: Any, outcome: str) -> None:
        row, _ = make(owner, campaign)
        with pytest.raises(OutcomeUnfit):
            decide(row, outcome)
        assert (Appeal.objects.get().state, Hold.objects.get().lifted_at, told("decided")) == ("open", None, [])

    def test_a_refusal_of_the_slice_leaves_the_appeal_open(self, owner: Caller, campaign: UUID) -> None:
        row, _ = against_refusal(owner, campaign)
        ask(owner, "address")
        with pytest.raises(Refused):
            decide(row, "adjusted")
        assert (Appeal.objects.get().state, told("decided")) == ("open", [])

    def test_deciding_what_is_not_there(self) -> None:
        with pytest.raises(NotFound):
            commands.decide(appeal_id=uuid4(), outcome="upheld", answer=ANSWER, note="", by=SECOND)


@pytest.mark.django_db(transaction=True)
def test_of_two_who_decide_at_once_one_does(owner: Caller, monolith: Caller) -> None:
    campaign = uuid4()
    monolith.post("/trust/evidence", {"facts": a_good_campaign(campaign, owner.id)})
    row, _ = against_hold(owner, campaign)
    start = Barrier(2)

    def try_it(given: tuple[UUID, str]) -> str:
        start.wait(5)
        try:
            return decide(row, given[1], by=given[0]).state
        except BHError as refusal:
            return refusal.code
        finally:
            connections.close_all()

    with ThreadPoolExecutor(2) as pool:
        ends = list(pool.map(try_it, [(SECOND, "reversed"), (THIRD, "upheld")]))
    appeal = Appeal.objects.get()
    assert sorted(ends) == sorted(["appeal_decided", appeal.state])
    assert (Hold.objects.get().lifted_at is not None) is (appeal.state == "reversed")
    assert len(told("decided")) == 1


def test_a_day_that_has_passed_is_past(owner: Caller, campaign: UUID, moved_clock: Any) -> None:
    hold(campaign)
    row = file(owner, body(campaign))
    moved_clock(9 * 86_400)
    assert row.due_at < datetime.now(UTC) + timedelta(days=9)
    assert decide(row, "upheld").state == "upheld"
