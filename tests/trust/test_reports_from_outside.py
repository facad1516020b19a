"""Who watches a score, its owner included, cannot tell from it that somebody reported, when, or how much their word weighs."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bh_sdk.server.events.models import RecordedEvent
from tests.trust.conftest import Caller, person
from tests.trust.evidence import a_good_campaign, about_user, fact
from trust_svc.reports.models import Report
from trust_svc.scoring import commands as scoring
from trust_svc.scoring.engine import V2, Fact, People, fold, reports_seen_outside
from trust_svc.scoring.engine.features import open_reports
from trust_svc.scoring.models import Due, Score, ScorePoint

DAY = 86_400
WORDS = "The pictures show another well, and nobody answers my questions."


@pytest.fixture
def owner() -> Caller:
    return person("recipient")


@pytest.fixture
def campaigns(monolith: Caller, owner: Caller) -> list[UUID]:
    """Two campaigns of one organiser, scored."""
    found = [uuid4(), uuid4()]
    for each in found:
        assert monolith.post("/trust/evidence", {"facts": a_good_campaign(each, owner.id)}).status_code == 200
    settle_all()
    return found


def settle_all() -> None:
    scoring.mark_all()
    Due.objects.update(due_at="2020-01-01T00:00:00Z")
    while scoring.rescore_due():
        pass


def a_pillar(monolith: Caller, campaign: UUID) -> Caller:
    """Somebody whose word weighs as much as a word can: they gave, and their reports were upheld."""
    pillar = person()
    gift = {"payment_id": str(uuid4()), "donor_id": str(pillar.id), "amount": "5.00", "currency": "GBP"}
    facts = [fact("payment.succeeded", campaign, 40, **gift), about_user("user.joined", pillar.id, 900)]
    for name in map(str, range(5)):
        other, key = uuid4(), f"{pillar.id}-{name}"
        said = {"report_id": key, "kind": "fraud", "reporter_id": str(pillar.id)}
        facts += [fact("report.filed", other, 30, **said)]
        facts += [fact("report.decided", other, 20, report_id=key, outcome="upheld")]
    assert monolith.post("/trust/evidence", {"facts": facts}).status_code == 200
    settle_all()
    Score.objects.filter(entity_id=pillar.id).update(standing=1.0)
    return pillar


def file(reporter: Caller, campaign: UUID) -> None:
    body = {"entity_type": "campaign", "entity_id": str(campaign), "kind": "fraud", "description": WORDS}
    assert reporter.post("/trust/report", body).status_code == 201


def seen(owner: Caller, campaigns: list[UUID]) -> list[Any]:
    """Everything that the public and the organiser can look at, byte by byte, with the headers that could tell."""
    found = []
    for caller in (Caller(), owner):
        for path in (
            *(f"/trust/campaign/{each}" for each in campaigns),
            f"/trust/user/{owner.id}",
            *(f"/trust/factors/{each}" for each in (*campaigns, owner.id)),
            *(f"/trust/history/{each}?limit=100" for each in (*campaigns, owner.id)),
        ):
            answer = caller.get(path)
            found.append((path, answer.status_code, answer.get("ETag"), answer.get("Last-Modified"), answer.content))
    # Nobody without a token reads a history, and every such refusal has an id of its own.
    return [each for each in found if each[1] == 200]


@pytest.mark.django_db
@pytest.mark.parametrize("proven", [True, False], ids=["a pillar", "a newcomer"])
def test_a_report_moves_nothing_that_its_subject_or_the_public_can_see(
    monolith: Caller, analyst: Caller, owner: Caller, campaigns: list[UUID], moved_clock: Any, proven: bool
) -> None:
    reporter = a_pillar(monolith, campaigns[0]) if proven else person()
    exact = analyst.get(f"/trust/campaign/{campaigns[0]}").json()
    before, told, points = seen(owner, campaigns), RecordedEvent.objects.count(), ScorePoint.objects.count()
    moved_clock(600)
    file(reporter, campaigns[0])
    moved_clock(2)
    assert scoring.rescore_due() >= 2
    # Only staff see what it costs.
    after = analyst.get(f"/trust/campaign/{campaigns[0]}").json()
    assert 0 < exact["score"] - after["score"] <= 3
    assert after["calculated_at"] > exact["calculated_at"]
    assert ScorePoint.objects.count() > points
    assert analyst.get(f"/trust/history/{campaigns[0]}").json()["results"][0]["score"] == after["score"]
    assert seen(owner, campaigns) == before
    changed = RecordedEvent.objects.filter(type="trust.score.changed.v1").count()
    # The report itself is told to other services, and nothing of any score.
    assert RecordedEvent.objects.count() - told == 1
    # What happens besides moves what is seen as it always does, and says nothing of the report.
    monolith.post("/trust/evidence", fact("verification.granted", campaigns[0], 0, item="registry"))
    moved_clock(2)
    scoring.rescore_due()
    public = Caller().get(f"/trust/campaign/{campaigns[0]}").json()
    assert public["score"] > exact["score"]
    assert public["score"] == sum(each["contribution"] for each in public["factors"]) + public["cap_adjustment"]
    assert RecordedEvent.objects.filter(type="trust.score.changed.v1").count() == changed + 2
    assert not any(
        each["type"] == "report.filed" for each in owner.get(f"/trust/factors/{campaigns[0]}").json()["evidence"]
    )


@pytest.mark.django_db
def test_the_next_day_a_report_of_a_pillar_and_one_of_a_newcomer_look_alike(monolith: Caller, moved_clock: Any) -> None:
    answers = []
    for proven in (True, False):
        owner, campaign = uuid4(), uuid4()
        monolith.post("/trust/evidence", {"facts": a_good_campaign(campaign, owner)})
        pillar = a_pillar(monolith, campaign)
        settle_all()
        file(pillar if proven else person(), campaign)
        answers.append((campaign, person("recipient", id=owner)))
    moved_clock(DAY + 60)
    scoring.begin_epoch()
    settle_all()
    found = [Caller().get(f"/trust/campaign/{campaign}").json() for campaign, _ in answers]
    for one, other in zip(found[0]["factors"], found[1]["factors"], strict=True):
        assert one["contribution"] == pytest.approx(other["contribution"], abs=0.002)
    assert [each["code"] for each in found[0]["reasons"]] == [each["code"] for each in found[1]["reasons"]]
    # Its subject reads that there is one; of whom, nothing.
    for campaign, organiser in answers:
        lines = organiser.get(f"/trust/factors/{campaign}").json()["evidence"]
        said = [each for each in lines if each["type"] == "report.filed"]
        assert [each["time"][11:19] for each in said] == ["00:00:00"]
        assert {each["source"] for each in said} == {"trust"}


@pytest.mark.django_db
def test_many_reports_of_an_earlier_day_count_in_whole_points_and_at_most_three(
    monolith: Caller, campaigns: list[UUID], moved_clock: Any
) -> None:
    campaign = campaigns[0]
    mob = [uuid4() for _ in range(60)]
    gifts = [
        fact("payment.succeeded", campaign, 40, payment_id=f"g{at}", donor_id=str(one), amount="5.00", currency="GBP")
        for at, one in enumerate(mob)
    ]
    assert monolith.post("/trust/evidence", {"facts": gifts}).status_code == 200
    settle_all()
    before = Caller().get(f"/trust/campaign/{campaign}").json()["score"]
    facts = [
        fact("report.filed", campaign, 0, report_id=f"r{at}", kind="fraud", reporter_id=str(one))
        for at, one in enumerate(mob)
    ]
    assert monolith.post("/trust/evidence", {"facts": facts}).status_code == 200
    settle_all()
    assert before - Caller().get(f"/trust/campaign/{campaign}").json()["score"] < 0.1
    moved_clock(DAY)
    settle_all()
    lost = before - Caller().get(f"/trust/campaign/{campaign}").json()["score"]
    assert 0.5 < lost <= 3
    history = [each.outside for each in ScorePoint.objects.filter(entity_id=campaign)]
    assert any(history)


@pytest.mark.django_db
def test_an_upheld_report_is_seen_by_everybody_at_once(
    monolith: Caller, campaigns: list[UUID], owner: Caller, moved_clock: Any
) -> None:
    file(person(), campaigns[0])
    moved_clock(2)
    scoring.rescore_due()
    before = Caller().get(f"/trust/campaign/{campaigns[0]}").json()["score"]
    report = Report.objects.get()
    monolith.post(
        "/trust/evidence", fact("report.decided", campaigns[0], 0, report_id=str(report.id), outcome="upheld")
    )
    scoring.rescore_due()
    assert before - Caller().get(f"/trust/campaign/{campaigns[0]}").json()["score"] > 5
    assert Score.objects.get(entity_id=campaigns[0]).outside is None


@pytest.mark.django_db
def test_a_dismissal_does_not_tell_what_else_its_reporter_reported(
    monolith: Caller, campaigns: list[UUID], owner: Caller, moved_clock: Any
) -> None:
    elsewhere, reporter = uuid4(), person()
    monolith.post("/trust/evidence", {"facts": a_good_campaign(elsewhere, uuid4())})
    settle_all()
    file(reporter, elsewhere)
    file(reporter, campaigns[0])
    moved_clock(2)
    scoring.rescore_due()
    before, weight = seen(owner, campaigns), Score.objects.get(entity_id=campaigns[0]).score
    report = Report.objects.get(entity_id=elsewhere)
    moved_clock(60)
    monolith.post(
        "/trust/evidence", fact("report.decided", elsewhere, 0, report_id=str(report.id), outcome="dismissed")
    )
    moved_clock(2)
    scoring.rescore_due()
    assert Score.objects.get(entity_id=campaigns[0]).score > weight
    assert seen(owner, campaigns) == before


@pytest.mark.django_db
def test_who_only_reported_is_known_to_nobody(campaigns: list[UUID], analyst: Caller) -> None:
    reporter = person()
    file(reporter, campaigns[0])
    for address in (f"/trust/user/{reporter.id}", f"/trust/factors/{reporter.id}", f"/trust/history/{reporter.id}"):
        assert analyst.get(address).status_code == 404, address
    body = {"entity_type": "user", "entity_id": str(reporter.id), "kind": "fraud", "description": WORDS}
    assert person().post("/trust/report", body).status_code == 404
    asked = {"entities": [{"kind": "user", "id": str(reporter.id)}]}
    assert analyst.post("/trust/calculate", asked).status_code == 404


@pytest.mark.django_db
def test_staff_see_of_a_score_of_their_own_what_every_owner_sees(
    monolith: Caller, analyst: Caller, moved_clock: Any
) -> None:
    own, campaign = person("analyst"), uuid4()
    monolith.post("/trust/evidence", {"facts": a_good_campaign(campaign, own.id)})
    settle_all()
    before = own.get(f"/trust/campaign/{campaign}").json()
    file(person(), campaign)
    moved_clock(2)
    scoring.rescore_due()
    assert own.get(f"/trust/campaign/{campaign}").json() == before
    assert own.get(f"/trust/factors/{campaign}").json()["score"]["factors"] == before["factors"]
    assert analyst.get(f"/trust/campaign/{campaign}").json() != before


@pytest.mark.django_db
def test_something_seen_that_was_overtaken_by_a_quiet_turn_is_done_again(campaigns: list[UUID]) -> None:
    entity = ("campaign", campaigns[0])
    scoring.mark([entity], quietly=True)
    assert Due.objects.get().quiet
    scoring.mark([entity])
    assert not Due.objects.get().quiet
    scoring.mark([entity], quietly=True)
    assert not Due.objects.get().quiet
    Due.objects.update(quiet=True)
    scoring.mark_all()
    assert not Due.objects.filter(quiet=True).exists()


REPORTS = st.lists(
    st.tuples(st.integers(0, 6), st.floats(0, 5 * DAY), st.sampled_from(["fraud", "spam", "other"])), max_size=12
)


@given(reports=REPORTS, moment=st.floats(3 * DAY, 6 * DAY))
@settings(max_examples=60, deadline=None)
def test_seen_from_outside_reports_never_weigh_more_and_those_of_today_or_of_few_nothing(
    reports: list[tuple[int, float, str]], moment: float
) -> None:
    facts = [
        Fact(str(at), "report.filed", time, {"report_id": str(at), "kind": kind, "reporter_id": f"p{who}"})
        for at, (who, time, kind) in enumerate(reports)
    ]
    people = People(standing={f"p{who}": who / 6 for who in range(7)})
    today = moment // DAY * DAY
    outside = reports_seen_outside([fold(facts)], as_of=moment, params=V2, people=people)
    earlier = [each for each in facts if each.time < today]
    assert 0 <= outside <= open_reports([fold(earlier)], today, V2, people)
    assert outside == reports_seen_outside([fold(earlier)], as_of=today, params=V2, people=people)
    lost = V2.report_points * (1 - 2 ** (-outside / V2.report_half))
    assert lost == pytest.approx(round(lost), abs=1e-9)
    if len({who for who, time, _ in reports if time < today}) < 3:
        assert outside == 0
