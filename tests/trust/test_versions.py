"""The life of parameter sets: what they may become, who may make them so, and what the database holds against us."""

from __future__ import annotations

import json
from typing import Any
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bh_sdk.errors import Conflict, SecondPersonNeeded
from bh_sdk.server.events.models import RecordedEvent
from bh_sdk.server.ops import clock
from trust_svc.scoring import parameters
from trust_svc.scoring.models import Due, ParameterSet, Score
from trust_svc.versions import commands, queries, trials
from trust_svc.versions.errors import (
    DryRunMissing,
    NoProposal,
    NothingBefore,
    ParametersInvalid,
    ProposalOpen,
    SameNumbers,
    SetNotThere,
)
from trust_svc.versions.models import Change, DryRun, DryRunReport, Proposal, Trial, Version
from trust_svc.versions.rules import MOVES, arm_of, bucket, fnv1a32, split_chance, stability

pytestmark = pytest.mark.django_db

MIRIAM, AARON = "miriam", "aaron"


def a_draft(**numbers: Any) -> int:
    return commands.draft_from_text(text=json.dumps(numbers or {"identity_cap": 65.0}), note="Stricter", by=MIRIAM)


def a_shadow(**numbers: Any) -> int:
    version = a_draft(**numbers)
    commands.shadow(version=version, note="", by=MIRIAM)
    return version


def looked_at(version: int) -> int:
    """As if a dry run had been done."""
    told = {"parameters_id": version, "against_id": parameters.live_version()}
    run = DryRun.objects.create(state="done", as_of=clock.now(), asked_by=MIRIAM, asked_at=clock.now(), **told)
    DryRunReport.objects.create(run=run, body={}, made_at=clock.now(), **told)
    return version


def begun(version: int, share: float = 0.5, days: int = 14) -> Trial:
    """An experiment that two people began."""
    trials.propose(version=looked_at(version), share=share, days=days, note="Is it better?", by=MIRIAM)
    return trials.approve(version=version, note="Agreed", by=AARON)


def promoted(**numbers: Any) -> int:
    version = looked_at(a_shadow(**numbers))
    commands.propose(version=version, note="It finds more", by=MIRIAM)
    commands.approve(version=version, note="Agreed", by=AARON)
    return version


def state_of(version: int) -> str:
    return parameters.facts_of(version).state


def test_a_draft_keeps_what_is_not_said_and_its_digest_says_what_it_is() -> None:
    live = parameters.live_version()
    version = a_draft(identity_cap=65.0, weights=[0.24, 0.09, 0.24, 0.18, 0.25])
    assert version == live + 1
    assert queries.diff(version, live) == {
        "identity_cap": (69.0, 65.0),
        "weights.0": (0.19, 0.24),
        "weights.2": (0.29, 0.24),
    }
    assert (state_of(version), state_of(live)) == ("draft", "live")
    found = parameters.params_of(version)
    assert (found.version, found.digest) == (version, parameters.facts_of(version).digest)
    made = Version.objects.get(parameters_id=version)
    assert (made.origin, made.made_by, made.note) == ("pasted", MIRIAM, "Stricter")
    line = Change.objects.get(parameters_id=version)
    assert (line.did, line.from_state, line.to_state, line.actor) == ("drafted", None, "draft", MIRIAM)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("{", "not JSON"),
        ("[1]", "not a JSON object"),
        ('{"identity_cup": 65}', "identity_cup"),
        ('{"weights": [1, 1, 1, 1, 1]}', "weights must sum to 1"),
        ('{"weights": [1]}', "weights needs 5 numbers"),
        ('{"identity_cap": -1}', "never negative"),
        ('{"identity_cap": "much"}', "not a number"),
        ('{"identity_cap": null}', "not a number"),
        ('{"identity_cap": true}', "not a number"),
        ('{"identity_cap": NaN}', "NaN"),
        ('{"identity_cap": 1e999}', "out of bounds"),
        ('{"weights": {"a": 1}}', "not a number"),
    ],
)
def test_what_the_engine_cannot_work_with_is_refused_in_words_and_nothing_is_written(text: str, said: str) -> None:
    before = ParameterSet.objects.count()
    with pytest.raises(ParametersInvalid, match=said):
        commands.draft_from_text(text=text, note="", by=MIRIAM)
    assert (ParameterSet.objects.count(), Change.objects.filter(actor=MIRIAM).count()) == (before, 0)


