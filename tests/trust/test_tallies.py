"""Gifts counted in Redis: the same scores to the bit with it, without it, and after it lost everything or a part."""

from __future__ import annotations

import random
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
import redis
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bh_sdk.server.ops.settings import setting
from tests.trust.conftest import Caller
from tests.trust.evidence import a_fact, fact
from trust_svc.evidence import tallies
from trust_svc.scoring import assessment
from trust_svc.scoring.engine import V2, Record
from trust_svc.scoring.engine.tally import Giver, Tally, tally_of

HALF_LIFE = V2.history_half_life
BEGUN = 1_780_272_000.0


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallies, "HOT", 5)
    monkeypatch.setattr(tallies, "_redis", tallies._Redis())


def wiped() -> redis.Redis:
    client = redis.Redis.from_url(setting("REDIS_URL"))
    client.flushdb()
    return client


def gift(campaign: UUID, days: float, **data: Any) -> dict[str, Any]:
    said = {"payment_id": str(uuid4()), "amount": "5.00", "currency": "GBP"} | data
    return a_fact(type="payment.succeeded", about=campaign, days=days, data=said)


def a_hot_campaign(monolith: Caller) -> UUID:
    """Givers with and without names and hands, some of them twice, one gift returned and one lost."""
    campaign, people = uuid4(), [str(uuid4()) for _ in range(6)]
    facts = [fact("campaign.created", campaign, 400, owner_id=people[0], currency="GBP", category="health")]
    facts += [gift(campaign, 390 - 7.3 * at, donor_id=people[at % 6]) for at in range(20)]
    facts += [gift(campaign, 80 - at, donor_id=people[at], cluster="h1", donor_standing=0.25 * at) for at in range(4)]
    facts += [gift(campaign, 50 - at, cluster="h1") for at in range(3)] + [gift(campaign, 41 - at) for at in range(4)]
    for at, type in ((3, "payment.refunded"), (22, "payment.disputed")):
        said = {"for_cause": True} if type == "payment.refunded" else {"stage": "lost"}
        facts.append(fact(type, campaign, 5, payment_id=facts[at]["data"]["payment_id"], **said))
    assert monolith.post("/trust/evidence", {"facts": facts}).status_code < 300
    return campaign


def rows(campaign: UUID) -> tuple[list[float], list[float], bool]:
    """Features from the facts themselves and from the tally, and whether there was one."""
    as_of = datetime.now(UTC)
    entities = [("campaign", campaign)]
    plain = assessment.read(entities)
    counted = assessment.read(entities, counting=assessment.Counting(frozenset({HALF_LIFE}), as_of.timestamp()))
    one, two = (assessment.assess(known, as_of=as_of, params=V2)[0].features for known in (plain, counted))
    return one, two, bool(counted.record("campaign", campaign).tallies)


def keys(campaign: UUID) -> tuple[str, str]:
    record: Record = assessment.read([("campaign", campaign)]).record("campaign", campaign)
    assert record.created is not None
    return tallies.keys_of(campaign, begun=record.created.time, half_life=HALF_LIFE)


@pytest.mark.django_db
def test_a_tally_says_what_the_facts_say_and_goes_on_after_everything_was_lost(monolith: Caller) -> None:
    wiped()
    campaign = a_hot_campaign(monolith)
    for _ in range(2):
        one, two, tallied = rows(campaign)
        assert tallied
        assert one == two
    # More gifts are added to what is counted already.
    monolith.post("/trust/evidence", {"facts": [gift(campaign, 1, donor_id=str(uuid4())) for _ in range(3)]})
    more, same, tallied = rows(campaign)
    assert tallied
    assert more == same != one
    wiped()
    one, two, tallied = rows(campaign)
    assert tallied
    assert one == two


@pytest.mark.django_db
@pytest.mark.parametrize("lost", ["seen", "sums", "some seen", "the number"])
def test_a_part_that_was_lost_is_noticed_and_built_anew(monolith: Caller, lost: str) -> None:
    client = wiped()
    campaign = a_hot_campaign(monolith)
    assert rows(campaign)[2]
    seen, sums = keys(campaign)
    if lost == "some seen":
        client.hdel(seen, *list(client.hkeys(seen))[:3])
    elif lost == "the number":
        client.hdel(sums, "n")
    else:
        client.delete(seen if lost == "seen" else sums)
    one, two, tallied = rows(campaign)
    assert tallied
    assert one == two


@pytest.mark.django_db
def test_without_redis_the_facts_are_read(monolith: Caller, settings: Any) -> None:
    campaign = a_hot_campaign(monolith)
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    one, two, tallied = rows(campaign)
    assert not tallied
    assert one == two


@pytest.mark.django_db
@pytest.mark.parametrize("days", [30.0, -0.5], ids=["told twice", "ahead of the clock"])
def test_what_a_counter_cannot_say_is_read_from_the_facts(monolith: Caller, days: float) -> None:
    wiped()
    campaign = a_hot_campaign(monolith)
    extra = [gift(campaign, days, payment_id="one", donor_id=str(uuid4())) for _ in range(2 if days > 0 else 1)]
    monolith.post("/trust/evidence", {"facts": extra})
    one, two, tallied = rows(campaign)
    assert not tallied
    assert one == two


def facts_of(told: list[tuple[int, int]]) -> list[tuple[str, str, float, dict[str, Any]]]:
    return [
        (f"f{at}", "payment.succeeded", BEGUN + seconds, {"payment_id": f"p{at}", "donor_id": f"d{who}"})
        for at, (who, seconds) in enumerate(told)
    ]


@hypothesis_settings(deadline=None, max_examples=25)
@given(
    told=st.lists(st.tuples(st.integers(0, 3), st.integers(-(10**7), 4 * 10**8)), min_size=1, max_size=12),
    shuffle=st.randoms(use_true_random=False),
)
def test_order_and_repetition_change_no_bit_of_a_tally(told: list[tuple[int, int]], shuffle: random.Random) -> None:
    want: dict[Giver, Tally] = {}
    facts = facts_of(told)
    for _, _, moment, data in facts:
        giver, one = Giver(data["donor_id"], None, None), tally_of(moment, moment, BEGUN, HALF_LIFE)
        want[giver] = want[giver].joined(one) if giver in want else one
    some = facts + shuffle.choices(facts, k=4)
    shuffle.shuffle(some)
    client, names = (
        redis.Redis.from_url(setting("REDIS_URL")),
        tallies.keys_of(uuid4(), begun=BEGUN, half_life=HALF_LIFE),
    )
    try:
        for start in range(0, len(some), 5):
            tallies._add(client, names, some[start : start + 5], BEGUN, HALF_LIFE)
        assert tallies._read(tallies._counted(client, names)) == want
    finally:
        client.delete(*names)
