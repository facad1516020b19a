"""Every type speaks English, Spanish, French and Arabic."""

from __future__ import annotations

from django.db import migrations

from notify_svc.wording.seeds import refresh


class Migration(migrations.Migration):
    dependencies = [("notify_wording", "0013_words_of_the_catalogue")]
    operations = [migrations.RunPython(refresh, migrations.RunPython.noop)]
