"""Words for what databases older than them hear of decisions of trust."""

from __future__ import annotations

from django.db import migrations

from notify_svc.wording.seeds import plant


class Migration(migrations.Migration):
    dependencies = [("notify_wording", "0007_words_of_receipts")]
    operations = [migrations.RunPython(plant, migrations.RunPython.noop)]
