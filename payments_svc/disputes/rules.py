"""What may happen to a dispute, what it does to the ledger, and what a bank wants to see. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from payments_svc.ledger.rules import Posting, balanced, move

# An inquiry is a question of the bank: no money moves, and giving the gift back answers it. It may become a dispute.
DISPUTE_MOVES: dict[str, frozenset[str]] = {
    "inquiry": frozenset({"open", "answered", "won", "lost", "closed"}),
    "open": frozenset({"answered", "won", "lost"}),
    "answered": frozenset({"won", "lost"}),
    "won": frozenset(),
    "lost": frozenset(),
    "closed": frozenset(),
}
# Where the donor's bank really asks for the money.
DISPUTED = ("open", "answered", "won", "lost")
WAITING = ("inquiry", "open")
Wanted = Literal["submit", "accept"]

# Below this a deadline is pressing: a bank's reader needs a complete case, and so do we.
PRESSING = timedelta(days=3)


def dispute_status(states: list[str]) -> str:
    """What a payment shows of its disputes: an open one before a lost one before a won one. An inquiry is none yet."""
    shown = ["open" if state == "answered" else state for state in states]
    return next((state for state in ("open", "lost", "won") if state in shown), "none")


def next_status(known: str, told: str) -> str:
    """The status after Stripe told one. An older look than the last changes nothing; a dispute that Stripe ends without a
    decision, because the bank took it back, is won: nothing is taken."""
    target = "won" if told == "closed" and known in ("open", "answered") else told
    return target if target in DISPUTE_MOVES[known] else known


def moved(*, amount: int, fee: int) -> list[Posting]:
    """One balance transaction of a dispute. Taken (`amount` below zero), the disputed sum stands between us and the bank;
    given back, it no longer does. What the case costs we bear ourselves, never the campaign."""
    line: Literal["dispute", "dispute_reversal"] = "dispute" if amount < 0 else "dispute_reversal"
    return balanced(
        Posting("stripe_balance", line, amount),
        Posting("disputes", line, -amount),
        Posting("stripe_balance", "dispute_fee", -fee),
        Posting("processing_fees", "dispute_fee", fee),
    )


def written_off(*, amount: int) -> list[Posting]:
    """What the bank keeps of a lost dispute is owed to the campaign no longer."""
    return move(amount, debit="campaign_payable", credit="disputes", line="dispute")


# --- evidence ---------------------------------------------------------------------------------------------------------

LONGEST_TEXT = 20_000
LARGEST_FILE = 5 * 1024 * 1024
# What a file is, by its first bytes; what it calls itself proves nothing.
_MAGIC = {b"%PDF-": "application/pdf", b"\xff\xd8\xff": "image/jpeg", b"\x89PNG\r\n\x1a\n": "image/png"}


@dataclass(frozen=True, slots=True)
class Field:
    """One field of Stripe's evidence in the words of the desk (docs.stripe.com/api/disputes/evidence_object)."""

    label: str
    hint: str = ""


TEXTS: dict[str, Field] = {
    "uncategorized_text": Field(
        "What happened, in your words", "Plain and short; the bank's reader knows neither us nor the donor"
    ),
    "product_description": Field("What was given to", "The campaign, and what a donor is promised"),
    "customer_name": Field("The donor's name"),
    "customer_email_address": Field("The donor's mail address"),
    "access_activity_log": Field(
        "What the donor did", "Signed in, confirmed by 3-D Secure, gave before, opened our mails: with times"
    ),
    "service_date": Field("When the gift arrived"),
    "refund_policy_disclosure": Field("How the refund policy was shown"),
    "refund_refusal_explanation": Field("Why the gift is not refunded"),
    "duplicate_charge_id": Field("The other charge", "Stripe's ch_… of the gift that this one is said to repeat"),
    "duplicate_charge_explanation": Field("How the two gifts differ"),
    "cancellation_rebuttal": Field("Why the donor had not canceled", "For recurring gifts"),
}
FILES: dict[str, Field] = {
    "customer_communication": Field("Letters and mails with the donor"),
    "receipt": Field("The receipt or thank-you mail"),
    "service_documentation": Field("Proof that the campaign did what it promised"),
    "refund_policy": Field("The refund policy"),
    "customer_signature": Field("The donor's signature or consent"),
    "duplicate_charge_documentation": Field("Proof of two separate gifts"),
    "cancellation_policy": Field("The policy on ending recurring gifts"),
    "uncategorized_file": Field("Anything else"),
}
_ANY = "What convinces is a donor who meant it: their mails, the receipt they got, what they gave before."
# What Stripe recommends per reason (docs.stripe.com/disputes/categories): words, then the fields that matter most.
ADVICE: dict[str, tuple[str, tuple[str, ...]]] = {
    "fraudulent": (
        "The cardholder says it was not them. Show that it was: 3-D Secure, earlier gifts of the card, mails with the donor.",
        (
            "access_activity_log",
            "customer_communication",
            "customer_name",
            "customer_email_address",
            "uncategorized_text",
        ),
    ),
    "unrecognized": (
        "The cardholder does not know the charge. The receipt and our name on the statement usually end this.",
        ("receipt", "product_description", "customer_communication"),
    ),
    "product_not_received": (
        "The donor says that nothing came of the gift. Show what the campaign did with it.",
        ("product_description", "service_date", "service_documentation", "customer_communication"),
    ),
    "product_unacceptable": (
        "The donor says it is not what was promised. Show what was promised, and what was done.",
        ("product_description", "service_documentation", "refund_policy", "refund_refusal_explanation"),
    ),
    "duplicate": (
        "The donor says that the same gift was taken twice. Show two gifts, or refund one.",
        ("duplicate_charge_id", "duplicate_charge_explanation", "duplicate_charge_documentation", "receipt"),
    ),
    "subscription_canceled": (
        "The donor says that the recurring gift had ended. Show that it had not, and how it can be ended.",
        ("cancellation_rebuttal", "cancellation_policy", "customer_communication"),
    ),
    "credit_not_processed": (
        "The donor says that a refund was promised. Show that it was made, or why it was not due.",
        ("refund_policy", "refund_policy_disclosure", "refund_refusal_explanation", "customer_communication"),
    ),
}


def advice(reason: str | None) -> tuple[str, tuple[str, ...]]:
    return ADVICE.get(reason or "", (_ANY, ("uncategorized_text", "customer_communication", "receipt")))


def kind_of_file(content: bytes) -> str | None:
    """The type of a file that a bank can open, None for any other."""
    return next((kind for magic, kind in _MAGIC.items() if content.startswith(magic)), None)


def days_left(due_at: datetime, *, at: datetime) -> int:
    """Whole days until the deadline; below zero when it has passed."""
    return (due_at - at) // timedelta(days=1)
