"""Letting tries through or not, and the block list. Donations ask before a payment is written and before a card is charged."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NoReturn
from uuid import UUID

from django.db import connection, transaction

from bh_sdk.errors import AlreadyBlocked, AmountOutOfBounds, Conflict, GiftRefused, NotFound, TooManyTries
from bh_sdk.server.api import limits
from bh_sdk.server.ops import clock
from bh_sdk.server.ops.logs import log
from bh_sdk.server.ops.settings import setting
from payments_svc.risk import queries, rules
from payments_svc.risk.models import Block, CardUse
from payments_svc.risk.rules import Try

LONGEST_BLOCK = timedelta(days=366)


def screen(asked: Try) -> None:
    """Let a try through, or refuse it and write down that it was.

    Raises GiftRefused for whom the block list names, TooManyTries (with `retry_after`) for who goes too fast, fails too
    often or has too many cards, AmountOutOfBounds above a bound, Unavailable when tries cannot be counted.
    """
    now = clock.now()
    cards = queries.cards_of(asked.donor_id, at=now)
    if queries.block_of(asked, cards, at=now) is not None:
        _refuse(asked, "blocked", GiftRefused(), at=now)
    bounds = queries.bounds(asked.amount.code)
    match rules.out_of_bounds(asked, bounds):
        case "gift_amount":
            assert bounds.gift is not None  # noqa: S101  # the rule compared with it
            _refuse(asked, "gift_amount", AmountOutOfBounds(maximum=bounds.gift.decimal), at=now)
        case "day_amount":
            _refuse(asked, "day_amount", _later(rules.PAUSE), at=now)
    if rule := rules.suspicion(asked, cards, factor=int(setting("BH_LIMIT_FACTOR"))):
        _refuse(asked, rule, _later(rules.PAUSE), at=now)
    exceeded = limits.take(_counts(asked), once=f"{asked.step}:{asked.digest}")
    if exceeded is not None:
        rule = f"tries_{exceeded.limit.name.split('-')[1]}"
        _refuse(asked, rule, limits.refusal(exceeded, TooManyTries), at=now)


def _counts(asked: Try) -> list[limits.Count]:
    who = {"person": asked.who, "address": asked.address, "campaign": str(asked.campaign_id)}
    return [
        limits.Count(limits.Limit(f"{asked.step}-{kind}-{seconds}", most, seconds), named)
        for kind, spans in rules.TRIES[asked.step].items()
        for most, seconds in spans
        if (named := who[kind]) is not None
    ]


def _later(pause: timedelta) -> TooManyTries:
    refused = TooManyTries()
    refused.retry_after = int(pause.total_seconds())
    return refused


def hold(asked: Try) -> str | None:
    """The rule that keeps the calendar from charging this, written down for staff; None when it may be charged."""
    now = clock.now()
    rule = rules.out_of_bounds(asked, queries.bounds(asked.amount.code))
    if queries.block_of(asked, queries.cards_of(asked.donor_id, at=now), at=now) is not None:
        rule = "blocked"
    if rule is not None:
        _write_down(asked, rule, at=now)
    return rule


_NOTE = """
INSERT INTO payments_risk_refusedtry AS r
    (rule, step, who, guest, address, campaign_id, currency, amount, tries, minute, created_at, last_at)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, 1, date_trunc('minute', %s::timestamptz), %s, %s)
ON CONFLICT (minute, rule, step, who, address, campaign_id)
DO UPDATE SET tries = r.tries + 1, last_at = EXCLUDED.last_at, amount = EXCLUDED.amount
"""


def _refuse(asked: Try, rule: str, error: Exception, *, at: datetime) -> NoReturn:
    _write_down(asked, rule, at=at)
    raise error


def _write_down(asked: Try, rule: str, *, at: datetime) -> None:
    """Who was refused what, once a minute with how often."""
    who, guest, address = asked.who, asked.user_id is None, asked.address or ""
    money = asked.amount
    values = (rule, asked.step, who, guest, address, asked.campaign_id, money.code, money.minor, at, at, at)
    with connection.cursor() as cursor:
        cursor.execute(_NOTE, values)
    log("risk").warning("try.refused", rule=rule, step=asked.step, campaign_id=str(asked.campaign_id))


def note_card(*, cluster: str, donor_id: UUID, at: datetime) -> None:
    """Remember that a donor used a card. Part of the payment's transaction; again is the same."""
    CardUse.objects.bulk_create(
        [CardUse(cluster=cluster, donor_id=donor_id, last_at=at)],
        update_conflicts=True,
        unique_fields=["cluster", "donor_id"],
        update_fields=["last_at"],
    )


@transaction.atomic
def block(*, kind: rules.BlockKind, value: str, reason: str, note: str, lasts: timedelta, by: UUID) -> Block:
    """Keep somebody out until it expires or is lifted. Raises AlreadyBlocked while they are."""
    now = clock.now()
    for old in Block.objects.select_for_update().filter(kind=kind, value=value, lifted_at__isnull=True):
        if old.expires_at > now:
            raise AlreadyBlocked(block_id=str(old.id))
        # It ended by itself; whoever blocks again closes it.
        old.lifted_at, old.lifted_by, old.lift_note = now, by, "expired"
        old.save(update_fields=["lifted_at", "lifted_by", "lift_note"])
    return Block.objects.create(
        kind=kind,
        value=value,
        reason=reason,
        note=note,
        blocked_by=by,
        created_at=now,
        expires_at=now + min(lasts, LONGEST_BLOCK),
    )


@transaction.atomic
def lift(*, block_id: UUID, note: str, by: UUID) -> Block:
    """Let somebody in again; the row stays and says who did it. Raises NotFound, Conflict when it was lifted already."""
    row = Block.objects.select_for_update().filter(id=block_id).first()
    if row is None:
        raise NotFound("There is no such block")
    if row.lifted_at is not None:
        raise Conflict("The block was lifted already")
    row.lifted_at, row.lifted_by, row.lift_note = clock.now(), by, note
    row.save(update_fields=["lifted_at", "lifted_by", "lift_note"])
    return row
