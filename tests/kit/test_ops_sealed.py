"""Sealed attributes and keyed hashes."""

from __future__ import annotations

import base64
import json
import os
import uuid
from io import StringIO

import pytest
from django.core.exceptions import FieldError, ImproperlyConfigured
from django.core.management import call_command
from django.db import connection, transaction

from bh_sdk.server.ops.sealed import (
    SealBroken,
    Sealed,
    hash_matches,
    keyed_hash,
    keyed_hashes,
    seal,
    sealed_fields,
    unseal,
)
from tests.kit.project.demo.models import Person

MAIL = "ruth@demo.test"


def key(name: str) -> str:
    return f"{name}:{base64.b64encode(os.urandom(32)).decode()}"


def raw(person: Person) -> bytes:
    with connection.cursor() as cursor:
        cursor.execute("SELECT email FROM kit_demo_person WHERE id = %s", [person.id])
        return bytes(cursor.fetchone()[0])


@pytest.mark.django_db
class TestRows:
    def test_what_is_written_sealed_is_opened_on_purpose(self) -> None:
        person = Person.objects.create(email=MAIL)
        found = Person.objects.get(id=person.id)
        assert found.email.open() == MAIL == person.email.open()
        assert found.phone is None
        assert MAIL.encode() not in raw(person)

    def test_a_new_value_opens_before_it_is_saved(self) -> None:
        assert Person(email=MAIL).email.open() == MAIL

    def test_it_prints_as_sealed_and_fits_into_no_json(self) -> None:
        person = Person.objects.create(email=MAIL)
        for value in (person.email, Person.objects.get().email):
            assert f"{value} {value!r}" == "<sealed> <sealed>"
            with pytest.raises(TypeError):
                json.dumps(value)

    def test_values_never_open(self) -> None:
        Person.objects.create(email=MAIL)
        value = Person.objects.values("email").get()["email"]
        assert repr(value) == "<sealed>"
        with pytest.raises(SealBroken):
            value.open()

    def test_a_seal_moved_to_another_row_or_column_does_not_open(self) -> None:
        ruth, naomi = Person.objects.create(email=MAIL, phone="+44 1"), Person.objects.create(email="n@demo.test")
        with connection.cursor() as cursor:
            cursor.execute("UPDATE kit_demo_person SET email = %s WHERE id = %s", [raw(ruth), naomi.id])
            cursor.execute("UPDATE kit_demo_person SET phone = email WHERE id = %s", [ruth.id])
        for broken in (Person.objects.get(id=naomi.id).email, Person.objects.get(id=ruth.id).phone):
            with pytest.raises(SealBroken):
                broken.open()

    def test_a_value_copied_by_assignment_is_sealed_anew(self) -> None:
        ruth = Person.objects.create(email=MAIL)
        copy = Person.objects.create(email=Person.objects.get(id=ruth.id).email)
        assert Person.objects.get(id=copy.id).email.open() == MAIL
        assert raw(copy) != raw(ruth)

    def test_saving_again_keeps_the_seal_and_a_change_replaces_it(self) -> None:
        person = Person.objects.create(email=MAIL)
        before = raw(person)
        found = Person.objects.get(id=person.id)
        found.save()
        assert raw(person) == before
        found.email = "other@demo.test"
        found.save(update_fields=["email"])
        assert Person.objects.get(id=person.id).email.open() == "other@demo.test"

    def test_many_rows_at_once_are_sealed_too(self) -> None:
        Person.objects.bulk_create([Person(email=MAIL), Person(email=MAIL)])
        people = list(Person.objects.all())
        assert [person.email.open() for person in people] == [MAIL, MAIL]
        for person in people:
            person.email = "x@demo.test"
        Person.objects.bulk_update(people, ["email"])
        assert {person.email.open() for person in Person.objects.all()} == {"x@demo.test"}

    def test_a_deferred_value_and_a_refreshed_one_open(self) -> None:
        person = Person.objects.create(email=MAIL)
        assert Person.objects.defer("email").get().email.open() == MAIL
        Person.objects.get().save()
        person.refresh_from_db()
        assert person.email.open() == MAIL

    def test_it_cannot_be_filtered_nor_updated_in_bulk(self) -> None:
        Person.objects.create(email=MAIL)
        with pytest.raises(FieldError):
            Person.objects.filter(email=MAIL)
        with pytest.raises(TypeError), transaction.atomic():
            Person.objects.update(email=MAIL)
        assert Person.objects.filter(phone__isnull=True).count() == 1
        Person.objects.update(phone=None)

    def test_old_keys_open_and_new_values_take_the_first(self, monkeypatch: pytest.MonkeyPatch) -> None:
        person = Person.objects.create(email=MAIL)
        old = os.environ["BH_SEAL_KEYS"]
        monkeypatch.setenv("BH_SEAL_KEYS", f"{key('next')},{old}")
        found = Person.objects.get(id=person.id)
        assert found.email.open() == MAIL
        assert found.email.key_id != "next"
        found.email = found.email.open()
        found.save()
        assert Person.objects.get(id=person.id).email.key_id == "next"
        monkeypatch.setenv("BH_SEAL_KEYS", key("unrelated"))
        with pytest.raises(SealBroken):
            Person.objects.get(id=person.id).email.open()


