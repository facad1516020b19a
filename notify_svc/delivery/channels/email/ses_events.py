"""What SES tells through SNS, as notification of an identity or as event of a configuration set.

Source: https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-contents.html and
…/notification-contents.html. Both shapes carry `mail`; the one names itself `eventType`, the other `notificationType`.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from notify_svc.delivery.channels.email import sns
from notify_svc.delivery.channels.reports import Kind, RawEvent, Unreadable, delivery_named


class _Said(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel)


class _Header(_Said):
    name: str
    value: str


class _Mail(_Said):
    message_id: str = Field(max_length=200)
    destination: list[str] = []
    tags: dict[str, list[str]] = {}
    headers: list[_Header] = []


class _Recipient(_Said):
    email_address: str
    status: str = ""


class _Bounce(_Said):
    bounce_type: str
    bounce_sub_type: str = ""
    bounced_recipients: list[_Recipient] = []
    timestamp: AwareDatetime


class _Complaint(_Said):
    complained_recipients: list[_Recipient] = []
    complaint_feedback_type: str | None = None
    timestamp: AwareDatetime


class _At(_Said):
    timestamp: AwareDatetime


class _Delay(_At):
    delay_type: str = ""


class _Told(_Said):
    mail: _Mail
    bounce: _Bounce | None = None
    complaint: _Complaint | None = None
    delivery: _At | None = None
    delivery_delay: _Delay | None = None
    open: _At | None = None
    click: _At | None = None


def events_of(body: bytes, headers: Mapping[str, str]) -> list[RawEvent]:
    """The events in a call of SNS; a wanted subscription is confirmed on the way. Raises Unproven, Unreadable,
    CertificateAway, httpx.HTTPError."""
    # SNS signs with the time of the world, which does not move with ours.
    message = sns.message_of(body, now=datetime.now(UTC))
    if message.subscribe_url:
        sns.confirm(message)
        return []
    if message.type != "Notification":
        return []
    try:
        told = _Told.model_validate(sns.read_json(message))
    except ValidationError:
        # SNS tests a new subscription with a sentence; SES sends nothing without `mail`.
        raise Unreadable("no event of SES") from None
    return list(_events(message.id, told))


def _events(message_id: str, told: _Told) -> list[RawEvent]:
    if told.bounce is not None:
        lasting = told.bounce.bounce_type == "Permanent"
        return [
            _event(
                message_id,
                place,
                told,
                "bounced",
                told.bounce.timestamp,
                one.email_address,
                lasting,
                _code(told.bounce, one),
            )
            for place, one in enumerate(told.bounce.bounced_recipients)
        ]
    if told.complaint is not None:
        if told.complaint.complaint_feedback_type == "not-spam":
            # Somebody took us out of the folder for spam: no complaint at all.
            return []
        return [
            _event(
                message_id,
                place,
                told,
                "complained",
                told.complaint.timestamp,
                one.email_address,
                True,
                told.complaint.complaint_feedback_type or "",
            )
            for place, one in enumerate(told.complaint.complained_recipients)
        ]
    if told.delivery_delay is not None:
        code = told.delivery_delay.delay_type
        return [_event(message_id, 0, told, "deferred", told.delivery_delay.timestamp, _to(told), False, code)]
    plain: list[tuple[Kind, _At | None]] = [
        ("delivered", told.delivery),
        ("opened", told.open),
        ("clicked", told.click),
    ]
    return [_event(message_id, 0, told, kind, at.timestamp, _to(told)) for kind, at in plain if at is not None]


def _event(
    message_id: str,
    place: int,
    told: _Told,
    kind: Kind,
    at: datetime,
    email: str,
    lasting: bool = False,
    code: str = "",
) -> RawEvent:
    return RawEvent(
        event_id=f"{message_id}:{place}" if place else message_id,
        kind=kind,
        at=at,
        delivery_id=_ours(told.mail),
        provider_ref=told.mail.message_id,
        email=_bare(email),
        lasting=lasting,
        code=code[:64],
    )


def _ours(mail: _Mail) -> UUID | None:
    """Our id: in the tags of an event, in the headers of a notification."""
    tagged = mail.tags.get("delivery_id") or [""]
    named: list[Any] = [tagged[0], *(one.value for one in mail.headers if one.name.lower() == "x-bh-delivery")]
    return next(filter(None, map(delivery_named, named)), None)


def _code(bounce: _Bounce, recipient: _Recipient) -> str:
    return " ".join(filter(None, [recipient.status, bounce.bounce_sub_type]))


def _to(told: _Told) -> str:
    return told.mail.destination[0] if told.mail.destination else ""


def _bare(email: str) -> str:
    """`Ruth <ruth@example.org>` and `ruth@example.org` are the same recipient."""
    return email.rpartition("<")[2].rstrip("> ")
