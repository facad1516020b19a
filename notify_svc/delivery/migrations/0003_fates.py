from __future__ import annotations

from django.db import migrations, models

# The same table as `rules.MOVES`, once more where no worker can get around it. A test keeps the two equal.
FORWARD_ONLY = """
CREATE OR REPLACE FUNCTION notify_delivery_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.status || '>' || NEW.status) NOT IN (
        'waiting>queued', 'waiting>failed', 'waiting>canceled', 'queued>sending', 'queued>canceled', 'queued>failed',
        'sending>sent', 'sending>retrying', 'sending>unknown', 'sending>failed', 'sending>canceled',
        'retrying>sending', 'retrying>canceled', 'retrying>failed', 'retrying>delivered', 'retrying>bounced',
        'unknown>sending', 'unknown>canceled', 'unknown>sent', 'unknown>delivered', 'unknown>bounced', 'unknown>failed',
        'failed>delivered', 'sent>delivered', 'sent>bounced', 'delivered>bounced'
    ) THEN
        RAISE EXCEPTION 'a delivery does not go from % to %', OLD.status, NEW.status USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER notify_delivery_forward BEFORE UPDATE OF status ON notify_delivery_delivery
    FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION notify_delivery_forward();
"""
BEFORE = """
CREATE OR REPLACE FUNCTION notify_delivery_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.status || '>' || NEW.status) NOT IN (
        'waiting>queued', 'waiting>failed', 'waiting>canceled', 'queued>sending', 'queued>canceled',
        'sending>sent', 'sending>retrying', 'sending>unknown', 'sending>failed', 'sending>canceled',
        'retrying>sending', 'retrying>canceled', 'unknown>sending', 'unknown>canceled'
    ) THEN
        RAISE EXCEPTION 'a delivery does not go from % to %', OLD.status, NEW.status USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER notify_delivery_forward BEFORE UPDATE OF status ON notify_delivery_delivery
    FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION notify_delivery_forward();
"""
DROP = "DROP TRIGGER notify_delivery_forward ON notify_delivery_delivery;"


class Migration(migrations.Migration):
    dependencies = [
        ("notify_delivery", "0002_forward_only"),
        ("notify_wording", "0008_words_of_trust"),
    ]

    operations = [
        # A column that a trigger watches keeps its type.
        migrations.RunSQL(DROP, BEFORE),
        migrations.SeparateDatabaseAndState(
            # A wider one follows below, in the same transaction. In a list, so that squawk sees the comment.
            database_operations=[
                migrations.RunSQL(
                    [
                        (
                            "-- squawk-ignore ban-drop-constraint\nALTER TABLE notify_delivery_delivery"
                            " DROP CONSTRAINT notify_delivery_status"
                        )
                    ],
                    migrations.RunSQL.noop,
                )
            ],
            state_operations=[migrations.RemoveConstraint(model_name="delivery", name="notify_delivery_status")],
        ),
        migrations.SeparateDatabaseAndState(
            # A wider one follows below, in the same transaction. In a list, so that squawk sees the comment.
            database_operations=[
                migrations.RunSQL(
                    [
                        (
                            "-- squawk-ignore ban-drop-constraint\nALTER TABLE notify_delivery_delivery"
                            " DROP CONSTRAINT notify_delivery_claimed_while_sending"
                        )
                    ],
                    migrations.RunSQL.noop,
                )
            ],
            state_operations=[
                migrations.RemoveConstraint(model_name="delivery", name="notify_delivery_claimed_while_sending")
            ],
        ),
        migrations.AddField(
            model_name="delivery",
            name="bounced_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="delivery",
            name="clicked_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="delivery",
            name="complained_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="delivery",
            name="delivered_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="delivery",
            name="opened_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="delivery",
            name="provider",
            field=models.CharField(blank=True, db_default="", max_length=16),
        ),
        migrations.AddField(
            model_name="delivery",
            name="provider_ref",
            field=models.CharField(blank=True, db_default="", max_length=200),
        ),
        migrations.AddField(
            model_name="notification",
            name="canceled_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="notification",
            name="deleted_at",
            field=models.DateTimeField(
                help_text="Out of the feed for good; the row keeps a repeat from coming", null=True
            ),
        ),
        migrations.AddField(
            model_name="notification",
            name="expires_at",
            field=models.DateTimeField(help_text="From then on it is not sent any more", null=True),
        ),
        migrations.AddField(
            model_name="notification",
            name="test",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.SeparateDatabaseAndState(
            # One letter more: PostgreSQL rewrites nothing for that.
            database_operations=[
                migrations.RunSQL(
                    [
                        (
                            "-- squawk-ignore changing-column-type\nALTER TABLE notify_delivery_delivery"
                            " ALTER COLUMN status TYPE varchar(9)"
                        )
                    ],
                    migrations.RunSQL.noop,
                )
            ],
            state_operations=[
                migrations.AlterField(
                    model_name="delivery",
                    name="status",
                    field=models.CharField(
                        choices=[
                            ("waiting", "waiting"),
                            ("queued", "queued"),
                            ("sending", "sending"),
                            ("retrying", "retrying"),
                            ("unknown", "unknown"),
                            ("sent", "sent"),
                            ("delivered", "delivered"),
                            ("bounced", "bounced"),
                            ("failed", "failed"),
                            ("canceled", "canceled"),
                        ],
                        max_length=9,
                    ),
                )
            ],
        ),
        migrations.AddIndex(
            model_name="delivery",
            index=models.Index(
                condition=models.Q(("provider_ref", ""), _negated=True),
                fields=["provider", "provider_ref"],
                name="notify_delivery_at_provider",
            ),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    (
                        "status__in",
                        (
                            "waiting",
                            "queued",
                            "sending",
                            "retrying",
                            "unknown",
                            "sent",
                            "delivered",
                            "bounced",
                            "failed",
                            "canceled",
                        ),
                    )
                ),
                name="notify_delivery_status",
            ),
        ),
        migrations.AddConstraint(
            model_name="delivery",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("status", "sending"),
                    ("claim__isnull", True),
                    ("status__in", ["bounced", "canceled", "delivered", "failed", "sent"]),
                    _connector="OR",
                ),
                name="notify_delivery_claimed_while_sending",
            ),
        ),
        migrations.RunSQL(FORWARD_ONLY, DROP),
    ]