@pytest.mark.django_db
def test_reseal_takes_everything_to_the_first_key(monkeypatch: pytest.MonkeyPatch) -> None:
    people = [Person.objects.create(email=MAIL, phone="+44 1"), Person.objects.create(email=MAIL)]
    new = key("next")
    monkeypatch.setenv("BH_SEAL_KEYS", f"{new},{os.environ['BH_SEAL_KEYS']}")
    people.append(Person.objects.create(email=MAIL))
    said = StringIO()
    call_command("reseal", stdout=said)
    assert "kit_demo.Person email: 2" in said.getvalue()
    assert "kit_demo.Person phone: 1" in said.getvalue()
    monkeypatch.setenv("BH_SEAL_KEYS", new)
    assert [person.email.open() for person in Person.objects.all()] == [MAIL] * 3


def test_a_model_names_its_sealed_fields() -> None:
    assert [field.name for field in sealed_fields(Person)] == ["email", "phone"]


def test_a_seal_is_fresh_each_time_and_every_changed_byte_breaks_it() -> None:
    sealed = seal(b"plain", "t.c:1")
    assert sealed != seal(b"plain", "t.c:1")
    assert unseal(sealed, "t.c:1") == b"plain"
    for place in range(len(sealed)):
        changed = bytearray(sealed)
        changed[place] ^= 1
        with pytest.raises(SealBroken):
            unseal(bytes(changed), "t.c:1")
    for cut in (b"", b"\x01", sealed[:5], sealed[:-1]):
        with pytest.raises(SealBroken):
            unseal(cut, "t.c:1")


def test_a_row_without_a_key_of_its_own_cannot_be_sealed() -> None:
    with pytest.raises(TypeError, match="primary key"):
        sealed_fields(Person)[0].pre_save(Person(id=None, email=MAIL), add=True)


def test_a_sealed_value_knows_no_row_alone() -> None:
    with pytest.raises(SealBroken):
        Sealed(b"x", None).open()


def test_hashes_are_keyed_by_purpose_and_follow_rotation(monkeypatch: pytest.MonkeyPatch) -> None:
    first = keyed_hash(MAIL, "donor")
    assert first == keyed_hash(MAIL, "donor") != keyed_hash(MAIL, "other")
    assert MAIL not in first
    monkeypatch.setenv("BH_HASH_KEYS", f"{key('next')},{os.environ['BH_HASH_KEYS']}")
    second = keyed_hash(MAIL, "donor")
    assert second.startswith("next:")
    assert keyed_hashes(MAIL, "donor") == [second, first]
    assert hash_matches(MAIL, "donor", first)
    assert hash_matches(MAIL, "donor", second)
    assert not hash_matches("other@demo.test", "donor", first)
    assert not hash_matches(MAIL, "donor", "gone:00")


@pytest.mark.parametrize(
    "given", ["", "nokey", "a:short", "a:!!", f"{key('a')},{key('a')}", "a b:" + key("x").split(":")[1]]
)
def test_keys_that_are_wrong_are_named_at_once(monkeypatch: pytest.MonkeyPatch, given: str) -> None:
    monkeypatch.setenv("BH_SEAL_KEYS", given)
    with pytest.raises(ImproperlyConfigured, match="BH_SEAL_KEYS"):
        seal(b"x", str(uuid.uuid4()))
