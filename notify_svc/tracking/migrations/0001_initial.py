from __future__ import annotations

import uuid

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="ProviderEvent",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("provider", models.CharField(max_length=16)),
                ("event_id", models.CharField(help_text="The provider's own id of it", max_length=200)),
                ("channel", models.CharField(max_length=8)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("delivered", "delivered"),
                            ("deferred", "deferred"),
                            ("bounced", "bounced"),
                            ("dropped", "dropped"),
                            ("complained", "complained"),
                            ("opened", "opened"),
                            ("clicked", "clicked"),
                            ("unsubscribed", "unsubscribed"),
                        ],
                        max_length=12,
                    ),
                ),
                ("lasting", models.BooleanField(help_text="The address is dead or unwelcome for good")),
                ("code", models.CharField(blank=True, max_length=64)),
                ("delivery_id", models.UUIDField(null=True)),
                ("provider_ref", models.CharField(blank=True, max_length=200)),
                ("address_hash", models.CharField(blank=True, max_length=120)),
                ("at", models.DateTimeField(help_text="By the provider's clock")),
                ("received_at", models.DateTimeField()),
            ],
        ),
        migrations.CreateModel(
            name="Suppression",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("channel", models.CharField(max_length=8)),
                ("address_hash", models.CharField(max_length=120)),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("bounced", "bounced"),
                            ("complained", "complained"),
                            ("kept_bouncing", "kept_bouncing"),
                            ("by_staff", "by_staff"),
                        ],
                        max_length=16,
                    ),
                ),
                ("since", models.DateTimeField()),
                (
                    "added_by",
                    models.CharField(
                        help_text="A person of the staff, or the provider whose word it was", max_length=64
                    ),
                ),
                ("note", models.TextField(blank=True)),
                (
                    "event",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to="notify_tracking.providerevent",
                    ),
                ),
                ("released_at", models.DateTimeField(null=True)),
                ("released_by", models.CharField(blank=True, max_length=64)),
                ("release_note", models.TextField(blank=True)),
            ],
        ),
        migrations.CreateModel(
            name="PendingEvent",
            fields=[
                (
                    "event",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        primary_key=True,
                        related_name="pending",
                        serialize=False,
                        to="notify_tracking.providerevent",
                    ),
                ),
                ("due_at", models.DateTimeField(null=True)),
                ("tries", models.PositiveSmallIntegerField(default=0)),
            ],
        ),
        migrations.AddIndex(
            model_name="providerevent",
            index=models.Index(
                condition=models.Q(("delivery_id__isnull", False)), fields=["delivery_id"], name="notify_event_delivery"
            ),
        ),
        migrations.AddIndex(
            model_name="providerevent",
            index=models.Index(
                condition=models.Q(("provider_ref", ""), _negated=True),
                fields=["provider", "provider_ref"],
                name="notify_event_ref",
            ),
        ),
        migrations.AddIndex(
            model_name="providerevent",
            index=models.Index(
                condition=models.Q(("address_hash", ""), _negated=True),
                fields=["address_hash", "at"],
                name="notify_event_address",
            ),
        ),
        migrations.AddIndex(
            model_name="providerevent",
            index=models.Index(fields=["-received_at", "-id"], name="notify_event_newest"),
        ),
        migrations.AddConstraint(
            model_name="providerevent",
            constraint=models.UniqueConstraint(fields=("provider", "event_id"), name="notify_event_once"),
        ),
        migrations.AddConstraint(
            model_name="providerevent",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        (
                            "delivered",
                            "deferred",
                            "bounced",
                            "dropped",
                            "complained",
                            "opened",
                            "clicked",
                            "unsubscribed",
                        ),
                    )
                ),
                name="notify_event_kind",
            ),
        ),
        migrations.AddIndex(
            model_name="pendingevent",
            index=models.Index(
                condition=models.Q(("due_at__isnull", False)), fields=["due_at"], name="notify_event_due"
            ),
        ),
        migrations.AddIndex(
            model_name="suppression",
            index=models.Index(fields=["address_hash"], name="notify_suppressed_address"),
        ),
        migrations.AddIndex(
            model_name="suppression",
            index=models.Index(fields=["-since", "-id"], name="notify_suppressed_newest"),
        ),
        migrations.AddConstraint(
            model_name="suppression",
            constraint=models.UniqueConstraint(
                condition=models.Q(("released_at__isnull", True)),
                fields=("channel", "address_hash"),
                name="notify_suppressed_once",
            ),
        ),
        migrations.AddConstraint(
            model_name="suppression",
            constraint=models.CheckConstraint(
                condition=models.Q(("reason__in", ("bounced", "complained", "kept_bouncing", "by_staff"))),
                name="notify_suppressed_why",
            ),
        ),
        migrations.AddConstraint(
            model_name="suppression",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("released_at__isnull", True),
                    models.Q(
                        models.Q(("released_by", ""), _negated=True), models.Q(("release_note", ""), _negated=True)
                    ),
                    _connector="OR",
                ),
                name="notify_released_by_somebody",
            ),
        ),
    ]
