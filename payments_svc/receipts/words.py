"""The words on receipts, kind by kind. A change of substance is a new form beside this one: what was issued stays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from payments_svc.receipts.rules import Address, Kind

# What a UK donor agrees to, by version. HMRC's model declaration for gifts past, present and future; the words of a
# version never change.
DECLARATIONS = {
    "2026-01": (
        "I want to Gift Aid my donations to {charity}: those I make from today and, where I say so, those of the past four "
        "years. I am a UK taxpayer and understand that if I pay less Income Tax and/or Capital Gains Tax in a tax year than "
        "the amount of Gift Aid claimed on all my donations in that tax year, it is my responsibility to pay any difference."
    )
}
STATEMENT = "2026-01"

_COUNTRIES = {"GB": "United Kingdom", "US": "United States", "CA": "Canada"}
_NOTHING_IN_RETURN = (
    "{charity} provided no goods or services, in whole or in part, in exchange for these contributions."
)

_TAXPAYER = (
    "You declared that you are a UK taxpayer and want {charity} to treat these gifts as Gift Aid donations. If you pay less "
    "Income Tax and Capital Gains Tax in the tax year than the Gift Aid claimed on all your donations, you have to pay the "
    "difference."
)


@dataclass(frozen=True, slots=True)
class Wording:
    """What a kind of receipt is called and says; `{charity}` stands for the organisation's name."""

    title: str
    subtitle: str
    lines_title: str
    total: str
    statements: tuple[str, ...]
    paper: str = "a4"


WORDINGS: dict[Kind, Wording] = {
    "standard": Wording(
        title="Donation receipt",
        subtitle="",
        lines_title="Gifts received",
        total="Total received",
        statements=(
            _NOTHING_IN_RETURN,
            "Whether a gift lowers your tax depends on the law of the country in which you pay it.",
        ),
    ),
    "us": Wording(
        title="Contribution receipt",
        subtitle="Contemporaneous written acknowledgment for US federal income tax purposes",
        lines_title="Cash contributions received",
        total="Total contributions",
        statements=(_NOTHING_IN_RETURN, "Please keep this acknowledgment with your tax records."),
        paper="us-letter",
    ),
    "ca": Wording(
        title="Official donation receipt",
        subtitle="For income tax purposes",
        lines_title="Gifts of cash received",
        total="Eligible amount of gifts for tax purposes",
        statements=(
            _NOTHING_IN_RETURN,
            "Canada Revenue Agency: canada.ca/charities-giving",
        ),
        paper="us-letter",
    ),
    "uk_gift_aid": Wording(
        title="Gift Aid donation receipt",
        subtitle="",
        lines_title="Gifts received",
        total="Total received",
        statements=(
            _TAXPAYER,
            "Please tell us when you cancel the declaration, change your name or home address, or no longer pay enough tax.",
            _NOTHING_IN_RETURN,
        ),
    ),
}
PARTLY_RETURNED = "Gifts marked * were partly refunded before this receipt was issued; the amount is what remained."
GIFT_AID = "Gift Aid that the charity can claim on top (25 %)"
# The names under which the organisation's particulars are printed, in this order.
PARTICULARS = {
    "ein": "EIN",
    "ca_registration": "Registration number",
    "ca_place": "Place of issue",
    "uk_charity_number": "Charity number",
    "hmrc_reference": "HMRC reference",
}


def day(when: date, *, paper: str) -> str:
    """A date in words, so that nobody takes the day for the month."""
    return f"{when:%B} {when.day}, {when.year}" if paper == "us-letter" else f"{when.day} {when:%B} {when.year}"


def country(code: str) -> str:
    return _COUNTRIES.get(code, code)


def readable(decimal: str) -> str:
    """`1234567.50` as `1,234,567.50`."""
    whole, point, rest = decimal.partition(".")
    return f"{int(whole):,}{point}{rest}"


def postal(address: Address | None) -> list[str]:
    """An address as the rows of an envelope; none where none was needed."""
    if address is None:
        return []
    place = " ".join(part for part in (address["city"], address["region"], address["postcode"]) if part)
    return [row for row in (address["line1"], address["line2"], place, country(address["country"])) if row]
