"""Why a try failed, as the donor may hear it. Pure.

A bank's reason may accuse ("stolen_card") or tell a thief what to try next. So Stripe's codes (docs.stripe.com/declines/codes)
become a few safe ones; whatever is not named here is `generic_decline`, as Stripe itself asks for. Staff see the raw code.
"""

from __future__ import annotations

GENERIC = "generic_decline"

# Safe code -> the words for the donor, and the codes of Stripe that mean it.
_SAFE: dict[str, tuple[str, frozenset[str]]] = {
    "insufficient_funds": (
        "The bank reports insufficient funds. Another card or a smaller gift may work.",
        frozenset({"insufficient_funds"}),
    ),
    "expired_card": ("The card has expired. Please use another one.", frozenset({"expired_card"})),
    "incorrect_details": (
        "A detail of the card is not right. Check number, expiry date, security code and postcode.",
        frozenset(
            {
                "incorrect_cvc", "invalid_cvc", "incorrect_number", "invalid_number", "invalid_expiry_month",
                "invalid_expiry_year", "incorrect_zip", "incorrect_address",
            }
        ),
    ),
    "authentication_required": (
        "The bank asked you to confirm the payment, and that did not happen. Please try again.",
        frozenset(
            {
                "authentication_required", "payment_intent_authentication_failure", "authentication_not_handled",
                "setup_intent_authentication_failure",
            }
        ),
    ),
    "not_supported": (
        "The card does not allow this kind of payment or currency. Please use another one.",
        frozenset({"card_not_supported", "currency_not_supported", "service_not_allowed", "transaction_not_allowed"}),
    ),
    "limit_exceeded": (
        "The card's limit is reached. Another card may work, or this one tomorrow.",
        frozenset({"card_velocity_exceeded", "withdrawal_count_limit_exceeded", "debit_limit_exceeded"}),
    ),
    "processing_error": (
        "The bank could not be reached properly. Please try again in a little while.",
        frozenset({"processing_error", "issuer_not_available", "try_again_later", "reenter_transaction"}),
    ),
    "bank_account_refused": (
        "The bank refused to debit the account. Another account or a card may work.",
        frozenset({"account_closed", "bank_account_restricted", "debit_not_authorized", "no_account"}),
    ),
}  # fmt: skip
_GENERIC_WORDS = "The bank declined the payment without saying why. Ask them, or use another card."
_BY_CODE = {code: safe for safe, (_, codes) in _SAFE.items() for code in codes}


def safe_code(raw: str) -> str:
    """What may leave the house of Stripe's code."""
    return _BY_CODE.get(raw, GENERIC)


def words(raw: str) -> str:
    """The sentence for the donor."""
    safe = safe_code(raw)
    return _SAFE[safe][0] if safe in _SAFE else _GENERIC_WORDS
