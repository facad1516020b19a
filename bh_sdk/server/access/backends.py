"""Signing in to the admin."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth.backends import BaseBackend

from bh_sdk.server.access.models import Staff

if TYPE_CHECKING:
    from django.http import HttpRequest


class StaffBackend(BaseBackend):
    """User name and password. Deactivated staff are refused, in an open session as well. It gives no rights."""

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
        return staff if staff.check_password(password) and staff.is_active else None

    def get_user(self, user_id: int) -> Staff | None:
        return Staff.objects.filter(pk=user_id, is_active=True).first()
