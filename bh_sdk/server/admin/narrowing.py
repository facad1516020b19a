"""What a report's address may narrow it by. A word that the report does not know is refused, never ignored: somebody
who misspells a filter would take the whole table for the part."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db.models import CheckConstraint, Field, Model, Q
from django.utils.dateparse import parse_date, parse_datetime

from bh_sdk.errors import BadRequest, BHError
from bh_sdk.money import Money

# A parameter's name, or names with the columns they stand for.
Columns = Mapping[str, str] | Iterable[str]


def named(columns: Columns) -> dict[str, str]:
    return dict(columns) if isinstance(columns, Mapping) else {name: name for name in columns}


def column(model: type[Model], path: str) -> Field[Any, Any] | None:
    """The column at the end of `journal__currency`, or None."""
    found: Any = None
    for step in path.split("__"):
        try:
            found = model._meta.get_field(step)
        except FieldDoesNotExist:
            return None
        model = getattr(found, "related_model", None) or model
    return found if isinstance(found, Field) else None


def known_values(of: Field[Any, Any]) -> frozenset[Any]:
    """All that the column may hold, where its choices or a constraint of its table (`status__in`) say so; else empty."""
    if of.choices:
        return frozenset(value for value, _ in of.flatchoices)
    for rule in of.model._meta.constraints:
        condition = getattr(rule, "condition", None)
        if isinstance(rule, CheckConstraint) and isinstance(condition, Q) and not condition.negated:
            match condition.children:
                case [(name, values)] if name == f"{of.name}__in":
                    return frozenset(values)
    return frozenset()


@dataclass(frozen=True, slots=True)
class Narrowing:
    """The parameters of one report: exact values, times `<name>_from` and `<name>_to`, amounts in major units likewise.

    A day as `_to` is included whole, a moment is not. Amounts are minor units in the table, so they need the currency.
    """

    model: type[Model]
    exact: Mapping[str, str] = field(default_factory=dict)
    times: Mapping[str, str] = field(default_factory=dict)
    amounts: Mapping[str, str] = field(default_factory=dict)
    currency: str | None = None

    @property
    def names(self) -> frozenset[str]:
        ranges = (f"{name}_{end}" for name in (*self.times, *self.amounts) for end in ("from", "to"))
        return frozenset((*self.exact, *ranges))

    def conditions(self, given: Mapping[str, str], *, besides: Iterable[str] = ()) -> dict[str, Any]:
        """Keywords for `filter()`. Empty values, as a form sends them, say nothing. Raises BadRequest, which names every
        parameter that is unknown or cannot be read."""
        found: dict[str, Any] = {}
        wrong: list[dict[str, str]] = []
        known = self.names | frozenset(besides)
        for name, value in given.items():
            if name not in known:
                wrong.append(_wrong(name, "is not a filter of this report"))
            elif name in self.names and value:
                try:
                    found |= self._condition(name, value, given)
                except (ValueError, ValidationError, BHError) as refusal:
                    wrong.append(_wrong(name, _words(refusal)))
        if wrong:
            raise BadRequest("The report cannot be narrowed like that", errors=wrong, filters=sorted(known))
        return found

    def _condition(self, name: str, value: str, given: Mapping[str, str]) -> dict[str, Any]:
        if "\x00" in value:
            raise ValueError("holds a character that nothing contains")
        if name in self.exact:
            path = self.exact[name]
            kind = column(self.model, path)
            if kind is None:
                return {path: value}
            meant = kind.to_python(value)
            if (known := known_values(kind)) and meant not in known:
                raise ValueError(f"must be one of {', '.join(sorted(map(str, known)))}")
            return {path: meant}
        name, _, end = name.rpartition("_")
        if name in self.times:
            return _time_bound(self.times[name], end, value)
        return {f"{self.amounts[name]}__{'gte' if end == 'from' else 'lte'}": self._minor(value, given)}

    def _minor(self, value: str, given: Mapping[str, str]) -> int:
        code = given.get(self.currency or "", "")
        if not code:
            raise ValueError(f"needs {self.currency}: amounts of several currencies do not compare")
        sign = -1 if value.startswith("-") else 1
        return sign * Money.parse(value.removeprefix("-"), code).minor


def _time_bound(path: str, end: str, value: str) -> dict[str, datetime]:
    day = parse_date(value)
    if day is not None:
        if end == "to":
            day += timedelta(days=1)
        return {f"{path}__{'gte' if end == 'from' else 'lt'}": _midnight(day)}
    # A plus sign in an address is a blank unless it is escaped.
    moment = parse_datetime(value.replace(" ", "+"))
    if moment is None or moment.tzinfo is None:
        raise ValueError("must be a day, 2026-11-22, or a time with a zone")
    return {f"{path}__{'gte' if end == 'from' else 'lt'}": moment}


def _midnight(day: date) -> datetime:
    if not 1970 <= day.year <= 9000:
        raise ValueError("must lie between 1970 and 9000")
    return datetime.combine(day, time(), UTC)


def _wrong(name: str, message: str) -> dict[str, str]:
    return {"pointer": f"#/query/{name}", "message": message}


def _words(refusal: Exception) -> str:
    if isinstance(refusal, ValidationError):
        return " ".join(refusal.messages)
    return refusal.detail if isinstance(refusal, BHError) else str(refusal)