def test_a_copy_changes_only_the_numbers_that_are_named() -> None:
    live = parameters.live_version()
    version = commands.draft_from_copy(
        version=live, changes={"tiers.1": 30.0, "update_windows": 8}, note="Higher", by=MIRIAM
    )
    assert queries.diff(version, live) == {"tiers.1": (25.0, 30.0), "update_windows": (6, 8)}
    assert Version.objects.get(parameters_id=version).made_from == live
    for changes in ({"tiers.7": 1.0}, {"tiers": 1.0}, {"tiers.x": 1.0}, {"version": 9}, {"nothing": 1.0}):
        with pytest.raises(ParametersInvalid):
            commands.draft_from_copy(version=live, changes=changes, note="", by=MIRIAM)


def test_the_same_numbers_are_one_set() -> None:
    first = a_draft(identity_cap=65.0)
    for again in ({"identity_cap": 65.0}, {}):
        with pytest.raises(SameNumbers):
            commands.draft_from_text(text=json.dumps(again), note="", by=AARON)
    commands.retire(version=first, note="Not needed", by=MIRIAM)
    assert a_draft(identity_cap=65.0) == first + 1


def test_going_live_takes_a_shadow_a_dry_run_and_two_people() -> None:
    live, version = parameters.live_version(), a_draft()
    with pytest.raises(SetNotThere):
        commands.propose(version=version, note="Now", by=MIRIAM)
    commands.shadow(version=version, note="", by=MIRIAM)
    with pytest.raises(DryRunMissing):
        commands.propose(version=version, note="Now", by=MIRIAM)
    with pytest.raises(NoProposal):
        commands.approve(version=version, note="", by=AARON)
    commands.propose(version=looked_at(version), note="It finds more", by=MIRIAM)
    with pytest.raises(ProposalOpen):
        commands.propose(version=version, note="Please", by=AARON)
    before = Change.objects.count()
    with pytest.raises(SecondPersonNeeded):
        commands.approve(version=version, note="I agree with myself", by=MIRIAM)
    assert (state_of(version), Change.objects.count(), RecordedEvent.objects.count()) == ("shadow", before, 0)
    commands.approve(version=version, note="Agreed", by=AARON)
    assert (state_of(version), state_of(live)) == ("live", "retired")
    told = RecordedEvent.objects.get(type="trust.parameters.promoted.v1").payload
    assert told == {
        "version": version,
        "digest": parameters.facts_of(version).digest,
        "previous_version": live,
        "rolled_back": False,
    }
    assert [line.did for line in queries.changes_of(version)] == [
        "promoted",
        "promotion proposed",
        "calculated in the shadow",
        "drafted",
    ]


def test_a_declined_promotion_changes_nothing_and_may_be_asked_for_again() -> None:
    version = looked_at(a_shadow())
    commands.propose(version=version, note="Now", by=MIRIAM)
    commands.decline(version=version, note="Too early", by=AARON)
    assert (state_of(version), queries.open_proposal()) == ("shadow", None)
    commands.propose(version=version, note="Now?", by=MIRIAM)
    commands.approve(version=version, note="Yes", by=AARON)
    assert state_of(version) == "live"


