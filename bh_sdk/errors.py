"""Every way a call can be refused or fail, as one tree that both sides of the wire share.

A service raises one of these; the kit answers it as RFC 9457 `application/problem+json`; the client reads the `code`
and raises the same class again with the same facts:

    BHError
    ├── Refused                          the service said no (4xx)
    │   ├── BadRequest 400
    │   │   ├── IdempotencyKeyMissing
    │   │   └── SignatureInvalid
    │   ├── Unauthenticated 401
    │   ├── Forbidden 403
    │   │   └── GiftRefused
    │   │   └── SecondPersonNeeded
    │   ├── NotFound 404
    │   ├── MethodNotAllowed 405
    │   ├── Conflict 409
    │   │   ├── IdempotencyInProgress · EpochMismatch · FeedBehind · EventIdReused
    │   │   ├── CampaignNotAccepting · PaymentNotConfirmable · PaymentNotCancelable · AlreadyBlocked · ReportAlreadyOpen
    │   │   ├── EvidenceConflict
    │   │   ├── RecurringNotChangeable · NothingToPay
    │   │   ├── DisputeNotAnswerable
    │   │   ├── VerificationOpen · VerificationStands · VerificationClosed · DocumentsFull
    │   │   ├── AppealOpen · AppealFinal
    │   │   ├── GiftNotReceiptable · ReceiptKindUnavailable · ReceiptVoid · GiftAidDeclared
    │   │   ├── PaymentNotRefundable · RefundBlockedByDispute · RefundBlockedByReceipt · RefundDecided
    │   │   ├── CampaignNotCancelled
    │   │   ├── PayoutTooEarly · FundsNotAvailable · PayoutNotOpen
    │   ├── PayloadTooLarge 413
    │   ├── UnsupportedMediaType 415
    │   ├── Invalid 422
    │   │   ├── IdempotencyKeyReused · CardNumberRefused
    │   │   ├── AmountInvalid · AmountOutOfBounds · CurrencyMismatch · CurrencyUnknown
    │   │   ├── MethodRefused · CategoryRequired
    │   └── RateLimited 429
    │       └── TooManyTries
    ├── Failed                           the service could not (5xx)
    │   ├── InternalError 500
    │   ├── ProviderUnavailable 502
    │   └── Unavailable 503
    └── Unreachable                      no answer that can be trusted (client side only)
        ├── ConnectFailed · ConnectionLost · TimedOut · DeadlineExceeded · CircuitOpen · RetryBudgetSpent
        └── UnexpectedAnswer
"""

from __future__ import annotations

from typing import Any

PROBLEM_TYPE = "urn:bh:problem:"


class BHError(Exception):
    """A refusal or failure: `code` (for programs), `status` (HTTP), `title` (for people), and the facts to go on."""

    code: str = "error"
    status: int = 500
    title: str = "Something went wrong"
    # Seconds to wait before trying again; becomes `Retry-After`.
    retry_after: int | None = None

    def __init__(self, detail: str | None = None, *, request_id: str | None = None, **facts: Any) -> None:
        self.detail = detail or self.title
        self.request_id = request_id
        self.facts = facts
        super().__init__(self.detail)

    def __str__(self) -> str:
        return f"{self.detail} (request {self.request_id})" if self.request_id else self.detail

    def problem(self, request_id: str | None = None) -> dict[str, Any]:
        """The RFC 9457 body; `facts` follow the standard members."""
        return {
            "type": PROBLEM_TYPE + self.code,
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "request_id": request_id or self.request_id,
            **self.facts,
        }


class Refused(BHError):
    code, status, title = "refused", 400, "The request was refused"


class BadRequest(Refused):
    code, status, title = "bad_request", 400, "The request cannot be read"


class IdempotencyKeyMissing(BadRequest):
    code, title = "idempotency_key_missing", "This call needs an Idempotency-Key header that holds a UUID"


class SignatureInvalid(BadRequest):
    code, title = "signature_invalid", "The signature does not match the body"


class Unauthenticated(Refused):
    code, status, title = "unauthenticated", 401, "A valid bearer token is needed"


class Forbidden(Refused):
    code, status, title = "forbidden", 403, "This caller may not do that"


class OwnReport(Forbidden):
    code, title = "own_report", "Nobody reports themselves or a campaign of their own"


class SecondPersonNeeded(Forbidden):
    code, title = "second_person_needed", "Somebody else than the one who asked has to decide"


class GiftRefused(Forbidden):
    code, title = "gift_refused", "This gift cannot be accepted; please write to our support"


class NotFound(Refused):
    code, status, title = "not_found", 404, "There is no such thing, or it is not yours"


class MethodNotAllowed(Refused):
    code, status, title = "method_not_allowed", 405, "This address does not take that method"


class Conflict(Refused):
    code, status, title = "conflict", 409, "The request does not fit the present state"


