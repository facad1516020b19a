"""Payouts and escrow in the words of the wire."""

from __future__ import annotations

from collections.abc import Sequence

from bh_sdk.money import Money
from bh_sdk.wire import payouts as wire
from payments_svc.payouts import queries
from payments_svc.payouts.models import Payout
from payments_svc.payouts.queries import EscrowState
from payments_svc.payouts.rules import Balance


def payout(row: Payout) -> wire.Payout:
    return payouts([row])[0]


def payouts(rows: Sequence[Payout]) -> list[wire.Payout]:
    held = queries.held_among(rows)
    return [_payout(row, on_hold=row.id in held) for row in rows]


def _payout(row: Payout, *, on_hold: bool) -> wire.Payout:
    return wire.Payout(
        payout_id=row.id,
        campaign_id=row.campaign_id,
        owner_id=row.owner_id,
        amount=row.money.decimal,
        currency=row.currency,
        status=row.status,
        on_hold=on_hold,
        method=row.method,
        reference=row.transfer_id or row.bank_reference,
        reason=row.reason,
        created_at=row.created_at,
        settled_at=row.settled_at,
    )


def escrow(state: EscrowState) -> wire.Escrow:
    return wire.Escrow(
        campaign_id=state.campaign_id,
        on_hold=state.on_hold,
        balances=[_balance(one, on_hold=state.on_hold) for one in state.balances],
        minimum=state.minimum.decimal,
        currency=state.currency,
        possible_from=state.possible_from,
    )


def _balance(one: Balance, *, on_hold: bool) -> wire.EscrowBalance:
    def major(minor: int) -> str:
        return Money(minor, one.currency).decimal

    return wire.EscrowBalance(
        currency=one.currency,
        raised=major(one.raised),
        fees=major(one.fees),
        refunded=major(one.refunded),
        lost=major(one.lost),
        disputed=major(one.disputed),
        in_flight=major(one.in_flight),
        paid_out=major(one.paid_out),
        corrected=major(one.corrected),
        owed=major(one.owed),
        reserved=major(one.reserved),
        available=major(one.available),
        held=major(one.owed if on_hold else 0),
    )