def test_one_person_rolls_back_at_once_and_again_to_the_one_before_that() -> None:
    shipped = parameters.live_version()
    first, second = promoted(identity_cap=65.0), promoted(identity_cap=60.0)
    assert commands.roll_back(note="It hurts newcomers", by=MIRIAM) == first
    assert (state_of(first), state_of(second)) == ("live", "retired")
    assert commands.roll_back(note="Still", by=MIRIAM) == shipped
    told = [each.payload["rolled_back"] for each in RecordedEvent.objects.order_by("position")]
    assert told == [False, False, True, True]
    while state_of(1) != "live":
        commands.roll_back(note="To the very first", by=MIRIAM)
    with pytest.raises(NothingBefore):
        commands.roll_back(note="Further", by=MIRIAM)
    assert state_of(1) == "live"


def test_promotion_and_roll_back_ask_for_every_score_again() -> None:
    told = {"lower": 0, "deviation": 0, "confidence": 0, "rated": False, "tier": "NEW", "cap": 100, "cap_adjustment": 0}
    row = {"factors": [], "reasons": [], "features": [], "revision": 1, "turn": 0, "calculated_at": clock.now()}
    for _ in range(3):
        live = parameters.live_version()
        Score.objects.create(kind="user", entity_id=uuid4(), score=1, parameters_id=live, **told, **row)
    version = promoted()
    assert Due.objects.count() == 3
    assert {score.parameters_id for score in Score.objects.all()} == {live}
    Due.objects.all().delete()
    commands.roll_back(note="Back", by=MIRIAM)
    assert (Due.objects.count(), state_of(version)) == (3, "retired")


# -- what the database holds -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("before", sorted(MOVES))
@pytest.mark.parametrize("after", sorted(MOVES))
def test_the_database_knows_the_same_moves(before: str, after: str) -> None:
    live, version = parameters.live_version(), a_draft()
    ways = {"draft": [], "shadow": ["shadow"], "trial": ["shadow", "trial"], "retired": ["retired"], "live": []}
    for state in ways[before]:
        parameters.set_state(version, state)
    if before == "live":
        version = live
    if before == after or (before, after) == ("live", "retired"):
        return
    allowed = after in MOVES[before]
    # Going live takes more than the right state before it.
    lawful = allowed and after != "live"
    if lawful:
        parameters.set_state(version, after)
        assert state_of(version) == after
    else:
        with pytest.raises(IntegrityError), transaction.atomic():
            parameters.set_state(version, after)
        assert state_of(version) != after


def test_the_database_lets_nobody_go_live_alone() -> None:
    live, version = parameters.live_version(), looked_at(a_shadow())
    proposal = commands.propose(version=version, note="Now", by=MIRIAM)
    told = {"state": "approved", "decided_at": clock.now()}
    with pytest.raises(IntegrityError, match="trust_promotion_takes_two"), transaction.atomic():
        Proposal.objects.filter(id=proposal.id).update(decided_by=MIRIAM, **told)
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic():
        Proposal.objects.filter(id=proposal.id).update(proposed_by=AARON)
    with transaction.atomic():
        parameters.set_state(live, "retired")
        with pytest.raises(IntegrityError, match="two people"), transaction.atomic():
            parameters.set_state(version, "live")
        with pytest.raises(IntegrityError, match="one parameter set is live"), transaction.atomic():
            connection.check_constraints()
        transaction.set_rollback(True)
    with pytest.raises(IntegrityError, match="begins as a draft"), transaction.atomic():
        ParameterSet.objects.create(version=99, digest="x", body="{}", state="live")


@pytest.mark.parametrize("table", ["change", "version", "dryrunreport"])
@pytest.mark.parametrize("change", ["UPDATE trust_versions_{} SET parameters_id = 1", "DELETE FROM trust_versions_{}"])
def test_the_log_stays_as_it_was_written(table: str, change: str) -> None:
    looked_at(a_draft())
    with pytest.raises(IntegrityError, match="append-only"), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(change.format(table))


STEPS = st.sampled_from(
    ["draft", "shadow", "look", "propose", "approve", "approve_own", "decline", "retire", "roll_back"]
)


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(st.tuples(STEPS, st.integers(0, 3)), max_size=16))
def test_whatever_people_try_one_set_is_live_and_every_change_is_in_the_log(steps: list[tuple[str, int]]) -> None:
    with transaction.atomic():
        _play(steps)
        transaction.set_rollback(True)