class IdempotencyInProgress(Conflict):
    code, title = "idempotency_in_progress", "The first call with this Idempotency-Key is still running"


class EpochMismatch(Conflict):
    code, title = "epoch_mismatch", "This log began anew: start reading from its first event"


class FeedBehind(Conflict):
    code, title = "feed_behind", "The position lies ahead of this log"


class EventIdReused(Conflict):
    """`event_id` was told before by this source, and said something else. Nothing was kept."""

    code, title = "event_id_reused", "An event of this id was told before, and said something else"


class CampaignNotAccepting(Conflict):
    code, title = "campaign_not_accepting", "The campaign does not take gifts now"


class PaymentNotConfirmable(Conflict):
    code, title = "payment_not_confirmable", "The payment cannot be confirmed in its present state"


class AlreadyBlocked(Conflict):
    code, title = "already_blocked", "There is a block of this already"


class PaymentNotCancelable(Conflict):
    code, title = "payment_not_cancelable", "The payment cannot be given up any more"


class PaymentNotRefundable(Conflict):
    """`left` says how much of the payment could still be refunded."""

    code, title = "payment_not_refundable", "So much is not left to refund on this payment"


class RefundBlockedByDispute(Conflict):
    code, title = "refund_blocked_by_dispute", "The donor's bank disputes this payment; its decision comes first"


class RefundBlockedByReceipt(Conflict):
    """`receipt` is the number of the tax receipt that has to be voided first."""

    code, title = "refund_blocked_by_receipt", "A tax receipt covers this gift; it has to be voided first"


class RefundDecided(Conflict):
    """`refund_status` says how it stands."""

    code, title = "refund_decided", "The refund does not wait for this decision any more"


class CampaignNotCancelled(Conflict):
    code, title = "campaign_not_cancelled", "Every gift is given back only when the campaign was cancelled"


class PayoutTooEarly(Conflict):
    """`possible_from` says when a payout may be asked for."""

    code, title = "payout_too_early", "A payout of this campaign cannot be asked for yet"


class FundsNotAvailable(Conflict):
    """`available` in major units of `currency`: what may be asked for now."""

    code, title = "funds_not_available", "The campaign does not have that much to pay out"


class PayoutNotOpen(Conflict):
    """`payout_status` says where it stands."""

    code, title = "payout_not_open", "The payout is past that"


class DisputeNotAnswerable(Conflict):
    code, title = "dispute_not_answerable", "The dispute takes no answer in its present state"


class ReportAlreadyOpen(Conflict):
    code, title = "report_already_open", "You have an open report about this already"


class EvidenceConflict(Conflict):
    """`ids` were told before and said something else. Of many facts told at once none was kept; `facts` says how each stands:
    `conflict`, `repeated` (here already, the same) or `not_kept`."""

    code, title = "evidence_conflict", "A fact of this id was told before, and said something else"


class VerificationOpen(Conflict):
    """`verification_id` is the request that waits."""

    code, title = "verification_open", "You have asked for this already, and it is being looked at"


class VerificationStands(Conflict):
    """`expires_at` says until when, null for ever; from 60 days before it may be asked for again."""

    code, title = "verification_stands", "This is verified already"


class VerificationClosed(Conflict):
    """`verification_status` says what became of it."""

    code, title = "verification_closed", "The request is not open any more"


class DocumentsFull(Conflict):
    code, title = "verification_documents_full", "No more documents fit into this request"


class AppealOpen(Conflict):
    """`appeal_id` is the appeal that waits."""

    code, title = "appeal_open", "You have an open appeal against this already"


class AppealFinal(Conflict):
    """`appeal_id` is the appeal that was decided."""

    code, title = "appeal_final", "An appeal against this was decided; there is no second one"


class GiftNotReceiptable(Conflict):
    """`payment_id` says which gift, `receipt` the number it stands on already."""

    code, title = "gift_not_receiptable", "A tax receipt cannot be issued for this gift"


class ReceiptKindUnavailable(Conflict):
    """`kind` says which; the organisation's `missing` particulars are for staff to complete."""

    code, title = "receipt_kind_unavailable", "Receipts of this kind cannot be issued yet"


class ReceiptVoid(Conflict):
    code, title = "receipt_void", "The receipt was voided and no longer holds"


class GiftAidDeclared(Conflict):
    code, title = "gift_aid_declared", "There is a declaration already; cancel it before you make another"


class RecurringNotChangeable(Conflict):
    code, title = "recurring_not_changeable", "The recurring gift is in a state that does not allow this"


class NothingToPay(Conflict):
    code, title = "nothing_to_pay", "No period of this recurring gift waits to be paid"


class PayloadTooLarge(Refused):
    code, status, title = "payload_too_large", 413, "The body is too large"


class UnsupportedMediaType(Refused):
    code, status, title = "unsupported_media_type", 415, "Send application/json"


