"""The doors of receipts: who asks, who sees, who declares, and what the page behind the QR code tells."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.conf import settings
from django.db import DatabaseError, connection, connections, transaction
from django.test import Client

from bh_sdk.server.api.models import IdempotencyKey
from bh_sdk.server.events.models import RecordedEvent
from bh_sdk.tokens import gift_link, receipt_link
from payments_svc.donations.models import Guest
from payments_svc.receipts import commands
from payments_svc.receipts.links import verification_token
from payments_svc.receipts.models import DonorDetails, GiftAidDeclaration, Receipt
from tests.payments.conftest import Caller, person, service
from tests.payments.receipts import MARCH, gift, issue

pytestmark = pytest.mark.django_db

HOME = {"line1": "12 Orchard Lane", "city": "Leeds", "postcode": "LS1 4AP", "country": "GB"}
RUTH = {"name": "Ruth Miriam Adler", "address": HOME}


def asks(caller: Caller, *, key: Any = None, **body: Any) -> Any:
    return caller("POST", "/receipts", body, key=key or uuid.uuid4())


def of(donor: Caller, **changes: Any) -> Any:
    return gift(donor_id=donor.sub, **changes)


class TestAsking:
    def test_a_donor_gets_receipts_for_a_year(self, donor: Caller) -> None:
        one, two = of(donor), of(donor, currency="USD")
        answer = asks(donor, year=2026, donor=RUTH)
        assert answer.status_code == 201
        told = answer.json()["results"]
        assert [(row["amount"], row["currency"], row["payment_ids"]) for row in told] == [
            ("25.00", "GBP", [str(one.id)]),
            ("25.00", "USD", [str(two.id)]),
        ]
        assert "Ruth" not in answer.content.decode()

    def test_asking_twice_with_one_key_issues_once(self, donor: Caller) -> None:
        payment, key = of(donor), uuid.uuid4()
        first = asks(donor, key=key, payment_ids=[str(payment.id)], donor=RUTH)
        assert asks(donor, key=key, payment_ids=[str(payment.id)], donor=RUTH).json() == first.json()
        # The stored answer is gone: the receipts are found again, none is issued.
        IdempotencyKey.objects.all().delete()
        assert asks(donor, key=key, payment_ids=[str(payment.id)], donor=RUTH).json() == first.json()
        assert Receipt.objects.count() == 1

    def test_a_key_is_needed(self, donor: Caller) -> None:
        of(donor)
        refused = donor("POST", "/receipts", {"year": 2026, "donor": RUTH})
        assert (refused.status_code, refused.json()["code"]) == (400, "idempotency_key_missing")
        assert not Receipt.objects.exists()

    def test_gifts_or_a_year_one_of_the_two(self, donor: Caller) -> None:
        payment = of(donor)
        for body in ({}, {"year": 2026, "payment_ids": [str(payment.id)]}):
            assert asks(donor, donor=RUTH, **body).status_code == 422
        assert not Receipt.objects.exists()

    def test_who_it_is_made_out_to_has_to_be_known_once(self, donor: Caller) -> None:
        first, second = of(donor), of(donor)
        refused = asks(donor, payment_ids=[str(first.id)])
        assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "#/donor")
        assert not Receipt.objects.exists()
        assert asks(donor, payment_ids=[str(first.id)], donor=RUTH).status_code == 201
        assert asks(donor, payment_ids=[str(second.id)]).status_code == 201
        assert {row.donor_name.open() for row in Receipt.objects.all()} == {"Ruth Miriam Adler"}

    def test_a_refused_request_remembers_nothing(self, donor: Caller) -> None:
        payment = of(donor, refunded=2500)
        refused = asks(donor, payment_ids=[str(payment.id)], donor=RUTH)
        assert (refused.status_code, refused.json()["code"]) == (409, "gift_not_receiptable")
        assert not DonorDetails.objects.exists()

    def test_a_year_without_fit_gifts_says_why(self, donor: Caller) -> None:
        payment = of(donor, dispute_status="open")
        refused = asks(donor, year=2026, donor=RUTH).json()
        assert refused["gifts"] == [{"payment_id": str(payment.id), "reason": "The donor's bank disputes the gift"}]

    def test_a_year_leaves_out_what_stands_on_a_receipt(self, donor: Caller) -> None:
        first, second = of(donor), of(donor)
        asks(donor, payment_ids=[str(first.id)], donor=RUTH)
        (row,) = asks(donor, year=2026).json()["results"]
        assert row["payment_ids"] == [str(second.id)]

    def test_another_persons_gift_is_not_there(self, donor: Caller) -> None:
        other = gift()
        refused = asks(donor, payment_ids=[str(other.id)], donor=RUTH)
        assert refused.status_code == 404
        assert not Receipt.objects.exists()

    @pytest.mark.parametrize("role", ["support", "finance", "admin"])
    def test_staff_do_not_ask_for_others(self, role: str) -> None:
        refused = asks(person("donor", role), payment_ids=[str(gift().id)], donor=RUTH)
        assert refused.status_code == 404
        assert not Receipt.objects.exists()

    def test_hostile_donors_are_refused(self, donor: Caller) -> None:
        payment = of(donor)
        for donor_words in (
            {"name": "", "address": HOME},
            {"name": "Ruth", "address": HOME | {"country": "gb"}},
            {"name": "Ruth", "address": HOME | {"postcode": "<script>"}},
            {"name": "Ruth\u202e", "address": HOME},
            {"name": "Ruth", "address": HOME, "more": 1},
        ):
            assert asks(donor, payment_ids=[str(payment.id)], donor=donor_words).status_code == 422
        assert not Receipt.objects.exists()


def guests_gift() -> Any:
    guest = Guest(email_hash=uuid.uuid4().hex, email="ruth@demo.test", name="Ruth Adler", created_at=MARCH)
    guest.save(force_insert=True)
    return gift(donor_id=guest.id, user_id=None)


class TestGuests:
    def test_a_guest_asks_and_looks_with_the_link_of_the_gift(self, guest: Caller) -> None:
        payment = guests_gift()
        link = gift_link(settings.BH_LINK_KEY, payment.id)
        assert asks(guest, payment_ids=[str(payment.id)], link="x" * 43).status_code == 404
        assert asks(guest, payment_ids=[str(payment.id)]).status_code == 404
        assert not Receipt.objects.exists()
        (row,) = asks(guest, payment_ids=[str(payment.id)], link=link).json()["results"]
        # Named as they gave; no address, so no kind that needs one.
        assert row["kind"] == "standard"
        where = f"/receipts/{row['receipt_id']}"
        assert guest("GET", f"{where}?link={link}").status_code == 200
        assert guest("GET", f"{where}/pdf?link={link}").content.startswith(b"%PDF-")
        assert guest("POST", f"{where}/resend?link={link}", key=uuid.uuid4()).status_code == 202
        assert guest("GET", where).status_code == 404
        assert guest("GET", f"{where}/pdf?link={'x' * 43}").status_code == 404

    def test_a_guest_has_no_list_and_no_year(self, guest: Caller) -> None:
        assert guest("GET", "/receipts").status_code == 401
        assert asks(guest, year=2026, donor=RUTH).status_code == 404

    def test_the_link_of_the_receipts_mail_opens_that_receipt_alone(self, guest: Caller) -> None:
        (one,) = issue(guests_gift())
        (other,) = issue(guests_gift())
        link = receipt_link(settings.BH_LINK_KEY, one.id)
        assert guest("GET", f"/receipts/{one.id}/pdf?link={link}").status_code == 200
        assert guest("GET", f"/receipts/{other.id}/pdf?link={link}").status_code == 404
        assert guest("GET", f"/receipts/{one.id}/pdf?link={gift_link(settings.BH_LINK_KEY, one.id)}").status_code == 404
        assert link != gift_link(settings.BH_LINK_KEY, one.id)


class TestLooking:
    def test_a_donor_lists_their_own_by_year_in_pages(self, donor: Caller) -> None:
        issued = [issue(of(donor))[0] for _ in range(3)]
        issue(gift())
        issue(of(donor, at=MARCH.replace(year=2025)))
        first = donor("GET", "/receipts?year=2026&limit=2").json()
        rest = donor("GET", first["next"].removeprefix("/api/v1/payments")).json()
        numbers = [row["number"] for row in [*first["results"], *rest["results"]]]
        assert numbers == sorted((receipt.number for receipt in issued), reverse=True)
        assert rest["next"] is None
        assert len(donor("GET", "/receipts").json()["results"]) == 4

    @pytest.mark.parametrize("role", ["support", "finance", "auditor", "admin"])
    def test_staff_see_any(self, role: str) -> None:
        (receipt,) = issue(gift())
        assert person(role)("GET", f"/receipts/{receipt.id}").status_code == 200
        assert person(role)("GET", f"/receipts/{receipt.id}/pdf").status_code == 200

    @pytest.mark.parametrize(
        "caller", [person("donor"), person("recipient"), person("analyst"), person("editor"), Caller()]
    )
    def test_nobody_else_does(self, caller: Caller) -> None:
        (receipt,) = issue(gift())
        for method, path, key in (
            ("GET", "", None),
            ("GET", "/pdf", None),
            ("POST", "/resend", uuid.uuid4()),
        ):
            assert caller(method, f"/receipts/{receipt.id}{path}", key=key).status_code in (401, 403, 404)
        assert RecordedEvent.objects.filter(aggregatetype="receipt").count() == 1

    def test_other_services_see_none(self) -> None:
        (receipt,) = issue(gift())
        for name in ("trust", "notify", "monolith"):
            assert service(name)("GET", f"/receipts/{receipt.id}/pdf").status_code in (403, 404)

    def test_a_resend_tells_once_a_key(self, donor: Caller) -> None:
        (receipt,) = issue(of(donor))
        key = uuid.uuid4()
        for _ in range(2):
            assert donor("POST", f"/receipts/{receipt.id}/resend", key=key).status_code == 202
        assert RecordedEvent.objects.filter(type="payments.receipt.issued.v1").count() == 2

    def test_a_second_mail_has_to_wait_whatever_its_key(self, donor: Caller) -> None:
        (receipt,) = issue(of(donor))
        answers = [donor("POST", f"/receipts/{receipt.id}/resend", key=uuid.uuid4()) for _ in range(8)]
        assert [answer.status_code for answer in answers] == [202] + [429] * 7
        assert answers[-1].json()["code"] == "receipt_sent_just_now"
        assert 0 < int(answers[-1]["Retry-After"]) <= 600
        assert RecordedEvent.objects.filter(type="payments.receipt.issued.v1").count() == 2

    def test_the_pdf_is_named_after_the_number_and_kept_by_nobody(self, donor: Caller) -> None:
        (receipt,) = issue(of(donor))
        answer = donor("GET", f"/receipts/{receipt.id}/pdf")
        assert answer.headers["Content-Type"] == "application/pdf"
        assert receipt.number in answer.headers["Content-Disposition"]
        assert "no-store" in answer.headers["Cache-Control"]


class TestGiftAidDeclarations:
    BODY: dict[str, Any] = {"name": "Ruth Adler", "address": HOME, "statement": "2026-01"}

    def test_a_donor_declares_looks_and_cancels(self, donor: Caller) -> None:
        assert donor("GET", "/gift-aid-declaration").status_code == 404
        declared = donor("PUT", "/gift-aid-declaration", self.BODY | {"past_years": True})
        assert declared.status_code == 201
        told = donor("GET", "/gift-aid-declaration").json()
        assert told == declared.json()
        assert told["words"].startswith("I want to Gift Aid my donations to")
        assert int(told["covers_from"][:4]) == int(told["valid_from"][:4]) - 4
        assert donor("PUT", "/gift-aid-declaration", self.BODY | {"past_years": True}).status_code == 200
        changed = donor("PUT", "/gift-aid-declaration", self.BODY)
        assert (changed.status_code, changed.json()["code"]) == (409, "gift_aid_declared")
        assert donor("DELETE", "/gift-aid-declaration").status_code == 204
        assert donor("DELETE", "/gift-aid-declaration").status_code == 404
        assert donor("PUT", "/gift-aid-declaration", self.BODY).status_code == 201
        assert GiftAidDeclaration.objects.count() == 2

    def test_it_needs_a_uk_home_with_a_postcode_and_the_words_we_have(self, donor: Caller) -> None:
        for change in (
            {"address": HOME | {"country": "FR"}},
            {"address": {name: value for name, value in HOME.items() if name != "postcode"}},
            {"statement": "2019-04"},
        ):
            assert donor("PUT", "/gift-aid-declaration", self.BODY | change).status_code == 422
        assert not GiftAidDeclaration.objects.exists()

    def test_with_it_receipts_need_no_further_details(self, donor: Caller) -> None:
        of(donor, at=MARCH)
        donor("PUT", "/gift-aid-declaration", self.BODY | {"past_years": True})
        (row,) = asks(donor, year=2026).json()["results"]
        assert (row["kind"], row["gift_aid"], row["amount"]) == ("uk_gift_aid", "6.25", "25.00")

    def test_without_it_there_is_no_gift_aid(self, donor: Caller) -> None:
        of(donor)
        (row,) = asks(donor, year=2026, donor=RUTH).json()["results"]
        assert (row["kind"], row["gift_aid"]) == ("standard", None)

    def test_it_is_sealed_and_can_only_be_cancelled(self, donor: Caller) -> None:
        donor("PUT", "/gift-aid-declaration", self.BODY)
        with connection.cursor() as cursor:
            cursor.execute("SELECT name, address FROM payments_receipts_giftaiddeclaration")
            assert all(b"Ruth" not in bytes(value) and b"LS1" not in bytes(value) for value in cursor.fetchone())
        for change in (
            "UPDATE payments_receipts_giftaiddeclaration SET past_years = true",
            "DELETE FROM payments_receipts_giftaiddeclaration",
        ):
            with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(change)

    def test_guests_and_services_declare_nothing(self, guest: Caller) -> None:
        assert guest("PUT", "/gift-aid-declaration", self.BODY).status_code == 401
        assert service("monolith")("PUT", "/gift-aid-declaration", self.BODY).status_code == 403


class TestDetails:
    def test_they_are_kept_sealed_and_replaced(self, donor: Caller) -> None:
        assert donor("GET", "/receipt-details").status_code == 404
        assert donor("PUT", "/receipt-details", RUTH).json()["line1"] == "12 Orchard Lane"
        donor("PUT", "/receipt-details", {"name": "Ruth Cohen", "address": HOME | {"country": "US"}})
        assert donor("GET", "/receipt-details").json()["name"] == "Ruth Cohen"
        row = DonorDetails.objects.get()
        assert (row.country, str(row.name)) == ("US", "<sealed>")

    def test_they_are_everybodys_own(self, donor: Caller) -> None:
        donor("PUT", "/receipt-details", RUTH)
        assert person("donor")("GET", "/receipt-details").status_code == 404


class TestVerification:
    def page(self, token: str) -> Any:
        return Client(raise_request_exception=False).get(f"/verify-receipt/{token}")

    def test_the_code_tells_that_it_is_genuine_and_no_name(self, guest: Caller) -> None:
        (receipt,) = issue(gift(amount=123_456))
        token = verification_token(receipt.id)
        told = guest("GET", f"/receipts/verify/{token}").json()
        assert told == {
            "genuine": True,
            "holds": True,
            "number": receipt.number,
            "kind": "standard",
            "year": 2026,
            "amount": "1234.56",
            "currency": "GBP",
            "donor": "R. M. A.",
            "organisation": settings.BH_CHARITY["name"],
            "issued_on": receipt.issued_at.date().isoformat(),
        }
        page = self.page(token)
        text = page.content.decode()
        assert page.status_code == 200
        for shown in ("Genuine, and it holds", receipt.number, "1,234.56 GBP", "R. M. A."):
            assert shown in text
        for hidden in ("Ruth", "Adler", str(receipt.donor_id), str(receipt.id), "http"):
            assert hidden not in text
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]
        assert page.headers["Referrer-Policy"] == "no-referrer"
        assert not page.cookies

    def test_a_voided_one_says_so(self, guest: Caller) -> None:
        (receipt,) = issue(gift())
        commands.void(receipt_id=receipt.id, by="finance", reason="wrong")
        token = verification_token(receipt.id)
        assert guest("GET", f"/receipts/verify/{token}").json()["holds"] is False
        assert "Voided" in self.page(token).content.decode()

    def test_numbers_ids_and_forged_codes_find_nothing(self, guest: Caller) -> None:
        (receipt,) = issue(gift())
        token = verification_token(receipt.id)
        forged = [
            receipt.number,
            str(receipt.id),
            token[:-1] + ("A" if token[-1] != "A" else "B"),
            ("B" if token[0] != "B" else "C") + token[1:],
            verification_token(uuid.uuid4()),
            receipt_link(settings.BH_LINK_KEY, receipt.id),
        ]
        pages = set()
        for wrong in forged:
            assert guest("GET", f"/receipts/verify/{wrong}").status_code == 404
            page = self.page(wrong)
            assert page.status_code == 404
            pages.add(page.content)
        assert len(pages) == 1
        assert receipt.number not in pages.pop().decode()

    def test_it_only_reads(self) -> None:
        (receipt,) = issue(gift())
        assert Client().post(f"/verify-receipt/{verification_token(receipt.id)}").status_code in (403, 405)


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    def eight(self, ask: Callable[[int], Any]) -> list[Any]:
        def run(place: int) -> Any:
            try:
                return ask(place)
            finally:
                connections.close_all()

        with ThreadPoolExecutor(8) as pool:
            return list(pool.map(run, range(8)))

    def test_a_first_request_in_eight_tabs_issues_one_receipt(self, donor: Caller) -> None:
        payment = of(donor)
        answers = self.eight(lambda _: asks(donor, payment_ids=[str(payment.id)], donor=RUTH))
        assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
        assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"gift_not_receiptable"}
        assert (Receipt.objects.count(), DonorDetails.objects.count()) == (1, 1)

    def test_details_told_eight_times_are_kept_once(self, donor: Caller) -> None:
        answers = self.eight(lambda _: donor("PUT", "/receipt-details", RUTH))
        assert {answer.status_code for answer in answers} == {200}
        assert DonorDetails.objects.get().name.open() == RUTH["name"]

    def test_the_same_declaration_eight_times_is_one(self, donor: Caller) -> None:
        body = TestGiftAidDeclarations.BODY
        answers = self.eight(lambda _: donor("PUT", "/gift-aid-declaration", body))
        assert sorted(answer.status_code for answer in answers) == [200] * 7 + [201]
        assert GiftAidDeclaration.objects.count() == 1

    def test_of_other_declarations_one_holds(self, donor: Caller) -> None:
        body = TestGiftAidDeclarations.BODY
        answers = self.eight(
            lambda place: donor("PUT", "/gift-aid-declaration", body | {"name": f"Ruth {place} Adler"})
        )
        assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
