"""Finding verifications that were taken back without reading all facts."""

from __future__ import annotations

from django.db import migrations

INDEX = "CREATE INDEX trust_fact_taken_back ON trust_evidence_fact (time) WHERE type = 'verification.revoked'"


class Migration(migrations.Migration):
    dependencies = [("trust_verification", "0002_ends")]
    operations = [migrations.RunSQL(INDEX, "DROP INDEX trust_fact_taken_back")]
