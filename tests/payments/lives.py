"""Lives of payments as facts, for tests of what is added up: made up by hypothesis, told in any order that the road allows."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.db import connection
from django.utils import timezone
from hypothesis import strategies as st

from bh_sdk.events import DisputeClosed, DonationCreated, DonationSucceeded, Fact, RefundFailed, RefundSucceeded
from bh_sdk.money import Money
from bh_sdk.server.events import Delivered
from bh_sdk.server.events.canonical import canonical, digest_of
from bh_sdk.server.events.models import Checkpoint, FeedEntry, RecordedEvent
from payments_svc.insights import consumers

CAMPAIGNS = [uuid.UUID(int=each + 1) for each in range(3)]
CURRENCIES = ["GBP", "JPY", "GBP"]
DONORS = [uuid.UUID(int=each + 101) for each in range(4)]
FIRST = date(2026, 2, 20)


@dataclass(frozen=True)
class Told:
    """A fact and the day on which it happened."""

    fact: Fact
    day: date


def facts_of(
    *,
    campaign: int = 0,
    donor: int = 0,
    amount: int = 2500,
    covered: int = 0,
    fees: tuple[int, int] = (80, 40),
    day: date = FIRST,
    arrives: int | None = 0,
    method: str | None = "card",
    recurring: bool = False,
    old: bool = False,
    steps: Sequence[tuple[str, int]] = (),
    payment: uuid.UUID | None = None,
) -> list[Told]:
    """One payment's facts in their order. `arrives` days after it was opened; `old` facts do not divide their fees.
    Steps are (refund | comes_back | lost | won, amount), each a day after the one before."""
    payment_id, code = payment or uuid.uuid4(), CURRENCIES[campaign]

    def text(minor: int) -> str:
        return Money(minor, code).decimal

    about: dict[str, Any] = {
        "payment_id": payment_id,
        "campaign_id": CAMPAIGNS[campaign],
        "donor_id": DONORS[donor],
        "currency": code,
    }
    paid = {"guest": False, "amount": text(amount), "charged": text(amount + covered)}
    series = uuid.uuid4() if recurring and not old else None
    told = [Told(DonationCreated(**about, **paid, off_session=series is not None), day)]
    if arrives is None:
        return told
    day += timedelta(days=arrives)
    known: dict[str, Any] = (
        {} if old else {"processing_fee": text(fees[0]), "platform_fee": text(fees[1]), "method": method}
    )
    known["recurring_id"] = series
    net = text(amount + covered - sum(fees))
    told.append(Told(DonationSucceeded(**about, **paid, anonymous=False, net=net, **known), day))
    for kind, minor in steps:
        day += timedelta(days=1)
        back = {"refund_id": uuid.uuid4(), "refunded_total": text(minor), "amount": text(minor)}
        match kind:
            case "refund":
                told.append(Told(RefundSucceeded(**about, **back, guest=False, full=False, for_cause=False), day))
            case "comes_back":
                told.append(Told(RefundFailed(**about, **back, guest=False, reversed=True, reason="lost"), day))
            case "lost" | "won":
                # Older facts of disputes do not name the donor.
                person = {"donor_id": None} if old else {}
                told.append(Told(DisputeClosed(**(about | person), amount=text(minor), outcome=kind), day))
    return told


@st.composite
def lives(draw: st.DrawFn) -> list[Told]:
    amount = draw(st.integers(1, 10**6))
    covered = draw(st.sampled_from([0, 0, 37]))
    steps: list[tuple[str, int]] = []
    left = amount + covered
    for share in draw(st.lists(st.sampled_from([1, 2, 3]), max_size=3)):
        part = left if share == 1 else left // share
        if part:
            steps.append(("refund", part))
            left -= part
            if draw(st.booleans()):
                steps.append(("comes_back", part))
                left += part
    if left and draw(st.booleans()):
        steps.append((draw(st.sampled_from(["lost", "won"])), draw(st.integers(1, left))))
    return facts_of(
        campaign=draw(st.integers(0, 2)),
        donor=draw(st.integers(0, 3)),
        amount=amount,
        covered=covered,
        fees=(draw(st.integers(0, 50)), draw(st.integers(0, 50))),
        day=FIRST + timedelta(days=draw(st.integers(0, 40))),
        arrives=draw(st.sampled_from([0, 0, 0, 1, 9, None])),
        method=draw(st.sampled_from(["card", "us_bank_account", None])),
        recurring=draw(st.booleans()),
        old=draw(st.booleans()),
        steps=steps,
        payment=uuid.UUID(int=draw(st.integers(10**6, 10**9))),
    )


many_lives = st.lists(lives(), min_size=1, max_size=8, unique_by=lambda told: told[0].fact.payment_id)  # type: ignore[attr-defined]


def woven(told: Sequence[Sequence[Told]], order: Iterable[int]) -> list[Told]:
    """All facts, each payment's in their own order, payments taking turns as `order` says."""
    waiting = [list(each) for each in told]
    found = []
    for turn in order:
        left = [each for each in waiting if each]
        if left:
            found.append(left[turn % len(left)].pop(0))
    for each in waiting:
        found.extend(each)
    return found


def consume(told: Sequence[Told]) -> None:
    """What relay and consumer do, without the road: number each fact, hand it over, move the checkpoint."""
    start = FeedEntry.objects.count()
    for number, each in enumerate(told, start + 1):
        time = datetime.combine(each.day, datetime.min.time(), UTC) + timedelta(hours=23, minutes=59)
        event = RecordedEvent.objects.get(id=_recorded(each.fact, time))
        FeedEntry.objects.create(number=number, position=event, numbered_at=timezone.now())
        consumers.count(
            Delivered(
                id=event.id, source="payments", type=event.type, subject="x", time=event.created_at, data=each.fact
            )
        )
    Checkpoint.objects.update_or_create(
        consumer="payments",
        source="payments",
        defaults={"epoch": uuid.UUID(int=7), "number": start + len(told), "moved_at": timezone.now()},
    )


def _recorded(fact: Fact, time: datetime) -> uuid.UUID:
    """As `record` does, at another time."""
    subject, event_id = fact.payment_id, uuid.uuid4()  # type: ignore[attr-defined]
    payload = canonical(fact.payload())
    told = {"id": event_id, "aggregatetype": fact.aggregate, "aggregateid": subject, "type": fact.type}
    digest = digest_of(**told, payload=payload, traceparent=None, actor="system", created_at=time)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT record_event(%s, %s, %s, %s, %s::jsonb, %s, %s, %s, %s, %s)",
            [*told.values(), payload, digest, None, "system", time, False],
        )
    return event_id


def dump() -> list[bytes]:
    """The read models as the database holds them, byte for byte, without the ids that only number the rows."""
    found = []
    for table in ("countedgift", "campaigntotal", "campaigndonor", "donorday", "dailyfigure"):
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT (to_jsonb(t) - 'id')::text FROM payments_insights_{table} t ORDER BY 1")
            found += [f"{table} {row[0]}".encode() for row in cursor.fetchall()]
    return found
