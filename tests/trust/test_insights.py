"""What each day looked like: counted from history, again and again the same; the page that shows it; the sheets."""

from __future__ import annotations

import csv
import io
import uuid
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import call_command
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from bh_sdk.server.access.models import Staff
from tests.trust.conftest import Caller, person
from tests.trust.evidence import a_good_campaign, fact
from trust_svc.cases.models import Case
from trust_svc.evidence.models import Campaign
from trust_svc.insights import commands, queries, rules, tasks
from trust_svc.insights.models import ReviewDay, ScoreDay
from trust_svc.reports.models import Report
from trust_svc.scoring import commands as scoring
from trust_svc.scoring.models import ParameterSet, Score, ScorePoint

pytestmark = pytest.mark.django_db

MONDAY = datetime.now(UTC).date() - timedelta(days=4)
TUESDAY = MONDAY + timedelta(days=1)


def at(day: date, hour: int) -> datetime:
    return datetime(day.year, day.month, day.day, hour, tzinfo=UTC)


def standing(entity_id: UUID, kind: str = "campaign") -> None:
    """A score, so that somebody is there to count; what it was when is in its points."""
    live = ParameterSet.objects.get(state="live")
    Score.objects.create(
        kind=kind, entity_id=entity_id, score=50, lower=40, deviation=4, confidence=0.5, rated=True, tier="STEADY", cap=100,
        cap_adjustment=0, factors=[], reasons=[], features=[], parameters=live, calculated_at=at(TUESDAY, 23),
        revision=1, turn=1,
    )  # fmt: skip


def was(entity_id: UUID, when: datetime, score: float, tier: str, *, rated: bool = True) -> None:
    live = ParameterSet.objects.get(state="live")
    points = {"completion": score / 2, "updates": 0.0, "engagement": 0.0, "verification": score / 2, "history": 0.0}
    ScorePoint.objects.create(
        kind="campaign", entity_id=entity_id, score=score, lower=0, confidence=0.5, rated=rated, tier=tier,
        cap_adjustment=0, contributions=points, parameters=live, calculated_at=when,
    )  # fmt: skip


@pytest.fixture
def week() -> list[UUID]:
    """Three campaigns: one rises on Tuesday, one falls and comes back on the same day, one is new and unrated."""
    rising, back, new = uuid4(), uuid4(), uuid4()
    for each in (rising, back, new):
        standing(each)
    was(rising, at(MONDAY, 1), 40, "RISING")
    was(rising, at(TUESDAY, 9), 60, "STEADY")
    was(back, at(MONDAY, 2), 80, "TRUSTED")
    was(back, at(TUESDAY, 3), 20, "NEW")
    was(back, at(TUESDAY, 23), 80.5, "TRUSTED")
    was(new, at(TUESDAY, 5), 12, "NEW", rated=False)
    return [rising, back, new]


def line(day: date, kind: str = "campaign") -> ScoreDay:
    commands.keep_day(day)
    return ScoreDay.objects.get(day=day, kind=kind)


def test_a_day_is_how_it_ended(week: list[UUID]) -> None:
    monday, tuesday = line(MONDAY), line(TUESDAY)
    assert (monday.rated, monday.unrated, monday.moved, monday.movement) == (2, 0, 0, None)
    assert monday.tiers == {"NEW": 0, "RISING": 1, "STEADY": 0, "TRUSTED": 1, "STAR": 0}
    assert (monday.low, monday.median, monday.high, monday.mean) == (44, 60, 76, 60)
    assert (tuesday.rated, tuesday.unrated) == (2, 1)
    assert tuesday.bins == [0, 0, 0, 0, 0, 0, 1, 0, 1, 0]
    assert tuesday.factors == {
        "completion": 35.125, "updates": 0, "engagement": 0, "verification": 35.125, "history": 0
    }  # fmt: skip
    # Down and back again within a day is half a point, and no change of tier.
    assert (tuesday.moved, tuesday.movement, tuesday.tier_up, tuesday.tier_down) == (1, 20, 1, 0)


def test_nobody_at_all_is_a_line_of_zeros() -> None:
    empty = line(MONDAY, "user")
    assert (empty.rated, empty.unrated, sum(empty.bins), empty.median, empty.moved) == (0, 0, 0, None, 0)
    assert ScoreDay.objects.count() == 2


def test_a_hundred_belongs_to_the_last_ten() -> None:
    best = uuid4()
    standing(best)
    was(best, at(MONDAY, 1), 100, "STAR")
    assert line(MONDAY).bins == [0] * 9 + [1]


