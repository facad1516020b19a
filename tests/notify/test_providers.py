"""Which provider a batch goes to, how a sick one is left alone and found well again, and how much anybody gets."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import redis
from django.contrib.admin.models import LogEntry
from django.urls import reverse
from hypothesis import given
from hypothesis import settings as calm
from hypothesis import strategies as st

from bh_sdk.server.ops import clock
from notify_svc.delivery import channels, pace, rules, sending, ways
from notify_svc.delivery.channels.base import Letter, Link, Outcome
from notify_svc.delivery.models import Attempt, Delivery
from notify_svc.providers import bucket, commands
from notify_svc.providers import rules as health
from notify_svc.providers.errors import LastProvider
from notify_svc.providers.models import Minute, Provider
from notify_svc.providers.rules import Pulse, Tally
from tests.notify.test_admin import address, at_desk
from tests.notify.test_sending import accept, some

NOW = datetime(2026, 3, 1, 9, tzinfo=UTC)


@dataclass
class Stub:
    """A provider that answers as it is told to and remembers what it took."""

    name: str
    channel: str = "email"
    lane: str = ""
    answers: list[Outcome] = field(default_factory=list)
    always: Outcome = field(default_factory=lambda: Outcome("accepted", provider_ref="ref"))
    took: list[Letter] = field(default_factory=list)
    asked: int = 0

    @contextmanager
    def open(self) -> Iterator[Link]:
        yield self

    def hand_over(self, letter: Letter) -> Outcome:
        self.asked += 1
        outcome = self.answers.pop(0) if self.answers else self.always
        if outcome.fate == "accepted":
            self.took.append(letter)
        return outcome


@pytest.fixture
def pair(monkeypatch: pytest.MonkeyPatch) -> tuple[Stub, Stub]:
    """Two providers of mail at the port where providers are plugged in."""
    both = Stub("north"), Stub("south")
    monkeypatch.setattr(ways, "providers", lambda: list(both))
    return both


def later(settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    (tmp_path / "clock").write_text(str(seconds))
    monkeypatch.setenv("BH_CLOCK_FILE", str(tmp_path / "clock"))


def send_all() -> int:
    done = 0
    while claimed := sending.send_batch("email", limit=5):
        done += claimed
    return done


@pytest.mark.django_db
def test_every_letter_goes_to_one_provider_and_its_row_says_to_which(pair: tuple[Stub, Stub]) -> None:
    accept(*some(40))
    send_all()
    took = [letter.delivery_id for stub in pair for letter in stub.took]
    assert len(took) == len(set(took)) == 40
    assert all(stub.took for stub in pair)
    for stub in pair:
        rows = Delivery.objects.filter(id__in=[letter.delivery_id for letter in stub.took])
        assert set(rows.values_list("provider", "provider_ref", "status")) == {(stub.name, "ref", "sent")}
    assert Attempt.objects.filter(provider="").count() == 0
    counted = Minute.objects.values_list("provider_id", "accepted")
    assert sum(accepted for _, accepted in counted) == 40


@pytest.mark.django_db
def test_a_provider_without_weight_gets_nothing(pair: tuple[Stub, Stub]) -> None:
    accept(*some(10))
    commands.choose("email", among=["north", "south"], limit=1)
    commands.weigh(name="north", weight=0, rate=None)
    send_all()
    assert (len(pair[0].took), len(pair[1].took)) == (0, 10)
    with pytest.raises(LastProvider):
        commands.weigh(name="south", weight=0, rate=None)
    assert Provider.objects.get(name="south").weight == 100


@pytest.mark.django_db
def test_when_one_fails_the_other_takes_over_at_once_and_no_letter_is_lost(pair: tuple[Stub, Stub]) -> None:
    north, south = pair
    north.always = Outcome("transient", "server_away")
    accept(*some(60))
    send_all()
    assert Provider.objects.get(name="north").circuit == "open"
    # What the sick one refused waits for its next try; all others have gone by the well one.
    assert north.asked <= 10
    assert len(south.took) == 60 - Delivery.objects.filter(status="retrying").count()
    Delivery.objects.filter(status="retrying").update(due_at=clock.now())
    send_all()
    assert len(south.took) == 60
    assert set(Delivery.objects.values_list("status", flat=True)) == {"sent"}


@pytest.mark.django_db
def test_while_all_are_sick_letters_wait_and_lose_no_try(
    pair: tuple[Stub, Stub], settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for stub in pair:
        stub.always = Outcome("transient", "server_away")
    accept(*some(40))
    send_all()
    assert {row.circuit for row in Provider.objects.all()} == {"open"}
    asked = sum(stub.asked for stub in pair)
    assert asked <= 20
    assert Delivery.objects.filter(tries=0).count() >= 20
    assert Attempt.objects.count() == asked
    for stub in pair:
        stub.always = Outcome("accepted")
    later(settings, tmp_path, monkeypatch, 60)
    send_all()
    assert {row.circuit for row in Provider.objects.all()} == {"closed"}
    assert set(Delivery.objects.values_list("status", flat=True)) == {"sent"}


@pytest.mark.django_db
def test_a_provider_that_does_not_know_us_gets_one_letter_and_no_more(pair: tuple[Stub, Stub]) -> None:
    north, south = pair
    commands.choose("email", among=["north", "south"], limit=1)
    commands.weigh(name="south", weight=0, rate=None)
    north.always = Outcome("auth", "login_refused", 535)
    accept(*some(10))
    send_all()
    row = Provider.objects.get(name="north")
    assert (north.asked, row.circuit, row.reason) == (1, "open", "auth")
    assert row.until is not None
    assert row.until - clock.now() > timedelta(minutes=1)
    commands.weigh(name="south", weight=100, rate=None)
    send_all()
    assert len(south.took) == 9
    commands.call_well(name="north")
    assert Provider.objects.get(name="north").circuit == "closed"


@pytest.mark.django_db
def test_a_provider_that_asks_for_patience_rests_as_long_as_it_said(
    pair: tuple[Stub, Stub], settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    north, _ = pair
    commands.choose("email", among=["north", "south"], limit=1)
    commands.weigh(name="south", weight=0, rate=None)
    north.answers = [Outcome("accepted"), Outcome("throttled", "too_fast", 429, timedelta(seconds=90))]
    ids = accept(*some(8))
    send_all()
    assert north.asked == 2
    throttled = Attempt.objects.get(outcome="throttled").delivery
    assert throttled.due_at - clock.now() > timedelta(seconds=80)
    assert Delivery.objects.filter(id__in=ids, tries=0).count() == 6
    later(settings, tmp_path, monkeypatch, 120)
    send_all()
    assert set(Delivery.objects.values_list("status", flat=True)) == {"sent"}
    assert len(north.took) == 8


@pytest.mark.django_db
def test_a_probe_is_small_and_taken_by_one_worker(
    pair: tuple[Stub, Stub], settings: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands.choose("email", among=["north", "south"], limit=1)
    for name in ("north", "south"):
        commands.note(name, Tally(failed=10))
    assert commands.choose("email", among=["north", "south"], limit=200) is None
    later(settings, tmp_path, monkeypatch, 10)
    probes = [commands.choose("email", among=["north", "south"], limit=200) for _ in range(3)]
    assert {(one.name, one.limit) for one in probes if one} == {("north", health.PROBE), ("south", health.PROBE)}
    assert probes[2] is None
    later(settings, tmp_path, monkeypatch, 60)
    assert commands.choose("email", among=["north", "south"], limit=200) is not None


@pytest.mark.django_db
def test_a_provider_gets_no_more_a_second_than_it_may(pair: tuple[Stub, Stub], clean_redis: redis.Redis) -> None:
    commands.choose("email", among=["north"], limit=1)
    commands.weigh(name="north", weight=100, rate=20)
    granted = [chosen.limit for _ in range(3) if (chosen := commands.choose("email", among=["north"], limit=15))]
    assert granted[0] == 15
    assert 20 <= sum(granted) <= 22
    commands.give_back("north", rate=20, unused=10)
    again = commands.choose("email", among=["north"], limit=15)
    assert again is not None
    assert 10 <= again.limit <= 12


def test_without_redis_each_process_keeps_half_the_rate() -> None:
    local = bucket.Local()
    assert [local.take("north", rate=10, want=8), local.take("north", rate=10, want=8)] == [8, 2]
    assert local.take("north", rate=10, want=-5) == -5
    assert local.take("north", rate=10, want=8) == 5


@pytest.mark.django_db
def test_a_bucket_whose_redis_is_away_still_gives(settings: Any) -> None:
    settings.REDIS_URL = "redis://127.0.0.1:1/0"
    name = f"p{uuid.uuid4().hex[:8]}"
    assert bucket.take(name, rate=20, want=15) == 10
    assert bucket.take(name, rate=20, want=15) == 0


# --- rules ---------------------------------------------------------------------------------------------------------------


@given(weights=st.lists(st.integers(0, 200), min_size=1, max_size=4), roll=st.floats(0, 0.999999))
@calm(max_examples=100, deadline=None)
def test_a_choice_has_weight_or_there_is_none(weights: list[int], roll: float) -> None:
    chosen = health.weighed([(str(place), weight) for place, weight in enumerate(weights)], roll=roll)
    assert (chosen is None) == (sum(weights) == 0)
    assert chosen is None or weights[int(chosen)] > 0


def test_shares_follow_the_weights() -> None:
    picked = Counter(health.weighed([("a", 90), ("b", 10), ("c", 0)], roll=step / 1_000) for step in range(1_000))
    assert picked == {"a": 900, "b": 100}


def test_a_provider_at_full_speed_that_fails_is_left_alone_within_a_minute() -> None:
    pulse, now = Pulse(), NOW
    for _ in range(300):
        now += timedelta(seconds=1)
        pulse = health.after(pulse, Tally(accepted=100), now=now)
    began = now
    while pulse.circuit == "closed":
        now += timedelta(seconds=1)
        pulse = health.after(pulse, Tally(failed=100), now=now)
    assert now - began < timedelta(seconds=30)


def test_pauses_grow_while_it_stays_sick_and_one_taken_letter_ends_it() -> None:
    pulse, pauses = health.after(Pulse(), Tally(failed=5), now=NOW), []
    for _ in range(8):
        assert pulse.until is not None
        pauses.append(pulse.until - NOW)
        pulse = health.after(Pulse("half_open", pauses=pulse.pauses), Tally(failed=1), now=NOW)
    assert pauses == sorted(pauses)
    assert pauses[-1] == timedelta(minutes=5)
    well = health.after(Pulse("half_open", pauses=3), Tally(accepted=1, failed=2), now=NOW)
    assert (well.circuit, well.pauses) == ("closed", 0)


TALLIES = st.builds(
    Tally, st.integers(0, 5), st.integers(0, 5), st.integers(0, 5), st.integers(0, 5), auth=st.booleans()
)


@given(steps=st.lists(st.tuples(TALLIES, st.integers(0, 60)), max_size=20))
@calm(max_examples=60, deadline=None)
def test_a_provider_that_only_refuses_letters_is_never_sick(steps: list[tuple[Tally, int]]) -> None:
    pulse, now = Pulse(), NOW
    for tally, seconds in steps:
        now += timedelta(seconds=seconds)
        pulse = health.after(pulse, Tally(tally.accepted, tally.refused, 0, tally.throttled), now=now)
        assert pulse.circuit == "closed"


@pytest.mark.parametrize(
    ("outcome", "verdict"),
    [
        (Outcome("accepted"), "accepted"),
        (Outcome("permanent", "refused", 550), "refused"),
        (Outcome("transient", "deferred", 450), "refused"),
        (Outcome("transient", "deferred", 421), "failed"),
        (Outcome("transient", "server_away"), "failed"),
        (Outcome("unknown", "connection_lost"), "failed"),
        (Outcome("auth", "login_refused", 535), "failed"),
        (Outcome("throttled", "too_fast", 429), "throttled"),
    ],
)
def test_only_a_fault_of_its_own_speaks_against_a_provider(outcome: Outcome, verdict: str) -> None:
    assert rules.verdict(outcome.fate, outcome.code) == verdict


# --- how much a person gets -----------------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_one_person_gets_ten_mails_an_hour_and_the_rest_waits(
    pair: tuple[Stub, Stub],
    clean_redis: redis.Redis,
    settings: Any,
    tmp_path: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings.BH_LIMIT_FACTOR = 1
    reader = uuid.uuid4()
    for _ in range(13):
        accept(reader)
    (urgent,) = accept(reader, priority="urgent")
    send_all()
    took = [letter.delivery_id for stub in pair for letter in stub.took]
    assert (len(took), urgent in took) == (11, True)
    waiting = Delivery.objects.filter(status="retrying", reason="paced", tries=0)
    assert waiting.count() == 3
    assert all(timedelta(minutes=50) < row.due_at - clock.now() <= timedelta(hours=1) for row in waiting)
    later(settings, tmp_path, monkeypatch, 3_700)
    send_all()
    assert set(Delivery.objects.values_list("status", flat=True)) == {"sent"}


@pytest.mark.django_db
def test_a_second_try_of_the_same_mail_counts_once(clean_redis: redis.Redis, settings: Any) -> None:
    settings.BH_LIMIT_FACTOR = 1
    asks = [pace.Ask(uuid.uuid4(), reader) for reader in [uuid.uuid4()] * 11]
    for _ in range(3):
        assert pace.waits("email", asks[:10], now=NOW) == {}
    assert pace.waits("email", asks, now=NOW) == {asks[10].delivery_id: timedelta(hours=1)}
    clean_redis.flushdb()
    assert len(pace.waits("email", asks, now=NOW)) == 1


def test_the_local_count_agrees_with_the_shared_one(clean_redis: redis.Redis, settings: Any) -> None:
    settings.BH_LIMIT_FACTOR = 1
    people, local = [uuid.uuid4() for _ in range(3)], pace.Local()
    for step in range(12):
        now = NOW + timedelta(minutes=step * 7)
        asks = [pace.Ask(uuid.uuid4(), people[place % 3]) for place in range(step * 2)]
        shared = pace.waits("sms", asks, now=now)
        alone = local.admit([str(ask.recipient_id) for ask in asks], asks, most=pace.MOST["sms"], now=now)
        assert shared == {ask.delivery_id: wait for ask, wait in zip(asks, alone, strict=True) if wait}


def test_every_provider_has_a_name_of_its_own_and_a_channel_that_exists() -> None:
    known = channels.providers()
    assert len({provider.name for provider in known}) == len(known)
    assert {provider.channel for provider in known} <= set(rules.CHANNELS)


# --- the desk --------------------------------------------------------------------------------------------------------------


def press(who: str, button: str, row: Provider, **fields: object) -> Any:
    path = reverse(f"admin:notify_providers_provider_{button}", args=[row.pk])
    return at_desk(who).post(path, {"_form_submitted": "on", **fields}, headers={"HX-Request": "true"})


@pytest.mark.django_db
def test_an_admin_moves_letters_from_one_provider_to_another_and_it_is_logged(pair: tuple[Stub, Stub]) -> None:
    commands.choose("email", among=["north", "south"], limit=1)
    north, south = Provider.objects.order_by("name")
    press("admin", "weigh", north, weight=0, rate=7)
    north.refresh_from_db()
    assert (north.weight, north.rate) == (0, 7)
    assert [entry.change_message for entry in LogEntry.objects.all()] == ["Weight 0, at most 7 a second"]
    press("admin", "weigh", south, weight=0)
    press("admin", "weigh", south, weight=5_000)
    for who in ("support", "editor", "finance"):
        assert press(who, "weigh", south, weight=1).status_code == 403
        assert press(who, "heal", south).status_code == 403
    south.refresh_from_db()
    assert south.weight == 100
    assert LogEntry.objects.count() == 1


@pytest.mark.django_db
def test_a_sick_provider_says_so_and_is_called_well(pair: tuple[Stub, Stub]) -> None:
    pair[0].always = pair[1].always = Outcome("auth", "login_refused", 535)
    accept(*some(3))
    send_all()
    row = Provider.objects.filter(circuit="open").first()
    assert row is not None
    page = at_desk("support").get(address(row)).content.decode()
    assert "see to its key" in page
    assert "sick" in at_desk("support").get(reverse("admin:notify_providers_provider_changelist")).content.decode()
    press("admin", "heal", row)
    row.refresh_from_db()
    assert row.circuit == "closed"
