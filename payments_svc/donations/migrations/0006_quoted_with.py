from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments_donations", "0005_canceling")]
    operations = [
        migrations.AddField(
            model_name="payment",
            name="platform_rate_id",
            field=models.UUIDField(help_text="The rate its platform fee was agreed with", null=True),
        ),
        migrations.AddField(
            model_name="payment",
            name="processing_rate_id",
            field=models.UUIDField(help_text="The rate its processing fee was estimated with", null=True),
        ),
    ]
