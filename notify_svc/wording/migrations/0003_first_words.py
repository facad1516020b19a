from __future__ import annotations

from django.db import migrations

from notify_svc.wording.seeds import plant


class Migration(migrations.Migration):
    dependencies = [("notify_wording", "0002_words_stay")]
    operations = [migrations.RunPython(plant, migrations.RunPython.noop)]
