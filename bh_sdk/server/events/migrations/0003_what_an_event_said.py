from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("bh_events", "0002_policies")]

    operations = [migrations.AddField(model_name="inbox", name="digest", field=models.BinaryField(null=True))]