def _play(steps: list[tuple[str, int]]) -> None:
    made: list[int] = []
    cap = 60.0
    for step, which in steps:
        states = {row.version: row.state for row in parameters.all_sets()}
        lines = Change.objects.count()
        version = made[which % len(made)] if made else 1
        cap -= 0.5
        refused = False
        try:
            with transaction.atomic():
                if step == "draft":
                    made.append(a_draft(identity_cap=cap))
                elif step == "look":
                    looked_at(version)
                elif step == "roll_back":
                    commands.roll_back(note="n", by=MIRIAM)
                else:
                    by = AARON if step == "approve" else MIRIAM
                    getattr(commands, step.removesuffix("_own"))(version=version, note="n", by=by)
        except (Conflict, SecondPersonNeeded):
            refused = True
        assert not refused or Change.objects.count() == lines
        now = {row.version: row.state for row in parameters.all_sets()}
        assert list(now.values()).count("live") == 1
        moved = {version for version in now if now[version] != states.get(version)}
        assert all(states[each] in ("draft",) or now[each] in MOVES[states[each]] for each in moved & states.keys())
        newest = list(Change.objects.order_by("-id")[: Change.objects.count() - lines])
        assert moved == {line.parameters_id for line in newest if line.to_state is not None}
        connection.check_constraints()


# -- arms --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("seed", "unit", "place"),
    [
        ("seed", "a", 0.0505),
        ("seed", "b", 0.2696),
        ("foo", "ab", 0.2575),
        ("foo", "def", 0.2019),
        ("89123klj", "8952klfjas09ujkasdf", 0.124),
        ("90850943850283058242805", "123", 0.7516),
        ("()**(%$##$%#$#", '___)((*":&', 0.0128),
    ],
)
def test_an_arm_is_found_as_growthbook_finds_it(seed: str, unit: str, place: float) -> None:
    assert bucket(unit, seed) == place


def test_the_hash_is_fnv1a() -> None:
    # The vectors of its authors.
    assert [fnv1a32(text) for text in ("", "a", "foobar")] == [0x811C9DC5, 0xE40C292C, 0xBF9CF968]


@given(st.uuids(), st.floats(0.01, 0.99), st.text(max_size=8))
def test_an_organiser_stays_in_the_arm_and_more_share_takes_nobody_out(unit: Any, share: float, seed: str) -> None:
    arm = arm_of(unit, seed=seed, share=share)
    assert arm == arm_of(str(unit), seed=seed, share=share)
    if arm == "challenger":
        assert arm_of(unit, seed=seed, share=min(1.0, share * 1.5)) == "challenger"
    assert arm_of(None, seed=seed, share=share) == "control"


def test_arms_are_as_large_as_agreed() -> None:
    units = [uuid4() for _ in range(4000)]
    taken = sum(arm_of(unit, seed="autumn", share=0.2) == "challenger" for unit in units)
    assert split_chance(len(units) - taken, taken, 0.2) > 0.0001


@pytest.mark.parametrize(
    ("control", "challenger", "share", "chance"),
    [(0, 0, 0.5, 1.0), (50, 50, 0.5, 1.0), (60, 40, 0.5, 0.0455003), (5170, 4830, 0.5, 0.0006736), (80, 20, 0.2, 1.0)],
)
def test_how_probable_a_split_is(control: int, challenger: int, share: float, chance: float) -> None:
    assert split_chance(control, challenger, share) == pytest.approx(chance, abs=1e-6)


def test_stability_on_small_counts() -> None:
    assert stability([10, 10], [10, 10]) == 0
    assert stability([10, 0], [0, 0]) == 0
    # (.75-.5)·ln(.75/.5) + (.25-.5)·ln(.25/.5)
    assert stability([2, 2], [3, 1]) == pytest.approx(0.2746531)
    assert stability([4, 0], [4, 0]) == 0
