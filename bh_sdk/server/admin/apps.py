"""The Django apps of the admin room. Their order in INSTALLED_APPS is `theme.APPS`."""

from __future__ import annotations

from django.apps import AppConfig
from django.conf import settings
from django.contrib.admin.apps import AdminConfig

# Programs that serve no page: they leave every `admin.py`, and the library of widgets behind it, where it is.
PAGELESS = ("worker", "road")


def serves_pages() -> bool:
    """False in a program that nobody can open a page of."""
    return getattr(settings, "BH_PROGRAM", "") not in PAGELESS


class Look(AppConfig):
    """Our templates and styles, before Unfold's, and the checks of admin pages."""

    name = "bh_sdk.server.admin"
    label = "bh_admin"
    verbose_name = "Admin"

    def ready(self) -> None:
        if serves_pages():
            # Registers the checks.
            from bh_sdk.server.admin import checks  # noqa: F401


class House(AdminConfig):
    """`django.contrib.admin` with our site. Unfold's own default config would put another site in its place."""

    default_site = "bh_sdk.server.admin.site.House"

    def ready(self) -> None:
        if serves_pages():
            super().ready()
