"""Disputes come from the refunds' slice with their rows, their guard and their table, which only changes its name."""

from __future__ import annotations

import uuid

import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    initial = True

    dependencies = [("payments_donations", "0001_initial"), ("payments_refunds", "0002_moves")]

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                # Nothing is released yet, so nothing still reads the old name. In a list, so that squawk sees the comment.
                migrations.RunSQL(
                    [
                        "-- squawk-ignore renaming-table\nALTER TABLE payments_refunds_dispute RENAME TO payments_disputes_dispute"
                    ],
                    ["ALTER TABLE payments_disputes_dispute RENAME TO payments_refunds_dispute"],
                )
            ],
            state_operations=[
                migrations.CreateModel(
                    name="Dispute",
                    fields=[
                        ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                        ("stripe_id", models.CharField(max_length=110, unique=True)),
                        ("amount", models.BigIntegerField()),
                        ("currency", models.CharField(max_length=3)),
                        ("status", models.CharField(max_length=20)),
                        ("created_at", models.DateTimeField()),
                        ("closed_at", models.DateTimeField(null=True)),
                        (
                            "payment",
                            models.ForeignKey(
                                on_delete=django.db.models.deletion.PROTECT,
                                related_name="disputes",
                                to="payments_donations.payment",
                            ),
                        ),
                    ],
                    options={
                        "ordering": ["-created_at"],
                        "constraints": [
                            models.CheckConstraint(
                                condition=models.Q(("amount__gt", 0)), name="dispute_amount_positive"
                            ),
                            models.CheckConstraint(
                                condition=models.Q(("status__in", ["open", "won", "lost"])),
                                name="dispute_status_known",
                            ),
                        ],
                    },
                ),
            ],
        )
    ]
