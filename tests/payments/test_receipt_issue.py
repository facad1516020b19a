"""Issuing and voiding receipts: numbers without gaps, one receipt a gift, refunds and receipts excluding each other."""

from __future__ import annotations

import random
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from io import StringIO
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, connections, transaction
from hypothesis import given
from hypothesis import strategies as st

from bh_sdk.errors import (
    Conflict,
    GiftNotReceiptable,
    NotFound,
    ReceiptKindUnavailable,
    ReceiptSentJustNow,
    ReceiptVoid,
)
from bh_sdk.server.events.models import RecordedEvent
from bh_sdk.server.ops import clock
from payments_svc.donations import queries as donations
from payments_svc.receipts import commands, content, numbers
from payments_svc.receipts.models import GiftAidDeclaration, NumberRow, Receipt, ReceiptLine
from payments_svc.receipts.queries import receipt_covering
from payments_svc.receipts.rules import (
    RESEND_AFTER,
    Cover,
    Gift,
    bounds_of,
    cover_since,
    gift_aid_on,
    initials,
    number_of,
    read_number,
    sheets,
)
from payments_svc.refunds.models import Refund
from tests.payments.receipts import MARCH, address, gift, gifts_of, issue, ruth
from tests.payments.series import Clock

YEAR = clock.now().year
START = datetime(2020, 1, 1, tzinfo=UTC)


def places() -> list[int]:
    return sorted(int(number[8:]) for number in Receipt.objects.values_list("number", flat=True))


def commit() -> None:
    """What the end of the transaction would check."""
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


@pytest.mark.django_db
class TestIssuing:
    def test_a_receipt_says_what_was_given_to_whom_and_has_the_first_number(self) -> None:
        payment = gift(amount=4000, charged=4160)
        (receipt,) = issue(payment)
        commit()
        assert receipt.number == f"BH-{YEAR}-000001"
        assert (receipt.kind, receipt.year, str(receipt.money)) == ("standard", 2026, "41.60 GBP")
        kept = Receipt.objects.get()
        assert kept.donor_name.open() == "Ruth Miriam Adler"
        assert content.address_of(kept) == address()
        assert kept.content["lines"] == [
            {
                "payment_id": str(payment.id),
                "date": "2026-03-14",
                "campaign": "Clean water for Kisumu",
                "amount": "41.60",
                "whole": True,
            }
        ]
        content.check(kept)
        fact = RecordedEvent.objects.get(type="payments.receipt.issued.v1")
        assert (fact.aggregateid, fact.payload["number"]) == (receipt.id, receipt.number)
        assert "Ruth" not in str(fact.payload)
        assert receipt_covering(payment.id) == receipt.number

    def test_currencies_and_years_never_share_a_receipt(self) -> None:
        donor = uuid.uuid4()
        pounds = gifts_of(donor, 2)
        yen = gift(donor_id=donor, currency="JPY", amount=500)
        last_moment = gift(donor_id=donor, at=datetime(2025, 12, 31, 23, 59, 59, tzinfo=UTC))
        receipts = issue(*pounds, yen, last_moment)
        commit()
        assert [(r.year, str(r.money)) for r in receipts] == [
            (2025, "25.00 GBP"),
            (2026, "50.00 GBP"),
            (2026, "500 JPY"),
        ]
        assert places() == [1, 2, 3]

    def test_a_partly_refunded_gift_is_receipted_for_what_remains(self) -> None:
        (receipt,) = issue(gift(refunded=1000))
        assert str(receipt.money) == "15.00 GBP"

    @pytest.mark.parametrize(
        "changes",
        [
            {"refunded": 2500},
            {"dispute_status": "open"},
            {"dispute_status": "lost"},
        ],
    )
    def test_a_gift_that_was_taken_back_gets_none(self, changes: dict[str, Any]) -> None:
        fit = gift()
        unfit = gift(donor_id=fit.donor_id, **changes)
        with pytest.raises(GiftNotReceiptable) as refusal:
            issue(fit, unfit)
        assert refusal.value.facts["payment_id"] == str(unfit.id)
        assert not Receipt.objects.exists()
        assert not NumberRow.objects.exists()
        assert not RecordedEvent.objects.exists()

    def test_a_gift_that_did_not_arrive_gets_none(self) -> None:
        payment = gift()
        waiting = payment.__class__.objects.create(
            campaign=payment.campaign,
            donor_id=payment.donor_id,
            user_id=payment.user_id,
            request_digest="waiting",
            currency="GBP",
            amount=100,
            charged=100,
            processing_fee=0,
            platform_fee=0,
            status="processing",
            created_at=MARCH,
        )
        with pytest.raises(GiftNotReceiptable):
            issue(waiting)
        assert not Receipt.objects.exists()

    def test_a_gift_with_a_refund_under_way_gets_none(self) -> None:
        payment = gift()
        pending_refund(payment)
        with pytest.raises(GiftNotReceiptable, match="under way"):
            issue(payment)
        assert not Receipt.objects.exists()

    def test_gifts_of_two_donors_do_not_share_a_receipt(self) -> None:
        with pytest.raises(Conflict):
            issue(gift(), gift())
        assert not Receipt.objects.exists()

    def test_a_gift_that_is_not_there_is_not_found(self) -> None:
        with pytest.raises(NotFound):
            commands.issue(payment_ids=[uuid.uuid4()], to=ruth(), by="x", request_digest="x")

    def test_a_gift_stands_on_one_receipt(self) -> None:
        payment = gift()
        (receipt,) = issue(payment)
        with pytest.raises(GiftNotReceiptable) as refusal:
            issue(payment)
        assert refusal.value.facts["receipt"] == receipt.number
        assert places() == [1]

    def test_a_kind_whose_particulars_are_missing_is_refused_and_takes_no_number(self, settings: Any) -> None:
        settings.BH_CHARITY = settings.BH_CHARITY | {"ein": ""}
        with pytest.raises(ReceiptKindUnavailable) as refusal:
            issue(gift(currency="USD"), to=ruth("US"))
        assert refusal.value.facts == {"kind": "us", "missing": ["ein"]}
        assert not NumberRow.objects.exists()

    def test_what_was_frozen_cannot_be_forged(self) -> None:
        (receipt,) = issue(gift())
        receipt.donor_name = "Somebody Else"
        with pytest.raises(content.ReceiptBroken):
            content.check(receipt)


