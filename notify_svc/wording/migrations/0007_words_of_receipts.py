"""Words for what databases older than them hear of tax receipts."""

from __future__ import annotations

from django.db import migrations

from notify_svc.wording.seeds import plant


class Migration(migrations.Migration):
    dependencies = [("notify_wording", "0006_words_of_recurring_gifts")]
    operations = [migrations.RunPython(plant, migrations.RunPython.noop)]