class Invalid(Refused):
    """`errors` is a list of `{pointer, message}`; a pointer is `#/items/0/name` into the body, or `#/query/name`."""

    code, status, title = "invalid", 422, "Some values cannot be accepted"


class IdempotencyKeyReused(Invalid):
    code, title = "idempotency_key_reused", "This Idempotency-Key was used with another request"


class AmountInvalid(Invalid):
    code, title = "amount_invalid", "The amount cannot be expressed in this currency"


class AmountOutOfBounds(Invalid):
    code, title = "amount_out_of_bounds", "The amount is below the minimum or above the maximum"


class CategoryRequired(Invalid):
    """`category` is one that the law or the safety of an account needs."""

    code, title = "category_required", "Messages of this kind cannot be switched off or put off"


class CardNumberRefused(Invalid):
    code, title = "card_number_refused", "Card numbers are not accepted here: only Stripe's own form takes them"


class CurrencyMismatch(Invalid):
    code, title = "currency_mismatch", "The campaign takes gifts in another currency"


class CurrencyUnknown(Invalid):
    code, title = "currency_unknown", "This currency is not known"


class MethodRefused(Invalid):
    code, title = "method_refused", "The bank does not accept this payment method for later charges"


class RateLimited(Refused):
    code, status, title = "rate_limited", 429, "Too many requests"
    # How many in how many seconds; becomes the `RateLimit` headers.
    policy: tuple[int, int] | None = None


class TooManyTries(RateLimited):
    code, title = "too_many_tries", "Too many tries; wait a while before the next one"


class ReceiptSentJustNow(RateLimited):
    code, title = "receipt_sent_just_now", "The mail with this receipt was asked for a moment ago"


class Failed(BHError):
    code, status, title = "failed", 500, "The service could not do it"


class InternalError(Failed):
    code, title = "internal_error", "Something went wrong on our side"


class ProviderUnavailable(Failed):
    code, status, title = (
        "provider_unavailable",
        502,
        "The payment provider did not answer; try again with the same key",
    )
    retry_after = 1


class Unavailable(Failed):
    code, status, title = "unavailable", 503, "The service is not ready; try again soon"
    retry_after = 1


class Unreachable(BHError):
    code, status, title = "unreachable", 503, "The service gave no answer that can be trusted"


class ConnectFailed(Unreachable):
    code, title = "connect_failed", "No connection to the service"


class ConnectionLost(Unreachable):
    code, title = "connection_lost", "The connection broke before the answer was complete"


class TimedOut(Unreachable):
    code, title = "timed_out", "The service did not answer in time"


class DeadlineExceeded(Unreachable):
    code, title = "deadline_exceeded", "The time given for this call is over"


class CircuitOpen(Unreachable):
    code, title = "circuit_open", "Calls to this service are paused because most of them failed"


class RetryBudgetSpent(Unreachable):
    code, title = "retry_budget_spent", "Too many calls are being repeated; this one was not"


class UnexpectedAnswer(Unreachable):
    code, status, title = "unexpected_answer", 502, "The answer is not what this client knows"


def _tree(root: type[BHError]) -> dict[str, type[BHError]]:
    """Every class that has a code of its own, by code. A subclass that only adds something shares its parent's."""
    found = {root.code: root} if "code" in vars(root) else {}
    for child in root.__subclasses__():
        found = _tree(child) | found
    return found


_BY_STATUS: dict[int, type[BHError]] = {
    400: BadRequest,
    401: Unauthenticated,
    403: Forbidden,
    404: NotFound,
    405: MethodNotAllowed,
    409: Conflict,
    413: PayloadTooLarge,
    415: UnsupportedMediaType,
    422: Invalid,
    429: RateLimited,
    500: InternalError,
    502: ProviderUnavailable,
    503: Unavailable,
}
_STANDARD = {"type", "title", "status", "detail", "code", "request_id"}


def from_problem(problem: dict[str, Any], *, status: int, retry_after: int | None = None) -> BHError:
    """Rebuild the error a service raised: the class of its `code`, its detail, facts and request id.

    A `code` that is not known here becomes the class of the status, never a guess, and is kept. A service that could
    not reach another one has Failed, whatever it says: `Unreachable` is what *this* side saw.
    """
    code = problem.get("code")
    known = _tree(Refused) | _tree(Failed)
    kind = (known.get(code) if isinstance(code, str) else None) or _BY_STATUS.get(status)
    if kind is None:
        kind = Failed if status >= 500 else Refused
    request_id = problem.get("request_id")
    error = kind(
        str(problem.get("detail") or kind.title), request_id=request_id if isinstance(request_id, str) else None
    )
    error.facts = {name: value for name, value in problem.items() if name not in _STANDARD}
    if kind.code != code:
        error.status = status
        if isinstance(code, str) and code:
            error.code, error.title = code, str(problem.get("title") or kind.title)
    # What the service said, or nothing: a class's own value is for the side that raises it first.
    error.retry_after = retry_after
    return error