def test_counting_again_says_the_same(week: list[UUID]) -> None:
    for _ in range(2):
        commands.keep_day(MONDAY)
        commands.keep_day(TUESDAY)
    first = [{**row, "id": None} for row in ScoreDay.objects.order_by("day", "kind").values()]
    ScoreDay.objects.all().delete()
    call_command("rebuild_insights")
    again = ScoreDay.objects.filter(day__lte=TUESDAY).order_by("day", "kind")
    assert [{**row, "id": None} for row in again.values()] == first
    # Monday to today, both kinds.
    assert ScoreDay.objects.count() == 2 * ((datetime.now(UTC).date() - MONDAY).days + 1)


def test_the_task_counts_today_and_the_day_that_ended(moved_clock: Any) -> None:
    today = datetime.now(UTC).date()
    tasks.keep_up()
    tasks.keep_up()
    assert list(ReviewDay.objects.values_list("day", flat=True)) == [today]
    moved_clock(86_400)
    assert commands.keep_up() == [today, today + timedelta(days=1)]
    moved_clock(30 * 86_400)
    assert len(commands.keep_up()) == commands.MOST_BEHIND + 1


def test_reports_and_how_long_they_took() -> None:
    def report(created: datetime, decided: datetime | None, state: str) -> None:
        Report.objects.create(
            reporter_id=uuid4(), entity_kind="campaign", entity_id=uuid4(), kind="fraud", description="words",
            state=state, created_at=created, decided_at=decided,
        )  # fmt: skip

    report(at(MONDAY, 0), at(TUESDAY, 0), "upheld")
    report(at(MONDAY, 20), at(TUESDAY, 2), "dismissed")
    report(at(TUESDAY, 4), None, "open")
    commands.keep_day(MONDAY)
    commands.keep_day(TUESDAY)
    assert ReviewDay.objects.values_list("filed", "upheld", "dismissed", "hours").get(day=MONDAY) == (2, 0, 0, None)
    tuesday = ReviewDay.objects.get(day=TUESDAY)
    assert (tuesday.filed, tuesday.upheld, tuesday.dismissed) == (1, 1, 1)
    assert (tuesday.hours, tuesday.hours_slow) == (15, 22.2)


def test_cases_and_how_they_ended() -> None:
    def case(opened: datetime, closed: datetime | None, outcome: str | None) -> None:
        Case.objects.create(
            entity_kind="campaign", entity_id=uuid4(), state="closed" if closed else "open", outcome=outcome,
            opened_at=opened, due_at=opened, closed_at=closed, decided_by="somebody" if closed else None,
        )  # fmt: skip

    case(at(MONDAY, 0), at(TUESDAY, 0), "confirmed")
    case(at(MONDAY, 20), at(TUESDAY, 2), "false")
    case(at(TUESDAY, 1), at(TUESDAY, 3), "valuable")
    case(at(TUESDAY, 4), None, None)
    commands.keep_day(TUESDAY)
    tuesday = ReviewDay.objects.get(day=TUESDAY)
    assert (tuesday.cases_opened, tuesday.confirmed, tuesday.valuable, tuesday.false) == (2, 1, 1, 1)
    assert (tuesday.case_hours, tuesday.case_hours_slow, tuesday.filed) == (6, 20.4, 0)


def test_today_is_counted_for_whoever_looks_before_the_task(week: list[UUID]) -> None:
    today = datetime.now(UTC).date()
    assert queries.score_days("campaign", end=today, days=7)[today].rated == 2
    assert queries.review_days(end=today, days=7)[today].filed == 0
    assert (ScoreDay.objects.count(), ReviewDay.objects.count()) == (0, 0)


counts = st.lists(st.integers(0, 500), min_size=10, max_size=10)


@given(counts, counts)
def test_stability_is_never_negative_and_nothing_for_the_same(before: list[int], after: list[int]) -> None:
    index = rules.stability(before, after)
    if not sum(before) or not sum(after):
        assert index is None
    else:
        assert index is not None
        assert index >= 0
        assert rules.stability(before, before) == 0


def test_stability_has_words() -> None:
    assert rules.stability([50, 50], [60, 40]) == pytest.approx(0.0405, abs=1e-4)
    assert [rules.word(index) for index in (0.05, 0.2, 0.3)] == ["as a month ago", "has shifted", "has shifted far"]


# -- the page and the sheets -------------------------------------------------------------------------------------------


def signed_in(*roles: str) -> Client:
    staff = Staff.objects.create(username=f"s{uuid.uuid4().hex[:8]}", sub=uuid.uuid4(), roles=list(roles))
    client = Client(raise_request_exception=False)
    client.force_login(staff)
    return client


