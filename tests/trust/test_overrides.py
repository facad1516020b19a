"""Setting a score by hand: who may, who has to agree, what the database holds by itself, and how it ends."""

from __future__ import annotations

from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, transaction

from bh_sdk.errors import Invalid, NotFound, SecondPersonNeeded
from bh_sdk.server.events.models import RecordedEvent
from tests.trust.conftest import Caller
from tests.trust.evidence import a_good_campaign
from trust_svc.holds import commands as holds
from trust_svc.overrides import commands, queries, rules, tasks
from trust_svc.overrides.errors import (
    OverrideChangesNothing,
    OverrideDecided,
    OverrideOver,
    OverrideStands,
    OverrideWaits,
    OwnScore,
)
from trust_svc.overrides.models import Override
from trust_svc.overrides.rules import Wish
from trust_svc.scoring import commands as scoring
from trust_svc.scoring.models import Score

pytestmark = pytest.mark.django_db
WHY = "The beneficiary called and sent the delivery notes."
DAY = 86_400


@pytest.fixture
def owner() -> UUID:
    return uuid4()


@pytest.fixture
def campaign(monolith: Caller, owner: UUID) -> UUID:
    campaign = uuid4()
    monolith.post("/trust/evidence", {"facts": a_good_campaign(campaign, owner)})
    scoring.rescore(kind="campaign", entity_id=campaign)
    return campaign


def computed(campaign: UUID) -> float:
    return Score.objects.get(entity_id=campaign).score


def ask(campaign: UUID, wish: Wish, *, by: UUID | None = None, **more: Any) -> Override:
    said: dict[str, Any] = {"reason": "missing_evidence", "note": WHY, "days": 30, "by": by or uuid4()} | more
    return commands.ask_override(entity_kind="campaign", entity_id=campaign, wish=wish, **said)


def near(campaign: UUID, points: float = 5.0) -> Wish:
    return Wish("score", value=computed(campaign) + points)


def far(campaign: UUID) -> Wish:
    return Wish("score", value=computed(campaign) - 30)


def told() -> list[tuple[str, dict[str, Any]]]:
    rows = RecordedEvent.objects.filter(type__startswith="trust.override").order_by("position")
    return [(row.type.removeprefix("trust.override."), row.payload) for row in rows]


def test_a_small_one_counts_at_once_and_is_told_by_its_ids(campaign: UUID, owner: UUID) -> None:
    row = ask(campaign, near(campaign))
    assert (row.state, row.second_person, row.over_cap) == ("active", False, None)
    assert row.placed_at is not None
    assert row.expires_at == rules.ends_at(row.placed_at, 30)
    ((kind, said),) = told()
    assert kind == "placed.v1"
    assert (said["override_id"], said["owner_id"], said["what"]) == (str(row.id), str(owner), "score")
    assert WHY not in str(said)
    assert queries.in_force([("campaign", campaign)], at=row.placed_at)["campaign", campaign].id == row.id


def test_a_large_one_waits_for_somebody_else(campaign: UUID) -> None:
    asker, other = uuid4(), uuid4()
    row = ask(campaign, far(campaign), by=asker)
    assert (row.state, row.second_person, told()) == ("waiting", True, [])
    with pytest.raises(SecondPersonNeeded):
        commands.approve_override(override_id=row.id, by=asker)
    with pytest.raises(SecondPersonNeeded):
        commands.reject_override(override_id=row.id, by=asker, note="no")
    assert Override.objects.get().state == "waiting"
    agreed = commands.approve_override(override_id=row.id, by=other)
    assert (agreed.state, agreed.approved_by, [kind for kind, _ in told()]) == ("active", other, ["placed.v1"])
    with pytest.raises(OverrideDecided):
        commands.approve_override(override_id=row.id, by=uuid4())
    with pytest.raises(OverrideDecided):
        commands.reject_override(override_id=row.id, by=uuid4(), note="no")


def test_one_that_is_refused_or_taken_back_never_counts(campaign: UUID) -> None:
    asker = uuid4()
    row = ask(campaign, far(campaign), by=asker)
    with pytest.raises(OverrideWaits):
        ask(campaign, near(campaign))
    with pytest.raises(NotFound):
        commands.withdraw_override(override_id=row.id, by=uuid4())
    assert commands.withdraw_override(override_id=row.id, by=asker).state == "withdrawn"
    second = ask(campaign, far(campaign), by=asker)
    refused = commands.reject_override(override_id=second.id, by=uuid4(), note="The notes are forged.")
    assert (refused.state, told()) == ("rejected", [])
    assert not queries.in_force([("campaign", campaign)], at=refused.requested_at)


def test_going_over_a_cap_takes_two(campaign: UUID, monolith: Caller) -> None:
    unknown = uuid4()
    monolith.post("/trust/evidence", {"facts": [a_good_campaign(unknown, uuid4())[0]]})
    row = ask(unknown, Wish("score", value=69.1))
    assert (row.state, row.over_cap) == ("waiting", 69.0)


