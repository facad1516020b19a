"""Staff, policies, revocations, spent assertions."""

from __future__ import annotations

from typing import ClassVar

import django.contrib.auth.validators
import django.contrib.postgres.fields
import django.db.models.functions.datetime
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies: ClassVar = [
        ("casbin_adapter", "0001_initial"),
    ]

    operations: ClassVar = [
        migrations.CreateModel(
            name="Staff",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("password", models.CharField(max_length=128, verbose_name="password")),
                ("last_login", models.DateTimeField(blank=True, null=True, verbose_name="last login")),
                (
                    "username",
                    models.CharField(
                        max_length=150,
                        unique=True,
                        validators=[django.contrib.auth.validators.UnicodeUsernameValidator()],
                    ),
                ),
                (
                    "sub",
                    models.UUIDField(
                        help_text="The person's id at the sign-in service (the `sub` of their tokens).", unique=True
                    ),
                ),
                ("name", models.CharField(blank=True, max_length=150)),
                ("email", models.EmailField(blank=True, max_length=254)),
                (
                    "roles",
                    django.contrib.postgres.fields.ArrayField(
                        base_field=models.CharField(
                            choices=[
                                ("support", "support"),
                                ("finance", "finance"),
                                ("analyst", "analyst"),
                                ("editor", "editor"),
                                ("admin", "admin"),
                                ("auditor", "auditor"),
                            ],
                            max_length=20,
                        ),
                        blank=True,
                        default=list,
                        size=None,
                    ),
                ),
                (
                    "is_active",
                    models.BooleanField(
                        default=True,
                        help_text="Off: the person is signed out here and their tokens are refused at once.",
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
            ],
            options={
                "verbose_name": "member of staff",
                "verbose_name_plural": "staff",
                "ordering": ("username",),
            },
        ),
        migrations.CreateModel(
            name="AccessVersion",
            fields=[
                (
                    "name",
                    models.CharField(
                        choices=[("policy", "Policy"), ("refusals", "Refusals")],
                        max_length=20,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("stamp", models.UUIDField()),
            ],
        ),
        migrations.CreateModel(
            name="Policy",
            fields=[],
            options={
                "verbose_name": "policy",
                "verbose_name_plural": "policies",
                "ordering": ("v1", "v2", "v0"),
                "proxy": True,
                "indexes": [],
                "constraints": [],
            },
            bases=("casbin_adapter.casbinrule",),
        ),
        migrations.CreateModel(
            name="Revocation",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("subject", "every token of a person or service"),
                            ("token", "one token (its jti or session id)"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "value",
                    models.CharField(help_text="The `sub`, or the `jti` or session id of one token.", max_length=200),
                ),
                ("until", models.DateTimeField(blank=True, help_text="Empty: for good.", null=True)),
                ("reason", models.CharField(max_length=200)),
                ("revoked_by", models.CharField(editable=False, max_length=64)),
                (
                    "created_at",
                    models.DateTimeField(db_default=django.db.models.functions.datetime.Now(), editable=False),
                ),
            ],
            options={
                "ordering": ("-created_at",),
                "constraints": [models.UniqueConstraint(fields=("kind", "value"), name="revocation_once")],
            },
        ),
        migrations.CreateModel(
            name="SpentAssertion",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("client_id", models.CharField(max_length=64)),
                ("jti", models.CharField(max_length=200)),
                ("expires_at", models.DateTimeField(db_index=True)),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("client_id", "jti"), name="assertion_once")],
            },
        ),
    ]
