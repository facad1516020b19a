"""One policy table for every process, and no table means no."""

from __future__ import annotations

import threading
from typing import Any

import psycopg
import pytest
from django.apps import apps
from django.db import IntegrityError, connection, transaction

from bh_sdk.errors import Unavailable
from bh_sdk.server.access import GUEST, Principal, roles, seed_policies
from bh_sdk.server.access.models import AccessVersion, Policy, Revocation, Staff
from bh_sdk.server.access.rules import Rules
from bh_sdk.server.access.watch import Watch

pytestmark = pytest.mark.django_db

FINANCE = frozenset({"finance"})


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def allow(role: str, noun: str, verb: str) -> Policy:
    line: Policy = Policy.objects.create(ptype="p", v0=role, v1=noun, v2=verb)
    return line


def test_no_policy_is_no_access() -> None:
    Policy.objects.all().delete()
    rules = Watch().rules()
    for role in roles.ALL:
        assert not rules.allow({role}, "policy", "view")
    assert not GUEST.may("total", "read")


def test_a_role_that_includes_another_has_its_rights_and_not_the_other_way_round() -> None:
    rules = Rules([("p", "guest", "total", "read"), ("p", "donor", "gift", "give"), ("g", "donor", "guest", "")])
    assert rules.allow({"donor"}, "total", "read")
    assert not rules.allow({"guest"}, "gift", "give")


def test_a_line_that_makes_no_sense_is_ignored_and_the_others_still_decide() -> None:
    rules = Rules([("p", "finance", "refund", ""), ("x", "a", "b", "c"), ("p", "finance", "refund", "approve")])
    assert rules.allow(FINANCE, "refund", "approve")
    assert not rules.allow(FINANCE, "refund", "")


@pytest.mark.django_db(transaction=True)
def test_an_edit_takes_effect_in_another_process_at_its_next_look() -> None:
    """Two watches with clocks of their own, in two threads with two connections: what two processes have."""
    ours, theirs = Clock(), Clock()
    here, there = Watch(clock=ours), Watch(clock=theirs)
    answers: list[bool] = []

    def ask_there() -> None:
        try:
            answers.append(there.rules().allow(FINANCE, "raffle", "draw"))
        finally:
            connection.close()

    def asked_there() -> bool:
        thread = threading.Thread(target=ask_there)
        thread.start()
        thread.join()
        return answers[-1]

    assert not here.rules().allow(FINANCE, "raffle", "draw")
    assert not asked_there()
    line = allow("finance", "raffle", "draw")
    here.look_again()
    assert here.rules().allow(FINANCE, "raffle", "draw")
    theirs.now += 0.9
    assert not asked_there()
    theirs.now += 0.2
    assert asked_there()
    line.delete()
    theirs.now += 1.0
    assert not asked_there()


def test_only_a_change_makes_a_process_read_the_table_again(django_assert_num_queries: Any) -> None:
    clock = Clock()
    watch = Watch(clock=clock)
    watch.rules()
    with django_assert_num_queries(0):
        watch.rules()
        watch.refusals()
    clock.now += 1.0
    with django_assert_num_queries(1):
        watch.rules()
        watch.refusals()
    Revocation.objects.create(kind="token", value="t", reason="r", revoked_by="x")
    clock.now += 1.0
    with django_assert_num_queries(3):
        assert watch.refusals().refuse(subject="somebody", token_ids=("t",), now=0.0)


@pytest.mark.django_db(transaction=True)
def test_without_a_database_a_decision_lives_five_seconds_and_then_nobody_may(owner_url: str) -> None:
    clock = Clock()
    watch = Watch(clock=clock)
    line = allow("finance", "raffle", "draw")
    assert watch.rules().allow(FINANCE, "raffle", "draw")
    with psycopg.connect(owner_url, autocommit=True) as owner:
        owner.execute("ALTER TABLE bh_access_accessversion RENAME TO hidden")
        try:
            clock.now += 4.0
            assert watch.rules().allow(FINANCE, "raffle", "draw")
            clock.now += 2.0
            with pytest.raises(Unavailable):
                watch.rules()
            with pytest.raises(Unavailable):
                Watch(clock=clock).rules()
        finally:
            owner.execute("ALTER TABLE hidden RENAME TO bh_access_accessversion")
    clock.now += 1.0
    assert watch.rules().allow(FINANCE, "raffle", "draw")
    line.delete()


def test_every_change_of_the_table_changes_its_stamp_whatever_made_it() -> None:
    def stamp() -> object:
        return AccessVersion.objects.get(name="policy").stamp

    before = stamp()
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO casbin_rule (ptype,v0,v1,v2,v3,v4,v5) VALUES ('p','editor','raffle','draw','','','')"
        )
    inserted = stamp()
    Policy.objects.filter(v1="raffle").update(v2="hold")
    updated = stamp()
    Policy.objects.filter(v1="raffle").delete()
    assert len({before, inserted, updated, stamp()}) == 4


def test_signing_in_changes_no_stamp_and_deactivating_does() -> None:
    staff = Staff.objects.create(username="s", sub="6a1b3a0e-8a6c-4a55-8d7e-3b0b8b6a4b11", roles=["support"])
    before = AccessVersion.objects.get(name="refusals").stamp
    staff.save(update_fields=["last_login"])
    assert AccessVersion.objects.get(name="refusals").stamp == before
    staff.is_active = False
    staff.save(update_fields=["is_active"])
    assert AccessVersion.objects.get(name="refusals").stamp != before


def test_the_same_line_cannot_stand_in_the_table_twice() -> None:
    allow("finance", "raffle", "draw")
    with pytest.raises(IntegrityError), transaction.atomic():
        allow("finance", "raffle", "draw")


def test_seeding_twice_adds_nothing_and_an_unknown_role_is_refused() -> None:
    class Editor:
        pass

    editor = Editor()
    editor.connection = connection  # type: ignore[attr-defined]
    lines = [("finance", "raffle", "draw"), ("finance", "raffle", "draw"), ("guest", "raffle", "watch")]
    seed_policies(apps, editor, lines)
    count = Policy.objects.count()
    seed_policies(apps, editor, lines)
    assert Policy.objects.count() == count
    assert Policy.objects.filter(v1="raffle").count() == 2
    with pytest.raises(ValueError, match="no such role: financier"):
        seed_policies(apps, editor, [("financier", "raffle", "draw")])
    assert not Policy.objects.filter(v0="financier").exists()


def test_many_threads_decide_the_same_at_once() -> None:
    lines = [("p", f"role{n}", f"noun{n % 7}", f"verb{n % 5}") for n in range(200)]
    rules = Rules(lines)
    wrong: list[str] = []

    def decide(start: int) -> None:
        for n in range(start, 200, 3):
            if not rules.allow({f"role{n}"}, f"noun{n % 7}", f"verb{n % 5}"):
                wrong.append(f"role{n} should")
            if rules.allow({f"role{n}"}, f"noun{(n + 1) % 7}", f"verb{n % 5}"):
                wrong.append(f"role{n} should not")

    threads = [threading.Thread(target=decide, args=(start % 3,)) for start in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_being_admin_is_the_sum_of_the_desks_and_no_service() -> None:
    allow("finance", "raffle", "draw")
    allow("service:monolith", "raffle", "announce")
    admin = Principal(id="a", kind="user", roles=frozenset({"admin"}))
    assert admin.may("raffle", "draw")
    assert not admin.may("raffle", "announce")