@pytest.mark.parametrize("wish", [Wish("score", value=0.0), Wish("tier", tier="NEW")])
@pytest.mark.parametrize("kind", ["campaign", "user"])
def test_what_a_hold_hides_counts_as_change(campaign: UUID, owner: UUID, wish: Wish, kind: str) -> None:
    free = commands.measure("campaign", campaign, wish)[1]
    one, on = uuid4(), campaign if kind == "campaign" else owner
    hold = holds.place_hold(entity_kind=kind, entity_id=on, reason=WHY, by=str(one))
    assert scoring.rescore(kind="campaign", entity_id=campaign).score == 20.0
    row = ask(campaign, wish, by=one)
    assert (row.state, row.second_person) == ("waiting", True)
    assert row.change == pytest.approx(free.change, abs=0.1)
    holds.lift_hold(hold_id=hold.id, reason="They were paid after all.", by=str(one))
    assert scoring.rescore(kind="campaign", entity_id=campaign).score > 40.0
    assert Score.objects.get(entity_id=campaign).override_id is None
    with pytest.raises(SecondPersonNeeded):
        commands.approve_override(override_id=row.id, by=one)


def test_one_in_force_is_replaced_only_by_name(campaign: UUID) -> None:
    first = ask(campaign, near(campaign))
    with pytest.raises(OverrideStands) as refused:
        ask(campaign, Wish("tier", tier="STEADY"))
    assert refused.value.facts["override_id"] == str(first.id)
    assert Override.objects.count() == 1
    second = ask(campaign, Wish("tier", tier="STEADY"), replaces=first.id)
    first.refresh_from_db()
    assert (first.state, first.ended_because, second.state) == ("ended", "replaced", "active")
    assert [kind for kind, _ in told()] == ["placed.v1", "ended.v1", "placed.v1"]
    commands.revoke_override(override_id=second.id, by=uuid4(), note="No longer needed.")
    with pytest.raises(OverrideOver):
        ask(campaign, near(campaign), replaces=second.id)


def test_one_that_came_meanwhile_is_not_replaced_by_consent_to_another(campaign: UUID) -> None:
    first = ask(campaign, near(campaign))
    wide = ask(campaign, far(campaign), replaces=first.id)
    commands.revoke_override(override_id=first.id, by=uuid4(), note="No longer needed.")
    Override.objects.filter(id=wide.id).update(state="withdrawn", decided_at=wide.requested_at)
    other = ask(campaign, near(campaign))
    again = ask(campaign, far(campaign), replaces=other.id)
    commands.revoke_override(override_id=other.id, by=uuid4(), note="No longer needed.")
    assert commands.approve_override(override_id=again.id, by=uuid4()).state == "active"


def test_it_is_revoked_once_with_a_note(campaign: UUID) -> None:
    row, by = ask(campaign, near(campaign)), uuid4()
    gone = commands.revoke_override(override_id=row.id, by=by, note="It was another campaign.")
    assert (gone.ended_because, gone.ended_by, gone.end_note) == ("revoked", by, "It was another campaign.")
    with pytest.raises(OverrideOver):
        commands.revoke_override(override_id=row.id, by=by, note="again")
    assert [(kind, said.get("because")) for kind, said in told()] == [("placed.v1", None), ("ended.v1", "revoked")]


def test_it_ends_by_itself_and_counts_no_more_even_before(campaign: UUID, moved_clock: Any) -> None:
    row = ask(campaign, near(campaign), days=2)
    moved_clock(2 * DAY - 5)
    tasks.expire_due()
    assert Override.objects.get().state == "active"
    moved_clock(10)
    assert row.expires_at is not None
    assert not queries.in_force([("campaign", campaign)], at=row.expires_at)
    for _ in range(2):
        tasks.expire_due()
    row.refresh_from_db()
    assert (row.state, row.ended_because, row.ended_by) == ("ended", "expired", None)
    assert [said.get("because") for _, said in told()] == [None, "expired"]


def test_nobody_decides_on_a_score_of_their_own(campaign: UUID, owner: UUID) -> None:
    with pytest.raises(OwnScore):
        ask(campaign, near(campaign), by=owner)
    row = ask(campaign, far(campaign))
    with pytest.raises(OwnScore):
        commands.approve_override(override_id=row.id, by=owner)
    commands.approve_override(override_id=row.id, by=uuid4())
    with pytest.raises(OwnScore):
        commands.revoke_override(override_id=row.id, by=owner, note="It is mine.")
    assert Override.objects.get().state == "active"


