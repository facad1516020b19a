"""Support sees what somebody wants to hear, and changes it only with a reason that stays."""

from __future__ import annotations

import uuid
from typing import Any

import pytest
from django.urls import reverse

from notify_svc.digests.models import Window
from notify_svc.preferences import commands
from notify_svc.preferences.commands import Said
from notify_svc.preferences.models import Change, Choice, Person
from tests.notify.conftest import describe
from tests.notify.test_admin import address, at_desk
from tests.notify.test_digests import reader, update

pytestmark = pytest.mark.django_db
FORM = {
    "category": "social",
    "channel": "email",
    "frequency": "never",
    "reason": "Asked on the phone",
    "_form_submitted": "on",
}


def correct(who: str, person: Person, **changes: str) -> Any:
    place = reverse("admin:notify_preferences_person_correct", args=[person.pk])
    return at_desk(who).post(place, FORM | changes, headers={"HX-Request": "true"})


@pytest.fixture
def person() -> Person:
    return commands.change(user_id=uuid.uuid4(), said=Said("api"), choices={("social", "email"): "weekly"})


@pytest.mark.parametrize("who", ["support", "auditor", "editor", "finance"])
def test_preferences_and_digests_are_for_support_and_auditors(who: str, person: Person) -> None:
    update(reader(), "A well")
    for row in (person, Window.objects.get()):
        answers = {
            at_desk(who).get(address(row)).status_code,
            at_desk(who).get(reverse(f"admin:{row._meta.label_lower.replace('.', '_')}_changelist")).status_code,
        }
        assert answers == ({200} if who in ("support", "auditor") else {403})


def test_the_page_tells_every_change_and_by_which_way(person: Person) -> None:
    commands.unsubscribe(user_id=person.user_id, category="social")
    page = at_desk("support").get(address(person)).content.decode()
    assert "weekly → never, by one click in a mail program" in page
    assert "instant → weekly, in the app" in page


def test_support_corrects_a_choice_and_is_named_with_the_reason(person: Person) -> None:
    assert correct("support", person).status_code == 200
    assert Choice.objects.get().frequency == "never"
    change = Change.objects.latest("id")
    assert (change.source, change.reason) == ("staff", "Asked on the phone")
    assert change.by


@pytest.mark.parametrize(
    ("who", "changes"),
    [
        ("support", {"reason": ""}),
        ("support", {"reason": "ruth@example.org wrote"}),
        ("support", {"channel": "push", "frequency": "daily"}),
        ("support", {"category": "security"}),
        ("auditor", {}),
        ("editor", {}),
    ],
)
def test_without_reason_right_or_choice_nothing_changes(who: str, changes: dict[str, str], person: Person) -> None:
    correct(who, person, **changes)
    assert Choice.objects.get().frequency == "weekly"
    assert Change.objects.count() == 1


def somebody(person_id: Any, who: str = "support") -> Any:
    place = reverse("admin:notify_preferences_person_correct_somebody")
    return at_desk(who).post(place, FORM | {"user_id": str(person_id)}, headers={"HX-Request": "true"})


def test_who_never_said_anything_is_heard_by_their_id() -> None:
    describe(someone := uuid.uuid4(), "ruth@example.org")
    assert somebody(someone, "auditor").status_code == 403
    assert Change.objects.count() == 0
    answer = somebody(someone)
    assert answer.headers["HX-Redirect"] == address(Person.objects.get(user_id=someone))
    assert Choice.objects.get().frequency == "never"
    change = Change.objects.get()
    assert (change.source, change.reason, bool(change.by)) == ("staff", "Asked on the phone", True)


def test_nobody_is_made_up_by_a_mistyped_id() -> None:
    assert "We know nobody with this id" in somebody(uuid.uuid4()).content.decode()
    assert Person.objects.count() == 0


def test_an_open_digest_is_shown_with_what_it_holds() -> None:
    told = update(reader(), "A well")
    page = at_desk("support").get(address(Window.objects.get())).content.decode()
    assert str(told) in page
    assert "It goes at its time" in page