PAGE = "/admin/trust_insights/scoreday/"


@pytest.mark.parametrize("query", ["", "?span=365&kind=user", "?span=nonsense&kind=%00"])
def test_the_page_draws_what_was_counted(week: list[UUID], query: str) -> None:
    commands.keep_up()
    page = signed_in("analyst").get(PAGE + query)
    assert page.status_code == 200
    text = page.content.decode()
    for title in (
        "How scores are spread",
        "Tiers, at the end of the day",
        "Time to decision",
        "Changes of tier",
    ):
        assert title in text


def test_the_page_asks_few_questions(week: list[UUID], django_assert_max_num_queries: Any) -> None:
    commands.keep_up()
    client = signed_in("analyst")
    client.get(PAGE)
    with django_assert_max_num_queries(25):
        client.get(PAGE + "?span=365")


SHEETS = (
    "scores", "history-of-scores", "reports", "cases", "decisions", "days-of-scores", "days-of-reviews",
)  # fmt: skip


@pytest.mark.parametrize("sheet", SHEETS)
def test_analyst_auditor_and_admin_alone_read_reports(sheet: str) -> None:
    for role, status in (
        ("analyst", 200), ("auditor", 200), ("admin", 200), ("support", 403), ("editor", 403), ("finance", 403),
    ):  # fmt: skip
        assert signed_in(role).get(f"/staff/reports/{sheet}/?format=json").status_code == status, role
    assert Client().get(f"/staff/reports/{sheet}/?format=json").status_code in (401, 403)
    assert signed_in("analyst").post(f"/staff/reports/{sheet}/", {}).status_code in (403, 405)


def sheet(name: str, **narrow: str) -> list[dict[str, str]]:
    answer = signed_in("analyst").get(f"/staff/reports/{name}/", {"format": "csv"} | narrow)
    assert (answer.status_code, answer["Content-Type"]) == (200, "text/csv; charset=utf-8")
    text = b"".join(answer.streaming_content).decode()  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(text)))


def test_scores_come_with_factors_reasons_and_harmless_titles(monolith: Caller) -> None:
    campaign, owner = uuid4(), uuid4()
    monolith.post("/trust/evidence", {"facts": a_good_campaign(campaign, owner)})
    Campaign.objects.filter(id=campaign).update(title="=cmd()")
    scoring.rescore(kind="campaign", entity_id=campaign)
    scoring.rescore(kind="user", entity_id=owner)
    [row] = sheet("scores", kind="campaign")
    score = Score.objects.get(kind="campaign")
    assert (row["entity_id"], row["title"], row["score"]) == (str(campaign), "'=cmd()", str(score.score))
    points = [float(row[name]) for name in ("completion", "updates", "engagement", "verification", "history")]
    assert sum(points) + float(row["cap_adjustment"]) == score.score
    assert row["reasons"] == ", ".join(reason["code"] for reason in score.reasons)
    [was] = sheet("history-of-scores", entity_id=str(campaign))
    assert (was["score"], was["completion"]) == (row["score"], row["completion"])
    assert sheet("scores", tier="STAR") == []
    assert signed_in("analyst").get("/staff/reports/scores/?nonsense=1&format=json").status_code == 400


def test_no_sheet_tells_who_reported_or_what_they_wrote(monolith: Caller) -> None:
    campaign, reporter = uuid4(), person("donor")
    monolith.post("/trust/evidence", {"facts": a_good_campaign(campaign, uuid4())})
    body = {
        "entity_type": "campaign", "entity_id": str(campaign), "kind": "fraud",
        "description": "=SECRET words about a person",
    }  # fmt: skip
    assert reporter.post("/trust/report", body).status_code < 300
    scoring.rescore(kind="campaign", entity_id=campaign)
    monolith.post("/trust/evidence", fact("case.decided", campaign, 0, outcome="valuable"))
    client = signed_in("analyst")
    for name in SHEETS:
        for form in ("csv", "json", "html"):
            answer = client.get(f"/staff/reports/{name}/?format={form}")
            text = b"".join(answer if answer.streaming else [answer.content]).decode()
            assert str(reporter.id) not in text, (name, form)
            assert "SECRET" not in text, (name, form)
    [decision] = sheet("decisions", type="case.decided")
    assert (decision["type"], decision["outcome"], decision["item"]) == ("case.decided", "valuable", "")
    [report] = sheet("reports")
    assert (report["kind"], report["state"], report["hours_to_decision"]) == ("fraud", "open", "")
