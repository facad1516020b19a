"""What is known against a try."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.conf import settings
from django.db.models import Count, Q

from bh_sdk.money import Money
from bh_sdk.server.ops import clock
from bh_sdk.server.ops.sealed import keyed_hashes
from bh_sdk.server.ops.settings import setting
from payments_svc.risk.models import Block, CardUse
from payments_svc.risk.rules import CARDS_WITHIN, MOST_TRIES_OF_ONE_PAYMENT, Bounds, Cards, Try, mail_key


def active_blocks(*, at: datetime) -> Q:
    return Q(lifted_at__isnull=True, expires_at__gt=at)


def cards_are_blocked() -> bool:
    """Whether any card is: only then is it worth asking which one somebody wants to use."""
    return Block.objects.filter(active_blocks(at=clock.now()), kind="card").exists()


def mail_hashes(address: str) -> tuple[str, ...]:
    """Under which hashes somebody is known here: the mailbox's, by the newest key first, then those of the whole address."""
    addresses = dict.fromkeys((mail_key(address), address.strip().lower()))
    return tuple(hashed for each in addresses for hashed in keyed_hashes(each, "email"))


def block_of(asked: Try, cards: Cards, *, at: datetime) -> Block | None:
    """The block that keeps this try out, if any."""
    found = Q(kind="mail", value__in=asked.mail_hashes)
    if asked.user_id is not None:
        found |= Q(kind="user", value=str(asked.user_id))
    if asked.address is not None:
        found |= Q(kind="address", value=asked.address)
    clusters = cards.clusters | ({asked.cluster} if asked.cluster else set())
    if clusters:
        found |= Q(kind="card", value__in=clusters)
    return Block.objects.filter(active_blocks(at=at) & found).first()


def cards_of(donor_id: UUID | None, *, at: datetime) -> Cards:
    """The cards that a donor used over the last day, and how many donors share the most shared one."""
    if donor_id is None:
        return Cards()
    recent = CardUse.objects.filter(last_at__gt=at - CARDS_WITHIN)
    clusters = frozenset(recent.filter(donor_id=donor_id).values_list("cluster", flat=True))
    if not clusters:
        return Cards()
    shared = recent.filter(cluster__in=clusters).values("cluster").annotate(donors=Count("id")).order_by("-donors")
    return Cards(clusters, shared[0]["donors"])


def bounds(code: str) -> Bounds:
    """The most of one gift and of one person's day in a currency, as configured."""

    def of(table: dict[str, str]) -> Money | None:
        return Money.parse(table[code], code) if code in table else None

    return Bounds(of(settings.RISK_GIFT_MOST), of(settings.RISK_DAY_MOST))


def is_worn_out(tries: int) -> bool:
    """Whether a payment was tried too often to be a donor's."""
    return tries >= MOST_TRIES_OF_ONE_PAYMENT * int(setting("BH_LIMIT_FACTOR"))
