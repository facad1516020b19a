"""Receipts and declarations in the words of the wire."""

from __future__ import annotations

from bh_sdk.wire import receipts as wire
from payments_svc.receipts import content, declarations, words
from payments_svc.receipts.models import DonorDetails, GiftAidDeclaration, Receipt
from payments_svc.receipts.organisation import name
from payments_svc.receipts.rules import Address, Recipient, initials


def receipt(row: Receipt) -> wire.Receipt:
    return wire.Receipt(
        receipt_id=row.id,
        number=row.number,
        kind=row.kind,
        year=row.year,
        amount=row.money.decimal,
        currency=row.currency,
        gift_aid=row.content.get("gift_aid"),
        payment_ids=[line.payment_id for line in row.lines.all()],
        issued_at=row.issued_at,
        voided_at=row.voided_at,
    )


def verified(row: Receipt) -> wire.ReceiptVerified:
    """Raises ReceiptBroken when the row is not what was issued."""
    content.check(row)
    return wire.ReceiptVerified(
        genuine=True,
        holds=not row.voided,
        number=row.number,
        kind=row.kind,
        year=row.year,
        amount=row.money.decimal,
        currency=row.currency,
        donor=initials(row.donor_name.open()),
        organisation=row.content["organisation"]["name"],
        issued_on=row.issued_at.date(),
    )


def details(row: DonorDetails) -> wire.DonorDetails:
    kept = declarations.address_in(row)
    if kept is None:
        raise ValueError("details are kept with an address")
    return wire.DonorDetails(
        name=row.name.open(),
        line1=kept["line1"],
        line2=kept["line2"] or None,
        city=kept["city"],
        region=kept["region"] or None,
        postcode=kept["postcode"] or None,
        country=kept["country"],
        updated_at=row.updated_at,
    )


def declaration(row: GiftAidDeclaration) -> wire.GiftAidDeclaration:
    kept = declarations.address_in(row)
    return wire.GiftAidDeclaration(
        declaration_id=row.id,
        name=row.name.open(),
        postcode=kept["postcode"] if kept else "",
        statement=row.statement,
        words=words.DECLARATIONS[row.statement].format(charity=name()),
        valid_from=row.valid_from,
        past_years=row.past_years,
        covers_from=row.cover.since.date(),
        made_at=row.made_at,
    )


def recipient(given: wire.ReceiptDonor | wire.DeclareGiftAid) -> Recipient:
    """A donor as the wire brings them, for the commands."""
    at = given.address
    return Recipient(
        given.name,
        Address(
            line1=at.line1,
            line2=at.line2 or "",
            city=at.city,
            region=at.region or "",
            postcode=at.postcode or "",
            country=at.country,
        ),
    )
