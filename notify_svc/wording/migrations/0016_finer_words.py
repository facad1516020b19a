"""French keeps its signs with their words; the thanks for a recurring gift leads to it by a link."""

from __future__ import annotations

from django.db import migrations

from notify_svc.wording.seeds import refresh


class Migration(migrations.Migration):
    dependencies = [("notify_wording", "0015_gifts_that_followers_see")]
    operations = [migrations.RunPython(refresh, migrations.RunPython.noop)]
