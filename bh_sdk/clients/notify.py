"""Notifications: send, read, and how a person is reached."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from bh_sdk.clients import devices as appliances
from bh_sdk.clients import entries, gdpr, sendings
from bh_sdk.clients.base import adoes, aeach, does, each
from bh_sdk.clients.call import Call, Ident, answer, ask, ident
from bh_sdk.clients.feed import AsyncServiceClient, ServiceClient
from bh_sdk.clients.preferences import follow, follows, preferences, set_preferences, unfollow
from bh_sdk.wire.notify import (
    Campaign,
    Channel,
    Contact,
    DescribeCampaign,
    DescribeContact,
    Priority,
    SendAccepted,
    SendNotification,
)

BASE = "/api/v1/notifications"


def send(
    *,
    recipient_ids: Sequence[Ident] | None = None,
    audience: Mapping[str, Any] | None = None,
    type: str | None = None,
    template_id: Ident | None = None,
    data: Mapping[str, Any] | None = None,
    channels: Sequence[Channel] | None = None,
    priority: Priority | None = None,
    group: str | None = None,
    schedule_at: datetime | None = None,
    expires_at: datetime | None = None,
    test: bool | None = None,
    fact: str | None = None,
    idempotency_key: UUID | None = None,
    timeout: float | None = None,
) -> Call[SendAccepted]:
    """Accept one type of message for up to 1,000 people; it is sent afterwards. `data` is what its template declares.

    Or for an `audience`, such as `{"kind": "donors", "campaign_id": …}`: its people are told by and by.
    The key is all that keeps a repeated `send` from sending twice: pass your own when your process may start again, or
    name the `fact` that you tell of, such as `receipt:{id}`.
    """
    body = ask(
        SendNotification,
        recipient_ids=None if recipient_ids is None else list(recipient_ids),
        audience=None if audience is None else dict(audience),
        type=type,
        template_id=template_id,
        data=None if data is None else dict(data),
        channels=None if channels is None else list(channels),
        priority=priority,
        group=group,
        schedule_at=schedule_at,
        expires_at=expires_at,
        test=test,
        fact=fact,
    )
    return Call(
        "notify.send",
        "POST",
        f"{BASE}/send",
        answer(SendAccepted),
        body=body,
        key=idempotency_key or uuid4(),
        timeout=timeout,
    )


def describe_contact(
    user_id: Ident,
    *,
    email: str | None = None,
    phone: str | None = None,
    name: str | None = None,
    locale: str | None = None,
    timezone: str | None = None,
    timeout: float | None = None,
) -> Call[Contact]:
    """How a person is reached. The whole contact is replaced; what is left out is forgotten. For services."""
    body = ask(DescribeContact, email=email, phone=phone, name=name, locale=locale, timezone=timezone)
    path = f"{BASE}/contacts/{ident(user_id, 'user_id')}"
    return Call("notify.describe_contact", "PUT", path, answer(Contact), body=body, timeout=timeout)


def describe_campaign(
    campaign_id: Ident,
    *,
    title: str,
    owner_id: Ident,
    currency: str,
    category: str | None = None,
    goal: str | None = None,
    ends_at: datetime | None = None,
    timeout: float | None = None,
) -> Call[Campaign]:
    """Tell notifications what they must know of a campaign; payments hands it on. With `goal` and `ends_at`, while it takes
    gifts, people hear of its milestones and of its last days."""
    body = ask(
        DescribeCampaign,
        title=title,
        owner_id=owner_id,
        currency=currency,
        category=category,
        goal=goal,
        ends_at=ends_at,
    )
    path = f"{BASE}/campaigns/{ident(campaign_id, 'campaign_id')}"
    return Call("notify.describe_campaign", "PUT", path, answer(Campaign), body=body, timeout=timeout)


class Notify(ServiceClient):
    """Blocking client of the notification service."""

    send = does(send)
    sent = does(sendings.sent)
    cancel = does(sendings.cancel)
    mailing = does(sendings.mailing)
    cancel_mailing = does(sendings.cancel_mailing)
    feed_items = each(entries.feed)
    feed = does(entries.feed)
    feed_counts = does(entries.feed_counts)
    mark_seen = does(entries.mark_seen)
    mark_read = does(entries.mark_read)
    mark_unread = does(entries.mark_unread)
    archive = does(entries.archive)
    unarchive = does(entries.unarchive)
    delete = does(entries.delete)
    see_all = does(entries.see_all)
    read_all = does(entries.read_all)
    stream_ticket = does(entries.stream_ticket)
    describe_contact = does(describe_contact)
    describe_campaign = does(describe_campaign)
    preferences = does(preferences)
    set_preferences = does(set_preferences)
    follows = does(follows)
    follow = does(follow)
    unfollow = does(unfollow)
    push_key = does(appliances.push_key)
    subscribe = does(appliances.subscribe)
    devices = does(appliances.devices)
    unsubscribe = does(appliances.unsubscribe)
    remove_device = does(appliances.remove_device)
    export_person = does(gdpr.export_person)
    erase_person = does(gdpr.erase_person)


class AsyncNotify(AsyncServiceClient):
    """Awaiting client of the notification service."""

    send = adoes(send)
    sent = adoes(sendings.sent)
    cancel = adoes(sendings.cancel)
    mailing = adoes(sendings.mailing)
    cancel_mailing = adoes(sendings.cancel_mailing)
    feed_items = aeach(entries.feed)
    feed = adoes(entries.feed)
    feed_counts = adoes(entries.feed_counts)
    mark_seen = adoes(entries.mark_seen)
    mark_read = adoes(entries.mark_read)
    mark_unread = adoes(entries.mark_unread)
    archive = adoes(entries.archive)
    unarchive = adoes(entries.unarchive)
    delete = adoes(entries.delete)
    see_all = adoes(entries.see_all)
    read_all = adoes(entries.read_all)
    stream_ticket = adoes(entries.stream_ticket)
    describe_contact = adoes(describe_contact)
    describe_campaign = adoes(describe_campaign)
    preferences = adoes(preferences)
    set_preferences = adoes(set_preferences)
    follows = adoes(follows)
    follow = adoes(follow)
    unfollow = adoes(unfollow)
    push_key = adoes(appliances.push_key)
    subscribe = adoes(appliances.subscribe)
    devices = adoes(appliances.devices)
    unsubscribe = adoes(appliances.unsubscribe)
    remove_device = adoes(appliances.remove_device)
    export_person = adoes(gdpr.export_person)
    erase_person = adoes(gdpr.erase_person)
