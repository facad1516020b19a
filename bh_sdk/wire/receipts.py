"""Tax receipts and Gift Aid on the wire: `/api/v1/payments/receipts…`, `/api/v1/payments/gift-aid-declaration`."""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, StringConstraints

from bh_sdk.wire.base import Answer, Ask, Id, Line, Name

ReceiptKind = Literal["standard", "us", "ca", "uk_gift_aid"]
Year = Annotated[int, Field(ge=2000, le=2999)]
CountryCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]
Postcode = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9 -]{0,14}$")]


class PostalAddress(Ask):
    """`country` is an ISO 3166 code; it decides which kind of receipt is issued."""

    line1: Line
    line2: Line | None = None
    city: Line
    region: Line | None = None
    postcode: Postcode | None = None
    country: CountryCode


class ReceiptDonor(Ask):
    """Who the receipt is made out to: the legal name, and the address that most tax offices ask for."""

    name: Name
    address: PostalAddress


class RequestReceipts(Ask):
    """Receipts for these gifts, or for all gifts of a year that stand on none yet. A guest names one gift with the `link` of
    its thank-you mail. Without `donor` the details that were given before are used."""

    payment_ids: Annotated[list[Id], Field(min_length=1, max_length=500)] | None = None
    year: Year | None = None
    donor: ReceiptDonor | None = None
    link: Annotated[str, StringConstraints(max_length=100)] | None = None


class Receipt(Answer):
    """A receipt without its donor, who is on the PDF alone. `year` is the year of the gifts."""

    receipt_id: UUID
    number: str
    kind: ReceiptKind
    year: int
    amount: str
    currency: str
    gift_aid: str | None = Field(description="What the charity can claim on top; not part of the amount")
    payment_ids: list[UUID]
    issued_at: datetime
    voided_at: datetime | None


class ReceiptsIssued(Answer):
    """One receipt for each year, currency and kind."""

    results: list[Receipt]


class ReceiptVerified(Answer):
    """What anybody learns who holds the paper. `genuine` says that we issued it, `holds` that it was not voided since."""

    genuine: bool
    holds: bool
    number: str
    kind: ReceiptKind
    year: int
    amount: str
    currency: str
    donor: str = Field(description="Initials")
    organisation: str
    issued_on: date


class DonorDetails(Answer):
    name: str
    line1: str
    line2: str | None
    city: str
    region: str | None
    postcode: str | None
    country: str
    updated_at: datetime


class HomeAddress(PostalAddress):
    """In the United Kingdom, with its postcode: HMRC asks for it."""

    postcode: Postcode
    country: Literal["GB"] = "GB"


class DeclareGiftAid(Ask):
    """A UK taxpayer's declaration. `statement` is the version of the words that the donor was shown and agreed to."""

    name: Name
    address: HomeAddress
    statement: Literal["2026-01"]
    past_years: bool = Field(False, description="Also the gifts of the past four years")


class GiftAidDeclaration(Answer):
    declaration_id: UUID
    name: str
    postcode: str
    statement: str
    words: str = Field(description="What the donor agreed to")
    valid_from: date
    past_years: bool
    covers_from: date
    made_at: datetime
