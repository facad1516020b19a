from __future__ import annotations

from django.db import migrations, models

DROP = "DROP INDEX CONCURRENTLY IF EXISTS trust_one_open_report"
MAKE = """
CREATE UNIQUE INDEX CONCURRENTLY trust_one_open_report ON trust_reports_report (reporter_id, entity_kind, entity_id)
 WHERE state = 'open'
"""


class Migration(migrations.Migration):
    # An index is dropped while others go on writing, once the one that takes its place is there.
    atomic = False

    dependencies = [("trust_reports", "0001_initial")]

    operations = [
        migrations.AddField(model_name="report", name="told_as", field=models.TextField(null=True)),
        migrations.AddConstraint(
            model_name="report",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "open"), ("told_as", None)),
                fields=("reporter_id", "entity_kind", "entity_id"),
                name="trust_one_open_report_here",
            ),
        ),
        migrations.AddConstraint(
            model_name="report",
            constraint=models.UniqueConstraint(
                condition=models.Q(("told_as__isnull", False)),
                fields=("entity_kind", "entity_id", "told_as"),
                name="trust_report_told_once",
            ),
        ),
        migrations.SeparateDatabaseAndState(
            database_operations=[migrations.RunSQL(DROP, MAKE)],
            state_operations=[migrations.RemoveConstraint(model_name="report", name="trust_one_open_report")],
        ),
    ]
