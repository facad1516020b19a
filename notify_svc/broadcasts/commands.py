"""From a draft to a mailing. Each command locks the broadcast, changes it, and writes down who took the step."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import transaction

from bh_sdk.server.ops import clock
from notify_svc.audience import commands as people
from notify_svc.audience import queries as campaigns
from notify_svc.broadcasts import queries, rules
from notify_svc.broadcasts.errors import (
    AudienceInvalid,
    BroadcastChanged,
    BroadcastDecided,
    BroadcastFixed,
    BroadcastNotFound,
    BroadcastNotRunning,
    BroadcastUnfinished,
    NobodyToTell,
    SecondPersonNeeded,
)
from notify_svc.broadcasts.models import Broadcast, Step
from notify_svc.delivery import mailings, trials
from notify_svc.delivery.commands import timed
from notify_svc.wording.rules import STOPPABLE

# Whose mailings these are: no caller of the API can take one back past this desk.
DESK = "broadcasts"


@transaction.atomic
def compose(*, title: str, type: str, by: str) -> Broadcast:
    """Begin a broadcast. Raises TypeUnknown, TypeNotBroadcast."""
    words = queries.wordings_of(type)
    now = clock.now()
    row = Broadcast.objects.create(title=title, type=type, category=words.category, created_by=by, created_at=now)
    _step(row, "composed", by=by, note=title)
    return row


@transaction.atomic
def write(*, broadcast_id: UUID, data: Mapping[str, Any], channels: Sequence[str] = (), by: str) -> Broadcast:
    """Say what it says, and by which ways it goes (none named: all). Raises DataInvalid, BroadcastFixed."""
    row = _draft(broadcast_id)
    words = queries.wordings(row)
    row.data, row.channels = queries.known(data), [one for one in channels if one in words.channels]
    words.check(row.data, channels=queries.channels(row, words))
    return _changed(row, "written", by=by, fields=["data", "channels"])


@transaction.atomic
def address(
    *,
    broadcast_id: UUID,
    audience: str,
    campaign_id: UUID | None = None,
    ids: Collection[UUID] | None = None,
    languages: Collection[str] = (),
    by: str,
) -> Broadcast:
    """Say to whom it goes. `ids` of None keep the list that is there. Raises AudienceInvalid, BroadcastFixed."""
    row = _draft(broadcast_id)
    row.audience, row.languages = audience, sorted(languages)
    row.campaign_id = campaign_id if audience in rules.ABOUT_CAMPAIGN else None
    if audience in rules.ABOUT_CAMPAIGN and (campaign_id is None or campaigns.campaign(campaign_id) is None):
        raise AudienceInvalid(errors=[{"pointer": "#/campaign", "message": "We know no such campaign"}])
    if audience != "listed":
        row.list_id = None
    elif ids is not None:
        row.list_id = _kept(ids, by=by)
    elif row.list_id is None:
        raise AudienceInvalid(errors=[{"pointer": "#/ids", "message": "Name the people"}])
    row.estimate = queries.counted(row).as_json()
    return _changed(row, "addressed", by=by, fields=["audience", "languages", "campaign_id", "list_id", "estimate"])


def _kept(ids: Collection[UUID], *, by: str) -> UUID:
    if not 0 < len(ids) <= rules.LARGEST_LIST:
        message = f"Between 1 and {rules.LARGEST_LIST:,} people"
        raise AudienceInvalid(errors=[{"pointer": "#/ids", "message": message}])
    return people.keep_list(ids=ids, by=by).id


@transaction.atomic
def plan(
    *,
    broadcast_id: UUID,
    start_at: datetime | None = None,
    expires_at: datetime | None = None,
    per_minute: int | None = None,
    by: str,
) -> Broadcast:
    """Say when it goes, until when, and how fast. Raises ScheduleInvalid, ExpiryInvalid, BroadcastFixed."""
    row = _draft(broadcast_id)
    timed(start_at, expires_at)
    row.start_at, row.expires_at, row.per_minute = start_at, expires_at, per_minute
    return _changed(row, "timed", by=by, fields=["start_at", "expires_at", "per_minute"])


@transaction.atomic
def ask(*, broadcast_id: UUID, note: str = "", by: str) -> Broadcast:
    """Ask a second person. From here on it stands as it is, words and all.

    Raises BroadcastUnfinished (`missing`), NobodyToTell, ScheduleInvalid, ExpiryInvalid, BroadcastFixed.
    """
    row = _draft(broadcast_id)
    words = queries.wordings_of(row.type)
    missing = [name for name, there in (("words", queries.fits(row)), ("audience", bool(row.audience))) if not there]
    if missing:
        raise BroadcastUnfinished(f"Still missing: {', '.join(missing)}", missing=missing)
    timed(row.start_at, row.expires_at)
    found = queries.counted(row)
    if not found.reached:
        raise NobodyToTell
    row.versions, row.estimate = [str(one.id) for one in words.versions], found.as_json()
    row.status, row.asked_by, row.asked_at = "asked", by, clock.now()
    return _changed(row, "asked", by=by, note=note, fields=["versions", "estimate", "status", "asked_by", "asked_at"])


@transaction.atomic
def send_back(*, broadcast_id: UUID, note: str, by: str) -> Broadcast:
    """Make it a draft again. Raises BroadcastDecided."""
    row = _asked(broadcast_id)
    row.status, row.versions, row.asked_by, row.asked_at = "draft", [], "", None
    return _changed(row, "sent_back", by=by, note=note, fields=["status", "versions", "asked_by", "asked_at"])


@transaction.atomic
def drop(*, broadcast_id: UUID, note: str = "", by: str) -> Broadcast:
    """It never goes. Raises BroadcastDecided."""
    row = _locked(broadcast_id)
    if not rules.may_move(row.status, "dropped"):
        raise BroadcastDecided(status=row.status)
    row.status = "dropped"
    return _changed(row, "dropped", by=by, note=note, fields=["status"])


@transaction.atomic
def approve(*, broadcast_id: UUID, revision: int, note: str = "", by: str) -> Broadcast:
    """Let it go at its time. `revision` is the one that was looked at.

    Raises SecondPersonNeeded, BroadcastDecided, BroadcastChanged, ExpiryInvalid.
    """
    row = _asked(broadcast_id)
    if row.revision != revision:
        raise BroadcastChanged
    if not rules.second_person(by, queries.writers(row)):
        raise SecondPersonNeeded
    start = timed(row.start_at, row.expires_at)
    words = queries.wordings(row)
    row.mailing = mailings.begin(
        queries.audience(row),
        {
            "type": row.type,
            "data": row.data,
            "channels": queries.channels(row, words),
            # What one person is told about their own gift goes before what many are told.
            "priority": "low" if row.category in STOPPABLE else "normal",
            "group": "",
            "schedule_at": None,
            "expires_at": row.expires_at.isoformat() if row.expires_at else None,
            "test": False,
            "versions": row.versions,
        },
        expected=int(row.estimate["people"]),
        dedupe=f"broadcast:{row.id}",
        by=DESK,
        start=start,
        per_minute=row.per_minute,
    )
    row.status, row.approved_by, row.approved_at = "approved", by, clock.now()
    return _changed(row, "approved", by=by, note=note, fields=["mailing", "status", "approved_by", "approved_at"])


@transaction.atomic
def pause(*, broadcast_id: UUID, by: str) -> Broadcast:
    """Hold what has not left. Raises BroadcastNotRunning, MailingOver."""
    row = _running(broadcast_id)
    mailings.pause(mailing_id=_mailing(row))
    return _step(row, "paused", by=by)


@transaction.atomic
def resume(*, broadcast_id: UUID, by: str) -> Broadcast:
    """Go on. Raises BroadcastNotRunning, MailingOver."""
    row = _running(broadcast_id)
    mailings.resume(mailing_id=_mailing(row))
    return _step(row, "resumed", by=by)


@transaction.atomic
def stop(*, broadcast_id: UUID, note: str, by: str) -> Broadcast:
    """Tell nobody else, for good. What a worker has in its hands is finished, nothing more leaves. Again changes nothing.

    Raises BroadcastNotRunning.
    """
    row = _running(broadcast_id)
    before = queries.stage(row)
    mailings.stop(mailing_id=_mailing(row))
    return row if before in ("stopping", "stopped") else _step(row, "stopped", by=by, note=note)


def try_out(*, broadcast_id: UUID, locale: str, email: str, name: str) -> None:
    """Send its mail to one's own address and to nobody else; no transaction is open meanwhile.

    Raises NoTrialHere, NoOwnAddress, TrialNotSent, BroadcastUnfinished, TemplateInvalid.
    """
    row = queries.broadcast(broadcast_id)
    if not queries.fits(row):
        raise BroadcastUnfinished("Write its words first", missing=["words"])
    version_id = queries.mail_version(row, locale)
    if version_id is None:
        raise trials.NoTrialHere
    trials.send_trial(version_id=version_id, email=email, name=name, data=row.data)


def _locked(broadcast_id: UUID) -> Broadcast:
    row = Broadcast.objects.select_for_update().filter(id=broadcast_id).first()
    if row is None:
        raise BroadcastNotFound
    return row


def _draft(broadcast_id: UUID) -> Broadcast:
    row = _locked(broadcast_id)
    if row.status != "draft":
        raise BroadcastFixed(status=row.status)
    return row


def _asked(broadcast_id: UUID) -> Broadcast:
    row = _locked(broadcast_id)
    if row.status != "asked":
        raise BroadcastDecided(status=row.status)
    return row


def _running(broadcast_id: UUID) -> Broadcast:
    row = _locked(broadcast_id)
    if row.mailing_id is None:
        raise BroadcastNotRunning(status=row.status)
    return row


def _mailing(row: Broadcast) -> UUID:
    if row.mailing_id is None:
        raise BroadcastNotRunning(status=row.status)
    return UUID(str(row.mailing_id))


def _changed(row: Broadcast, step: str, *, by: str, fields: Sequence[str], note: str = "") -> Broadcast:
    row.revision += 1
    row.save(update_fields=[*fields, "revision"])
    return _step(row, step, by=by, note=note)


def _step(row: Broadcast, kind: str, *, by: str, note: str = "") -> Broadcast:
    Step.objects.create(broadcast=row, kind=kind, by=by, note=note, at=clock.now())
    return row
