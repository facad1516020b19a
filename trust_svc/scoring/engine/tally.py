"""Gifts, counted: whole numbers that come out the same in any order and at any place, and that time does not change.

Forward decay: a gift weighs 2^((its time - start) / half-life) units for ever; only sums are brought down to the present.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from trust_svc.scoring.engine.params import Params

DAY = 86400.0
# One observation at the start.
UNIT = 2**20
# Everybody of whom nothing is known is one hand, and proves little.
NOBODY = "anonymous"


class Mass(NamedTuple):
    """What one gift weighs; all but the time are whole numbers."""

    word: int  # units of its giver's credibility
    voice: int  # the same, fading like engagement
    came: int  # one observation, fading like engagement
    stayed: int  # one observation, fading like history
    time: float
    wave: int  # in which stretch of which campaign


class Gift(NamedTuple):
    """One payment. Without a mass (it went back, or is the owner's own) it only tells whose hand its account is."""

    account: str
    hand: str | None
    time: float
    mass: Mass | None


@dataclass(slots=True)
class Sums:
    """All that scores need of any number of gifts: sums over hands, so that it stays small."""

    # By the stretch in which a hand came: credibility of hands, and the fading words of hands and of accounts (those of
    # accounts do not fade where `concentration_fades` is 0).
    words: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    voices: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    donors: dict[int, int] = field(default_factory=lambda: defaultdict(int))
    returning: int = 0
    # Gifts that stayed, of hands with so few that no bound is near; and of each hand with many.
    stayed: int = 0
    many: list[int] = field(default_factory=list)


class Giving(NamedTuple):
    """The statistics of gifts: see `Column` for their meaning."""

    voices: float
    donors: float
    repeat: float
    ok: float
    bad: float


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


# What of a parameter set decides how a gift is counted.
_NUMBERS = (
    "engagement_half_life",
    "history_half_life",
    "burst_days",
    "repeat_days",
    "gifts_per_hand",
    "accounts_per_hand",
    "concentration_fades",
    "unknown_standing",
    "standing_floor",
    "anonymous_credibility",
    "refund_mass",
    "warning_mass",
    "lost_mass",
)


def counted_by(params: Params) -> tuple[float, ...]:
    """Two parameter sets with the same of these count gifts alike."""
    return tuple(float(getattr(params, name)) for name in _NUMBERS)


def lift(age: float, half_life: float) -> tuple[float, int]:
    """What one unit weighs `age` seconds after the start: a number from 1 to 2, and how often it is doubled."""
    halves = age / (half_life * DAY)
    whole = math.floor(halves)
    return 2.0 ** (halves - whole), whole


def lifted(units: int, by: tuple[float, int]) -> int:
    """Exact but for one rounding down, so that nothing is above its due."""
    rest, whole = by
    return int(rest * units) << whole if whole >= 0 else int(rest * units) >> -whole


def present(units: int, age: float, half_life: float) -> float:
    """What is left of a sum of units, `age` seconds after the start, in observations."""
    halves = age / (half_life * DAY)
    whole = math.floor(halves)
    left = units / (UNIT << whole) if whole >= 0 else (units << -whole) / UNIT
    return float(left * 2.0 ** (whole - halves))


def count(gifts: Iterable[Gift], params: Params) -> Sums:
    """Bring gifts together by hand, because one hand is one voice, and add the hands up."""
    hands, some = _Hands(), list(gifts)
    for gift in some:
        if gift.hand:
            hands.join(gift.account, gift.hand)
    together: dict[str, list[tuple[str, Mass]]] = defaultdict(list)
    for gift in some:
        if gift.mass:
            together[hands.find(gift.account)].append((gift.account, gift.mass))
    sums = Sums()
    for hand, masses in together.items():
        _add(sums, hand, masses, params)
    return sums


def _add(sums: Sums, hand: str, masses: list[tuple[str, Mass]], params: Params) -> None:
    """A hand speaks once, with its most credible account. Its accounts speak one by one only to be held against it."""
    first, wave = min((mass.time, mass.wave) for _, mass in masses)
    last = max(mass.time for _, mass in masses)
    accounts: dict[str, int] = {}
    for account, mass in masses:
        word = mass.voice if params.concentration_fades else mass.word
        accounts[account] = max(accounts.get(account, 0), word)
    most = int(params.accounts_per_hand * max(accounts.values()))
    sums.words[wave] += max(mass.word for _, mass in masses)
    sums.voices[wave] += max(mass.voice for _, mass in masses)
    sums.donors[wave] += min(sum(accounts.values()), most)
    if hand != NOBODY and last - first >= params.repeat_days * DAY:
        sums.returning += max(mass.came for _, mass in masses)
    stayed = sum(mass.stayed for _, mass in masses)
    if len(masses) <= params.gifts_per_hand:
        sums.stayed += stayed
    else:
        sums.many.append(stayed)


def settle(sums: Sums, age: float, params: Params, *, bad: float) -> Giving:
    """What sums say `age` seconds after their start; `bad` is what speaks against them.

    New hands of one stretch share what a burst can be worth.
    """
    bound = params.burst_voices * UNIT
    shares = {wave: min(1.0, bound / word) if word else 1.0 for wave, word in sums.words.items()}

    def shared(units: Mapping[int, int]) -> float:
        return math.fsum(shares[wave] * present(some, age, params.engagement_half_life) for wave, some in units.items())

    voices = shared(sums.voices)
    if params.concentration_fades:
        donors = shared(sums.donors)
    else:
        # So many times as many accounts as hands, of all that ever gave.
        hands, accounts = (math.fsum(shares[wave] * some[wave] for wave in some) for some in (sums.words, sums.donors))
        donors = voices * accounts / hands if hands else 0.0
    many = (min(params.gifts_per_hand, present(some, age, params.history_half_life)) for some in sums.many)
    return Giving(
        voices=voices,
        donors=donors,
        repeat=params.repeat_mass * present(sums.returning, age, params.engagement_half_life),
        ok=math.fsum([present(sums.stayed, age, params.history_half_life), *many]),
        bad=bad,
    )
