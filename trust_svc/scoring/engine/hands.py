"""Who gave: accounts joined into hands, because one hand is one voice."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from trust_svc.scoring.engine.params import Params
from trust_svc.scoring.engine.record import Record, Stamp
from trust_svc.scoring.engine.tally import DAY, Giver, Tally, giver_of, tally_of

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


class _Voice(NamedTuple):
    """The gifts of one giver to one campaign that stayed: by which account, what it weighs fresh and now, what has settled,
    from when in the campaign's life, until when."""

    account: str
    donor: str | None
    word: float
    faded: float
    settled: list[float]
    first: float
    last: float
    wave: int


class _Purse(NamedTuple):
    """All that the gifts of one campaign say, whomever else they are looked at with."""

    # Tells campaigns apart, whatever order they come in.
    mark: tuple[Stamp, str]
    voices: list[_Voice]
    # Accounts and hands that belong together.
    joined: list[tuple[str, str]]
    blames: list[float]


class Purses:
    """What was read of campaigns' gifts so far: an organiser and all the campaigns ask for the same ones.

    Good for one moment, one parameter set and one knowledge of people.
    """

    def __init__(self) -> None:
        # By identity; the record is held so that no other can take its place.
        self._read: dict[int, tuple[Record, _Purse]] = {}
        self._together: dict[tuple[str | None, frozenset[int]], Giving] = {}

    def purse(self, record: Record, as_of: float, params: Params, people: People) -> _Purse:
        known = self._read.get(id(record))
        if known is None:
            known = self._read[id(record)] = record, _purse(record, as_of, params, people)
        return known[1]

    def giving(
        self, records: Sequence[Record], owner: str | None, as_of: float, params: Params, people: People
    ) -> Giving:
        key = owner, frozenset(map(id, records))
        if key not in self._together:
            purses = [self.purse(record, as_of, params, people) for record in records]
            self._together[key] = _together(purses, owner=owner, as_of=as_of, params=params)
        return self._together[key]


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


def _purse(record: Record, as_of: float, params: Params, people: People) -> _Purse:
    blames = []
    # A dispute may be known before the gift itself.
    for payment in record.caused.keys() | record.doubted.keys() | record.settled_disputes.keys():
        blame, since = _blame(record, payment, params)
        blames.append(blame * decay(as_of - since, params.history_half_life))
    # Whoever gave is joined with their hand, even when the gift went back.
    givers = {giver_of(gift.data) for gift in record.gifts.values()} | tallied(record, params).keys()
    joined = [(_account(giver), f"hand {giver.cluster}") for giver in givers if giver.donor and giver.cluster]
    voices = [
        _voice(record, giver, tally, as_of, params, people) for giver, tally in _tallies(record, as_of, params).items()
    ]
    begun = record.created.stamp if record.created else Stamp(record.first or 0.0, "")
    return _Purse((begun, min(record.gifts, default="")), voices, joined, blames)


def _voice(record: Record, giver: Giver, tally: Tally, as_of: float, params: Params, people: People) -> _Voice:
    word = _word(giver, params, people)
    return _Voice(
        account=_account(giver),
        donor=giver.donor,
        word=word,
        faded=word * decay(as_of - tally.last, params.engagement_half_life),
        settled=tally.settled(as_of, params.history_half_life),
        first=tally.first,
        last=tally.last,
        wave=wave(record, tally.first, params),
    )


def _together(purses: Sequence[_Purse], *, owner: str | None, as_of: float, params: Params) -> Giving:
    hands = _Hands()
    voices: list[tuple[int, _Voice]] = []
    for number, purse in enumerate(sorted(purses, key=lambda each: each.mark)):
        for account, hand in purse.joined:
            hands.join(account, hand)
        voices += [(number, voice) for voice in purse.voices if owner is None or voice.donor != owner]
    bad = math.fsum(blame for purse in purses for blame in purse.blames)
    return _count(voices, hands, bad=bad, as_of=as_of, params=params)


def _account(giver: Giver) -> str:
    return f"donor {giver.donor}" if giver.donor else (f"hand {giver.cluster}" if giver.cluster else NOBODY)


def tallied(record: Record, params: Params) -> Mapping[Giver, Tally]:
    """What was counted beforehand of this campaign's gifts. A record counted for other half-lives is no record."""
    return record.tallies[params.history_half_life] if record.tallies else {}


