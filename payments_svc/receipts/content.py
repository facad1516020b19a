"""What stands on a receipt, frozen when it is issued: drawn a hundred times, it says the same."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import date
from typing import Any, cast
from uuid import UUID

from bh_sdk.money import Money
from bh_sdk.server.events.canonical import canonical
from bh_sdk.server.ops.sealed import hash_matches, keyed_hash
from payments_svc.receipts.models import Receipt
from payments_svc.receipts.rules import Address, Sheet, gift_aid_on

_PURPOSE = "receipt"


class ReceiptBroken(Exception):
    """What is kept of a receipt is not what was issued."""


def of(sheet: Sheet, *, charity: Mapping[str, str], titles: Mapping[UUID, str]) -> dict[str, Any]:
    """The printed part of a receipt but for its donor; amounts are decimal strings."""
    told: dict[str, Any] = {
        "form": 1,
        "organisation": dict(charity),
        "lines": [
            {
                "payment_id": str(gift.payment_id),
                "date": gift.given_at.date().isoformat(),
                "campaign": titles[gift.payment_id],
                "amount": Money(gift.left, gift.currency).decimal,
                "whole": gift.whole,
            }
            for gift in sheet.gifts
        ],
    }
    if sheet.kind == "uk_gift_aid":
        told["gift_aid"] = Money(gift_aid_on(sheet.amount), sheet.currency).decimal
    return told


def sealed_address(address: Address | None) -> str:
    return json.dumps(address or {}, sort_keys=True, ensure_ascii=False)


def address_of(receipt: Receipt) -> Address | None:
    known = json.loads(receipt.donor_address.open())
    return cast(Address, known) if known else None


def day_of(line: Mapping[str, Any]) -> date:
    """The day on which a line's gift arrived."""
    return date.fromisoformat(line["date"])


def _words(receipt: Receipt) -> str:
    """All that is printed, as one canonical text."""
    return canonical(
        {
            "id": str(receipt.id),
            "number": receipt.number,
            "kind": receipt.kind,
            "year": receipt.year,
            "currency": receipt.currency,
            "amount": receipt.amount,
            "name": receipt.donor_name.open(),
            "address": receipt.donor_address.open(),
            "issued_at": receipt.issued_at.isoformat(),
            "content": receipt.content,
        }
    )


def digest(receipt: Receipt) -> str:
    return keyed_hash(_words(receipt), _PURPOSE)


def check(receipt: Receipt) -> None:
    """Raises ReceiptBroken when the row is not what was issued: without the key nobody can write a fitting one."""
    if not hash_matches(_words(receipt), _PURPOSE, receipt.digest):
        raise ReceiptBroken(receipt.number)
