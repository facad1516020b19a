"""Words of digests, for databases that were there before them."""

from __future__ import annotations

from django.db import migrations

from notify_svc.wording.seeds import plant


class Migration(migrations.Migration):
    dependencies = [("notify_digests", "0001_initial"), ("notify_wording", "0010_the_second_frame")]
    operations = [migrations.RunPython(plant, migrations.RunPython.noop)]
