"""Words for followers of a campaign that gifts come to."""

from __future__ import annotations

from django.db import migrations

from notify_svc.wording.seeds import refresh


class Migration(migrations.Migration):
    dependencies = [("notify_wording", "0014_four_languages")]
    operations = [migrations.RunPython(refresh, migrations.RunPython.noop)]
