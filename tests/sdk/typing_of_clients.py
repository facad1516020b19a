"""Read by mypy, never run: a client's methods keep their operation's parameters and answer types exactly.

`warn_unused_ignores` makes each `type: ignore` below an assertion that the line is wrong.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import assert_type
from uuid import UUID

from bh_sdk import AsyncPayments, Feed, Money, Notify, Payments, Trust
from bh_sdk.wire import entries, events, trust
from bh_sdk.wire.base import Page
from bh_sdk.wire.payments import Payment, PaymentCreated
from bh_sdk.wire.refunds import Refund


def blocking(payments: Payments, scores: Trust, messages: Notify, feed: Feed, some: UUID, money: Money) -> None:
    assert_type(payments.create_intent(campaign_id=some, amount=money), PaymentCreated)
    assert_type(payments.payment(some), Payment)
    assert_type(payments.history(some, status="succeeded"), Iterator[Payment])
    assert_type(payments.history_page(some), Page[Payment])
    assert_type(payments.refund(payment_id=some, reason="duplicate"), Refund)
    assert_type(payments.refunds(payment_id=some), Iterator[Refund])
    assert_type(scores.campaign(some), trust.Score)
    assert_type(messages.feed(some), entries.Feed)
    assert_type(messages.feed_items(some), Iterator[entries.FeedItem])
    assert_type(feed.page(), events.FeedPage)
    assert_type(payments.events.page(), events.FeedPage)


async def awaiting(payments: AsyncPayments, some: UUID) -> None:
    assert_type(await payments.payment(some), Payment)
    assert_type(payments.history(some), AsyncIterator[Payment])


def wrong(payments: Payments, some: UUID) -> None:
    payments.create_intent(campaign_id=some, amount=25.0)  # type: ignore[arg-type]
    payments.create_intent(campaign_id=some, amount="25.00", color="red")  # type: ignore[call-arg]
    payments.history(some, status="gone")  # type: ignore[arg-type]
    payments.payment()  # type: ignore[call-arg]
