from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments_gateway", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="stripeevent",
            name="account",
            field=models.CharField(
                help_text="The connected account it belongs to; empty for ours", max_length=110, null=True
            ),
        ),
        migrations.AddField(
            model_name="stripeevent",
            name="object_id",
            field=models.CharField(help_text="What the event is about", max_length=110, null=True),
        ),
    ]
