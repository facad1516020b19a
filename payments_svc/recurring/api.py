"""Recurring gifts of signed-in donors: `/api/v1/payments/recurring…`."""

from __future__ import annotations

from uuid import UUID

from bh_sdk.errors import IdempotencyKeyMissing
from bh_sdk.money import Money
from bh_sdk.server.access import may
from bh_sdk.server.api import Call, Cursor, Limit, Page, Router, Status, idempotent, keyset_page
from bh_sdk.server.ops.settings import setting
from bh_sdk.wire import recurring as wire
from payments_svc.donations.rules import accept_return_url
from payments_svc.recurring import answers, commands, queries

router = Router(tags=["recurring gifts"])


def _digest(request: Call) -> str:
    """What a repeat of this call has in common with it."""
    if request.idempotency is None:
        raise IdempotencyKeyMissing
    return request.idempotency.digest


@router.post("/recurring", auth=may("recurring", "start"), response={201: wire.RecurringCreated})
@idempotent
def start_recurring(request: Call, body: wire.StartRecurring) -> Status[wire.RecurringCreated]:
    """Give regularly, beginning now: the browser confirms the first gift with `client_secret`, and its card is kept at
    Stripe for the next ones. The series is `starting` until that gift has arrived."""
    wish = commands.Wish(
        campaign_id=body.campaign_id,
        amount=Money.parse(body.amount, body.currency),
        interval=body.interval,
        cover_fees=body.cover_fees,
        message=body.message,
        anonymous=body.anonymous,
    )
    started = commands.start(wish=wish, by=request.auth, request_digest=_digest(request))
    return Status(201, answers.created(started.gift, started.opened))


@router.get("/recurring", auth=may("recurring", "read"), response=Page[wire.RecurringGift])
def list_recurring(
    request: Call, user_id: UUID | None = None, cursor: Cursor = None, limit: Limit = 20
) -> Page[wire.RecurringGift]:
    """One's own recurring gifts in every state, newest first; staff and the platform name a `user_id`."""
    donor_id = queries.access_list(user_id, by=request.auth)
    page = keyset_page(queries.of_donor(donor_id), request=request, cursor=cursor, limit=limit)
    return Page(results=answers.recurring_page(page.results), next=page.next, previous=page.previous)


@router.get("/recurring/{uuid:recurring_id}", auth=may("recurring", "read"), response=wire.RecurringGift)
def get_recurring(request: Call, recurring_id: UUID) -> wire.RecurringGift:
    """One recurring gift, for its donor, staff and the platform."""
    return answers.recurring(queries.access_recurring(recurring_id, by=request.auth))


@router.patch("/recurring/{uuid:recurring_id}", auth=may("recurring", "change"), response=wire.RecurringGift)
def change_recurring(request: Call, recurring_id: UUID, body: wire.ChangeRecurring) -> wire.RecurringGift:
    """Give another amount from the next period on."""
    gift = queries.access_own(recurring_id, by=request.auth)
    changed = commands.change_amount(
        gift=gift,
        amount=Money.parse(body.amount, gift.currency),
        cover_fees=body.cover_fees,
        by=gift.donor_id,
    )
    return answers.recurring(changed)


@router.post("/recurring/{uuid:recurring_id}/pause", auth=may("recurring", "change"), response=wire.RecurringGift)
def pause_recurring(request: Call, recurring_id: UUID) -> wire.RecurringGift:
    """Charge nothing until it is resumed. Asking twice is asking once, so it needs no Idempotency-Key."""
    gift = queries.access_own(recurring_id, by=request.auth)
    return answers.recurring(commands.pause(recurring_id=gift.id, by=gift.donor_id))


@router.post("/recurring/{uuid:recurring_id}/resume", auth=may("recurring", "change"), response=wire.RecurringGift)
def resume_recurring(request: Call, recurring_id: UUID) -> wire.RecurringGift:
    """Go on with the next period that is still to come; what passed during the pause is never charged."""
    gift = queries.access_own(recurring_id, by=request.auth)
    return answers.recurring(commands.resume(recurring_id=gift.id, by=gift.donor_id))


@router.post("/recurring/{uuid:recurring_id}/skip", auth=may("recurring", "change"), response=wire.RecurringGift)
@idempotent
def skip_recurring(request: Call, recurring_id: UUID) -> wire.RecurringGift:
    """Leave the next period out. Asking again with another key leaves out one more."""
    gift = queries.access_own(recurring_id, by=request.auth)
    return answers.recurring(commands.skip(recurring_id=gift.id, by=gift.donor_id))


@router.post("/recurring/{uuid:recurring_id}/cancel", auth=may("recurring", "change"), response=wire.RecurringGift)
def cancel_recurring(request: Call, recurring_id: UUID) -> wire.RecurringGift:
    """End it for good. What was given stays given. Asking twice is asking once."""
    gift = queries.access_own(recurring_id, by=request.auth)
    return answers.recurring(commands.cancel(recurring_id=gift.id, by=gift.donor_id))


@router.post("/recurring/{uuid:recurring_id}/method", auth=may("recurring", "change"), response=wire.MethodChanged)
@idempotent
def change_method(request: Call, recurring_id: UUID, body: wire.ChangeMethod) -> wire.MethodChanged:
    """Charge another card from now on, and at once what the old one would not pay. Where the answer has a `next_action`,
    the browser does it and asks again with `setup_intent_id`."""
    gift = queries.access_own(recurring_id, by=request.auth)
    if body.return_url is not None:
        accept_return_url(body.return_url, origins=setting("BH_ALLOWED_ORIGINS"))
    if body.setup_intent_id is not None:
        changed, setup = commands.take_method(
            gift=gift, setup_intent_id=body.setup_intent_id, request_digest=_digest(request)
        )
    else:
        changed, setup = commands.set_up_method(
            gift=gift,
            payment_method_id=str(body.payment_method_id),
            return_url=body.return_url,
            request_digest=_digest(request),
        )
    return answers.method_changed(changed, setup)


@router.post("/recurring/{uuid:recurring_id}/pay", auth=may("recurring", "change"), response=wire.PeriodToPay)
def pay_period(request: Call, recurring_id: UUID) -> wire.PeriodToPay:
    """The period that could not be charged, for the donor to pay in the browser: where a bank wants its card's holder to
    be there, nobody else can. Charges nothing by itself."""
    return answers.to_pay(commands.pay_now(gift=queries.access_own(recurring_id, by=request.auth)))
