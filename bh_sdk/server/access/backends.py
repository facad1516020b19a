"""Signing in to the admin."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from django.contrib.auth.backends import BaseBackend

from bh_sdk.server.access import watch
from bh_sdk.server.access.models import Staff

if TYPE_CHECKING:
    from django.http import HttpRequest


class StaffBackend(BaseBackend):
    """User name and password. Deactivated and revoked staff are refused, in an open session as well. No rights here."""

    def authenticate(
        self,
        request: HttpRequest | None,  # Django's interface
        username: str | None = None,
        password: str | None = None,
        **_: object,
    ) -> Staff | None:
        if not username or password is None:
            return None
        staff = Staff.objects.filter(username=username).first()
        if staff is None:
            # As slow as a wrong password, so that names cannot be found out.
            Staff().set_password(password)
            return None
        return staff if staff.check_password(password) and _let_in(staff) else None

    def get_user(self, user_id: int) -> Staff | None:
        staff = Staff.objects.filter(pk=user_id).first()
        return staff if staff is not None and _let_in(staff) else None


def _let_in(staff: Staff) -> bool:
    """A revocation of a person ends their sessions as it ends their tokens."""
    refusals = watch.current().refusals()
    return staff.is_active and not refusals.refuse(subject=str(staff.sub), token_ids=(), now=time.time())
