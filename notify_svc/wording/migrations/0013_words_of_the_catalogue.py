"""The words of every type of the catalogue in every language; facts send words to choose by and days, no phrases."""

from __future__ import annotations

from django.db import migrations

from notify_svc.wording.seeds import refresh


class Migration(migrations.Migration):
    dependencies = [("notify_wording", "0012_two_people_from_the_start")]
    operations = [migrations.RunPython(refresh, migrations.RunPython.noop)]
