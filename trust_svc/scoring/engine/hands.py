"""Who gave, how much their word weighs, and which gifts stayed."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from trust_svc.scoring.engine.params import Params
from trust_svc.scoring.engine.record import Kept, Record, Stamp
from trust_svc.scoring.engine.tally import DAY, NOBODY, UNIT, Gift, Giving, Mass, Sums, count, lift, lifted, settle

# Stretches of one campaign's life are told apart from those of the next by more than anything can live.
_LIFE = 2**32


@dataclass(frozen=True, slots=True)
class People:
    """What the service itself knows of donors and reporters, by id; it wins over what a fact claims.

    `standing` is a person's trust of the previous epoch, 0-1; `reports` their upheld and dismissed reports.
    """

    standing: Mapping[str, float] = field(default_factory=dict)
    reports: Mapping[str, tuple[int, int]] = field(default_factory=dict)


def decay(age: float, half_life_days: float) -> float:
    """What is left of one observation after `age` seconds. What lies ahead of the clock counts as of now."""
    return float(2.0 ** (-max(0.0, age) / (half_life_days * DAY)))


def credibility(standing: float, params: Params) -> float:
    """How much a person's word weighs, from their standing (0-1)."""
    return params.standing_floor + (1.0 - params.standing_floor) * min(1.0, max(0.0, standing))


# Sums of gifts, by the records (their ids) of the campaigns they went to.
Counted = Mapping[frozenset[int], Sums]


class Purses:
    """What was read of gifts so far: an organiser and all the campaigns ask for the same ones. `counted` was counted before
    any was read.

    Good for one moment, one parameter set and one knowledge of people.
    """

    def __init__(self, counted: Counted | None = None) -> None:
        self._counted = counted or {}
        # The records are held so that no others can take their place.
        self._read: dict[tuple[str | None, frozenset[int]], tuple[Sequence[Record], Giving]] = {}

    def giving(
        self, records: Sequence[Record], owner: str | None, as_of: float, params: Params, people: People
    ) -> Giving:
        which = frozenset(map(id, records))
        if (owner, which) not in self._read:
            found = _giving(records, self._counted.get(which), owner, as_of, params, people)
            self._read[owner, which] = records, found
        return self._read[owner, which][1]


def giving(
    records: Iterable[Record],
    *,
    owner: str | None,
    as_of: float,
    params: Params,
    people: People,
    purses: Purses | None = None,
) -> Giving:
    """Read the gifts of some campaigns, in any order.

    A hand speaks once, with its most credible account; the owner's own gifts say nothing.
    """
    return (purses or Purses()).giving(list(records), owner, as_of, params, people)


def _giving(
    records: Sequence[Record], counted: Sums | None, owner: str | None, as_of: float, params: Params, people: People
) -> Giving:
    start = min(beginning(records, as_of), as_of)
    if counted is None:
        each = gifts(in_order(records), start=start, owner=owner, as_of=as_of, params=params, people=people)
        counted = count((gift for _, gift in each), params)
    return settle(counted, as_of - start, params, bad=_blames(records, as_of, params))


def _blames(records: Sequence[Record], as_of: float, params: Params) -> float:
    """What returned and disputed payments say. A dispute may be known before the gift itself."""
    found: list[float] = []
    for record in records:
        for payment in record.caused.keys() | record.doubted.keys() | record.settled_disputes.keys():
            mass, since = _blame(record, payment, params)
            found.append(mass * decay(as_of - since, params.history_half_life))
    return math.fsum(found)


def in_order(records: Sequence[Record]) -> list[Record]:
    """The same campaigns in an order that does not hang on how they were found."""

    def mark(record: Record) -> tuple[Stamp, str]:
        if record.created:
            return record.created.stamp, ""
        return Stamp(record.first or 0.0, ""), min(record.gifts, default="")

    return sorted(records, key=mark) if len(records) > 1 else list(records)


def beginning(records: Sequence[Record], otherwise: float = 0.0) -> float:
    """When the first of some campaigns began."""
    return min((begun for record in records if (begun := _begun(record)) is not None), default=otherwise)


def gifts(
    records: Sequence[Record],
    *,
    start: float,
    owner: str | None,
    as_of: float,
    params: Params,
    people: People,
    number: int = 0,
) -> Iterator[tuple[str, Gift]]:
    """Every payment and what it weighs. One that went back, or is the owner's own, weighs nothing.

    `number` is that of the first of these campaigns.
    """
    words: dict[tuple[str, float | None], int] = {}
    for at, record in enumerate(records, number):
        touched = record.returned.keys() | record.caused.keys() | record.doubted.keys() | record.settled_disputes.keys()
        for payment, kept in record.gifts.items():
            donor, hand = kept.data.get("donor_id"), kept.data.get("cluster")
            account = f"donor {donor}" if donor else (f"hand {hand}" if hand else NOBODY)
            joined = f"hand {hand}" if donor and hand else None
            mass = None
            stayed = payment not in touched or not (record.is_returned(payment) or _blame(record, payment, params)[0])
            if stayed and (owner is None or str(donor) != owner):
                key = (account, kept.data.get("donor_standing"))
                if key not in words:
                    words[key] = round(min(1.0, _word(kept, params, people)) * UNIT)
                age = min(kept.time, as_of) - start
                engaging = lift(age, params.engagement_half_life)
                mass = Mass(
                    words[key],
                    lifted(words[key], engaging),
                    lifted(UNIT, engaging),
                    lifted(UNIT, lift(age, params.history_half_life)),
                    kept.time,
                    at * _LIFE + wave(record, kept.time, params),
                )
            yield payment, Gift(account, joined, kept.time, mass)


def wave(record: Record, time: float, params: Params) -> int:
    """In which stretch of the campaign's life something came; counted from its beginning, so that only distances matter."""
    start = _begun(record)
    return math.floor((time - (time if start is None else start)) / (params.burst_days * DAY))


def _begun(record: Record) -> float | None:
    return record.created.time if record.created else record.first


def _word(gift: Kept, params: Params, people: People) -> float:
    donor, claimed = gift.data.get("donor_id"), gift.data.get("donor_standing")
    if not donor and not gift.data.get("cluster"):
        return params.anonymous_credibility
    unknown = params.unknown_standing if claimed is None else float(claimed)
    return credibility(people.standing.get(str(donor), unknown), params)


def _blame(record: Record, payment: str, params: Params) -> tuple[float, float]:
    """What this payment says against the campaign, and since when: the heaviest single reason, never a sum."""
    weights = [(params.refund_mass, kept.time) for kept in [record.cause(payment)] if kept]
    over = record.settled_disputes.get(payment)
    if over is None:
        weights += [(params.warning_mass, kept.time) for kept in [record.doubted.get(payment)] if kept]
    elif over.data["stage"] == "lost":
        weights.append((params.lost_mass, over.time))
    return max(weights, default=(0.0, 0.0))
