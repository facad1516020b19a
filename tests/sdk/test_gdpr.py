"""One person's data, through the fakes: taken along by its owner or the platform, erased by the platform alone."""

from __future__ import annotations

import uuid

import pytest

from bh_sdk.errors import Forbidden, NotFound
from bh_sdk.testing.notify import FakeNotify, NotifyWorld


def test_a_person_is_taken_along_and_stays_erased() -> None:
    world = NotifyWorld()
    platform, ruth = FakeNotify(as_service="monolith", world=world), FakeNotify(as_user=uuid.uuid4(), world=world)
    user_id = uuid.uuid4()
    platform.describe_contact(user_id, email="ruth@example.org", name="Ruth")
    platform.send(recipient_ids=[user_id], type="welcome", data={"name": "Ruth"})
    known = platform.export_person(user_id)
    assert known.profile is not None
    assert known.profile.email == "ruth@example.org"
    assert [one.type for one in known.notifications] == ["welcome"]
    with pytest.raises(NotFound):
        ruth.export_person(user_id)
    with pytest.raises(Forbidden):
        ruth.erase_person(user_id)
    first, second = platform.erase_person(user_id), platform.erase_person(user_id)
    assert first == second
    platform.describe_contact(user_id, email="ruth@example.org")
    left = platform.export_person(user_id)
    assert (left.profile, left.notifications) == (None, [])
