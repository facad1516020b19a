"""Events that could not be applied. They wait for staff, and so does every later event of their subject."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from django.db import connection, transaction
from django.db.models import F
from pydantic import ValidationError

from bh_sdk.errors import Conflict
from bh_sdk.events import Event
from bh_sdk.server.events import handlers
from bh_sdk.server.events.models import DeadLetter
from bh_sdk.server.ops import clock, logs

log = logs.log("events")


class NotParked(Conflict):
    code, title = "not_parked", "This event is not waiting here any more"


def park(consumer: str, event: Event, error: BaseException, *, attempts: int) -> None:
    """Set an event aside after its last attempt, with what went wrong."""
    _set_aside(consumer, event, reason_of(error), attempts)
    log.error(
        "event_parked",
        consumer=consumer,
        source=event.source,
        event_id=str(event.id),
        type=event.type,
        subject=event.subject,
        number=event.number,
        attempts=attempts,
        error=type(error).__name__,
    )


def park_behind(consumer: str, event: Event) -> None:
    """Set an event aside because an earlier one of its subject waits here."""
    _set_aside(consumer, event, "waits behind an earlier event of its subject", 0)
    log.warning("event_parked_behind", consumer=consumer, source=event.source, event_id=str(event.id), type=event.type)


def blocked_subjects(consumer: str, source: str, subjects: Collection[str]) -> set[str]:
    """Which of these subjects have a parked event. Held until the transaction ends: a replay of theirs waits."""
    parked = DeadLetter.objects.filter(
        consumer=consumer, source=source, subject__in=subjects, state=DeadLetter.State.PARKED
    )
    if not (found := set(parked.values_list("subject", flat=True))):
        return found
    # A replay may just be settling the last one; whoever has the subject first decides.
    for subject in sorted(found):
        _hold(consumer, source, subject)
    return set(parked.values_list("subject", flat=True))


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many events of a subject were applied, and why the next one was not (None: all were)."""

    applied: int
    failed: str | None = None


def replay(*, id: int, by: str) -> Outcome:
    """Apply the parked events of this one's subject again, in their order, each in a transaction of its own.

    Ends at the first that fails again, which stays parked with its new reason. Raises NotParked when the event is not
    waiting any more.
    """
    handlers.load()
    first = DeadLetter.objects.filter(id=id, state=DeadLetter.State.PARKED).first()
    if first is None:
        raise NotParked
    applied = 0
    while True:
        letter: DeadLetter | None = None
        try:
            with transaction.atomic():
                letter = _oldest(first.consumer, first.source, first.subject)
                if letter is None:
                    return Outcome(applied)
                _apply(letter)
                _settle(letter, DeadLetter.State.REPLAYED, by)
        except Exception as error:
            # Whatever a handler raises is the reason that staff will read.
            if letter is None:
                raise
            reason = reason_of(error)
            parked = DeadLetter.objects.filter(id=letter.id, state=DeadLetter.State.PARKED)
            parked.update(attempts=F("attempts") + 1, reason=reason)
            log.warning("event_failed_again", event_id=str(letter.event_id), type=letter.type, by=by, reason=reason)
            return Outcome(applied, f"{letter.type} {letter.event_id}: {reason}")
        applied += 1
        log.info("event_replayed", event_id=str(letter.event_id), type=letter.type, by=by)


@transaction.atomic
def discard(*, id: int, by: str, note: str) -> None:
    """Give a parked event up for good, so that those behind it can be replayed. Raises NotParked."""
    letter = DeadLetter.objects.filter(id=id, state=DeadLetter.State.PARKED).first()
    if letter is None:
        raise NotParked
    _hold(letter.consumer, letter.source, letter.subject)
    letter = DeadLetter.objects.select_for_update().filter(id=id, state=DeadLetter.State.PARKED).first()
    if letter is None:
        raise NotParked
    _settle(letter, DeadLetter.State.DISCARDED, by, note)
    log.warning("event_discarded", event_id=str(letter.event_id), type=letter.type, by=by)


def parked_ids(*, subject: str | None = None) -> list[int]:
    """The oldest parked event of every subject (or of one), oldest first: what `replay` takes."""
    parked = DeadLetter.objects.filter(state=DeadLetter.State.PARKED)
    if subject is not None:
        parked = parked.filter(subject=subject)
    oldest: dict[tuple[str, str, str], int] = {}
    for letter_id, *key in parked.order_by("number", "id").values_list("id", "consumer", "source", "subject"):
        oldest.setdefault((key[0], key[1], key[2]), letter_id)
    return sorted(oldest.values())


def reason_of(error: BaseException) -> str:
    """The kind of error and what it says in one line, without the values it complains of: the row holds the event."""
    if isinstance(error, ValidationError):
        wrong = error.errors(include_url=False, include_input=False, include_context=False)
        text = "; ".join(f"{'.'.join(map(str, entry['loc']))}: {entry['msg']}" for entry in wrong)
    else:
        text = logs.failure(error)["error_detail"]
    text = " ".join(text.replace("\x00", "").split())
    return f"{type(error).__name__}: {text}"[:1000] if text else type(error).__name__


def _set_aside(consumer: str, event: Event, reason: str, attempts: int) -> None:
    # It may have been here before: a source that began a new epoch can deliver an event again.
    DeadLetter.objects.update_or_create(
        consumer=consumer,
        source=event.source,
        event_id=event.id,
        defaults={
            "subject": event.subject,
            "type": event.type,
            "number": event.number or 0,
            "event": event.model_dump(mode="json"),
            "reason": reason,
            "attempts": attempts,
            "state": DeadLetter.State.PARKED,
            "parked_at": clock.now(),
            "settled_at": None,
            "settled_by": None,
        },
    )


def _apply(letter: DeadLetter) -> None:
    event = Event.model_validate(letter.event)
    handlers.handle(event)


def _oldest(consumer: str, source: str, subject: str) -> DeadLetter | None:
    _hold(consumer, source, subject)
    parked = DeadLetter.objects.select_for_update().filter(
        consumer=consumer, source=source, subject=subject, state=DeadLetter.State.PARKED
    )
    return parked.order_by("number", "id").first()


def _hold(consumer: str, source: str, subject: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"parked:{consumer}/{source}/{subject}"]
        )


def _settle(letter: DeadLetter, state: str, by: str, note: str = "") -> None:
    letter.state = state
    letter.settled_at = clock.now()
    letter.settled_by = by
    letter.note = note
    letter.save(update_fields=["state", "settled_at", "settled_by", "note"])
