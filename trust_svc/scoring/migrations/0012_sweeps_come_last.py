"""What a sweep asks for comes after all that is new."""

from __future__ import annotations

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("trust_scoring", "0011_epochs")]
    operations = [
        migrations.AddField("due", "bulk", models.BooleanField(db_default=False)),
        AddIndexConcurrently("due", models.Index(fields=["-urgent", "bulk", "due_at"], name="trust_due_lanes")),
        RemoveIndexConcurrently("due", "trust_due_urgent_next"),
    ]
