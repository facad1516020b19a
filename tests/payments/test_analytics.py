"""Analytics: figures by day, week and month that agree with each other and with the facts."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from hypothesis import given, settings
from hypothesis import strategies as st

from bh_sdk.wire.analytics import Analytics, Figures
from payments_svc.insights import analytics
from payments_svc.insights.analytics import Question
from payments_svc.insights.copies import COPIES, MANY
from tests.payments.conftest import Caller, person, service
from tests.payments.factories import CampaignFactory
from tests.payments.lives import CAMPAIGNS, CURRENCIES, FIRST, Told, consume, facts_of, many_lives
from tests.tokens import bearer

pytestmark = pytest.mark.django_db

WHOLE = (FIRST - timedelta(days=10), FIRST + timedelta(days=90))
_ADDITIVE = ("gifts", "gross", "covered_fees", "net")


@pytest.fixture(autouse=True)
def _nothing_kept() -> None:
    """The tests before this one asked the same questions."""
    COPIES.outdated([MANY, *map(str, CAMPAIGNS)])


@pytest.fixture
def owner() -> Caller:
    return person("recipient")


@pytest.fixture
def campaigns(owner: Caller) -> list[Any]:
    """The campaigns that the facts are about; the first two are the owner's."""
    return [
        CampaignFactory.create(
            id=each, currency=code, title=f"Campaign {place}", **({"owner_id": owner.sub} if place < 2 else {})
        )
        for place, (each, code) in enumerate(zip(CAMPAIGNS, CURRENCIES, strict=True))
    ]


def ask(caller: Caller, **asked: Any) -> Any:
    given = {"start_date": WHOLE[0], "end_date": WHOLE[1]} | asked
    return caller("GET", "/analytics?" + "&".join(f"{name}={value}" for name, value in given.items()))


def finance() -> Caller:
    return person("finance")


def added(rows: list[Any]) -> dict[str, dict[str, int]]:
    """The sums of rows by currency, in minor units, of everything that adds up."""
    sums: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for row in rows:
        flat: dict[str, Any] = {name: getattr(row, name) for name in _ADDITIVE}
        for part in ("refunds", "disputes_lost", "fees", "recurring", "conversion"):
            found = getattr(row, part)
            if found is not None:
                flat |= {f"{part}.{name}": value for name, value in found if name not in ("rate", "share")}
        for name, value in flat.items():
            sums[row.currency][name] += int(str(value).replace(".", ""))
    return {code: dict(found) for code, found in sums.items()}


def question(**changes: Any) -> Question:
    given: dict[str, Any] = {"start": WHOLE[0], "end": WHOLE[1], "granularity": "day", "campaigns": None}
    return Question(**(given | changes))


@settings(max_examples=40, deadline=None)
@given(
    many_lives,
    st.sampled_from([None, (CAMPAIGNS[0],), (CAMPAIGNS[0], CAMPAIGNS[1]), ()]),
    st.sampled_from([None, "card", "unknown"]),
    st.tuples(st.integers(0, 60), st.integers(0, 60)).map(sorted),
)
def test_days_weeks_months_and_the_whole_add_up_to_the_same_and_people_are_counted_once(
    payments: list[list[Told]], scope: Any, method: str | None, span: list[int]
) -> None:
    start, end = FIRST + timedelta(days=span[0] - 5), FIRST + timedelta(days=span[1])
    with transaction.atomic():
        consume([each for told in payments for each in told])
        found = {
            each: analytics.answer(question(start=start, end=end, granularity=each, campaigns=scope, method=method))
            for each in ("day", "week", "month")
        }
        transaction.set_rollback(True)
    whole = added(found["day"].totals)
    for answer in found.values():
        assert added(answer.rows) == added(answer.totals) == whole
        assert answer.totals == found["day"].totals
        _people_are_right(answer, payments, scope, method)
    for row in [*found["day"].rows, *found["day"].totals]:
        fees = sum(int(fee.replace(".", "")) for _, fee in row.fees)
        gross, covered, net = (int(text.replace(".", "")) for text in (row.gross, row.covered_fees, row.net))
        assert net == gross + covered - fees


def _people_are_right(answer: Analytics, payments: list[list[Told]], scope: Any, method: str | None) -> None:
    """Donors, new and returning, counted the slow way."""
    arrivals = [
        (told.day, told.fact)
        for life in payments
        for told in life
        if told.fact.type == "payments.donation.succeeded.v1" and (scope is None or told.fact.campaign_id in scope)  # type: ignore[attr-defined]
    ]
    first: dict[Any, date] = {}
    for day, fact in arrivals:
        first[fact.donor_id] = min(day, first.get(fact.donor_id, day))  # type: ignore[attr-defined]
    gave: dict[tuple[date | None, str], set[Any]] = defaultdict(set)
    for day, fact in arrivals:
        told = fact.method or "unknown"  # type: ignore[attr-defined]
        if answer.start_date <= day <= answer.end_date and method in (None, told):
            for period in (_first_day(day, answer.granularity), None):
                gave[period, fact.currency].add(fact.donor_id)  # type: ignore[attr-defined]
    shown: list[tuple[date | None, Figures]] = [(row.period, row) for row in answer.rows]
    shown += [(None, row) for row in answer.totals]
    for period, row in shown:
        people = gave.pop((period, row.currency), set())
        since = max(period or answer.start_date, answer.start_date)
        new = {each for each in people if first[each] >= since}
        assert (row.donors, row.new_donors, row.returning_donors) == (len(people), len(new), len(people) - len(new))
    assert not gave


