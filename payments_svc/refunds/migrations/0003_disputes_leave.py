"""Disputes became a slice of their own; their table goes with them as it is."""

from __future__ import annotations

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("payments_refunds", "0002_moves"), ("payments_disputes", "0001_initial")]
    operations = [
        migrations.SeparateDatabaseAndState(state_operations=[migrations.DeleteModel("Dispute")]),
    ]
