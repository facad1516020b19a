from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("notify_audience", "0004_lists_of_people")]
    operations = [
        migrations.CreateModel(
            name="Raised",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("campaign_id", models.UUIDField()),
                ("currency", models.CharField(max_length=3)),
                ("amount", models.BigIntegerField(default=0, help_text="Minor units")),
            ],
            options={
                "verbose_name_plural": "raised",
                "constraints": [models.UniqueConstraint(fields=("campaign_id", "currency"), name="notify_raised_once")],
            },
        ),
        migrations.AddField(
            model_name="campaign",
            name="ends_at",
            field=models.DateTimeField(help_text="Until when gifts are taken; empty when none are", null=True),
        ),
        migrations.AddField(
            model_name="campaign",
            name="goal",
            field=models.BigIntegerField(help_text="Minor units", null=True),
        ),
        migrations.AddField(
            model_name="gift",
            name="amount",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="gift",
            name="refunded",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
    ]
