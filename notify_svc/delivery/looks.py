"""How staff see what was told: whole for whoever may `open` notifications, with every letter of free text hidden for others."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

from bh_sdk.server.admin import parts
from bh_sdk.server.ops import clock
from notify_svc.delivery import links, resending, rules
from notify_svc.delivery.models import Attempt, Delivery, Notification
from notify_svc.tracking import queries as tracking
from notify_svc.wording import queries as wording
from notify_svc.wording import rules as words
from notify_svc.wording.errors import TemplateInvalid
from notify_svc.wording.rendering import Rendered, render


def message(delivery: Delivery, *, whole: bool) -> list[parts.Card]:
    """The message as it was written, without the person's name and without the signature that opens a gift."""
    notification = delivery.notification
    if notification.pruned_at is not None:
        return [parts.Words("What was said", pruned(notification))]
    try:
        written = _written(delivery, whole=whole)
    except TemplateInvalid as error:
        return [parts.Words("These words cannot be written", error.detail)]
    if delivery.channel == "in_app":
        if whole:
            written = Rendered(title=notification.title, body=notification.body, action_url=notification.action_url)
        entry = [("Title", written.title), ("Body", written.body), ("Leads to", written.action_url)]
        return [parts.Facts("In the feed", entry)]
    if delivery.channel != "email":
        shown = [("Title", written.title), ("Text", written.body), ("Leads to", written.action_url)]
        return [parts.Facts("On a telephone", [one for one in shown if one[1]])]
    return [parts.Preview("On a screen", written.html, subject=written.subject), parts.Words("As text", written.text)]


def _written(delivery: Delivery, *, whole: bool) -> Rendered:
    notification, version = delivery.notification, wording.version(delivery.version_id)
    data = notification.data | links.shown_to_staff(notification)
    if not whole:
        data = words.masked(version.declared, data)
    return render(version.source, data, links=links.of_nobody(notification))


def pruned(notification: Notification) -> str:
    """What stands where the words were."""
    when = f"{notification.pruned_at:%d %b %Y}"
    return f"Its words were removed on {when}: their time was over, or their reader was erased."


def data(notification: Notification, *, whole: bool) -> dict[str, Any]:
    """What a notification was filled with."""
    told: dict[str, Any] = notification.data
    if whole:
        return told
    declared = [one for each in notification.deliveries.select_related("version") for one in each.version.declared]
    return words.masked(declared, told) if declared else {}


def timeline(delivery: Delivery, *, page_of: Any) -> list[parts.Moment]:
    """From the acceptance to the provider's last word, the newest first. `page_of` gives the page of a delivery by its id."""
    tries = [
        parts.Moment(
            f"Try {attempt.number}: {attempt.outcome}",
            attempt.ended_at,
            who=attempt.provider,
            note=" ".join(filter(None, [attempt.reason, str(attempt.code or ""), _cost(attempt.segments)])),
        )
        for attempt in Attempt.objects.filter(delivery=delivery)
    ]
    if delivery.status == "sending" and delivery.claimed_at:
        tries.append(parts.Moment("Claimed by a worker", delivery.claimed_at))
    said = tracking.events_of(delivery.id, provider=delivery.provider, provider_ref=delivery.provider_ref)
    later = [parts.Moment(one.kind.capitalize(), one.at, who=one.provider, note=one.code) for one in said]
    if (again := resending.followed_by(delivery)) is not None:
        later.append(parts.Moment("Sent again", again.created_at, note="by staff", href=page_of(again.id)))
    moments = _newest_first(tries, later)
    if delivery.status in (*rules.DUE, "waiting"):
        late = delivery.due_at < clock.now() - timedelta(minutes=1)
        moments.insert(0, parts.Moment("Next", delivery.due_at, due=True, late=late))
    return [*moments, _accepted(delivery, resending.came_of(delivery.notification), page_of)]


def _newest_first(tries: list[parts.Moment], later: list[parts.Moment]) -> list[parts.Moment]:
    """Some providers count whole seconds: what they say of a try did not come before it."""
    placed = [(moment, place) for place, moments in enumerate((tries, later)) for moment in moments]
    placed.sort(key=lambda each: (each[0].when.replace(microsecond=0), each[1], each[0].when), reverse=True)
    return [moment for moment, _ in placed]


def _cost(segments: int) -> str:
    return f"{segments} text message{'s' if segments > 1 else ''}" if segments else ""


def _accepted(delivery: Delivery, first: UUID | None, page_of: Any) -> parts.Moment:
    if first is None:
        return parts.Moment("Accepted", delivery.created_at)
    return parts.Moment("Accepted", delivery.created_at, note="to be sent again", href=page_of(first))
