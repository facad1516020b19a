"""Disputes become cases: what moved, what the bank says, what we tell it."""

from __future__ import annotations

import uuid

import django.db.models.deletion
from django.db import migrations, models

import bh_sdk.server.ops.sealed


class Migration(migrations.Migration):
    dependencies = [
        ("payments_disputes", "0001_initial"),
        ("payments_donations", "0006_quoted_with"),
    ]

    operations = [
        migrations.CreateModel(
            name="EvidenceFile",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                (
                    "dispute",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="files",
                        to="payments_disputes.dispute",
                    ),
                ),
                ("kind", models.CharField(help_text="Stripe's field", max_length=50)),
                ("name", bh_sdk.server.ops.sealed.SealedField(help_text="What its owner called it")),
                ("content_type", models.CharField(max_length=40)),
                ("size", models.PositiveIntegerField()),
                ("stored_as", models.CharField(max_length=200)),
                ("stripe_id", models.CharField(max_length=110, null=True)),
                ("added_by", models.UUIDField()),
                ("added_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["added_at"],
            },
        ),
        migrations.CreateModel(
            name="Movement",
            fields=[
                ("stripe_id", models.CharField(max_length=110, primary_key=True, serialize=False)),
                (
                    "dispute",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="movements",
                        to="payments_disputes.dispute",
                    ),
                ),
                ("amount", models.BigIntegerField()),
                (
                    "fee",
                    models.BigIntegerField(help_text="What Stripe took for it; below zero when it gave a fee back"),
                ),
                (
                    "written_off",
                    models.BooleanField(
                        default=False, help_text="The dispute is lost, and the campaign is owed that less"
                    ),
                ),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "ordering": ["created_at", "stripe_id"],
            },
        ),
        migrations.CreateModel(
            name="Warned",
            fields=[
                ("stripe_id", models.CharField(max_length=110, primary_key=True, serialize=False)),
                (
                    "payment",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="warnings",
                        to="payments_donations.payment",
                    ),
                ),
                ("fraud_type", models.CharField(max_length=60)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "verbose_name": "early fraud warning",
                "ordering": ["-created_at"],
            },
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[
                # Replaced below by one that knows more states: nothing that holds today is lost.
                migrations.RunSQL(
                    [
                        (
                            "-- squawk-ignore ban-drop-constraint\nALTER TABLE payments_disputes_dispute"
                            " DROP CONSTRAINT dispute_status_known"
                        )
                    ],
                    [
                        (
                            "ALTER TABLE payments_disputes_dispute ADD CONSTRAINT dispute_status_known"
                            " CHECK (status IN ('open', 'won', 'lost'))"
                        )
                    ],
                )
            ],
            state_operations=[migrations.RemoveConstraint(model_name="dispute", name="dispute_status_known")],
        ),
        migrations.AddField(
            model_name="dispute",
            name="answered_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="dispute",
            name="attempts",
            field=models.PositiveIntegerField(default=0, db_default=0),
        ),
        migrations.AddField(
            model_name="dispute",
            name="disputed_at",
            field=models.DateTimeField(help_text="When we learned that it is more than an inquiry", null=True),
        ),
        migrations.AddField(
            model_name="dispute",
            name="due_at",
            field=models.DateTimeField(help_text="When to tell Stripe (again)", null=True),
        ),
        migrations.AddField(
            model_name="dispute",
            name="evidence",
            field=bh_sdk.server.ops.sealed.SealedField(
                help_text="What is written for the bank: JSON, Stripe's field to text", null=True
            ),
        ),
        migrations.AddField(
            model_name="dispute",
            name="evidence_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="dispute",
            name="evidence_by",
            field=models.UUIDField(help_text="Who wrote last", null=True),
        ),
        migrations.AddField(
            model_name="dispute",
            name="evidence_due_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="dispute",
            name="fee",
            field=models.BigIntegerField(default=0, db_default=0, help_text="What the case has cost us so far"),
        ),
        migrations.AddField(
            model_name="dispute",
            name="last_error",
            field=models.CharField(max_length=300, null=True),
        ),
        migrations.AddField(
            model_name="dispute",
            name="opened_at",
            field=models.DateTimeField(help_text="When Stripe heard of it", null=True),
        ),
        migrations.AddField(
            model_name="dispute",
            name="reason",
            field=models.CharField(help_text="The bank's, in Stripe's words", max_length=50, null=True),
        ),
        migrations.AddField(
            model_name="dispute",
            name="stripe_status",
            field=models.CharField(
                default="needs_response", db_default="needs_response", help_text="In Stripe's words", max_length=40
            ),
        ),
        migrations.AddField(
            model_name="dispute",
            name="submissions",
            field=models.PositiveSmallIntegerField(
                default=0, db_default=0, help_text="How often evidence went to the bank"
            ),
        ),
        migrations.AddField(
            model_name="dispute",
            name="wanted",
            field=models.CharField(
                help_text="What staff decided and Stripe has not confirmed yet", max_length=10, null=True
            ),
        ),
        migrations.AddField(
            model_name="dispute",
            name="wanted_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="dispute",
            name="wanted_by",
            field=models.UUIDField(null=True),
        ),
        migrations.AlterField(
            model_name="dispute",
            name="amount",
            field=models.BigIntegerField(help_text="What is disputed; may be less than was charged"),
        ),
        migrations.AlterField(
            model_name="dispute",
            name="created_at",
            field=models.DateTimeField(help_text="When we did"),
        ),
        migrations.AddIndex(
            model_name="dispute",
            index=models.Index(condition=models.Q(("due_at__isnull", False)), fields=["due_at"], name="dispute_due"),
        ),
        migrations.AddConstraint(
            model_name="dispute",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["inquiry", "open", "answered", "won", "lost", "closed"])),
                name="dispute_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="dispute",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("wanted__isnull", True),
                    models.Q(
                        ("wanted__in", ("submit", "accept")), ("wanted_at__isnull", False), ("wanted_by__isnull", False)
                    ),
                    _connector="OR",
                ),
                name="dispute_wanted_by_somebody",
            ),
        ),
        migrations.AddConstraint(
            model_name="evidencefile",
            constraint=models.UniqueConstraint(fields=("dispute", "kind"), name="evidence_file_once_a_kind"),
        ),
        migrations.AddConstraint(
            model_name="evidencefile",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "kind__in",
                        [
                            "customer_communication",
                            "receipt",
                            "service_documentation",
                            "refund_policy",
                            "customer_signature",
                            "duplicate_charge_documentation",
                            "cancellation_policy",
                            "uncategorized_file",
                        ],
                    )
                ),
                name="evidence_file_kind_known",
            ),
        ),
    ]
