"""Words for what databases older than them hear of recurring gifts."""

from __future__ import annotations

from django.db import migrations

from notify_svc.wording.seeds import plant


class Migration(migrations.Migration):
    dependencies = [("notify_wording", "0005_words_of_disputes")]
    operations = [migrations.RunPython(plant, migrations.RunPython.noop)]
