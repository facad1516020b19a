"""Who gave: accounts joined into hands, because one hand is one voice."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from trust_svc.scoring.engine.params import Params
from trust_svc.scoring.engine.record import Kept, Record

DAY = 86400.0
NOBODY = "anonymous"


@dataclass(frozen=True, slots=True)
class People:
    """What the service itself knows of donors and reporters, by id; it wins over what a fact claims.

    `standing` is a person's trust of the previous epoch, 0-1; `reports` their upheld and dismissed reports.
    """

    standing: Mapping[str, float] = field(default_factory=dict)
    reports: Mapping[str, tuple[int, int]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Giving:
    """The statistics of gifts: see `Column` for their meaning."""

    voices: float
    donors: float
    repeat: float
    ok: float
    bad: float


def decay(age: float, half_life_days: float) -> float:
    """What is left of one observation after `age` seconds. What lies ahead of the clock counts as of now."""
    return float(2.0 ** (-max(0.0, age) / (half_life_days * DAY)))


def credibility(standing: float, params: Params) -> float:
    """How much a person's word weighs, from their standing (0-1)."""
    return params.standing_floor + (1.0 - params.standing_floor) * min(1.0, max(0.0, standing))


@dataclass(frozen=True, slots=True)
class _Gift:
    """A gift that counts: by which account, when in the campaign's life, and whether it stayed."""

    account: str
    kept: Kept
    stayed: bool
    wave: tuple[int, int]


class _Hands:
    """Accounts and fingerprints that were ever seen together are one hand (union by name, so order does not matter)."""

    def __init__(self) -> None:
        self._parent: dict[str, str] = {}

    def find(self, name: str) -> str:
        root = name
        while (parent := self._parent.get(root, root)) != root:
            root = parent
        while (parent := self._parent.get(name, name)) != root:
            self._parent[name], name = root, parent
        return root

    def join(self, one: str, other: str) -> None:
        first, second = sorted((self.find(one), self.find(other)))
        self._parent[second] = first


def giving(records: Iterable[Record], *, owner: str | None, as_of: float, params: Params, people: People) -> Giving:
    """Read the gifts of some campaigns.

    A hand speaks once, with its most credible account; the owner's own gifts say nothing.
    """
    records = list(records)
    if not records:
        return Giving(0.0, 0.0, 0.0, 0.0, 0.0)
    hands = _Hands()
    gifts: list[_Gift] = []
    bad = 0.0
    for number, record in enumerate(records):
        for payment, gift in sorted(record.gifts.items()):
            donor = gift.data.get("donor_id")
            cluster = gift.data.get("cluster")
            account = f"donor {donor}" if donor else (f"hand {cluster}" if cluster else NOBODY)
            if donor and cluster:
                hands.join(account, f"hand {cluster}")
            blame, since = _blame(record, payment, params)
            bad += blame * decay(as_of - since, params.history_half_life)
            if owner is None or str(donor) != owner:
                stayed = not blame and not record.is_returned(payment)
                gifts.append(_Gift(account, gift, stayed, (number, wave(record, gift.time, params))))
        # A dispute may be known before the gift itself.
        blamed = record.caused.keys() | record.doubted.keys() | record.settled_disputes.keys()
        for payment in sorted(blamed - record.gifts.keys()):
            blame, since = _blame(record, payment, params)
            bad += blame * decay(as_of - since, params.history_half_life)
    return _count(gifts, hands, bad=bad, as_of=as_of, params=params, people=people)


def wave(record: Record, time: float, params: Params) -> int:
    """In which stretch of the campaign's life something came; counted from its beginning, so that only distances matter."""
    start = record.created.time if record.created else record.first
    return math.floor((time - (time if start is None else start)) / (params.burst_days * DAY))


def _count(gifts: list[_Gift], hands: _Hands, *, bad: float, as_of: float, params: Params, people: People) -> Giving:
    """A hand's word fades with its age. New hands of one stretch share what a burst can be worth."""
    accounts: dict[str, float] = {}
    strongest: dict[str, float] = defaultdict(float)
    words: dict[str, float] = defaultdict(float)
    waves: dict[str, tuple[int, int]] = {}
    settled: dict[str, float] = defaultdict(float)
    spans: dict[str, tuple[float, float]] = {}
    for gift in sorted(gifts, key=lambda each: each.kept.stamp):
        if not gift.stayed:
            continue
        hand, time = hands.find(gift.account), gift.kept.time
        age = as_of - time
        word = _word(gift.kept, params, people)
        words[hand] = max(words[hand], word)
        word *= decay(age, params.engagement_half_life)
        accounts[gift.account] = max(accounts.get(gift.account, 0.0), word)
        strongest[hand] = max(strongest[hand], word)
        settled[hand] += decay(age, params.history_half_life)
        waves.setdefault(hand, gift.wave)
        begin, _ = spans.get(hand, (time, time))
        spans[hand] = (begin, time)
    repeat = sum(
        decay(as_of - end, params.engagement_half_life)
        for hand, (begin, end) in spans.items()
        if hand != NOBODY and end - begin >= params.repeat_days * DAY
    )
    shares = _shares(words, waves, params)
    return Giving(
        voices=sum(shares[hand] * min(1.0, word) for hand, word in strongest.items()),
        donors=sum(shares[hands.find(account)] * min(1.0, word) for account, word in accounts.items()),
        repeat=repeat,
        ok=sum(min(params.gifts_per_hand, count) for count in settled.values()),
        bad=bad,
    )


def _shares(words: Mapping[str, float], waves: Mapping[str, tuple[int, int]], params: Params) -> dict[str, float]:
    """What is left of each hand's word after the bound of its burst."""
    together: dict[tuple[int, int], float] = defaultdict(float)
    for hand, word in words.items():
        together[waves[hand]] += min(1.0, word)
    return {hand: min(1.0, params.burst_voices / together[wave]) for hand, wave in waves.items()}


def _word(gift: Kept, params: Params, people: People) -> float:
    donor = gift.data.get("donor_id")
    if not donor and not gift.data.get("cluster"):
        return params.anonymous_credibility
    claimed = gift.data.get("donor_standing")
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
