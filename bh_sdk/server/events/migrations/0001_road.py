"""The event road's tables, written as SQL; Django is told what they look like."""

from __future__ import annotations

import django.db.models.deletion
from django.db import migrations, models

from bh_sdk.server.events.migrations import _sql as sql

TABLES_AS_MODELS: list[migrations.operations.base.Operation] = [
    migrations.CreateModel(
        name="Checkpoint",
        fields=[
            (
                "pk",
                models.CompositePrimaryKey(
                    "consumer", "source", blank=True, editable=False, primary_key=True, serialize=False
                ),
            ),
            ("consumer", models.TextField()),
            ("source", models.TextField()),
            ("epoch", models.UUIDField()),
            ("number", models.BigIntegerField()),
            ("moved_at", models.DateTimeField()),
        ],
        options={
            "db_table": "checkpoint",
        },
    ),
    migrations.CreateModel(
        name="Epoch",
        fields=[
            ("life", models.BigAutoField(primary_key=True, serialize=False)),
            ("epoch", models.UUIDField(unique=True)),
            ("begins", models.BigIntegerField()),
            ("reason", models.TextField()),
            ("began_at", models.DateTimeField()),
        ],
        options={
            "db_table": "epoch",
            "ordering": ("life",),
        },
    ),
    migrations.CreateModel(
        name="FeedHead",
        fields=[
            ("one", models.BooleanField(default=True, primary_key=True, serialize=False)),
            ("epoch", models.UUIDField()),
            ("number", models.BigIntegerField()),
            ("published", models.BigIntegerField()),
            ("chain", models.BinaryField()),
            ("home", models.TextField()),
        ],
        options={
            "db_table": "feed_head",
        },
    ),
    migrations.CreateModel(
        name="Inbox",
        fields=[
            (
                "pk",
                models.CompositePrimaryKey(
                    "source", "event_id", blank=True, editable=False, primary_key=True, serialize=False
                ),
            ),
            ("source", models.TextField()),
            ("event_id", models.UUIDField()),
            ("type", models.TextField()),
            ("received_at", models.DateTimeField()),
        ],
        options={
            "db_table": "inbox",
        },
    ),
    migrations.CreateModel(
        name="Outbox",
        fields=[
            ("position", models.BigIntegerField(primary_key=True, serialize=False)),
        ],
        options={
            "db_table": "outbox",
        },
    ),
    migrations.CreateModel(
        name="Seal",
        fields=[
            ("first", models.BigIntegerField(primary_key=True, serialize=False)),
            ("last", models.BigIntegerField()),
            ("hash", models.BinaryField()),
        ],
        options={
            "db_table": "seal",
            "ordering": ("first",),
        },
    ),
    migrations.CreateModel(
        name="DeadLetter",
        fields=[
            ("id", models.BigAutoField(primary_key=True, serialize=False)),
            ("consumer", models.TextField()),
            ("source", models.TextField()),
            ("subject", models.TextField()),
            ("event_id", models.UUIDField()),
            ("type", models.TextField()),
            ("number", models.BigIntegerField()),
            ("event", models.JSONField()),
            ("reason", models.TextField()),
            ("attempts", models.IntegerField()),
            (
                "state",
                models.TextField(
                    choices=[("parked", "Parked"), ("replayed", "Replayed"), ("discarded", "Discarded")],
                    default="parked",
                ),
            ),
            ("parked_at", models.DateTimeField()),
            ("settled_at", models.DateTimeField(null=True)),
            ("settled_by", models.TextField(null=True)),
            ("note", models.TextField(default="")),
        ],
        options={
            "verbose_name": "dead letter",
            "db_table": "dead_letter",
            "ordering": ("id",),
            "indexes": [
                models.Index(
                    condition=models.Q(("state", "parked")),
                    fields=["consumer", "source", "subject"],
                    name="dead_letter_parked",
                )
            ],
            "constraints": [
                models.UniqueConstraint(fields=("consumer", "source", "event_id"), name="dead_letter_event")
            ],
        },
    ),
    migrations.CreateModel(
        name="RecordedEvent",
        fields=[
            ("position", models.BigAutoField(primary_key=True, serialize=False)),
            ("id", models.UUIDField(unique=True)),
            ("aggregatetype", models.TextField()),
            ("aggregateid", models.UUIDField()),
            ("sequence", models.BigIntegerField()),
            ("type", models.TextField()),
            ("payload", models.JSONField()),
            ("digest", models.BinaryField()),
            ("traceparent", models.TextField(null=True)),
            ("actor", models.TextField()),
            ("created_at", models.DateTimeField()),
        ],
        options={
            "verbose_name": "fact",
            "db_table": "event",
            "ordering": ("position",),
            "constraints": [
                models.UniqueConstraint(
                    fields=("aggregatetype", "aggregateid", "sequence"), name="event_subject_sequence"
                )
            ],
        },
    ),
    migrations.CreateModel(
        name="FeedEntry",
        fields=[
            ("number", models.BigIntegerField(primary_key=True, serialize=False)),
            ("numbered_at", models.DateTimeField()),
            (
                "position",
                models.OneToOneField(
                    db_column="position",
                    on_delete=django.db.models.deletion.DO_NOTHING,
                    related_name="entry",
                    to="bh_events.recordedevent",
                ),
            ),
        ],
        options={
            "db_table": "feed",
            "ordering": ("number",),
        },
    ),
]


class Migration(migrations.Migration):
    initial = True

    operations = [
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(sql.TABLES, sql.DROP_TABLES),
                migrations.RunSQL(sql.RECORD, sql.DROP_RECORD),
                migrations.RunSQL(sql.ENVELOPE, sql.DROP_ENVELOPE),
                migrations.RunSQL(sql.GUARDS, sql.DROP_GUARDS),
            ],
            state_operations=TABLES_AS_MODELS,
        )
    ]
