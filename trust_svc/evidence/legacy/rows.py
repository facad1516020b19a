"""Reading an export of the old platform. Its databases were patched by hand, so a line is known by the columns it has."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any
from uuid import UUID

from trust_svc.evidence.legacy.rules import Profile, ScoreEvent

# The first of these columns that says something counts.
_PERSON = ("user_id", "recipient_id", "profile_id")
_OWN = ("id", "user_id")
_SET_AT = ("trust_score_last_updated", "updated_at", "created_at")
_NEW = ("new_score",)
_NOTHING = {"", "\\N", "NULL", "null"}


@dataclass(slots=True)
class Export:
    """What the files held. `wrong` are lines that could not be read: `(place, why)`."""

    profiles: list[Profile] = field(default_factory=list)
    events: list[ScoreEvent] = field(default_factory=list)
    wrong: list[tuple[str, str]] = field(default_factory=list)


def read_export(files: list[Path]) -> Export:
    """Lines of `user_profiles` and `trust_score_events`: JSON Lines, or CSV with a head. Raises OSError."""
    export = Export()
    for file in files:
        for at, row in _rows(file):
            try:
                _take(export, row)
            except (TypeError, ValueError, InvalidOperation) as error:
                export.wrong.append((f"{file.name}:{at}", str(error) or "a number is wrong"))
    return export


def _rows(file: Path) -> Iterator[tuple[int, Any]]:
    with file.open(encoding="utf-8-sig", newline="") as lines:
        if file.suffix == ".csv":
            yield from enumerate(csv.DictReader(lines), start=2)
        else:
            yield from ((at, line) for at, line in enumerate(lines, start=1) if line.strip())


def _take(export: Export, line: Mapping[str, Any] | str) -> None:
    row = json.loads(line) if isinstance(line, str) else line
    if not isinstance(row, Mapping):
        raise TypeError("not an object")
    columns = {name for name in row if name}
    if "event_type" in columns or "new_score" in columns:
        export.events.append(_event(row))
    elif "trust_score" in columns or "trust_tier" in columns:
        export.profiles.append(_profile(row))
    else:
        raise ValueError("neither a profile (trust_score) nor an event of a score (event_type, new_score)")


def _profile(row: Mapping[str, Any]) -> Profile:
    tier = str(_first(row, ("trust_tier",)) or "NEW").strip().upper()
    return Profile(_id(row, _OWN), _number(_first(row, ("trust_score",))), tier, _time(_first(row, _SET_AT)))


def _event(row: Mapping[str, Any]) -> ScoreEvent:
    at = _time(_first(row, ("created_at",)))
    if at is None:
        raise ValueError("an event without created_at has no place in the order")
    return ScoreEvent(str(row.get("id") or ""), _id(row, _PERSON), _number(_first(row, _NEW)), at)


def _first(row: Mapping[str, Any], names: tuple[str, ...]) -> Any:
    for name in names:
        value = row.get(name)
        if value is not None and str(value).strip() not in _NOTHING:
            return value
    return None


def _id(row: Mapping[str, Any], names: tuple[str, ...]) -> UUID:
    found = _first(row, names)
    if found is None:
        raise ValueError(f"no {names[0]}")
    return UUID(str(found).strip())


def _number(value: Any) -> Decimal | None:
    if value is None:
        return None
    number = Decimal(str(value).strip())
    if not number.is_finite():
        raise ValueError("a score is a finite number")
    return number


def _time(value: Any) -> datetime | None:
    if value is None:
        return None
    found = datetime.fromisoformat(str(value).strip())
    return found if found.tzinfo else found.replace(tzinfo=UTC)