def pending_refund(payment: Any, amount: int = 500) -> Refund:
    return Refund.objects.create(
        payment=payment,
        stripe_id=f"re_{uuid.uuid4().hex}",
        amount=amount,
        currency=payment.currency,
        status="pending",
        created_at=clock.now(),
    )


@pytest.mark.django_db
class TestVoiding:
    def test_a_void_frees_the_gifts_keeps_the_number_and_is_told(self) -> None:
        payment = gift()
        (first,) = issue(payment)
        commands.void(receipt_id=first.id, by="finance", reason="The donor asks for the money back")
        commit()
        assert receipt_covering(payment.id) is None
        (second,) = issue(payment)
        commit()
        assert (first.number, second.number) == (f"BH-{YEAR}-000001", f"BH-{YEAR}-000002")
        told = RecordedEvent.objects.get(type="payments.receipt.voided.v1")
        assert (told.payload["number"], told.actor) == (first.number, "finance")

    def test_a_receipt_is_voided_once(self) -> None:
        (receipt,) = issue(gift())
        commands.void(receipt_id=receipt.id, by="finance", reason="wrong name")
        with pytest.raises(ReceiptVoid):
            commands.void(receipt_id=receipt.id, by="other", reason="again")
        with pytest.raises(ReceiptVoid):
            commands.resend(receipt_id=receipt.id, by="other")
        assert Receipt.objects.get().voided_by == "finance"

    def test_resending_tells_again_and_changes_nothing(self) -> None:
        (receipt,) = issue(gift())
        commands.resend(receipt_id=receipt.id, by="support")
        told = RecordedEvent.objects.filter(type="payments.receipt.issued.v1").order_by("sequence")
        assert [event.payload["resent"] for event in told] == [False, True]
        assert Receipt.objects.get().digest == receipt.digest

    def test_it_is_not_sent_again_at_once(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setenv("BH_CLOCK_FILE", str(tmp_path / "clock"))
        (receipt,) = issue(gift())
        commands.resend(receipt_id=receipt.id, by="donor")
        for by in ("donor", "support"):
            with pytest.raises(ReceiptSentJustNow) as refused:
                commands.resend(receipt_id=receipt.id, by=by)
            assert 590 <= int(refused.value.retry_after or 0) <= 600
        told = RecordedEvent.objects.filter(type="payments.receipt.issued.v1")
        assert told.count() == 2
        Clock(tmp_path / "clock").move(RESEND_AFTER)
        commands.resend(receipt_id=receipt.id, by="donor")
        assert told.count() == 3


@pytest.mark.django_db
class TestTheDatabaseKeepsReceipts:
    @pytest.mark.parametrize(
        "change",
        [
            "UPDATE payments_receipts_receipt SET amount = amount + 1",
            "UPDATE payments_receipts_receipt SET number = 'BH-2020-000001'",
            "UPDATE payments_receipts_receipt SET content = '{}'",
            "UPDATE payments_receipts_receiptline SET amount = amount + 1",
            "DELETE FROM payments_receipts_receiptline",
            "DELETE FROM payments_receipts_receipt",
            "UPDATE payments_receipts_numberrow SET last = 0",
            "DELETE FROM payments_receipts_numberrow",
            "UPDATE payments_receipts_receipt SET voided_at = now(), voided_by = 'x', void_reason = ''",
        ],
    )
    def test_plain_sql_is_refused(self, change: str) -> None:
        issue(gift())
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(change)
        assert Receipt.objects.get().amount == 2500

    def test_a_void_cannot_be_taken_back(self) -> None:
        (receipt,) = issue(gift())
        commands.void(receipt_id=receipt.id, by="finance", reason="wrong")
        for change in (
            "receipt SET voided_at = NULL, voided_by = NULL, void_reason = NULL",
            "receiptline SET voided = false",
        ):
            with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(f"UPDATE payments_receipts_{change}")

    def test_a_receipt_without_its_lines_or_with_a_number_of_its_own_does_not_commit(self) -> None:
        payment = gift()

        def bare() -> None:
            made_up(payment)
            commit()

        def numbered() -> None:
            receipt = made_up(payment)
            ReceiptLine.objects.create(receipt=receipt, payment=payment, amount=2500, given_at=MARCH)
            commit()

        for attempt, refusal in ((bare, "does not fit"), (numbered, "not taken")):
            with pytest.raises(DatabaseError, match=refusal), transaction.atomic():
                attempt()
        assert not Receipt.objects.exists()


def made_up(payment: Any) -> Receipt:
    receipt = Receipt(
        number=f"BH-{YEAR}-000009",
        kind="standard",
        year=2026,
        donor_id=payment.donor_id,
        user_id=payment.user_id,
        currency="GBP",
        amount=2500,
        donor_name="Ruth",
        donor_address="{}",
        content={},
        digest="h1:00",
        request_digest="x",
        issued_at=MARCH,
        issued_by="x",
    )
    receipt.save(force_insert=True)
    return receipt


class TestNumbers:
    @pytest.mark.django_db(transaction=True)
    def test_sixteen_threads_leave_no_gap_although_some_roll_back(self) -> None:
        payments = [gift() for _ in range(96)]

        class Fails(Exception):
            pass

        def run(place: int) -> int:
            try:
                with transaction.atomic():
                    issue(payments[place])
                    if place % 3 == 0:
                        raise Fails
                return 1
            except Fails:
                return 0
            finally:
                connections.close_all()

        with ThreadPoolExecutor(16) as pool:
            issued = sum(pool.map(run, range(96)))
        assert issued == 64
        assert places() == list(range(1, 65))
        assert NumberRow.objects.get().last == 64

    @pytest.mark.django_db
    def test_they_go_on_after_the_highest_imported_one_of_either_style(self) -> None:
        told = StringIO()
        lines = f"BH-{YEAR}-000041\nBH{YEAR}000043\nBH-{YEAR}-000007\nBH-2024-000900\n\nRCPT-77\n"
        call_command("import_receipt_numbers", stdin=StringIO(lines), stdout=told, stderr=told)
        assert issue(gift())[0].number == f"BH-{YEAR}-000044"
        assert NumberRow.objects.get(year=2024).last == 900
        assert "RCPT-77" in told.getvalue()
        call_command("import_receipt_numbers", stdin=StringIO(lines), stdout=told, stderr=told)
        assert NumberRow.objects.get(year=YEAR).last == 44

    @pytest.mark.django_db
    def test_an_import_after_the_first_receipt_is_refused_and_moves_nothing(self) -> None:
        numbers.continue_after([f"BH-{YEAR}-000010"])
        issue(gift())
        jump = f"BH-2024-000900\nBH-{YEAR}-000050\n"
        with pytest.raises(CommandError, match=f"up to BH-{YEAR}-000011; .* up to BH-{YEAR}-000050"):
            call_command("import_receipt_numbers", stdin=StringIO(jump))
        assert list(NumberRow.objects.values_list("year", "last")) == [(YEAR, 11)]
        call_command("import_receipt_numbers", stdin=StringIO(f"BH-{YEAR}-000010\n"), stdout=StringIO())
        assert issue(gift())[0].number == f"BH-{YEAR}-000012"

    @pytest.mark.django_db
    def test_a_year_that_is_used_up_refuses(self) -> None:
        NumberRow.objects.create(year=YEAR, last=999_999)
        with pytest.raises(Conflict):
            issue(gift())
        assert not Receipt.objects.exists()

    @given(st.integers(1000, 9999), st.integers(1, 999_999))
    def test_both_styles_read_back(self, year: int, place: int) -> None:
        written = number_of(year, place)
        assert read_number(written) == (year, place)
        assert read_number(written.replace("-", "")) == (year, place)


class TestRaces:
    @pytest.mark.django_db(transaction=True)
    def test_a_refund_and_a_receipt_of_one_gift_never_both_win(self) -> None:
        for _ in range(12):
            payment = gift()
            start = Barrier(2)

            def refund(payment: Any = payment, start: Barrier = start) -> bool:
                """As a refund is opened: the payment's lock, then the question, then the reserve."""
                try:
                    start.wait()
                    with transaction.atomic():
                        held = donations.payment_for_update(payment.id)
                        if receipt_covering(held.id) is not None:
                            return False
                        pending_refund(held)
                    return True
                finally:
                    connections.close_all()

            def receipt(payment: Any = payment, start: Barrier = start) -> bool:
                try:
                    start.wait()
                    issue(payment)
                    return True
                except GiftNotReceiptable:
                    return False
                finally:
                    connections.close_all()

            order = [refund, receipt]
            random.shuffle(order)
            with ThreadPoolExecutor(2) as pool:
                won = [future.result() for future in [pool.submit(one) for one in order]]
            assert sorted(won) == [False, True]
        assert places() == list(range(1, Receipt.objects.count() + 1))

    @pytest.mark.django_db(transaction=True)
    def test_one_gift_asked_for_by_eight_gets_one_receipt(self) -> None:
        donor = uuid.uuid4()
        payments = gifts_of(donor, 4)

        def run(place: int) -> int:
            try:
                # Overlapping sets in another order each: no deadlock, since locks are taken by id.
                chosen = random.Random(place).sample(payments, 3)
                return len(issue(*chosen))
            except GiftNotReceiptable:
                return 0
            finally:
                connections.close_all()

        with ThreadPoolExecutor(8) as pool:
            assert sum(pool.map(run, range(8))) == 1
        assert places() == [1]
        assert ReceiptLine.objects.count() == 3


def one(currency: str = "GBP", at: datetime = MARCH, left: int = 1000, whole: bool = True) -> Gift:
    return Gift(uuid.uuid4(), currency, left, at, whole)


class TestKinds:
    """The rules alone: no database."""

    def test_the_country_decides(self) -> None:
        def kinds(country: str, currency: str) -> list[str]:
            return [sheet.kind for sheet in sheets([one(currency)], country=country, covers=[])]

        assert kinds("US", "USD") == kinds("US", "GBP") == ["us"]
        assert kinds("CA", "CAD") == ["ca"]
        assert kinds("CA", "USD") == kinds("GB", "GBP") == kinds("DE", "EUR") == kinds("", "GBP") == ["standard"]

    def test_gift_aid_takes_only_whole_gifts_in_pounds_under_a_declaration(self) -> None:
        cover = Cover(MARCH, MARCH + timedelta(days=30))
        gifts = {
            "inside": one(at=MARCH),
            "before": one(at=MARCH - timedelta(seconds=1)),
            "after": one(at=MARCH + timedelta(days=30)),
            "euros": one("EUR", at=MARCH),
            "partly refunded": one(at=MARCH, whole=False),
        }
        piles = sheets(gifts.values(), country="GB", covers=[cover])
        (aided,) = [sheet for sheet in piles if sheet.kind == "uk_gift_aid"]
        assert aided.gifts == (gifts["inside"],)
        assert all(sheet.kind == "uk_gift_aid" for sheet in sheets(aided.gifts, country="GB", covers=[cover]))
        assert all(sheet.kind == "standard" for sheet in sheets(aided.gifts, country="GB", covers=[]))
        assert all(sheet.kind == "standard" for sheet in sheets(aided.gifts, country="FR", covers=[cover]))

    def test_a_declaration_may_reach_back_four_years(self) -> None:
        day = MARCH.date()
        assert cover_since(day, past_years=False) == datetime(2026, 3, 14, tzinfo=UTC)
        assert cover_since(day, past_years=True) == datetime(2022, 3, 14, tzinfo=UTC)
        leap = datetime(2028, 2, 29, tzinfo=UTC).date()
        assert cover_since(leap, past_years=True) == datetime(2024, 2, 28, tzinfo=UTC)

    def test_gift_aid_is_a_quarter_rounded_down(self) -> None:
        assert [gift_aid_on(minor) for minor in (2500, 1, 3, 4, 999)] == [625, 0, 0, 1, 249]

    def test_the_last_day_of_a_year_belongs_to_it(self) -> None:
        since, until = bounds_of(2026)
        assert since <= datetime(2026, 12, 31, 23, 59, 59, 999999, tzinfo=UTC) < until
        assert until == datetime(2027, 1, 1, tzinfo=UTC)

    @given(
        st.lists(
            st.tuples(
                st.sampled_from(["GBP", "USD", "CAD", "JPY"]),
                st.integers(1, 10**9),
                st.integers(0, 86_400 * 3650).map(lambda seconds: START + timedelta(seconds=seconds)),
                st.booleans(),
            ),
            max_size=30,
        ),
        st.sampled_from(["GB", "US", "CA", "DE", ""]),
    )
    def test_nothing_is_lost_doubled_or_mixed(
        self, given_: list[tuple[str, int, datetime, bool]], country: str
    ) -> None:
        gifts = [one(currency, at, left, whole) for currency, left, at, whole in given_]
        piles = sheets(gifts, country=country, covers=[Cover(MARCH)])
        assert sorted((g.payment_id for s in piles for g in s.gifts), key=str) == sorted(
            (g.payment_id for g in gifts), key=str
        )
        assert len({(s.year, s.currency, s.kind) for s in piles}) == len(piles)
        for sheet in piles:
            assert {g.currency for g in sheet.gifts} == {sheet.currency}
            assert {g.given_at.year for g in sheet.gifts} == {sheet.year}
            assert sheet.amount == sum(g.left for g in sheet.gifts) > 0

    def test_initials(self) -> None:
        assert initials("Ruth Miriam Adler") == "R. M. A."
        assert initials("") == ""


@pytest.mark.django_db
class TestGiftAid:
    def test_a_declared_gift_shows_what_can_be_claimed(self) -> None:
        payment = gift()
        declared(payment.donor_id)
        (receipt,) = issue(payment)
        assert (receipt.kind, receipt.content["gift_aid"]) == ("uk_gift_aid", "6.25")

    def test_gifts_before_the_cover_get_a_receipt_of_their_own(self) -> None:
        early = gift(at=MARCH - timedelta(days=40))
        late = gift(donor_id=early.donor_id)
        declared(early.donor_id)
        assert [(r.kind, str(r.money)) for r in issue(early, late)] == [
            ("standard", "25.00 GBP"),
            ("uk_gift_aid", "25.00 GBP"),
        ]

    def test_a_cancelled_declaration_covers_what_was_given_under_it(self) -> None:
        under = gift()
        after = gift(donor_id=under.donor_id, at=MARCH + timedelta(days=5))
        declared(under.donor_id, canceled_at=MARCH + timedelta(days=3))
        kinds = {receipt.kind: receipt.content["lines"][0]["payment_id"] for receipt in issue(under, after)}
        assert kinds == {"uk_gift_aid": str(under.id), "standard": str(after.id)}


def declared(donor_id: uuid.UUID, **changes: Any) -> GiftAidDeclaration:
    row = GiftAidDeclaration(
        donor_id=donor_id,
        name="Ruth Adler",
        address="{}",
        statement="2026-01",
        valid_from=changes.pop("valid_from", MARCH.date()),
        past_years=False,
        made_at=MARCH,
        **changes,
    )
    row.save(force_insert=True)
    return row


@pytest.mark.django_db
def test_continuing_never_goes_back() -> None:
    numbers.continue_after([f"BH-{YEAR}-000100"])
    last, strange = numbers.continue_after([f"BH{YEAR}000050", "nonsense"])
    assert (dict(last), strange) == ({YEAR: 100}, ["nonsense"])
