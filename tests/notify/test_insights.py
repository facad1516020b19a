"""Figures of messages: counted once, the same as the deliveries say, and what deserves a look is said with the next step."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml
from django.test import Client
from django.urls import reverse

from bh_sdk.server.ops import clock
from notify_svc.delivery.models import Delivery, Notification
from notify_svc.insights import commands, queries, rules, tasks
from notify_svc.insights.models import Counted, Day
from notify_svc.insights.rules import Backlog, Tally
from notify_svc.tracking import commands as tracking
from notify_svc.wording.models import TemplateVersion
from tests.notify.test_admin import at_desk
from tests.notify.test_digests import Move, clock_at  # noqa: F401 - a fixture

pytestmark = pytest.mark.django_db

RULES = Path(__file__).resolve().parents[2] / "deploy" / "observability" / "notify.rules.yml"
NOON = datetime(2026, 12, 2, 12, tzinfo=UTC)


def told(
    count: int = 1,
    *,
    status: str = "sent",
    at: datetime = NOON,
    took: float = 1.0,
    type: str = "campaign_update",
    channel: str = "email",
    provider: str = "ses",
    test: bool = False,
    **rest: Any,
) -> list[Delivery]:
    """Deliveries as they stand once they are over."""
    version = TemplateVersion.objects.filter(template__type=type, template__channel=channel).first()
    assert version is not None
    left = status in ("sent", "delivered", "bounced")
    rows = []
    for _ in range(count):
        notification = Notification.objects.create(
            dedupe=str(uuid.uuid4()),
            recipient_id=uuid.uuid4(),
            type=type,
            category="subscription",
            created_at=at,
            test=test,
        )
        rows.append(
            Delivery(
                notification=notification,
                recipient_id=notification.recipient_id,
                channel=channel,
                version=version,
                status=status,
                priority=1,
                due_at=at,
                created_at=at,
                provider=provider,
                tries=1,
                handed_over_at=at + timedelta(seconds=took) if left else None,
                delivered_at=at + timedelta(seconds=30) if status == "delivered" else None,
                bounced_at=at + timedelta(seconds=60) if status == "bounced" else None,
                finished_at=at + timedelta(seconds=60),
                **rest,
            )
        )
    return Delivery.objects.bulk_create(rows)


@pytest.fixture
def noon(clock_at: Move) -> Move:  # noqa: F811
    clock_at(NOON + timedelta(hours=1))
    return clock_at


def test_a_day_is_counted_as_its_deliveries_say(noon: Move) -> None:
    told(4, status="delivered")
    told(2, status="sent", took=11)
    told(1, status="bounced", reason="bounced")
    told(3, status="failed", reason="suppressed", provider="")
    told(1, status="canceled", reason="read", provider="")
    told(5, test=True)
    told(2, status="delivered", at=NOON - timedelta(days=1))
    tasks.count()
    tasks.count()
    found = queries.by_day(days=2)
    assert found[NOON.date()] == Tally(
        accepted=11, handed_over=7, promptly=5, delivered=4, bounced=1, failed=3, canceled=1
    )
    assert found[NOON.date() - timedelta(days=1)] == Tally(accepted=2, handed_over=2, promptly=2, delivered=2)
    assert queries.reasons(days=1) == [("email", "failed", "suppressed", 3), ("email", "bounced", "bounced", 1)]


def test_counting_again_says_the_same_and_a_late_word_is_counted(noon: Move) -> None:
    (delivery,) = told(status="sent")
    commands.keep_day(NOON.date())
    before = list(Day.objects.values())
    commands.keep_day(NOON.date())
    assert [row | {"id": 0} for row in Day.objects.values()] == [row | {"id": 0} for row in before]
    Delivery.objects.filter(id=delivery.id).update(status="bounced", bounced_at=NOON, reason="bounced")
    noon(NOON + timedelta(days=3))
    for _ in range(rules.SETTLED):
        tasks.count()
    assert queries.by_day(days=5)[NOON.date()].bounced == 1


def test_a_round_counts_today_and_one_older_day_that_is_due_for_it(noon: Move) -> None:
    days = {day for _ in range(rules.SETTLED) for day in commands.keep_up()}
    assert days == {NOON.date() - timedelta(days=ago) for ago in range(rules.SETTLED + 1)}
    assert commands.keep_up() == [NOON.date()]


def test_a_retry_counts_from_when_it_was_accepted_and_quiet_hours_from_their_end(noon: Move) -> None:
    (late,) = told(took=600)
    Delivery.objects.filter(id=late.id).update(tries=2, due_at=NOON + timedelta(seconds=599))
    (quiet,) = told(took=3_605)
    Delivery.objects.filter(id=quiet.id).update(due_at=NOON + timedelta(hours=1))
    commands.keep_day(NOON.date())
    assert queries.by_day(days=1)[NOON.date()].promptly == 1


def test_everything_ever_sent_can_be_counted_from_nothing(noon: Move) -> None:
    told(1, at=NOON - timedelta(days=20))
    told(1)
    assert commands.rebuild() == 21
    assert sum((tally for tally in queries.by_day(days=30).values()), Tally()).accepted == 2
    assert Counted.objects.count() == 21


@pytest.mark.parametrize(
    ("tally", "pages"),
    [
        (Tally(handed_over=95, promptly=95, failed=5), []),
        (Tally(handed_over=94, promptly=94, failed=6), ["failures"]),
        (Tally(handed_over=3, failed=3, promptly=3), []),
        (Tally(handed_over=100, promptly=100, bounced=2), []),
        (Tally(handed_over=100, promptly=100, bounced=3), ["types"]),
        (Tally(handed_over=900, promptly=900, complained=1), ["types"]),
        (Tally(handed_over=1_000, promptly=1_000, complained=1), []),
        (Tally(handed_over=100, promptly=94), ["providers"]),
        (Tally(handed_over=100, promptly=95), []),
    ],
)
def test_what_deserves_a_look(tally: Tally, pages: list[str]) -> None:
    assert [alert.page for alert in rules.alerts(tally, {}, {"suppressed": 6})] == pages


@pytest.mark.parametrize(
    ("late", "alerts"),
    [
        (Backlog(1_000, timedelta(minutes=5)), 0),
        (Backlog(1_001, timedelta()), 1),
        (Backlog(1, timedelta(seconds=301)), 1),
    ],
)
def test_a_backlog_deserves_a_look_when_it_is_large_or_old(late: Backlog, alerts: int) -> None:
    assert len(rules.alerts(Tally(), {"email": late}, {})) == alerts


def test_the_page_says_what_happened_and_what_to_do_next(noon: Move) -> None:
    told(60, status="delivered")
    told(8, status="failed", reason="credentials_refused")
    told(2, status="bounced", reason="bounced")
    tasks.count()
    page = at_desk("support").get(reverse("admin:notify_insights_day_changelist"))
    shown = page.content.decode()
    assert page.status_code == 200
    assert "11.4% failed today" in shown
    assert "an admin renews its key" in shown
    assert "3.2% came back today" in shown
    assert "campaign_update" in shown
    only = at_desk("support").get(reverse("admin:notify_insights_day_changelist"), {"channel": "in_app", "span": "7"})
    assert "campaign_update" not in only.content.decode()


def test_an_empty_house_has_a_page_and_nothing_deserves_a_look(noon: Move) -> None:
    shown = at_desk("editor").get(reverse("admin:notify_insights_day_changelist")).content.decode()
    assert "Today was not counted yet" in shown
    assert "Nothing: today" in shown


REPORTS = {
    "deliveries": {"support", "editor", "admin", "auditor"},
    "daily-figures": {"support", "editor", "admin", "auditor", "analyst"},
    "failures": {"support", "editor", "admin", "auditor", "analyst"},
    "versions-of-words": {"support", "editor", "admin", "auditor", "analyst"},
    "suppressions": {"support", "editor", "admin", "auditor"},
}


@pytest.mark.parametrize("report", REPORTS)
@pytest.mark.parametrize("who", ["support", "editor", "admin", "auditor", "analyst", "finance"])
def test_a_report_is_read_by_whose_desk_it_is(who: str, report: str) -> None:
    answer = at_desk(who).get(f"/staff/reports/{report}/", {"format": "json"})
    assert answer.status_code == (200 if who in REPORTS[report] else 403)


def test_nobody_reads_a_report_without_signing_in() -> None:
    for report in REPORTS:
        assert Client().get(f"/staff/reports/{report}/", {"format": "json"}).status_code in (302, 401, 403)


def rows(report: str, **given: str) -> list[Mapping[str, Any]]:
    answer = at_desk("support").get(f"/staff/reports/{report}/", {"format": "json", **given})
    assert answer.status_code == 200, answer.content
    found: list[Mapping[str, Any]] = answer.json()["results"]
    return found


def test_reports_say_what_the_deliveries_say(noon: Move) -> None:
    told(2, status="delivered")
    told(1, status="failed", reason="suppressed", provider="")
    told(1, type="gift.thank_you", status="bounced", reason="bounced")
    tasks.count()
    assert len(rows("deliveries")) == 4
    (failed,) = rows("deliveries", status="failed", type="campaign_update")
    assert failed["reason"] == "suppressed"
    assert {row["type"] for row in rows("daily-figures", channel="email")} == {"campaign_update", "gift.thank_you"}
    assert [row["count"] for row in rows("failures", outcome="failed")] == [1]
    assert rows("failures", outcome="failed")[0]["next_step"] == rules.NEXT["suppressed"]
    (thanks,) = rows("versions-of-words", type="gift.thank_you")
    assert (thanks["accepted"], thanks["handed_over"], thanks["bounced"], thanks["last_day"]) == (1, 1, 1, "2026-12-02")
    assert len(rows("versions-of-words")) == 2
    assert rows("versions-of-words", day_from="2026-12-03") == []


@pytest.mark.parametrize("report", REPORTS)
def test_a_report_can_be_taken_along_as_a_sheet(noon: Move, report: str) -> None:
    told(2, status="delivered")
    told(1, status="failed", reason="suppressed")
    tracking.suppress(email="ruth@example.org", note="She asked for it", by="somebody")
    tasks.count()
    answer: Any = at_desk("support").get(f"/staff/reports/{report}/", {"format": "csv"})
    sheet = b"".join(answer.streaming_content).decode()
    assert len(sheet.splitlines()) > 1
    assert "ruth" not in sheet
    page = at_desk("support").get(f"/staff/reports/{report}/", headers={"Accept": "text/html"})
    assert page.status_code == 200


def sample(page: str, name: str) -> float:
    return float(next(line.rpartition(" ")[2] for line in page.splitlines() if line.startswith(name)))


def test_metrics_say_what_left_promptly_and_how_old_the_backlog_is(noon: Move) -> None:
    told(3, at=clock.now() - timedelta(minutes=10))
    told(1, at=clock.now() - timedelta(minutes=10), took=20)
    (due,) = told(status="queued", at=clock.now() - timedelta(minutes=10), provider="")
    Delivery.objects.filter(id=due.id).update(due_at=clock.now() - timedelta(minutes=7))
    tasks.count()
    page = Client().get("/metrics").content.decode()
    labels = 'channel="email",outcome="{}",provider="ses",type="campaign_update"'
    assert sample(page, "bh_notify_outcomes{" + labels.format("handed_over")) == 4
    assert sample(page, "bh_notify_outcomes{" + labels.format("promptly")) == 3
    assert sample(page, 'bh_notify_backlog{channel="email"') == 1
    assert sample(page, 'bh_notify_backlog_age_seconds{channel="email"') == pytest.approx(420, abs=30)
    assert sample(page, "bh_notify_figures_age_seconds") < 60


# -- the rules that wake people -------------------------------------------------------------------------------------------


def all_rules() -> list[dict[str, Any]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def test_every_rule_can_be_read_and_says_what_to_do() -> None:
    for rule in all_rules():
        promql_parser.parse(rule["expr"])
        if "alert" in rule:
            assert rule["annotations"].keys() == {"summary", "next"}
            assert rule["labels"]["severity"] in ("page", "ticket")
            assert re.fullmatch(r"\d+[mh]", rule["for"])


def test_every_metric_that_a_rule_reads_is_there(noon: Move) -> None:
    from notify_svc.providers import commands as providers
    from notify_svc.providers.rules import Tally as Tries
    from notify_svc.retention import tasks as retention

    told(1, at=clock.now(), complained_at=clock.now())
    tasks.count()
    retention.prune()
    providers.choose("email", among={"ses"}, limit=1)
    providers.note("ses", Tries(failed=50))
    page = Client().get("/metrics").content.decode()
    recorded = {rule["record"] for rule in all_rules() if "record" in rule}
    for rule in all_rules():
        for name in set(re.findall(r"\bbh_notify[a-z_:]*", rule["expr"])):
            assert name in recorded or re.search(rf"^{name}(\{{| )", page, re.MULTILINE), name


def test_the_rules_wake_people_by_the_numbers_that_the_page_shows() -> None:
    numbers = {rule["alert"]: rule["expr"] for rule in all_rules() if "alert" in rule}
    assert numbers["NotifyFailing"].endswith(f"> {rules.FAILED_AT_MOST}")
    assert numbers["NotifyBouncing"].endswith(f"> {rules.BOUNCED_AT_MOST}")
    assert numbers["NotifyComplaints"].strip().endswith(f"> {rules.COMPLAINED_AT_MOST}")
    assert numbers["NotifySlow"].endswith(f"< {rules.PROMPT_AT_LEAST}")
    assert f"> {rules.BACKLOG_AT_MOST} " in numbers["NotifyBacklog"]
    assert numbers["NotifyBacklog"].endswith(f"> {int(rules.OVERDUE_AT_MOST.total_seconds())}")
    shares = [rule["expr"] for rule in all_rules() if rule.get("record", "").endswith(":share")]
    assert all(f">= {rules.LEAST}" in share for share in shares)