def _tallies(record: Record, as_of: float, params: Params) -> Mapping[Giver, Tally]:
    """All gifts that stayed, by giver: counted beforehand, or here."""
    start = (record.created.time if record.created else record.first) or 0.0
    found = dict(tallied(record, params))
    touched = record.returned.keys() | record.caused.keys() | record.doubted.keys() | record.settled_disputes.keys()
    for payment, gift in record.gifts.items():
        if payment not in touched or not (record.is_returned(payment) or _blame(record, payment, params)[0]):
            giver, time = giver_of(gift.data), gift.time
            one = tally_of(time, min(time, as_of), start, params.history_half_life)
            found[giver] = found[giver].joined(one) if giver in found else one
    return found


def wave(record: Record, time: float, params: Params) -> int:
    """In which stretch of the campaign's life something came; counted from its beginning, so that only distances matter."""
    start = record.created.time if record.created else record.first
    return math.floor((time - (time if start is None else start)) / (params.burst_days * DAY))


def _count(voices: Iterable[tuple[int, _Voice]], hands: _Hands, *, bad: float, as_of: float, params: Params) -> Giving:
    """A hand's word fades with its age. New hands of one stretch share what a burst can be worth."""
    accounts: dict[str, float] = {}
    strongest: dict[str, float] = {}
    words: dict[str, float] = {}
    waves: dict[str, tuple[float, tuple[int, int]]] = {}
    settled: dict[str, list[float]] = {}
    spans: dict[str, tuple[float, float]] = {}
    for number, (account, _, word, faded, left, first, last, wave) in voices:
        hand = hands.find(account)
        accounts[account] = max(accounts.get(account, 0.0), faded)
        came = (first, (number, wave))
        if hand not in words:
            words[hand], strongest[hand], settled[hand] = word, faded, left
            waves[hand], spans[hand] = came, (first, last)
        else:
            words[hand] = max(words[hand], word)
            strongest[hand] = max(strongest[hand], faded)
            settled[hand] = settled[hand] + left
            waves[hand] = min(waves[hand], came)
            begin, end = spans[hand]
            spans[hand] = (min(begin, first), max(end, last))
    repeat = math.fsum(
        decay(as_of - end, params.engagement_half_life)
        for hand, (begin, end) in spans.items()
        if hand != NOBODY and end - begin >= params.repeat_days * DAY
    )
    shares = _shares(words, {hand: wave for hand, (_, wave) in waves.items()}, params)
    return Giving(
        voices=math.fsum(shares[hand] * min(1.0, word) for hand, word in strongest.items()),
        donors=math.fsum(shares[hands.find(account)] * min(1.0, word) for account, word in accounts.items()),
        repeat=repeat,
        ok=math.fsum(min(params.gifts_per_hand, math.fsum(counts)) for counts in settled.values()),
        bad=bad,
    )


def _shares(words: Mapping[str, float], waves: Mapping[str, tuple[int, int]], params: Params) -> dict[str, float]:
    """What is left of each hand's word after the bound of its burst."""
    together: dict[tuple[int, int], list[float]] = defaultdict(list)
    for hand, word in words.items():
        together[waves[hand]].append(min(1.0, word))
    sums = {wave: math.fsum(some) for wave, some in together.items()}
    return {hand: min(1.0, params.burst_voices / sums[wave]) for hand, wave in waves.items()}


def _word(giver: Giver, params: Params, people: People) -> float:
    if not giver.donor and not giver.cluster:
        return params.anonymous_credibility
    unknown = params.unknown_standing if giver.standing is None else giver.standing
    return credibility(people.standing.get(str(giver.donor), unknown), params)


def _blame(record: Record, payment: str, params: Params) -> tuple[float, float]:
    """What this payment says against the campaign, and since when: the heaviest single reason, never a sum."""
    weights = [(params.refund_mass, kept.time) for kept in [record.cause(payment)] if kept]
    over = record.settled_disputes.get(payment)
    if over is None:
        weights += [(params.warning_mass, kept.time) for kept in [record.doubted.get(payment)] if kept]
    elif over.data["stage"] == "lost":
        weights.append((params.lost_mass, over.time))
    return max(weights, default=(0.0, 0.0))