def _first_day(day: date, granularity: str) -> date:
    return {"day": day, "week": day - timedelta(days=day.weekday()), "month": day.replace(day=1)}[granularity]


def test_one_day_says_everything(campaigns: list[Any]) -> None:
    consume(facts_of(amount=2500, covered=100, fees=(80, 50), recurring=True))
    consume(facts_of(donor=1, amount=1001, fees=(30, 20), steps=[("refund", 1001)]))
    consume(facts_of(donor=2, arrives=None))
    answer = ask(finance(), campaign_id=CAMPAIGNS[0]).json()
    assert [row["period"] for row in answer["rows"]] == ["2026-02-20", "2026-02-21"]
    assert answer["rows"][0] == {
        "period": "2026-02-20",
        "currency": "GBP",
        "gifts": 2,
        "gross": "35.01",
        "covered_fees": "1.00",
        "net": "34.21",
        "average": "17.50",
        "donors": 2,
        "new_donors": 2,
        "returning_donors": 0,
        "refunds": {"count": 0, "amount": "0.00", "reversed_count": 0, "reversed_amount": "0.00", "rate": 0.0},
        "disputes_lost": {"count": 0, "amount": "0.00"},
        "fees": {"processing": "1.10", "platform": "0.70", "undivided": "0.00"},
        "recurring": {"gifts": 1, "gross": "25.00", "share": 0.7141},
        "conversion": {"opened": 2, "succeeded": 1, "rate": 0.5},
    }
    assert answer["rows"][1]["refunds"]["amount"] == "10.01"
    assert answer["rows"][1]["refunds"]["rate"] is None
    assert answer["totals"][0]["refunds"]["rate"] == 0.278
    assert answer["top_campaigns"] == [
        {
            "campaign_id": str(CAMPAIGNS[0]),
            "title": "Campaign 0",
            "currency": "GBP",
            "gifts": 2,
            "gross": "35.01",
            "net": "34.21",
        }
    ]


def test_currencies_never_mix(campaigns: list[Any]) -> None:
    consume(facts_of(campaign=0, amount=2500))
    consume(facts_of(campaign=1, amount=700))
    totals = ask(finance()).json()["totals"]
    assert [(row["currency"], row["gross"], row["gifts"]) for row in totals] == [("GBP", "25.00", 1), ("JPY", "700", 1)]
    only = ask(finance(), currency="JPY").json()
    assert {row["currency"] for row in only["rows"] + only["totals"] + only["top_campaigns"]} == {"JPY"}


def test_weeks_begin_on_monday_also_over_new_year(campaigns: list[Any]) -> None:
    consume(facts_of(day=date(2027, 1, 3)))
    consume(facts_of(day=date(2026, 12, 28)))
    answer = ask(finance(), granularity="week", start_date="2026-12-01", end_date="2027-01-03").json()
    assert [(row["period"], row["gifts"], row["donors"]) for row in answer["rows"]] == [("2026-12-28", 2, 1)]


def test_a_range_cuts_its_first_and_last_period(campaigns: list[Any]) -> None:
    for day in (9, 10, 20, 21):
        consume(facts_of(day=date(2026, 3, day)))
    answer = ask(finance(), granularity="month", start_date="2026-03-10", end_date="2026-03-20").json()
    assert [(row["period"], row["gifts"], row["new_donors"]) for row in answer["rows"]] == [("2026-03-01", 2, 0)]


def test_fees_of_old_facts_are_told_but_not_divided(campaigns: list[Any]) -> None:
    consume(facts_of(old=True, fees=(80, 50)))
    (row,) = ask(finance()).json()["totals"]
    assert row["fees"] == {"processing": "0.00", "platform": "0.00", "undivided": "1.30"}
    assert ask(finance(), method="unknown").json()["totals"][0]["gifts"] == 1
    assert ask(finance(), method="card").json()["totals"] == []


def test_a_method_knows_no_conversion_and_keeps_its_refunds(campaigns: list[Any]) -> None:
    consume(facts_of(method="us_bank_account", steps=[("refund", 500)]))
    consume(facts_of(method="card"))
    (row,) = ask(finance(), method="us_bank_account").json()["totals"]
    assert (row["gifts"], row["conversion"], row["refunds"]["amount"]) == (1, None, "5.00")


