"""The receipts of a year for everybody: once, whatever crashes, with a reason for each who gets none."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from threading import Event
from typing import Any

import pytest
from django.db import OperationalError, connections, transaction

from bh_sdk.errors import Conflict
from bh_sdk.server.events.models import RecordedEvent
from bh_sdk.server.ops import clock
from payments_svc.donations import queries as donations
from payments_svc.donations.models import Guest
from payments_svc.receipts import annual, declarations, tasks
from payments_svc.receipts.models import AnnualRun, DonorDetails, Receipt, RunRow
from payments_svc.receipts.rules import LEASE, is_due
from tests.payments.receipts import gift, ruth

pytestmark = pytest.mark.django_db

LAST = clock.now().year - 1
JUNE = datetime(LAST, 6, 1, 12, tzinfo=UTC)


def known(country: str = "GB") -> uuid.UUID:
    """A donor who gave name and address."""
    donor = uuid.uuid4()
    declarations.remember(donor_id=donor, to=ruth(country))
    return donor


def whole() -> AnnualRun:
    run, _ = annual.start(year=LAST, by="finance")
    while AnnualRun.objects.filter(id=run.id, finished_at__isnull=True).exists():
        annual.work()
    run.refresh_from_db()
    return run


def outcomes() -> dict[tuple[uuid.UUID, str], tuple[str, str]]:
    return {(row.donor_id, row.currency): (row.state, row.reason) for row in RunRow.objects.all()}


def test_everybody_gets_one_receipt_a_currency_or_a_reason() -> None:
    ruth_, alan, nobody = known(), known("US"), uuid.uuid4()
    for donor, changes in (
        (ruth_, {}),
        (ruth_, {}),
        (ruth_, {"currency": "EUR"}),
        (alan, {"currency": "USD"}),
        (nobody, {}),
    ):
        gift(donor_id=donor, at=JUNE, **changes)
    returned = known()
    gift(donor_id=returned, at=JUNE, refunded=2500)
    gift(donor_id=known(), at=JUNE.replace(year=LAST - 1))
    gift(donor_id=known(), at=datetime(LAST + 1, 1, 1, tzinfo=UTC))
    run = whole()
    assert run.finished_at is not None
    assert outcomes() == {
        (ruth_, "GBP"): ("issued", ""),
        (ruth_, "EUR"): ("issued", ""),
        (alan, "USD"): ("issued", ""),
        (nobody, "GBP"): ("skipped", "The donor gave no name and address for receipts"),
        (returned, "GBP"): ("skipped", "The gift was given back (1)"),
    }
    assert sorted((receipt.kind, str(receipt.money), receipt.year) for receipt in Receipt.objects.all()) == [
        ("standard", "25.00 EUR", LAST),
        ("standard", "50.00 GBP", LAST),
        ("us", "25.00 USD", LAST),
    ]
    assert RecordedEvent.objects.filter(type="payments.receipt.issued.v1").count() == 3


def test_a_guest_is_named_as_they_gave() -> None:
    guest = Guest(email_hash="h", email="ruth@demo.test", name="Ruth Adler", created_at=JUNE)
    guest.save(force_insert=True)
    gift(donor_id=guest.id, user_id=None, at=JUNE)
    whole()
    assert Receipt.objects.get().donor_name.open() == "Ruth Adler"


def test_started_twice_is_one_run_and_one_more_later_takes_only_what_is_new() -> None:
    donor = known()
    gift(donor_id=donor, at=JUNE)
    first, new = annual.start(year=LAST, by="finance")
    again, once_more = annual.start(year=LAST, by="other")
    assert (first.id, new, once_more) == (again.id, True, False)
    whole()
    assert whole().id != first.id
    assert Receipt.objects.count() == 1
    late = gift(donor_id=donor, at=JUNE)
    whole()
    assert [line.payment_id for line in Receipt.objects.order_by("number").last().lines.all()] == [late.id]  # type: ignore[union-attr]


def test_the_last_moment_of_the_year_belongs_to_it() -> None:
    gift(donor_id=known(), at=datetime(LAST, 12, 31, 23, 59, 59, 999999, tzinfo=UTC))
    whole()
    assert Receipt.objects.get().year == LAST


def test_a_year_that_is_not_over_is_refused() -> None:
    with pytest.raises(Conflict):
        annual.start(year=clock.now().year, by="finance")
    assert not AnnualRun.objects.exists()


def test_a_kind_that_cannot_be_issued_is_a_reason_and_takes_no_number(settings: Any) -> None:
    settings.BH_CHARITY = settings.BH_CHARITY | {"ein": ""}
    gift(donor_id=known("US"), at=JUNE)
    fine = known()
    gift(donor_id=fine, at=JUNE)
    whole()
    assert sorted(state for state, _ in outcomes().values()) == ["issued", "skipped"]
    assert Receipt.objects.get().number.endswith("-000001")


@pytest.mark.django_db(transaction=True)
def test_a_run_that_died_goes_on_where_it_stopped() -> None:
    donors = sorted(known() for _ in range(6))
    payments = [gift(donor_id=donor, at=JUNE) for donor in donors]
    annual.start(year=LAST, by="finance")
    held, over = Event(), Event()

    def hold() -> None:
        """Somebody keeps the fourth gift locked longer than the database waits."""
        try:
            with transaction.atomic():
                donations.payment_for_update(payments[3].id)
                held.set()
                over.wait(60)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(1) as pool:
        other = pool.submit(hold)
        held.wait(60)
        with pytest.raises(OperationalError):
            annual.work()
        over.set()
        other.result()
    assert Receipt.objects.count() == 3
    assert RunRow.objects.filter(state="todo").count() == 3
    # Nobody goes on before the lease of the one that died is over.
    assert annual.work() == 0
    AnnualRun.objects.update(due_at=clock.now() - LEASE)
    assert tasks.work_annual_run() == 3
    assert [receipt.number[8:] for receipt in Receipt.objects.order_by("number")] == [f"{n:06d}" for n in range(1, 7)]
    assert AnnualRun.objects.get().finished_at is not None


def test_a_donor_whom_nobody_foresaw_holds_up_nobody() -> None:
    first, second = sorted([known(), known()])
    for donor in (first, second):
        gift(donor_id=donor, at=JUNE)
    # Sealed for another row: it does not open.
    row = DonorDetails.objects.get(donor_id=first)
    other = DonorDetails(donor_id=first, country="GB", updated_at=JUNE)
    DonorDetails.objects.filter(donor_id=first).delete()
    other.__dict__["name"] = row.name._data[:-1] + b"x"
    other.__dict__["address"] = row.address._data
    other.save(force_insert=True)
    whole()
    state, reason = outcomes()[first, "GBP"]
    assert (state, "SealBroken" in reason) == ("skipped", True)
    assert outcomes()[second, "GBP"] == ("issued", "")


@pytest.mark.django_db(transaction=True)
def test_four_workers_at_once_issue_each_receipt_once() -> None:
    for _ in range(20):
        gift(donor_id=known(), at=JUNE)
    annual.start(year=LAST, by="finance")

    def run(_: int) -> int:
        try:
            return int(tasks.work_annual_run())
        finally:
            connections.close_all()

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(run, range(4))) == 20
    assert Receipt.objects.count() == 20
    assert len(set(Receipt.objects.values_list("number", flat=True))) == 20


class TestByItself:
    def test_it_is_off_unless_a_day_is_named(self) -> None:
        assert tasks.start_annual_run() is False
        assert not AnnualRun.objects.exists()

    def test_it_begins_once_on_the_day(self, settings: Any) -> None:
        settings.BH_ANNUAL_RECEIPTS_ON = "01-01"
        assert tasks.start_annual_run() is True
        assert tasks.start_annual_run() is False
        assert AnnualRun.objects.get().year == LAST

    def test_the_day(self) -> None:
        day = datetime(2027, 1, 15, tzinfo=UTC).date()
        assert [is_due(on, day) for on in ("", "01-15", "01-14", "01-16", "02-01")] == [False, True, True, False, False]
