"""The order of the queue without urgency is no longer asked for."""

from __future__ import annotations

from django.contrib.postgres.operations import RemoveIndexConcurrently
from django.db import migrations


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("trust_scoring", "0004_answers_that_moved")]
    operations = [RemoveIndexConcurrently("due", "trust_due_next")]
