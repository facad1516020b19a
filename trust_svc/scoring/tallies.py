"""Counters of the gifts to hot campaigns, in Redis: commutative, idempotent, and never the truth.

A tally keeps every payment as it was last told, the hands that payments make up, and the sums over hands that scores need.
A rescore reads the sums alone, and only when they were told as many facts as PostgreSQL holds. Else what is missing is
told, or everything anew, or the facts themselves are read. All roads give the same numbers to the bit.

Redis knows no rollback: whoever asks must not have written facts about payments in the same transaction.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from typing import cast
from uuid import UUID

import redis

from bh_sdk.server.ops.patience import Patient
from bh_sdk.server.ops.settings import setting
from trust_svc.evidence import queries as evidence
from trust_svc.scoring.engine import Fact, Params, People, Record
from trust_svc.scoring.engine.hands import beginning, gifts
from trust_svc.scoring.engine.tally import DAY, NOBODY, Sums, counted_by
from trust_svc.scoring.lua import ADD, READ
from trust_svc.scoring.queries import standings

# With fewer facts about payments than this, they are folded sooner than asked for.
HOT = 2_000
# Every night begins other tallies, because people's words weigh something else.
KEPT_SECONDS = 2 * 86_400
# What was recorded last is what is missing, and a little more, because transactions end in another order than they begin.
SLACK = 64
# When more than one in so many is missing, all are read.
FEW = 8
# Redis does nothing else meanwhile, so a few milliseconds at most.
_CHUNK = 100
# Lua's numbers are exact to 2^53; sums of thousands of these are.
_LARGEST = 2**40
_PATIENCE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Purse:
    """The gifts to some campaigns, in this order; `records` lack them, and each knows its beginning.

    `facts` is how many PostgreSQL holds about their payments.
    """

    campaigns: tuple[UUID, ...]
    records: tuple[Record, ...]
    owner: str | None
    facts: int


@dataclass(frozen=True, slots=True)
class Tally:
    """All gifts of a purse, and when the first and the last of them came."""

    sums: Sums
    first: float
    last: float


_redis = Patient("tallies", seconds=_PATIENCE_SECONDS)


def tally(purse: Purse, params: Params, *, epoch: int) -> Tally | None:
    """All gifts of a purse; None when the facts themselves must be read."""
    keys = keys_of(purse, params, epoch)
    found = _redis.ask(partial(_read, keys=keys))
    if found is None:
        return None
    told = int(found.get(b"n", 0))
    if told < purse.facts:
        # What was recorded last is what is missing, unless Redis lost something.
        missing = purse.facts - told + SLACK
        for newest in (missing, None) if missing * FEW < purse.facts else (None,):
            if newest is None:
                _redis.ask(lambda client: client.unlink(*keys))
            facts = evidence.about_payments(purse.campaigns, newest=newest)
            entries = _entries(purse, facts, params, _people(facts))
            told = 0 if entries is None else _redis.ask(partial(_tell, keys=keys, entries=entries, params=params)) or 0
            if told >= purse.facts or not entries:
                break
        found = _redis.ask(partial(_read, keys=keys))
    if found is None or b"first" not in found or b"spoilt" in found:
        return None
    if not _is_complete(purse, int(found[b"n"])):
        return None
    return Tally(_sums(found), float(found[b"first"]), float(found[b"last"]))


def keys_of(purse: Purse, params: Params, epoch: int) -> tuple[str, str]:
    """What the counters remember, and the sums. Whatever else would make other numbers is part of the name."""
    begun = [record.created.time for record in purse.records if record.created]
    named = repr(([str(each) for each in purse.campaigns], begun, purse.owner, counted_by(params), epoch))
    stem = f"{setting('BH_SERVICE')}:tally:{{{blake2b(named.encode(), digest_size=16).hexdigest()}}}"
    return f"{stem}:hands", f"{stem}:sums"


def _is_complete(purse: Purse, told: int) -> bool:
    # More than we knew of: others told what came meanwhile.
    return told == purse.facts or told == sum(evidence.payment_facts(purse.campaigns).values())


def _entries(
    purse: Purse, facts: Mapping[UUID, Sequence[evidence.PlainFact]], params: Params, people: People
) -> list[list[str]] | None:
    """Payments as the engine weighs them, each with how many facts that rests on; None when a number is too large.

    All facts about a payment must be there: who knows more facts about it is right.
    """
    records = []
    known: Counter[str] = Counter()
    for number, (campaign, about) in enumerate(zip(purse.campaigns, purse.records, strict=True)):
        record = Record(first=about.first, created=about.created)
        for fact in facts.get(campaign, ()):
            record.add(Fact(*fact))
            known[f"{number} {fact[3]['payment_id']}"] += 1
        records.append(record)
    found: list[list[str]] = []
    start = beginning(records)
    for number, record in enumerate(records):
        weighed = gifts(
            [record], start=start, owner=purse.owner, as_of=math.inf, params=params, people=people, number=number
        )
        for payment, gift in weighed:
            mass = gift.mass
            if mass and max(mass.came, mass.stayed) > _LARGEST:
                return None
            name = f"{number} {payment}"
            packed = json.dumps(mass) if mass else ""
            found.append([name, str(known.pop(name)), gift.account, gift.hand or "", repr(gift.time), packed])
    # A dispute may be known before the gift itself.
    return found + [[name, str(count), "", "", "", ""] for name, count in known.items()]


def _people(facts: Mapping[UUID, Sequence[evidence.PlainFact]]) -> People:
    donors = {str(data["donor_id"]) for some in facts.values() for _, _, _, data in some if data.get("donor_id")}
    return People(standing=standings(donors))


def _tell(client: redis.Redis, *, keys: tuple[str, str], entries: Sequence[Sequence[str]], params: Params) -> int:
    told = 0
    fixed = [str(KEPT_SECONDS), repr(params.repeat_days * DAY), repr(params.gifts_per_hand), NOBODY]
    fixed += [repr(params.accounts_per_hand), "1" if params.concentration_fades else "0"]
    for start in range(0, len(entries), _CHUNK):
        some = [word for entry in entries[start : start + _CHUNK] for word in entry]
        told = int(cast("int", client.eval(ADD, 2, *keys, *fixed, *some)))
    return told


def _read(client: redis.Redis, *, keys: tuple[str, str]) -> dict[bytes, bytes]:
    flat = cast("list[bytes]", client.eval(READ, 2, *keys))
    return dict(zip(flat[::2], flat[1::2], strict=True))


def _sums(found: Mapping[bytes, bytes]) -> Sums:
    sums = Sums()
    tables = {"w": sums.words, "v": sums.voices, "d": sums.donors}
    for name, value in found.items():
        kind, rest = chr(name[0]), name[1:]
        if kind in tables and value != b"0":
            tables[kind][int(rest)] = int(value)
        elif kind == "m":
            sums.many.append(int(value))
    sums.returning, sums.stayed = int(found.get(b"returning", 0)), int(found.get(b"kept", 0))
    return sums
