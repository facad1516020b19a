"""Payouts and escrow: `/api/v1/payments/payouts…`, `/payments/campaigns/{campaign_id}/escrow`."""

from __future__ import annotations

from uuid import UUID

from bh_sdk.server.access import may
from bh_sdk.server.api import Call, Cursor, Limit, Page, Router, Status, idempotent, keyset_page
from bh_sdk.wire import payouts as wire
from payments_svc.payouts import answers, commands, queries

router = Router(tags=["payouts"])


@router.post("/payouts", auth=may("payout", "request"), response={201: wire.Payout})
@idempotent
def request_payout(request: Call, body: wire.AskPayout) -> Status[wire.Payout]:
    """Ask for what a campaign of one's own is owed. Finance approves it; the money moves after that."""
    payout = commands.request_payout(campaign_id=body.campaign_id, amount=body.amount, by=UUID(request.auth.id))
    return Status(201, answers.payout(payout))


@router.get("/payouts", auth=may("payout", "read"), response=Page[wire.Payout])
def list_payouts(
    request: Call, campaign_id: UUID | None = None, cursor: Cursor = None, limit: Limit = 20
) -> Page[wire.Payout]:
    """One's own payouts in every state, newest first; staff and the platform see everybody's."""
    seen = queries.payouts(by=request.auth, campaign_id=campaign_id)
    page = keyset_page(seen, request=request, cursor=cursor, limit=limit)
    return Page(results=answers.payouts(page.results), next=page.next, previous=page.previous)


@router.get("/payouts/{uuid:payout_id}", auth=may("payout", "read"), response=wire.Payout)
def get_payout(request: Call, payout_id: UUID) -> wire.Payout:
    return answers.payout(queries.access_payout(payout_id, by=request.auth))


@router.post("/payouts/{uuid:payout_id}/cancel", auth=may("payout", "cancel"), response=wire.Payout)
@idempotent
def cancel_payout(request: Call, payout_id: UUID) -> wire.Payout:
    """Take one's own payout back before it is approved."""
    return answers.payout(commands.cancel_payout(payout_id=payout_id, by=UUID(request.auth.id)))


@router.get("/campaigns/{uuid:campaign_id}/escrow", auth=may("escrow", "read"), response=wire.Escrow)
def campaign_escrow(request: Call, campaign_id: UUID) -> wire.Escrow:
    """What a campaign has, currency by currency, for its organiser and staff."""
    return answers.escrow(queries.access_escrow(campaign_id, by=request.auth))


@router.put("/payout-accounts/{uuid:owner_id}", auth=may("payout_account", "set"), response=wire.PayoutAccount)
def set_payout_account(request: Call, owner_id: UUID, body: wire.SetPayoutAccount) -> wire.PayoutAccount:
    """Say which account at Stripe an organiser is paid to. Payouts that are approved keep the one they were approved with."""
    row = commands.set_payout_account(owner_id=owner_id, account_id=body.account_id, by=request.auth.id)
    return wire.PayoutAccount.model_validate(row)
