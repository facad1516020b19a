"""Facts from a JSONL file: one fact a line, checked as the API checks them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import Any, get_args

from pydantic import BaseModel, ValidationError

from bh_sdk.money import CURRENCIES
from bh_sdk.wire.trust import EvidenceFact, ReportKind
from trust_svc.evidence.rules import CONTRACT, ENDS_EARLY, Filed, over_before_it_began
from trust_svc.scoring.calibration.errors import BadLine, Unusable
from trust_svc.scoring.calibration.population import Population
from trust_svc.scoring.engine import Fact

REPORT_KINDS = frozenset(get_args(ReportKind))

# No sum of money; a longer number is left as it is and refused.
_LARGEST = 1e15
# What no score reads and a million gifts would keep in memory.
_UNREAD = frozenset({"amount", "currency", "goal", "reason", "update_id"})


def read(file: Path, *, as_of: float | None = None) -> Population:
    """Everything the file knows as of a moment (seconds since 1970), or as of its newest fact.

    Order and repeated lines change nothing. Raises BadLine for the first line that is no fact of the contract, or that
    repeats an id with other words; Unusable when the file cannot be read or knows nothing by then.
    """
    population = Population()
    seen: dict[int, int] = {}
    pool: dict[str, str] = {}
    newest: float | None = None
    for number, line in numbered(file):
        told, data = _parse(file, number, line)
        time, subject = told.time.timestamp(), told.subject
        said = hash((told.type, time, subject.kind, subject.id, json.dumps(data, sort_keys=True)))
        repeated = told.id.int in seen
        if seen.setdefault(told.id.int, said) != said:
            raise BadLine(file, number, f"the fact {told.id} was told before with other words")
        if repeated or (as_of is not None and time > as_of):
            continue
        newest = time if newest is None else max(newest, time)
        kept = {name: _pooled(pool, value) for name, value in data.items() if name not in _UNREAD}
        population.add(subject.kind, _pooled(pool, str(subject.id)), Fact(str(told.id), told.type, time, kept))
    if newest is None:
        raise Unusable(f"{file} holds no fact" + (" by then" if seen else ""))
    population.close(newest if as_of is None else as_of)
    return population


def numbered(file: Path) -> Iterator[tuple[int, str]]:
    """The lines that say anything, with their numbers."""
    number = 0
    try:
        with file.open("rb") as lines:
            for number, raw in enumerate(lines, start=1):
                line = raw.decode("utf-8-sig" if number == 1 else "utf-8").strip()
                if line:
                    yield number, line
    except UnicodeDecodeError:
        raise BadLine(file, number, "is not UTF-8") from None
    except OSError as error:
        raise Unusable(f"{file} cannot be read: {error.strerror}") from None


def _parse(file: Path, number: int, line: str) -> tuple[EvidenceFact, dict[str, Any]]:
    try:
        fact = EvidenceFact.model_validate_json(line)
        kinds, shape = CONTRACT[fact.type]
        if fact.subject.kind not in kinds:
            raise BadLine(file, number, f"{fact.type} is about a {' or '.join(sorted(kinds))}")
        given = _as_told_to_us(fact.data, shape)
        data = shape.model_validate_json(json.dumps(given)).model_dump(mode="json", exclude_none=True)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False, include_context=False)[0]
        place = ".".join(str(part) for part in first["loc"])
        raise BadLine(file, number, f"{place}: {first['msg']}" if place else first["msg"]) from None
    if over_before_it_began(fact.type, fact.time, data):
        raise BadLine(file, number, f"expires_at: {ENDS_EARLY}")
    return fact, data


def _as_told_to_us(data: dict[str, Any], shape: type[BaseModel]) -> dict[str, Any]:
    """What exports of other systems say in ways of their own, in ours: money as numbers, currencies in small letters, kinds
    of reports that we do not tell apart, names of hands of any make, and fields that we do not know."""
    given = {name: value for name, value in data.items() if name in shape.model_fields}
    if isinstance(given.get("currency"), str):
        given["currency"] = given["currency"].upper()
    kind = CURRENCIES.get(str(given.get("currency")))
    for name in ("amount", "goal"):
        value = given.get(name)
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < _LARGEST:
            given[name] = f"{value:.{2 if kind is None else kind.exponent}f}"
    if shape is Filed and isinstance(given.get("kind"), str) and given["kind"] not in REPORT_KINDS:
        given["kind"] = "other"
    if isinstance(given.get("cluster"), str):
        given["cluster"] = blake2b(given["cluster"].encode(), digest_size=12).hexdigest()
    return given


def _pooled(pool: dict[str, str], value: Any) -> Any:
    """The same text once: donors and hands come again and again."""
    return pool.setdefault(value, value) if isinstance(value, str) else value
