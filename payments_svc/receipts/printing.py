"""Receipts as PDF, drawn from what was frozen when they were issued: the same row gives the same bytes.

Typst sets the page (docs/decisions/0040-receipts-are-set-by-typst.md). What a donor or an organiser typed goes in as data
and is never read as markup; nothing is fetched, and no font of the machine is used.
"""

from __future__ import annotations

import io
import json
from pathlib import Path
from threading import Lock
from typing import Any, Literal

import segno
import typst

from bh_sdk.money import Money
from bh_sdk.server.ops.logs import log
from payments_svc.receipts import content, words
from payments_svc.receipts.links import verification_url
from payments_svc.receipts.models import Receipt

Standard = Literal["a-2a", "ua-1"]
_FOLDER = Path(__file__).parent / "typesetting"
_FORMS = {1: "form1.typ"}
# For archives (PDF/A-2a) and for readers who listen (PDF/UA-1).
_STANDARDS: list[Standard] = ["a-2a", "ua-1"]
_INK = "#1c2733"

# One compiler a process, because it holds the fonts; it takes one sheet at a time.
_lock = Lock()
_compiler: typst.Compiler | None = None


def draw(receipt: Receipt) -> bytes:
    """The PDF of a receipt. A voided one says so on every page. Raises ReceiptBroken when the row was tampered with."""
    content.check(receipt)
    form = _FOLDER / _FORMS[receipt.content["form"]]
    address = verification_url(receipt)
    given = {"data": json.dumps(sheet(receipt, address)), "qr": _qr(address)}
    with _lock:
        try:
            return _compile(form, given, receipt, _STANDARDS)
        except typst.TypstError as error:
            # Both standards refuse a text with a character that none of our fonts has. Better a box than no receipt.
            log("receipts").warning("receipt.below_standard", receipt_id=str(receipt.id), error=str(error)[:80])
            return _compile(form, given, receipt, [])


def _compile(form: Path, given: dict[str, str], receipt: Receipt, standards: list[Standard]) -> bytes:
    global _compiler
    if _compiler is None:
        _compiler = typst.Compiler(root=_FOLDER, font_paths=[_FOLDER / "fonts"], ignore_system_fonts=True)
    moment = (receipt.voided_at or receipt.issued_at).replace(microsecond=0)
    drawn = _compiler.compile(input=form, format="pdf", sys_inputs=given, timestamp=moment, pdf_standards=[*standards])
    if not isinstance(drawn, bytes):
        raise TypeError("a PDF is one file")
    return drawn


def _qr(address: str) -> str:
    """The code as SVG, dark enough to be read from a bad copy."""
    out = io.BytesIO()
    code = segno.make_qr(address, error="m")
    code.save(out, kind="svg", border=0, dark=_INK, xmldecl=False, nl=False)
    return out.getvalue().decode()


def sheet(receipt: Receipt, address: str) -> dict[str, Any]:
    """All that the form prints, ready to read."""
    told = receipt.content
    wording = words.WORDINGS[receipt.kind]  # type: ignore[index]  # the database knows the kinds
    charity = told["organisation"]
    paper = wording.paper
    total = words.readable(receipt.money.decimal)
    statements = [text.format(charity=charity["name"]) for text in wording.statements]
    if any(not line["whole"] for line in told["lines"]):
        statements.append(words.PARTLY_RETURNED)
    return {
        "title": wording.title,
        "subtitle": wording.subtitle,
        "number": receipt.number,
        "description": f"{wording.title} {receipt.number} of {charity['name']}: {total} {receipt.currency}",
        "paper": paper,
        "void": receipt.voided,
        "voided_on": words.day(receipt.voided_at.date(), paper=paper) if receipt.voided_at else "",
        "organisation": {"name": charity["name"], "address": _rows(charity["address"])},
        "donor": {"name": receipt.donor_name.open(), "address": words.postal(content.address_of(receipt))},
        "facts": [
            ["Date issued", words.day(receipt.issued_at.date(), paper=paper)],
            ["Gifts received in", str(receipt.year)],
            *([label, charity[name]] for name, label in words.PARTICULARS.items() if name in charity),
        ],
        "lines_title": wording.lines_title,
        "currency": receipt.currency,
        "lines": [_line(line, paper) for line in told["lines"]],
        "totals": _totals(receipt, wording, total),
        "statements": statements,
        "signatory": charity.get("signatory", ""),
        "footer": f"Questions about this receipt: {charity['email']}" if charity["email"] else charity["name"],
        "verify_url": address,
        "verify_shown": address.partition("://")[2],
    }


def _line(line: dict[str, Any], paper: str) -> dict[str, str]:
    return {
        "date": words.day(content.day_of(line), paper=paper),
        "campaign": line["campaign"],
        "reference": line["payment_id"][:8],
        "amount": words.readable(line["amount"]) + ("" if line["whole"] else " *"),
    }


def _totals(receipt: Receipt, wording: words.Wording, total: str) -> list[dict[str, Any]]:
    def row(name: str, value: str, strong: bool = False) -> dict[str, Any]:
        return {"name": name, "value": f"{value} {receipt.currency}", "strong": strong}

    rows = [row(wording.total, total, strong=True)]
    if receipt.kind == "ca":
        # CRA wants the advantage stated, even where there is none.
        nothing = Money(0, receipt.currency).decimal
        rows = [row("Total amount received", total), row("Value of advantage", nothing), *rows]
    if "gift_aid" in receipt.content:
        rows.append(row(words.GIFT_AID, words.readable(receipt.content["gift_aid"])))
    return rows


def _rows(address: str) -> list[str]:
    return [part.strip() for part in address.split(";") if part.strip()]
