from __future__ import annotations

from django.db import migrations, models

# The same table as `rules.MAILING_MOVES`, once more where no worker can get around it. A test keeps the two equal.
FORWARD_ONLY = """
CREATE FUNCTION notify_mailing_forward() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (OLD.status || '>' || NEW.status) NOT IN (
        'open>done', 'open>expired', 'open>canceling', 'done>canceling', 'expired>canceling', 'canceling>canceled'
    ) THEN
        RAISE EXCEPTION 'a mailing does not go from % to %', OLD.status, NEW.status USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER notify_mailing_forward BEFORE UPDATE OF status ON notify_delivery_mailing
    FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status) EXECUTE FUNCTION notify_mailing_forward();
"""
BACK = """
DROP TRIGGER notify_mailing_forward ON notify_delivery_mailing;
DROP FUNCTION notify_mailing_forward();
"""


class Migration(migrations.Migration):
    dependencies = [
        ("notify_delivery", "0007_words_go"),
    ]

    operations = [
        migrations.SeparateDatabaseAndState(
            # A wider one follows below, in the same transaction. In a list, so that squawk sees the comment.
            database_operations=[
                migrations.RunSQL(
                    [
                        (
                            "-- squawk-ignore ban-drop-constraint\nALTER TABLE notify_delivery_mailing"
                            " DROP CONSTRAINT notify_mailing_status"
                        )
                    ],
                    migrations.RunSQL.noop,
                )
            ],
            state_operations=[migrations.RemoveConstraint(model_name="mailing", name="notify_mailing_status")],
        ),
        migrations.AddField(
            model_name="mailing",
            name="languages",
            field=models.JSONField(
                db_default=models.Value([], models.JSONField()),
                default=list,
                help_text="Only who reads one of these; empty: all",
            ),
        ),
        migrations.AddField(
            model_name="mailing",
            name="list_id",
            field=models.UUIDField(help_text="The list of people, of an audience that is one", null=True),
        ),
        migrations.AddField(
            model_name="mailing",
            name="paused_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="mailing",
            name="per_minute",
            field=models.PositiveIntegerField(help_text="So many people are told in a minute at most", null=True),
        ),
        migrations.AlterField(
            model_name="mailing",
            name="audience",
            field=models.CharField(
                choices=[
                    ("donors", "donors"),
                    ("followers", "followers"),
                    ("consented", "consented"),
                    ("listed", "listed"),
                    ("named", "named"),
                ],
                max_length=9,
            ),
        ),
        migrations.AlterField(
            model_name="mailing",
            name="campaign_id",
            field=models.UUIDField(null=True),
        ),
        migrations.AlterField(
            model_name="mailing",
            name="status",
            field=models.CharField(
                choices=[
                    ("open", "open"),
                    ("done", "done"),
                    ("expired", "expired"),
                    ("canceling", "canceling"),
                    ("canceled", "canceled"),
                ],
                max_length=9,
            ),
        ),
        migrations.AddIndex(
            model_name="mailing",
            index=models.Index(fields=["-created_at", "-id"], name="notify_mailing_newest"),
        ),
        migrations.AddConstraint(
            model_name="mailing",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ("open", "done", "expired", "canceling", "canceled"))),
                name="notify_mailing_status",
            ),
        ),
        migrations.RunSQL(FORWARD_ONLY, BACK),
    ]
