"""The Django apps of the access room."""

from __future__ import annotations

from django.apps import AppConfig


class Access(AppConfig):
    name = "bh_sdk.server.access"
    label = "bh_access"
    verbose_name = "Access"
    default_auto_field = "django.db.models.BigAutoField"


class Policies(AppConfig):
    """The table of `casbin-django-orm-adapter`, without its start-up code.

    Its own AppConfig asks the database in `ready()` and builds an enforcer that recurses when the table is missing.
    With BigAutoField it also sees a change of its primary key that it never migrates.
    """

    name = "casbin_adapter"
    verbose_name = "Policies"
    default_auto_field = "django.db.models.AutoField"
