"""Fee rates over time: what is planned holds from its moment on, what has begun never changes."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import Error, IntegrityError, connection, transaction

from bh_sdk.errors import Conflict, Invalid
from bh_sdk.money import CURRENCIES, Money
from bh_sdk.server.ops import clock
from payments_svc.donations.models import Payment
from payments_svc.pricing import commands, queries
from payments_svc.pricing.errors import RateInForce
from payments_svc.pricing.models import FeeRate
from payments_svc.pricing.rules import EVERY_OTHER, Rate
from tests.payments.conftest import Caller, StandIn
from tests.payments.factories import campaign as a_campaign
from tests.payments.test_reports import signed_in

pytestmark = pytest.mark.django_db
TOMORROW = timedelta(days=1)


@pytest.fixture(autouse=True)
def fresh_table() -> Iterator[None]:
    queries.forget()
    yield
    queries.forget()


def plan(begins: datetime, *, percent: float = 1.5, fixed: int = 25, kind: Any = "processing") -> FeeRate:
    made = commands.plan_rate(
        kind=kind,
        currency="GBP",
        basis_points=round(percent * 100),
        fixed=Money(fixed, "GBP"),
        begins=begins,
        by=str(uuid.uuid4()),
    )
    queries.forget()
    return made


def processing(at: datetime, code: str = "GBP") -> tuple[int, int]:
    rate = queries.rates_at(code, at=at).processing
    return rate.basis_points, rate.fixed


def test_every_currency_has_a_rate_from_the_first_day() -> None:
    for code in CURRENCIES:
        rates = queries.rates_at(code, at=clock.now())
        assert (rates.processing.basis_points, rates.platform.basis_points) == (290, 200), code
        assert rates.processing.fixed > 0, code
    assert processing(clock.now(), "JPY") == (290, 40)


def test_a_currency_without_a_rate_of_its_own_takes_the_one_of_every_other() -> None:
    own = {row.currency for row in FeeRate.objects.filter(kind="platform")}
    assert own == {EVERY_OTHER}
    assert queries.rates_at("KWD", at=clock.now()).platform == Rate(200, 0, FeeRate.objects.get(kind="platform").id)


def test_a_planned_rate_holds_from_its_moment_on_and_not_a_moment_before() -> None:
    begins = clock.now() + TOMORROW
    plan(begins)
    assert processing(begins - timedelta(microseconds=1)) == (290, 20)
    assert processing(begins) == (150, 25)
    assert processing(clock.now(), "EUR") == (290, 25)


def test_a_rate_planned_before_another_ends_where_that_one_begins() -> None:
    later = plan(clock.now() + 3 * TOMORROW, percent=3)
    sooner = plan(clock.now() + TOMORROW, percent=2)
    assert sooner.valid_until == later.valid_from
    assert processing(later.valid_from)[0] == 300
    assert FeeRate.objects.get(currency="GBP", valid_from__lt=clock.now()).valid_until == sooner.valid_from


def test_a_withdrawn_plan_lets_the_present_rate_hold_on() -> None:
    planned = plan(clock.now() + TOMORROW)
    commands.withdraw_rate(rate_id=planned.id)
    queries.forget()
    assert processing(clock.now() + 2 * TOMORROW) == (290, 20)
    assert FeeRate.objects.get(currency="GBP").valid_until is None


def test_a_rate_that_has_begun_cannot_be_withdrawn() -> None:
    with pytest.raises(RateInForce):
        commands.withdraw_rate(rate_id=FeeRate.objects.get(currency="GBP").id)
    assert FeeRate.objects.filter(currency="GBP").count() == 1


@pytest.mark.parametrize("begins", [timedelta(days=-1), timedelta(0), timedelta(seconds=60)])
def test_a_rate_is_given_notice(begins: timedelta) -> None:
    with pytest.raises(Invalid):
        plan(clock.now() + begins)
    assert FeeRate.objects.filter(currency="GBP").count() == 1


def test_two_rates_cannot_begin_together() -> None:
    begins = clock.now() + TOMORROW
    plan(begins)
    with pytest.raises(Conflict):
        plan(begins, percent=3)


def test_a_fixed_part_is_in_the_currency_of_its_rate() -> None:
    told: dict[str, Any] = {"kind": "platform", "basis_points": 100, "begins": clock.now() + TOMORROW, "by": "x"}
    with pytest.raises(Invalid):
        commands.plan_rate(currency="", fixed=Money(1, "GBP"), **told)
    with pytest.raises(Invalid):
        commands.plan_rate(currency="EUR", fixed=Money(1, "GBP"), **told)


def row(**changes: Any) -> FeeRate:
    told: dict[str, Any] = {
        "kind": "processing",
        "currency": "GBP",
        "basis_points": 1,
        "valid_from": clock.now() + TOMORROW,
        "created_by": "x",
        "created_at": clock.now(),
    }
    return FeeRate(**(told | changes))


@pytest.mark.parametrize(
    "changes",
    [{}, {"currency": "", "fixed": 5}, {"currency": "gbp"}, {"kind": "tip"}, {"basis_points": 5001}, {"fixed": -1}],
)
def test_the_database_refuses_overlaps_and_nonsense(changes: dict[str, Any]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        row(**changes).save(force_insert=True)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE payments_pricing_feerate SET basis_points = 1 WHERE currency = 'GBP'",
        "UPDATE payments_pricing_feerate SET valid_until = '2021-01-01' WHERE currency = 'GBP'",
        "UPDATE payments_pricing_feerate SET valid_from = '2021-01-01' WHERE currency = 'GBP'",
        "DELETE FROM payments_pricing_feerate WHERE currency = 'GBP'",
    ],
)
def test_what_has_begun_changes_by_no_statement(change: str) -> None:
    with pytest.raises(Error), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change)
    assert processing(clock.now()) == (290, 20)


def test_a_payment_remembers_what_it_was_quoted_with(standin: StandIn, donor: Caller) -> None:
    donor.open(a_campaign(), "25.00")
    payment = Payment.objects.get()
    assert payment.processing_rate_id == FeeRate.objects.get(kind="processing", currency="GBP").id
    assert payment.platform_rate_id == FeeRate.objects.get(kind="platform").id


PAGE = "/admin/payments_pricing/feerate/"


def press(roles: tuple[str, ...], action: str, rate: FeeRate, **fields: str) -> Any:
    body = {"_form_submitted": "True", **fields}
    return signed_in(*roles).post(f"{PAGE}{rate.pk}/{action}/", body, headers={"HX-Request": "true"})


def test_finance_plans_a_rate_and_takes_it_back() -> None:
    present = FeeRate.objects.get(kind="processing", currency="GBP")
    begins = f"{clock.now() + TOMORROW:%Y-%m-%d %H:%M}"
    assert press(("finance",), "plan", present, percent="1.50", fixed="0.25", begins=begins).status_code == 200
    planned = FeeRate.objects.get(currency="GBP", basis_points=150)
    assert (planned.fixed, f"{planned.valid_from:%Y-%m-%d %H:%M}") == (25, begins)
    page = signed_in("finance").get(f"{PAGE}{planned.pk}/change/").content.decode()
    assert "1.50 % + 0.25 GBP" in page
    press(("finance",), "withdraw", planned)
    assert not FeeRate.objects.filter(pk=planned.pk).exists()


@pytest.mark.parametrize("roles", [("support",), ("auditor",), ("editor",)])
def test_nobody_else_plans_rates(roles: tuple[str, ...]) -> None:
    present = FeeRate.objects.get(kind="processing", currency="GBP")
    begins = f"{clock.now() + TOMORROW:%Y-%m-%d %H:%M}"
    assert press(roles, "plan", present, percent="0", begins=begins).status_code == 403
    assert FeeRate.objects.filter(currency="GBP").count() == 1


def test_a_dialog_refuses_what_is_no_money() -> None:
    present = FeeRate.objects.get(kind="processing", currency="GBP")
    begins = f"{clock.now() + TOMORROW:%Y-%m-%d %H:%M}"
    answer = press(("finance",), "plan", present, percent="1.5", fixed="0.255", begins=begins)
    assert "decimals" in answer.content.decode()
    assert FeeRate.objects.filter(currency="GBP").count() == 1
