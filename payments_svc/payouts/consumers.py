"""What trust stops and lets go again."""

from __future__ import annotations

from bh_sdk.events import HoldLifted, HoldPlaced
from bh_sdk.server.events import Delivered, handles
from payments_svc.payouts import commands


@handles(HoldPlaced)
def stop(event: Delivered[HoldPlaced]) -> None:
    hold = event.data
    commands.note_hold(
        hold_id=hold.hold_id, entity_kind=hold.entity_kind, entity_id=hold.entity_id, placed_at=event.time
    )


@handles(HoldLifted)
def let_go(event: Delivered[HoldLifted]) -> None:
    hold = event.data
    commands.note_lifted(
        hold_id=hold.hold_id, entity_kind=hold.entity_kind, entity_id=hold.entity_id, lifted_at=event.time
    )