def test_a_charge_by_schedule_is_no_conversion(campaigns: list[Any]) -> None:
    consume(facts_of(recurring=True))
    (row,) = ask(finance()).json()["totals"]
    assert (row["gifts"], row["conversion"]) == (1, {"opened": 0, "succeeded": 0, "rate": None})


def test_a_success_days_later_is_a_conversion_of_the_day_it_was_opened(campaigns: list[Any]) -> None:
    consume(facts_of(arrives=3))
    rows = ask(finance()).json()["rows"]
    assert [(row["period"], row["gifts"], row["conversion"]["succeeded"]) for row in rows] == [
        ("2026-02-20", 0, 1),
        ("2026-02-23", 1, 0),
    ]


# -- who may ----------------------------------------------------------------------------------------------------------


def test_an_organiser_sees_all_own_campaigns_and_no_other(campaigns: list[Any], owner: Caller) -> None:
    for place in range(3):
        consume(facts_of(campaign=place, amount=1000 * (place + 1)))
    own = ask(owner).json()
    assert [(row["currency"], row["gross"]) for row in own["totals"]] == [("GBP", "10.00"), ("JPY", "2000")]
    assert ask(owner, campaign_id=CAMPAIGNS[0]).status_code == 200
    others, nobodys = ask(owner, campaign_id=CAMPAIGNS[2]), ask(owner, campaign_id=owner.sub)
    assert (others.status_code, nobodys.status_code) == (404, 404)
    assert {k: v for k, v in others.json().items() if k != "request_id"} == {
        k: v for k, v in nobodys.json().items() if k != "request_id"
    }
    assert ask(person("recipient")).json()["totals"] == []
    assert len(ask(finance()).json()["top_campaigns"]) == 3


@pytest.mark.parametrize("role", ["finance", "analyst", "auditor", "admin"])
def test_these_desks_see_everything(campaigns: list[Any], role: str) -> None:
    consume(facts_of(campaign=2))
    assert ask(person(role)).json()["totals"][0]["gross"] == "25.00"
    assert ask(person(role), campaign_id=CAMPAIGNS[2]).status_code == 200


def test_others_are_refused() -> None:
    for role in ("donor", "support", "editor"):
        assert ask(person(role)).status_code == 403
    for name in ("monolith", "trust", "notify"):
        assert ask(service(name)).status_code == 403
    assert ask(Caller()).status_code == 401


@pytest.mark.parametrize(
    ("changes", "wrong"),
    [
        ({"start_date": "2026-03-02", "end_date": "2026-03-01"}, "end_date"),
        ({"start_date": "2025-01-01", "end_date": "2026-01-02"}, "end_date"),
        ({"start_date": "2020-01-01", "end_date": "2023-02-01", "granularity": "week"}, "end_date"),
        ({"start_date": "2010-01-01", "end_date": "2026-01-01", "granularity": "month"}, "end_date"),
        ({"start_date": "1772323200"}, "start_date"),
        ({"start_date": "2026-02-30"}, "start_date"),
        ({"start_date": "0001-01-01"}, "start_date"),
        ({"end_date": "2026-03-01T00:00:00Z"}, "end_date"),
        ({"granularity": "hour"}, "granularity"),
        ({"currency": "gbp"}, "currency"),
        ({"method": "Card"}, "method"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_cannot_be_meant_is_refused(changes: dict[str, str], wrong: str) -> None:
    refused = ask(finance(), **changes)
    assert refused.status_code == 422
    assert refused.json()["errors"][0]["pointer"] == f"#/query/{wrong}"


def test_a_currency_that_is_none_is_refused() -> None:
    assert ask(finance(), currency="ABC").json()["code"] == "currency_unknown"


def test_a_year_of_days_can_be_asked_for() -> None:
    assert ask(finance(), start_date="2026-01-01", end_date="2026-12-31").status_code == 200


# -- kept answers -----------------------------------------------------------------------------------------------------


def repeat(caller: Caller, path: str, etag: str) -> Any:
    return Client().get(f"/api/v1/payments{path}", headers=bearer(caller.token) | {"If-None-Match": etag})


def test_an_answer_that_is_still_right_is_a_304(campaigns: list[Any], django_capture_on_commit_callbacks: Any) -> None:
    caller, path = finance(), f"/analytics?start_date={WHOLE[0]}&end_date={WHOLE[1]}"
    with django_capture_on_commit_callbacks(execute=True):
        consume(facts_of())
    first = caller("GET", path)
    again = repeat(caller, path, first["ETag"])
    assert (first["Cache-Control"], again.status_code, again.content) == ("private, no-cache", 304, b"")
    with django_capture_on_commit_callbacks(execute=True):
        consume(facts_of(donor=1))
    changed = repeat(caller, path, first["ETag"])
    assert (changed.status_code, changed.json()["totals"][0]["gifts"]) == (200, 2)
