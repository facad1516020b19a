"""The Django apps of the admin room. Their order in INSTALLED_APPS is `theme.APPS`."""

from __future__ import annotations

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class Look(AppConfig):
    """Our templates and styles, before Unfold's, and the checks of admin pages."""

    name = "bh_sdk.server.admin"
    label = "bh_admin"
    verbose_name = "Admin"

    def ready(self) -> None:
        # Registers the checks.
        from bh_sdk.server.admin import checks  # noqa: F401


class House(AdminConfig):
    """`django.contrib.admin` with our site. Unfold's own default config would put another site in its place."""

    default_site = "bh_sdk.server.admin.site.House"
