"""The documented test cards and how each behaves.

Source: "Testing" (docs.stripe.com/testing): cards by brand and country, declined payments, fraud, disputes, refunds,
available balance, 3D Secure. The same behaviour hides behind `pm_card_…`, `tok_…` and the card number.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .shapes import Obj


@dataclass(frozen=True)
class Decline:
    """Why a charge is refused. Source: "Decline codes" (docs.stripe.com/declines/codes)."""

    message: str = "Your card was declined."
    code: str = "card_declined"
    decline_code: str | None = "generic_decline"
    advice: str | None = None
    blocked: bool = False
    """Refused by Radar, so never sent to the issuer."""


GENERIC = Decline(advice="try_again_later")
INSUFFICIENT = Decline("Your card has insufficient funds.", decline_code="insufficient_funds", advice="try_again_later")
LOST = Decline(decline_code="lost_card", advice="do_not_try_again")
STOLEN = Decline(decline_code="stolen_card", advice="do_not_try_again")
FRAUDULENT = Decline(decline_code="fraudulent", blocked=True)
EXPIRED = Decline("Your card has expired.", "expired_card", "expired_card", "do_not_try_again")
WRONG_CVC = Decline("Your card's security code is incorrect.", "incorrect_cvc", "incorrect_cvc")
PROCESSING_ERROR = Decline(
    "An error occurred while processing your card. Try again in a little bit.", "processing_error", "processing_error",
    "try_again_later",
)  # fmt: skip
VELOCITY = Decline(
    "Your card was declined for making repeated attempts too frequently or exceeding its amount limit.",
    decline_code="card_velocity_exceeded", advice="try_again_later",
)  # fmt: skip
UNAUTHENTICATED = Decline(
    "Your card was declined. This transaction requires authentication.", "authentication_required",
    "authentication_required",
)  # fmt: skip


@dataclass(frozen=True)
class Card:
    """A test card."""

    number: str
    brand: str = "visa"
    country: str = "US"
    funding: str = "credit"
    decline: Decline | None = None
    asks: str | None = None
    """Authentication: "always", "unless_set_up", "never_off_session" (already set up for off-session use)."""
    dispute: str | None = None
    inquiry: bool = False
    refund: str | None = None
    """"pending" (succeeds later) or "fails" (succeeds at first, fails later)."""
    bypass_pending: bool = False
    attach_fails: Decline | None = None
    risk: str = "normal"

    @property
    def last4(self) -> str:
        """The last four digits."""
        return self.number[-4:]


CARDS: dict[str, Card] = {
    "visa": Card("4242424242424242"),
    "visa_debit": Card("4000056655665556", funding="debit"),
    "mastercard": Card("5555555555554444", "mastercard"),
    "mastercard_debit": Card("5200828282828210", "mastercard", funding="debit"),
    "mastercard_prepaid": Card("5105105105105100", "mastercard", funding="prepaid"),
    "amex": Card("378282246310005", "amex"),
    "discover": Card("6011111111111117", "discover"),
    "diners": Card("3056930009020004", "diners"),
    "jcb": Card("3566002020360505", "jcb"),
    "unionpay": Card("6200000000000005", "unionpay"),
    "us": Card("4242424242424241"),
    "gb": Card("4000008260000000", country="GB"),
    "de": Card("4000002760000016", country="DE"),
    "fr": Card("4000002500000003", country="FR"),
    "jp": Card("4000003920000003", country="JP"),
    "visa_chargeDeclined": Card("4000000000000002", decline=GENERIC),
    "visa_chargeDeclinedInsufficientFunds": Card("4000000000009995", decline=INSUFFICIENT),
    "visa_chargeDeclinedLostCard": Card("4000000000009987", decline=LOST),
    "visa_chargeDeclinedStolenCard": Card("4000000000009979", decline=STOLEN),
    "chargeDeclinedExpiredCard": Card("4000000000000069", decline=EXPIRED),
    "chargeDeclinedIncorrectCvc": Card("4000000000000127", decline=WRONG_CVC),
    "chargeDeclinedProcessingError": Card("4000000000000119", decline=PROCESSING_ERROR),
    "visa_chargeDeclinedVelocityLimitExceeded": Card("4000000000006975", decline=VELOCITY),
    "chargeDeclinedFraudulent": Card("4100000000000019", decline=FRAUDULENT, risk="highest"),
    "radarBlock": Card("4100000000000019", decline=FRAUDULENT, risk="highest"),
    "riskLevelElevated": Card("4000000000009235", risk="elevated"),
    "chargeCustomerFail": Card("4000000000000341", decline=GENERIC),
    "createDispute": Card("4000000000000259", dispute="fraudulent"),
    "createDisputeProductNotReceived": Card("4000000000002685", dispute="product_not_received"),
    "createDisputeInquiry": Card("4000000000001976", dispute="fraudulent", inquiry=True),
    "pendingRefund": Card("4000000000007726", refund="pending"),
    "refundFail": Card("4000000000005126", refund="fails"),
    "bypassPending": Card("4000000000000077", bypass_pending=True),
    "authenticationRequiredOnSetup": Card("4000002500003155", asks="unless_set_up"),
    "authenticationRequired": Card("4000002760003184", asks="always"),
    "authenticationRequiredSetupForOffSession": Card("4000003800000446", asks="never_off_session"),
    "authenticationRequiredChargeDeclinedInsufficientFunds": Card(
        "4000008260003178", decline=INSUFFICIENT, asks="always"
    ),
    "threeDSecure2Required": Card("4000000000003220", asks="always"),
    "threeDSecureRequired": Card("4000000000003063", asks="always"),
    "threeDSecureRequiredChargeDeclined": Card("4000008400001629", decline=GENERIC, asks="always"),
    "threeDSecureRequiredProcessingError": Card("4000008400001280", decline=PROCESSING_ERROR, asks="always"),
    "threeDSecureOptional": Card("4000000000003055"),
}
# Older names of the same cards, still accepted by Stripe.
CARDS["chargeDeclined"] = CARDS["visa_chargeDeclined"]
CARDS["chargeDeclinedInsufficientFunds"] = CARDS["visa_chargeDeclinedInsufficientFunds"]
CARDS["chargeDeclinedLostCard"] = CARDS["visa_chargeDeclinedLostCard"]
CARDS["chargeDeclinedStolenCard"] = CARDS["visa_chargeDeclinedStolenCard"]

BY_NUMBER = {card.number: name for name, card in reversed(CARDS.items())}

# ACH debits, for payments that stay `processing`.
# Source: "Test ACH Direct Debit" (docs.stripe.com/payments/ach-direct-debit).
DEBITS: dict[str, str | None] = {
    "pm_usBankAccount_success": None,
    "pm_usBankAccount_insufficientFunds": "insufficient_funds",
    "pm_usBankAccount_accountClosed": "account_closed",
    "pm_usBankAccount_noAccount": "no_account",
}


def name_of(token: str, prefix: str) -> str | None:
    """The card behind `pm_card_visa` or `tok_visa`, or None."""
    name = token.removeprefix(prefix)
    return name if token.startswith(prefix) and name in CARDS else None


def described(name: str) -> Obj:
    """The `card` hash of a PaymentMethod."""
    card = CARDS[name]
    return {
        "brand": card.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": None},
        "country": card.country,
        "display_brand": card.brand,
        "exp_month": 12,
        "exp_year": 2034,
        "fingerprint": f"fp{card.number[-12:]}",
        "funding": card.funding,
        "generated_from": None,
        "last4": card.last4,
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }
