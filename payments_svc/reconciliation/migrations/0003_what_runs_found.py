"""What a run found stays as it was. Of older runs there is what their breaks still say."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

BACKFILL = """
INSERT INTO payments_reconciliation_runbreak (run_id, of_id, kind, key, currency, difference, state, payment_id, at)
SELECT last_run_id, id, kind, key, currency, difference, state, payment_id, at
  FROM payments_reconciliation_break WHERE state <> 'cleared'
"""


class Migration(migrations.Migration):
    dependencies = [
        ("payments_reconciliation", "0002_policies"),
    ]

    operations = [
        migrations.AddField(
            model_name="run",
            name="payouts",
            field=models.JSONField(
                help_text="Payouts to our bank within the window, as they stood at the end", null=True
            ),
        ),
        migrations.CreateModel(
            name="RunBreak",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("kind", models.CharField(max_length=15)),
                ("key", models.CharField(max_length=120)),
                ("currency", models.CharField(max_length=3)),
                ("difference", models.JSONField(help_text="Stripe's net less ours by currency, in minor units")),
                ("state", models.CharField(help_text="Where it stood when the run ended", max_length=10)),
                ("payment_id", models.UUIDField(null=True)),
                ("at", models.DateTimeField(help_text="When the money moved")),
                (
                    "of",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="found_by",
                        to="payments_reconciliation.break",
                    ),
                ),
                (
                    "run",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="found_breaks",
                        to="payments_reconciliation.run",
                    ),
                ),
            ],
            options={
                "verbose_name": "break of a run",
                "verbose_name_plural": "breaks of runs",
                "ordering": ["-at", "id"],
                "constraints": [models.UniqueConstraint(fields=("run", "of"), name="run_break_once")],
            },
        ),
        migrations.RunSQL(BACKFILL, migrations.RunSQL.noop),
    ]
