"""Addresses of the desks that name nothing."""

from __future__ import annotations

import pytest

from tests import walk

pytestmark = pytest.mark.django_db


def test_no_dialog_of_any_page_breaks_at_an_id_that_is_none_or_gone() -> None:
    assert len(list(walk.dialogs())) > 10
    assert walk.found_instead_of_said() == []
