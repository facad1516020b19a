"""Gifts counted in Redis: the same numbers to the bit with it, without it, and after it lost everything or a half."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID, uuid4

import pytest
import redis
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from bh_sdk.server.ops.patience import Patient
from bh_sdk.server.ops.settings import setting
from tests.trust.conftest import Caller
from tests.trust.evidence import a_fact, fact
from trust_svc.evidence.queries import PlainFact
from trust_svc.scoring import assessment, tallies
from trust_svc.scoring.counting import Counting
from trust_svc.scoring.engine import V1, V3, Fact, Params, People, fold
from trust_svc.scoring.engine.hands import gifts
from trust_svc.scoring.engine.tally import Sums, count
from trust_svc.scoring.models import Epoch, Score

DAY = 86_400.0
BEGUN = 1_780_272_000.0
SETS = (V3, V1)


@pytest.fixture(autouse=True)
def few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallies, "HOT", 5)
    monkeypatch.setattr(tallies, "SLACK", 1)
    monkeypatch.setattr(tallies, "_redis", Patient("tallies", seconds=0.5))


def client() -> redis.Redis:
    return redis.Redis.from_url(setting("REDIS_URL"))


def wiped() -> redis.Redis:
    found = client()
    found.flushdb()
    return found


def gift(campaign: UUID, days: float, **data: Any) -> dict[str, Any]:
    said = {"payment_id": str(uuid4()), "amount": "5.00", "currency": "GBP"} | data
    return a_fact(type="payment.succeeded", about=campaign, days=days, data=said)


def about(type: str, campaign: UUID, gift: dict[str, Any], days: float, **data: Any) -> dict[str, Any]:
    return fact(type, campaign, days, payment_id=gift["data"]["payment_id"], **data)


def tell(monolith: Caller, *facts: dict[str, Any]) -> None:
    assert monolith.post("/trust/evidence", {"facts": list(facts)}).status_code < 300


class Organiser:
    """One with a hot campaign and a cold one, and givers they share: with and without names and hands, some of them
    twice, one of them the organiser; one gift returned, one lost and one whose return failed; one of them reports."""

    def __init__(self, monolith: Caller) -> None:
        self.id, self.hot, self.cold = str(uuid4()), uuid4(), uuid4()
        self.people = [self.id, *(str(uuid4()) for _ in range(5))]
        people = self.people
        mine = [gift(self.hot, 390 - 7.3 * at, donor_id=people[at % 6]) for at in range(20)]
        mine += [
            gift(self.hot, 80 - at, donor_id=people[at], cluster="h1", donor_standing=0.25 * at) for at in range(4)
        ]
        mine += [gift(self.hot, 50 - at, cluster="h1") for at in range(3)] + [
            gift(self.hot, 41 - at) for at in range(4)
        ]
        other = [gift(self.cold, 30 - at, donor_id=people[2 + at], cluster=f"h{at}") for at in range(3)]
        self.gifts = mine
        tell(
            monolith,
            *(
                fact("campaign.created", each, 400 - at, owner_id=self.id, currency="GBP", category="health")
                for at, each in enumerate((self.hot, self.cold))
            ),
            *mine,
            *other,
            about("payment.refunded", self.hot, mine[3], 5, for_cause=True),
            about("payment.disputed", self.hot, mine[22], 5, stage="lost"),
            about("payment.refunded", self.hot, mine[8], 9, for_cause=True, refund_id="r1"),
            about("payment.refund_reversed", self.hot, mine[8], 8, refund_id="r1"),
            fact("report.filed", self.hot, 3, report_id=str(uuid4()), kind="fraud", reporter_id=people[4]),
        )

    def rows(self) -> tuple[list[list[float]], list[list[float]], bool]:
        """Features of all three from the facts themselves and from tallies, with two parameter sets; and whether there
        were tallies."""
        as_of = datetime.now(UTC)
        entities = [("campaign", self.hot), ("campaign", self.cold), ("user", UUID(self.id))]
        plain = assessment.read(entities)
        counted = assessment.read(entities, counting=Counting(SETS, as_of.timestamp()))
        one, two = (
            [each.features for params in SETS for each in assessment.assess(known, as_of=as_of, params=params)]
            for known in (plain, counted)
        )
        return one, two, bool(counted.sums)


@pytest.mark.django_db
def test_a_tally_says_what_the_facts_say_and_goes_on_after_everything_was_lost(monolith: Caller) -> None:
    wiped()
    organiser = Organiser(monolith)
    for _ in range(2):
        one, two, tallied = organiser.rows()
        assert tallied
        assert one == two
    # More gifts, and what became of gifts, are added to what is counted already.
    extra = [gift(organiser.hot, 1, donor_id=str(uuid4()), cluster=f"h{at}") for at in range(3)]
    tell(monolith, *extra)
    tell(monolith, about("payment.refunded", organiser.hot, extra[1], 0.5, for_cause=False))
    tell(monolith, about("payment.disputed", organiser.hot, organiser.gifts[30], 0.5, stage="opened"))
    more, same, tallied = organiser.rows()
    assert tallied
    assert more == same != one
    wiped()
    one, two, tallied = organiser.rows()
    assert tallied
    assert one == two


@pytest.mark.django_db
@pytest.mark.parametrize("lost", ["hands", "sums", "the number"])
def test_a_half_that_was_lost_is_noticed_and_built_anew(monolith: Caller, lost: str) -> None:
    store = wiped()
    organiser = Organiser(monolith)
    assert organiser.rows()[2]
    keys = [key.decode() for key in cast("list[bytes]", store.keys("*tally*"))]
    for key in keys:
        if lost == "the number" and key.endswith("sums"):
            store.hdel(key, "n")
        elif key.endswith(lost):
            store.delete(key)
    assert len(keys) == 8
    one, two, tallied = organiser.rows()
    assert tallied
    assert one == two


@pytest.mark.django_db
def test_what_redis_counted_wrongly_is_thrown_away_when_everything_is_told(monolith: Caller) -> None:
    store = wiped()
    organiser = Organiser(monolith)
    assert organiser.rows()[2]
    for key in cast("list[bytes]", store.keys("*tally*")):
        store.hincrby(key.decode(), "n", -3)
    one, two, tallied = organiser.rows()
    assert tallied
    assert one == two


@pytest.mark.django_db
def test_disputes_of_gifts_that_nobody_told_of_are_read_from_the_facts(monolith: Caller) -> None:
    wiped()
    campaign = uuid4()
    told = [fact("payment.disputed", campaign, at, payment_id=f"p{at}", stage="lost") for at in range(1, 9)]
    tell(monolith, fact("campaign.created", campaign, 20, owner_id=str(uuid4())), *told)
    as_of = datetime.now(UTC)
    counting = Counting(SETS, as_of.timestamp())
    known = assessment.read([("campaign", campaign)], counting=counting)
    assert not known.sums
    plain = assessment.read([("campaign", campaign)])
    one, two = (assessment.assess(each, as_of=as_of, params=V3)[0].features for each in (known, plain))
    assert one == two


@pytest.mark.django_db
def test_without_redis_the_facts_are_read(monolith: Caller, settings: Any) -> None:
    organiser = Organiser(monolith)
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    one, two, tallied = organiser.rows()
    assert not tallied
    assert one == two


@pytest.mark.django_db
@pytest.mark.parametrize("days", [[30.0, 31.0], [-0.5]], ids=["another gave it", "ahead of the clock"])
def test_what_a_counter_cannot_say_is_read_from_the_facts(monolith: Caller, days: list[float]) -> None:
    wiped()
    organiser = Organiser(monolith)
    assert organiser.rows()[2]
    for ago in days:
        tell(monolith, gift(organiser.hot, ago, payment_id="one", donor_id=str(uuid4())))
        one, two, tallied = organiser.rows()
        assert one == two
    assert not tallied


@pytest.mark.django_db
def test_after_a_night_words_weigh_what_they_weigh_then(monolith: Caller) -> None:
    wiped()
    organiser = Organiser(monolith)
    before = organiser.rows()[0]
    Score.objects.filter(kind="user", entity_id=organiser.people[2]).delete()
    a_score(organiser.people[2], standing=0.95)
    Epoch.objects.create(began_at=datetime.now(UTC))
    one, two, tallied = organiser.rows()
    assert tallied
    assert one == two
    assert one[0] != pytest.approx(before[0], rel=1e-4)


def a_score(person: str, *, standing: float) -> None:
    Score.objects.create(
        kind="user",
        entity_id=person,
        standing=standing,
        score=1,
        lower=1,
        deviation=1,
        confidence=1,
        rated=True,
        tier="NEW",
        cap=100,
        cap_adjustment=0,
        factors=[],
        reasons=[],
        features=[],
        parameters_id=1,
        calculated_at=datetime.now(UTC),
        revision=1,
        turn=0,
    )


CAMPAIGNS = (UUID(int=1), UUID(int=2))
PEOPLE = People(standing={"d1": 0.9, "d2": 0.1})
moments = st.integers(-20, 900).map(lambda days: BEGUN + days * DAY / 3)
a_payment = st.tuples(st.integers(0, 1), st.integers(0, 9))
payment_facts = st.one_of(
    st.tuples(
        st.just("payment.succeeded"),
        a_payment,
        moments,
        st.fixed_dictionaries(
            {},
            optional={
                "donor_id": st.sampled_from(["d0", "d1", "d2", "d3", "d4"]),
                "cluster": st.sampled_from(["h0", "h1", "h2"]),
                "donor_standing": st.sampled_from([0.0, 0.4, 1.0]),
            },
        ),
    ),
    st.tuples(
        st.just("payment.refunded"),
        a_payment,
        moments,
        st.fixed_dictionaries({"for_cause": st.booleans(), "refund_id": st.sampled_from("ab")}),
    ),
    st.tuples(
        st.just("payment.refund_reversed"),
        a_payment,
        moments,
        st.fixed_dictionaries({"refund_id": st.sampled_from("ab")}),
    ),
    st.tuples(
        st.just("payment.disputed"),
        a_payment,
        moments,
        st.fixed_dictionaries({"stage": st.sampled_from(["early_warning", "opened", "won", "lost"])}),
    ),
)


def said(drawn: list[Any]) -> list[tuple[UUID, PlainFact]]:
    """Facts about payments; a gift is told once."""
    found, gifts = [], set()
    for at, (type_, (number, payment), moment, data) in enumerate(drawn):
        if type_ != "payment.succeeded" or (number, payment) not in gifts:
            gifts |= {(number, payment)} if type_ == "payment.succeeded" else set()
            told = (f"f{at:03}", type_, moment, data | {"payment_id": f"p{payment}"})
            found.append((CAMPAIGNS[number], told))
    return found


def purse_of(facts: int) -> tallies.Purse:
    records = tuple(fold([Fact("f", "campaign.created", BEGUN + at * DAY, {})]) for at in range(2))
    return tallies.Purse(CAMPAIGNS, records, "d4", facts)


def expected(facts: list[tuple[UUID, PlainFact]], params: Params) -> Sums:
    records = [record.copy() for record in purse_of(0).records]
    for campaign, told in facts:
        records[CAMPAIGNS.index(campaign)].add(Fact(*told))
    weighed = gifts(records, start=BEGUN, owner="d4", as_of=BEGUN + 1000 * DAY, params=params, people=PEOPLE)
    return tidy(count((gift for _, gift in weighed), params))


def tidy(sums: Sums) -> Sums:
    sums.many.sort()
    return sums


def told_by_somebody(
    facts: list[tuple[UUID, PlainFact]], payments: set[tuple[UUID, str]]
) -> dict[UUID, list[PlainFact]]:
    """All that somebody knows of some payments."""
    found: dict[UUID, list[PlainFact]] = defaultdict(list)
    for campaign, told in facts:
        if (campaign, told[3]["payment_id"]) in payments:
            found[campaign].append(told)
    return found


@pytest.fixture(scope="module")
def nowhere() -> Iterator[tuple[str, str]]:
    keys = (f"{{{uuid4()}}}:hands", f"{{{uuid4()}}}:sums")
    yield keys
    client().delete(*keys)


@hypothesis_settings(deadline=None, max_examples=150)
@given(
    drawn=st.lists(payment_facts, min_size=1, max_size=24),
    params=st.sampled_from(SETS),
    dice=st.randoms(use_true_random=False),
    losses=st.lists(st.tuples(st.integers(0, 9), st.sampled_from(["hands", "sums", "both"])), max_size=2),
)
def test_order_repetition_and_losses_change_no_bit_of_a_tally(
    nowhere: tuple[str, str], drawn: list[Any], params: Params, dice: random.Random, losses: list[tuple[int, str]]
) -> None:
    """Several tell what they know, some of them late; whenever the tally claims to know everything, it is right."""
    facts = said(drawn)
    dice.shuffle(facts)
    want, store, purse = expected(facts, params), client(), purse_of(len(facts))
    store.delete(*nowhere)
    tellers = []
    for _ in range(8):
        known = facts[: dice.randint(1, len(facts))]
        payments = {(campaign, told[3]["payment_id"]) for campaign, told in known}
        some = set(dice.sample(sorted(payments), dice.randint(1, len(payments))))
        tellers.append(told_by_somebody(known, some))
    everything = told_by_somebody(facts, {(campaign, told[3]["payment_id"]) for campaign, told in facts})
    for at, teller in enumerate([*tellers, everything, tellers[0]]):
        for when, half in losses:
            if when == at:
                store.delete(*{"hands": nowhere[:1], "sums": nowhere[1:], "both": nowhere}[half])
        entries = tallies._entries(purse, teller, params, PEOPLE)
        assert entries is not None
        dice.shuffle(entries)
        tallies._tell(store, keys=nowhere, entries=entries, params=params)
        found = tallies._read(store, keys=nowhere)
        if int(found.get(b"n", 0)) == len(facts):
            assert tidy(tallies._sums(found)) == want
    # Whoever finds that something is missing tells everything.
    entries = tallies._entries(purse, everything, params, PEOPLE)
    assert entries is not None
    tallies._tell(store, keys=nowhere, entries=entries, params=params)
    found = tallies._read(store, keys=nowhere)
    assert int(found[b"n"]) == len(facts)
    assert b"spoilt" not in found
    assert tidy(tallies._sums(found)) == want