def test_what_says_nothing_is_refused_and_nothing_is_written(campaign: UUID, monolith: Caller) -> None:
    with pytest.raises(Invalid):
        ask(campaign, near(campaign), note="short")
    with pytest.raises(NotFound):
        ask(uuid4(), Wish("tier", tier="NEW"))
    donor = uuid4()
    gift = {"payment_id": "p-1", "donor_id": str(donor), "amount": "5.00", "currency": "GBP"}
    facts = a_good_campaign(campaign, uuid4())[:1]
    facts[0] |= {"id": str(uuid4()), "type": "payment.succeeded", "data": gift}
    assert monolith.post("/trust/evidence", {"facts": facts}).status_code in (200, 202)
    with pytest.raises(OverrideChangesNothing):
        commands.ask_override(
            entity_kind="user",
            entity_id=donor,
            wish=Wish("factor", value=1.0, factor="updates"),
            reason="harm",
            note=WHY,
            days=1,
            by=uuid4(),
        )
    assert not Override.objects.exists()


# What the database holds whoever writes: bulk, superuser, plain save().


def a_row(campaign: UUID, **change: Any) -> Override:
    row = ask(campaign, far(campaign), by=uuid4())
    said = {
        field.attname: getattr(row, field.attname) for field in Override._meta.concrete_fields if field.attname != "id"
    }
    commands.withdraw_override(override_id=row.id, by=row.requested_by)
    return Override(**said | change)


@pytest.mark.parametrize(
    ("change", "broken"),
    [
        ({"second_person": False}, "trust_override_alone"),
        ({"second_person": False, "change": 20.5, "what": "tier", "value": None, "tier": "STAR"}, "alone_up_to_20"),
        ({"second_person": False, "change": 5.0}, "trust_override_alone_under_the_cap"),
        ({"second_person": False, "change": 5.0, "value": 100.0, "cap": 69.0}, "trust_override_alone_under_the_cap"),
        ({"value": None}, "trust_override_says_what"),
        ({"value": 101.0}, "trust_override_says_what"),
        ({"what": "tier"}, "trust_override_says_what"),
        ({"what": "tier", "value": None}, "trust_override_says_what"),
        ({"note": "short"}, "trust_override_says_why"),
        ({"reason": "mood"}, "trust_override_says_why"),
        ({"reason": "other", "note": "n" * 39}, "trust_override_says_why"),
        ({"days": 181}, "trust_override_has_an_end"),
        ({"state": "active"}, "begins by being asked for"),
    ],
)
@pytest.mark.parametrize("bulk", [True, False])
def test_the_database_refuses_what_the_command_would(
    campaign: UUID, change: dict[str, Any], broken: str, bulk: bool
) -> None:
    row = a_row(campaign, **change)
    with pytest.raises(IntegrityError, match=broken), transaction.atomic():
        Override.objects.bulk_create([row]) if bulk else row.save(force_insert=True)
    assert Override.objects.count() == 1


def test_the_database_refuses_the_consent_of_whoever_asked_and_any_change_of_words(campaign: UUID, owner: UUID) -> None:
    row = ask(campaign, far(campaign))
    rows = Override.objects.filter(id=row.id)
    placed: dict[str, Any] = {
        "state": "active",
        "placed_at": row.requested_at,
        "expires_at": rules.ends_at(row.requested_at, 30),
        "decided_at": row.requested_at,
    }
    for change, broken in [
        ({"approved_by": row.requested_by, **placed}, "maker_is_not_checker"),
        ({"approved_by": owner, **placed}, "not_of_ones_own"),
        (placed, "second_person_agreed"),
        (placed | {"approved_by": uuid4(), "expires_at": rules.ends_at(row.requested_at, 181)}, "has_an_end"),
        ({"approved_by": uuid4()}, "agreed to once"),
        ({"second_person": False}, "does not change"),
        ({"value": 1.0}, "does not change"),
        ({"requested_by": uuid4()}, "does not change"),
        ({"state": "ended"}, "does not move"),
        ({"state": "rejected", "decided_at": row.requested_at, "rejected_by": row.requested_by}, "maker_is_not"),
    ]:
        with pytest.raises(IntegrityError, match=broken), transaction.atomic():
            rows.update(**change)
    row.refresh_from_db()
    row.approved_by, row.state = row.requested_by, "active"
    row.placed_at, row.expires_at = placed["placed_at"], placed["expires_at"]
    with pytest.raises(IntegrityError), transaction.atomic():
        row.save()
    with pytest.raises(Exception, match=r"(?i)refuse|never|change"), transaction.atomic():
        rows.delete()
    assert Override.objects.get().state == "waiting"


def test_the_database_keeps_one_in_force_and_its_end(campaign: UUID) -> None:
    row = ask(campaign, near(campaign))
    assert row.expires_at is not None
    with pytest.raises(IntegrityError, match="as long as was said"), transaction.atomic():
        Override.objects.update(expires_at=rules.ends_at(row.expires_at, 100))
    with pytest.raises(IntegrityError, match="does not move"), transaction.atomic():
        Override.objects.update(state="waiting")
    with pytest.raises(IntegrityError), transaction.atomic():
        Override.objects.update(state="ended")


def test_the_frozen_table_of_moves_is_the_one_of_the_rules() -> None:
    from importlib import import_module

    frozen = import_module("trust_svc.overrides.migrations.0002_words_stay").MOVES
    assert set(frozen) == rules.MOVES
