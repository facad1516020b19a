"""Recurring gifts are no way around the screening: another card, another amount, by hand, and by the calendar."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import redis

from bh_sdk.server.ops import clock
from payments_svc.donations.models import Payment
from payments_svc.gateway.tasks import work_events
from payments_svc.recurring.models import Period
from payments_svc.risk import commands as risk
from payments_svc.risk import rules as risk_rules
from payments_svc.risk.models import CardUse, RefusedTry
from tests.payments.conftest import StandIn, deliver
from tests.payments.series import DAY, Series
from tests.payments.test_recurring import facts, series, time
from tests.payments.test_recurring_dunning import EMPTY, climb, in_trouble
from tests.payments.test_reports import signed_in

__all__ = ["series", "time"]
pytestmark = pytest.mark.django_db
DECLINED = "pm_card_chargeDeclined"


@pytest.fixture(autouse=True)
def real_limits(settings: Any, clean_redis: redis.Redis) -> None:
    """As in production; and nobody counted yet."""
    settings.BH_LIMIT_FACTOR = 1


def block(series: Series, *, kind: Any = "user", value: str | None = None) -> None:
    who = value or str(series.donor.sub)
    risk.block(kind=kind, value=who, reason="fraud", note="seen today", lasts=DAY * 60, by=series.donor.sub)


@pytest.fixture
def asked_of_banks(standin: StandIn) -> Callable[[], int]:
    """How often a bank was asked about another card in this test."""

    def asked() -> int:
        return len(standin.asked("/v1/setup_intents", "POST"))

    before = asked()
    return lambda: asked() - before


def steps_refused() -> set[tuple[str, str]]:
    return set(RefusedTry.objects.values_list("step", "rule"))


class TestAnotherCard:
    def test_a_program_that_tries_cards_is_stopped(self, series: Series, asked_of_banks: Callable[[], int]) -> None:
        series.start()
        answers = [series.do("/method", {"payment_method_id": DECLINED}) for _ in range(9)]
        assert [answer.status_code for answer in answers] == [422] * 4 + [429] * 5
        assert answers[-1].json()["code"] == "too_many_tries"
        assert int(answers[-1]["Retry-After"]) > 0
        assert asked_of_banks() == 4
        assert steps_refused() == {("method", "tries_person")}
        assert RefusedTry.objects.get().tries == 5

    def test_a_card_that_was_refused_is_a_card_used(self, series: Series) -> None:
        series.start()
        known = CardUse.objects.count()
        series.do("/method", {"payment_method_id": DECLINED})
        assert CardUse.objects.filter(donor_id=series.donor.sub).count() == known + 1

    def test_many_cards_stop_the_next_one(self, series: Series, asked_of_banks: Callable[[], int]) -> None:
        series.start()
        for number in range(risk_rules.MOST_CARDS):
            risk.note_card(cluster=f"k1:{number}", donor_id=series.donor.sub, at=clock.now())
        refused = series.do("/method", {"payment_method_id": "pm_card_mastercard"})
        assert (refused.status_code, asked_of_banks()) == (429, 0)
        assert steps_refused() == {("method", "many_cards")}
        assert series.row.last4 == "4242"

    @pytest.mark.parametrize("body", [{"payment_method_id": "pm_card_mastercard"}, {"setup_intent_id": "seti_1"}])
    def test_whoever_is_blocked_saves_none(
        self, series: Series, asked_of_banks: Callable[[], int], body: dict[str, str]
    ) -> None:
        series.start()
        block(series)
        refused = series.do("/method", body)
        assert (refused.status_code, refused.json()["code"]) == (403, "gift_refused")
        assert (asked_of_banks(), series.row.last4) == (0, "4242")
        assert steps_refused() == {("method", "blocked")}

    def test_without_redis_no_card_is_tried(
        self, series: Series, asked_of_banks: Callable[[], int], settings: Any
    ) -> None:
        series.start()
        settings.REDIS_URL = "redis://127.0.0.1:1/0"
        refused = series.do("/method", {"payment_method_id": "pm_card_mastercard"})
        assert (refused.status_code, refused.json()["code"]) == (503, "unavailable")
        assert asked_of_banks() == 0


class TestByHand:
    def test_whoever_is_blocked_gets_no_secret(self, series: Series) -> None:
        in_trouble(series)
        block(series)
        refused = series.do("/pay")
        assert (refused.status_code, refused.json()["code"]) == (403, "gift_refused")
        assert steps_refused() == {("pay", "blocked")}

    def test_a_secret_does_not_try_cards_for_ever(self, series: Series) -> None:
        in_trouble(series)
        intent = series.do("/pay").json()["payment"]["payment_intent_id"]
        for _ in range(risk_rules.MOST_TRIES_OF_ONE_PAYMENT - 1):
            # As Stripe.js does, without asking us.
            with pytest.raises(Exception, match="declined"):
                series.standin.stripe.v1.payment_intents.confirm(intent, {"payment_method": DECLINED})
            deliver(series.standin.events(intent)[-1])
            work_events()
        assert Payment.objects.get(intent_id=intent).status == "canceled"
        series.sweep()
        assert (series.row.status, series.row.ended_why) == ("ended", "charges_failed")


def test_whoever_is_blocked_begins_nothing(series: Series) -> None:
    block(series)
    assert series.ask().status_code == 403
    assert Payment.objects.count() == 0


class TestAnotherAmount:
    def test_one_above_the_bound_is_refused(self, series: Series, settings: Any) -> None:
        settings.RISK_GIFT_MOST = {series.campaign.currency: "100.00"}
        series.start()
        refused = series.do("", {"amount": "100.01"}, method="PATCH")
        assert (refused.status_code, refused.json()["code"]) == (422, "amount_out_of_bounds")
        assert series.row.amount == 2000
        assert steps_refused() == {("change", "gift_amount")}
        assert series.do("", {"amount": "100.00"}, method="PATCH").status_code == 200

    def test_whoever_is_blocked_changes_nothing(self, series: Series) -> None:
        series.start()
        block(series)
        assert series.do("", {"amount": "30.00"}, method="PATCH").status_code == 403
        assert series.row.amount == 2000


class TestTheCalendar:
    def test_it_does_not_charge_whoever_is_blocked_and_goes_on_afterwards(self, series: Series) -> None:
        series.start()
        block(series)
        series.until_next()
        assert series.periods() == [(0, "paid"), (1, "dropped")]
        assert (series.charges(), Payment.objects.count()) == ([2000], 1)
        assert steps_refused() == {("charge", "blocked")}
        seen = series.seen()
        assert (seen["status"], seen["trouble"]) == ("active", None)
        for told in ("block", "held", "bound"):
            assert told not in str(seen)
        series.clock.move(DAY * 60)
        series.sweep()
        assert series.charges() == [2000, 2000]

    def test_nor_above_the_bound(self, series: Series, settings: Any) -> None:
        series.start()
        settings.RISK_GIFT_MOST = {series.campaign.currency: "19.99"}
        series.until_next()
        assert series.periods() == [(0, "paid"), (1, "dropped")]
        assert series.charges() == [2000]
        assert Period.objects.get(recurring=series.id, number=1).reason == "held:gift_bound"

    def test_a_ladder_that_is_under_way_stops_too(self, series: Series) -> None:
        in_trouble(series)
        block(series)
        series.use("pm_card_visa")
        climb(series)
        series.sweep()
        assert series.periods() == [(0, "paid"), (1, "dropped")]
        assert series.charges() == [2000]
        assert Payment.objects.get(off_session=True).status == "canceled"

    def test_staff_see_why(self, series: Series) -> None:
        series.start()
        block(series)
        series.until_next()
        page = signed_in("support").get(f"/admin/payments_recurring/recurringgift/{series.id}/change/")
        assert "on the block list" in page.content.decode()


def test_tries_missed_in_an_outage_end_the_series_instead_of_beginning_anew(series: Series) -> None:
    series.start(interval="weekly")
    series.use(EMPTY)
    series.clock.move(timedelta(days=8))
    series.sweep()
    climb(series)
    series.clock.move(timedelta(days=34))
    for _ in range(4):
        series.sweep()
    assert series.periods() == [(0, "paid"), (1, "failed")]
    assert (series.row.status, series.row.ended_why) == ("ended", "charges_failed")
    assert [fact["why"] for fact in facts("ended")] == ["charges_failed"]
    assert series.charges() == [2000]
