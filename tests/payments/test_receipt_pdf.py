"""The paper itself: what can be read on it, and that it never changes."""

from __future__ import annotations

import io
import uuid
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.files.storage import default_storage
from pypdf import PdfReader

from bh_sdk.server.ops import clock
from payments_svc.donations.models import Campaign
from payments_svc.receipts import commands, content, files, printing
from payments_svc.receipts.links import read_verification_token, verification_token
from payments_svc.receipts.models import GiftAidDeclaration, Receipt
from payments_svc.receipts.rules import Recipient
from tests.payments.receipts import MARCH, address, gift, gifts_of, issue, ruth

pytestmark = pytest.mark.django_db


def read(pdf: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


def drawn(receipt: Receipt) -> str:
    return read(printing.draw(receipt))


def test_it_shows_number_donor_gifts_total_and_the_way_to_verify_it() -> None:
    donor = uuid.uuid4()
    payments = [gift(donor_id=donor), gift(donor_id=donor, amount=123_450)]
    (receipt,) = issue(*payments)
    text = drawn(receipt)
    for shown in (
        receipt.number,
        "Ruth Miriam Adler",
        "12 Orchard Lane",
        "Leeds LS1 4AP",
        "14 March 2026",
        "Clean water for Kisumu",
        "1,234.50",
        "1,259.50 GBP",
        str(payments[0].id)[:8],
        f"/verify-receipt/{verification_token(receipt.id)}",
        settings.BH_CHARITY["name"],
    ):
        assert shown in text, shown
    assert "shows the initials only" in " ".join(text.split())
    assert str(donor) not in text


def test_the_same_row_gives_the_same_bytes_whatever_changed_since() -> None:
    payment = gift()
    (receipt,) = issue(payment)
    first = printing.draw(receipt)
    Campaign.objects.filter(id=payment.campaign_id).update(title="Another title")
    assert printing.draw(Receipt.objects.get()) == first


def test_it_is_tagged_has_a_title_and_needs_no_font_of_the_reader() -> None:
    (receipt,) = issue(gift())
    reader = PdfReader(io.BytesIO(printing.draw(receipt)))
    root: Any = reader.trailer["/Root"]
    assert root["/MarkInfo"]["/Marked"]
    assert root["/Lang"] == "en"
    assert reader.metadata is not None
    assert receipt.number in str(reader.metadata.title)
    xmp = root["/Metadata"].get_data().decode()
    assert "pdfaid:part>2<" in xmp
    assert "pdfuaid:part>1<" in xmp
    fonts = [font.get_object() for page in reader.pages for font in page["/Resources"]["/Font"].values()]  # type: ignore[index]
    assert fonts
    for font in fonts:
        descriptor = font["/DescendantFonts"][0].get_object()["/FontDescriptor"].get_object()
        assert {"/FontFile2", "/FontFile3"} & set(descriptor)


@pytest.mark.parametrize(
    ("country", "currency", "shown"),
    [
        ("US", "USD", ["Contribution receipt", "EIN", "provided no goods or services"]),
        (
            "CA",
            "CAD",
            [
                "Official donation receipt",
                "For income tax purposes",
                "Registration number",
                "Place of issue",
                "Value of advantage",
                "0.00 CAD",
                "Eligible amount of gifts for tax purposes",
                "canada.ca/charities-giving",
                settings.BH_CHARITY["signatory"],
                "March 14, 2026",
            ],
        ),
        ("GB", "GBP", ["Donation receipt"]),
        ("JP", "JPY", ["2,500 JPY"]),
    ],
)
def test_each_kind_says_what_its_tax_office_asks_for(country: str, currency: str, shown: list[str]) -> None:
    (receipt,) = issue(gift(currency=currency), to=ruth(country))
    text = " ".join(drawn(receipt).split())
    for words in [*shown, receipt.number]:
        assert " ".join(words.split()).casefold() in text.casefold(), words


def test_us_and_canadian_receipts_are_letters_the_others_a4() -> None:
    def width(country: str) -> int:
        (receipt,) = issue(gift(currency="USD"), to=ruth(country))
        return round(float(PdfReader(io.BytesIO(printing.draw(receipt))).pages[0].mediabox.width))

    assert width("US") == 612
    assert width("DE") == 595


def test_gift_aid_is_shown_as_what_the_charity_claims_and_not_as_given() -> None:
    payment = gift()
    row = GiftAidDeclaration(
        donor_id=payment.donor_id,
        name="R",
        address="{}",
        statement="2026-01",
        valid_from=MARCH.date(),
        past_years=False,
        made_at=MARCH,
    )
    row.save(force_insert=True)
    (receipt,) = issue(payment)
    text = drawn(receipt)
    assert "Gift Aid donation receipt" in text
    assert "25.00 GBP" in text
    assert "6.25 GBP" in text
    assert "31.25" not in text


@pytest.mark.parametrize(
    "name",
    [
        "محمد عبد الله الأحمد",
        "王小明",
        "דוד כהן",
        "김민준",
        "Đặng Thị Ngọc",
        "अनिल कुमार",
        "สมชาย ใจดี",
        "Ζωή Παπαδοπούλου",
        "たなか ゆい",
    ],
)
def test_a_name_in_any_script_is_drawn_with_a_font_that_has_it(name: str) -> None:
    (receipt,) = issue(gift(), to=Recipient(name, address()))
    reader = PdfReader(io.BytesIO(printing.draw(receipt)))
    # The standard refuses a text that would be drawn as boxes: it holds, so every character has its glyph.
    root: Any = reader.trailer["/Root"]
    assert "pdfuaid:part>1<" in root["/Metadata"].get_data().decode()


def test_a_character_that_no_font_has_still_gives_a_receipt() -> None:
    (receipt,) = issue(gift(), to=Recipient("Ruth \U00012000 Adler", address()))
    assert receipt.number in drawn(receipt)


@pytest.mark.parametrize(
    "name", ['#panic("x")', "$x$ *bold* _it_ `raw` @label <b>", '"; #read("/etc/passwd")', "\\u{41} // no"]
)
def test_what_a_donor_types_is_never_read_as_markup(name: str) -> None:
    (receipt,) = issue(gift(), to=Recipient(name, address(line1=name)))
    assert "".join(name.split()) in "".join(drawn(receipt).split())


def test_a_partly_refunded_gift_is_marked() -> None:
    (receipt,) = issue(gift(refunded=1000))
    text = drawn(receipt)
    assert "15.00 *" in text
    assert "partly refunded" in text


def test_many_gifts_go_on_over_pages_that_are_counted() -> None:
    donor = uuid.uuid4()
    (receipt,) = issue(*gifts_of(donor, 90))
    pages = PdfReader(io.BytesIO(printing.draw(receipt))).pages
    assert len(pages) > 2
    assert f"page 2 of {len(pages)}" in pages[1].extract_text()
    assert "2,250.00 GBP" in pages[-1].extract_text()


def test_a_voided_receipt_says_so_and_is_another_file() -> None:
    (receipt,) = issue(gift())
    held = files.pdf_of(receipt)
    voided = commands.void(receipt_id=receipt.id, by="finance", reason="wrong name")
    gone = files.pdf_of(voided)
    assert "voided" not in read(held)
    assert "This receipt was voided on" in read(gone)
    assert files.pdf_of(Receipt.objects.get()) == gone


def test_files_are_sealed_named_without_the_donor_and_drawn_again_when_lost_or_broken() -> None:
    (receipt,) = issue(gift())
    pdf = files.pdf_of(receipt)
    folder = f"receipts/{clock.now().year}"
    (name,) = [name for name in default_storage.listdir(folder)[1] if str(receipt.id) in name]
    path = Path(default_storage.path(f"{folder}/{name}"))
    assert b"%PDF" not in path.read_bytes()
    assert str(receipt.donor_id) not in str(path)
    assert path.stat().st_mode & 0o077 == 0
    assert files.pdf_of(receipt) == pdf
    path.write_bytes(path.read_bytes()[:-1] + b"x")
    assert files.pdf_of(receipt) == pdf
    path.unlink()
    assert files.pdf_of(receipt) == pdf


def test_a_row_that_was_tampered_with_is_not_drawn() -> None:
    (receipt,) = issue(gift())
    receipt.amount += 1
    with pytest.raises(content.ReceiptBroken):
        printing.draw(receipt)


def test_dates_are_words() -> None:
    from payments_svc.receipts.words import day, readable

    assert day(date(2026, 3, 4), paper="a4") == "4 March 2026"
    assert day(date(2026, 3, 4), paper="us-letter") == "March 4, 2026"
    assert [readable(text) for text in ("5", "1234", "1234567.50", "0.05")] == ["5", "1,234", "1,234,567.50", "0.05"]


class TestVerificationTokens:
    def test_they_read_back_and_nothing_else_does(self) -> None:
        known = uuid.uuid4()
        token = verification_token(known)
        assert len(token) == 43
        assert read_verification_token(token) == known
        for place in range(len(token)):
            other = "A" if token[place] != "A" else "B"
            assert read_verification_token(token[:place] + other + token[place + 1 :]) is None
        for wrong in ("", "x", token + "A", token[:-1], token + "=", " " + token, "é" * 43, token[::-1], str(known)):
            assert read_verification_token(wrong) is None
