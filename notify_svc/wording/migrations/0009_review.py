from __future__ import annotations

from django.db import migrations, models

# What was sent, or read by a second person, must be readable for ever as it was: words change only while they are a draft.
# Where an edition stands moves along the same table as `rules.STATE_MOVES`; a test keeps the two equal. Who let it speak
# first is written once.
WORDS_STAY = """
CREATE OR REPLACE FUNCTION notify_words_stay() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    life text[] := '{state,published_by,published_at,restored_by,restored_at}';
    pen text[] := '{number,created_by,created_at,two_people,template_id,name,id}';
BEGIN
    IF (to_jsonb(NEW) - life) IS DISTINCT FROM (to_jsonb(OLD) - life) AND NOT (OLD.state = 'draft' AND NEW.state = 'draft')
    THEN
        RAISE EXCEPTION 'words change only while they are a draft' USING ERRCODE = 'check_violation';
    END IF;
    IF EXISTS (SELECT FROM unnest(pen) AS field WHERE to_jsonb(NEW) -> field IS DISTINCT FROM to_jsonb(OLD) -> field) THEN
        RAISE EXCEPTION 'whose an edition is never changes' USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.published_by <> '' AND NEW.published_by <> OLD.published_by THEN
        RAISE EXCEPTION 'who published it is written once' USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.state IS DISTINCT FROM NEW.state AND (OLD.state || '>' || NEW.state) NOT IN (
        'draft>review', 'draft>dropped', 'review>draft', 'review>live', 'review>dropped', 'live>retired', 'retired>live'
    ) THEN
        RAISE EXCEPTION 'an edition does not go from % to %', OLD.state, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
DROP TRIGGER notify_layout_stays ON notify_wording_layout;
CREATE TRIGGER notify_words_stay BEFORE UPDATE ON notify_wording_layout
    FOR EACH ROW EXECUTE FUNCTION notify_words_stay();
CREATE FUNCTION notify_words_are_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'an edition is never deleted; drop it' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER notify_words_are_kept BEFORE DELETE ON notify_wording_templateversion
    FOR EACH ROW EXECUTE FUNCTION notify_words_are_kept();
CREATE TRIGGER notify_words_are_kept BEFORE DELETE ON notify_wording_layout
    FOR EACH ROW EXECUTE FUNCTION notify_words_are_kept();
"""
BACK = """
DROP TRIGGER notify_words_are_kept ON notify_wording_templateversion;
DROP TRIGGER notify_words_are_kept ON notify_wording_layout;
DROP FUNCTION notify_words_are_kept();
DROP TRIGGER notify_words_stay ON notify_wording_layout;
CREATE FUNCTION notify_layout_stays() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'a layout never changes; write the next one' USING ERRCODE = 'check_violation';
END $$;
CREATE TRIGGER notify_layout_stays BEFORE UPDATE ON notify_wording_layout
    FOR EACH ROW EXECUTE FUNCTION notify_layout_stays();
CREATE OR REPLACE FUNCTION notify_words_stay() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF (to_jsonb(NEW) - '{state,published_by,published_at}'::text[])
        IS DISTINCT FROM (to_jsonb(OLD) - '{state,published_by,published_at}'::text[]) THEN
        RAISE EXCEPTION 'the words of a version never change' USING ERRCODE = 'check_violation';
    END IF;
    IF OLD.state IS DISTINCT FROM NEW.state AND (OLD.state, NEW.state) NOT IN
        (('draft', 'live'), ('draft', 'retired'), ('live', 'retired'), ('retired', 'live')) THEN
        RAISE EXCEPTION 'a version does not go from % to %', OLD.state, NEW.state USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
END $$;
"""
# Of several drafts of one template the newest stays open.
ONE_OPEN = """
UPDATE notify_wording_templateversion AS old SET state = 'dropped'
WHERE state = 'draft' AND EXISTS (
    SELECT FROM notify_wording_templateversion AS newer
    WHERE newer.template_id = old.template_id AND newer.state = 'draft' AND newer.number > old.number
);
"""


class Migration(migrations.Migration):
    dependencies = [
        ("notify_wording", "0008_words_of_trust"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="layout",
            options={"ordering": ["name", "-number"]},
        ),
        # A wider one follows below, in the same transaction. In a list, so that squawk sees the comment.
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    [
                        (
                            "-- squawk-ignore ban-drop-constraint\nALTER TABLE notify_wording_templateversion"
                            " DROP CONSTRAINT notify_version_state"
                        )
                    ],
                    migrations.RunSQL.noop,
                )
            ],
            state_operations=[migrations.RemoveConstraint(model_name="templateversion", name="notify_version_state")],
        ),
        migrations.AddField(
            model_name="layout",
            name="blocks",
            field=models.JSONField(db_default=models.Value({}, models.JSONField()), default=dict),
        ),
        migrations.AddField(
            model_name="layout",
            name="created_by",
            field=models.CharField(db_default="seed", max_length=64),
        ),
        migrations.AddField(
            model_name="layout",
            name="edited_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="layout",
            name="edited_by",
            field=models.CharField(blank=True, db_default="", max_length=64),
        ),
        migrations.AddField(
            model_name="layout",
            name="note",
            field=models.CharField(blank=True, db_default="", max_length=200),
        ),
        migrations.AddField(
            model_name="layout",
            name="published_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="layout",
            name="published_by",
            field=models.CharField(blank=True, db_default="", max_length=64),
        ),
        migrations.AddField(
            model_name="layout",
            name="restored_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="layout",
            name="restored_by",
            field=models.CharField(blank=True, db_default="", max_length=64),
        ),
        migrations.AddField(
            model_name="layout",
            name="revision",
            field=models.PositiveIntegerField(db_default=1, default=1),
        ),
        # Frames that are there were born live. In a list, so that squawk sees the comment.
        migrations.SeparateDatabaseAndState(
            database_operations=[
                migrations.RunSQL(
                    [
                        "ALTER TABLE notify_wording_layout ADD COLUMN state varchar(8) DEFAULT 'live' NOT NULL",
                        (
                            "-- squawk-ignore ban-drop-default\nALTER TABLE notify_wording_layout"
                            " ALTER COLUMN state DROP DEFAULT"
                        ),
                    ],
                    "ALTER TABLE notify_wording_layout DROP COLUMN state",
                )
            ],
            state_operations=[
                migrations.AddField(
                    model_name="layout",
                    name="state",
                    field=models.CharField(
                        choices=[
                            ("draft", "draft"),
                            ("review", "review"),
                            ("live", "live"),
                            ("retired", "retired"),
                            ("dropped", "dropped"),
                        ],
                        default="draft",
                        max_length=8,
                    ),
                )
            ],
        ),
        migrations.AddField(
            model_name="layout",
            name="two_people",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddField(
            model_name="templateversion",
            name="edited_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="templateversion",
            name="edited_by",
            field=models.CharField(blank=True, db_default="", max_length=64),
        ),
        migrations.AddField(
            model_name="templateversion",
            name="mjml",
            field=models.TextField(blank=True, db_default=""),
        ),
        migrations.AddField(
            model_name="templateversion",
            name="restored_at",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="templateversion",
            name="restored_by",
            field=models.CharField(blank=True, db_default="", max_length=64),
        ),
        migrations.AddField(
            model_name="templateversion",
            name="revision",
            field=models.PositiveIntegerField(db_default=1, default=1),
        ),
        migrations.AddField(
            model_name="templateversion",
            name="two_people",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AlterField(
            model_name="template",
            name="channel",
            field=models.CharField(
                choices=[("email", "email"), ("in_app", "in_app"), ("push", "push"), ("sms", "sms")], max_length=8
            ),
        ),
        migrations.AlterField(
            model_name="templateversion",
            name="action",
            field=models.TextField(blank=True, help_text="Where a feed entry or a push leads"),
        ),
        migrations.AlterField(
            model_name="templateversion",
            name="created_by",
            field=models.CharField(db_default="seed", max_length=64),
        ),
        migrations.AlterField(
            model_name="templateversion",
            name="note",
            field=models.CharField(blank=True, db_default="", max_length=200),
        ),
        migrations.AlterField(
            model_name="templateversion",
            name="published_by",
            field=models.CharField(blank=True, db_default="", max_length=64),
        ),
        migrations.AlterField(
            model_name="templateversion",
            name="state",
            field=models.CharField(
                choices=[
                    ("draft", "draft"),
                    ("review", "review"),
                    ("live", "live"),
                    ("retired", "retired"),
                    ("dropped", "dropped"),
                ],
                default="draft",
                max_length=8,
            ),
        ),
        migrations.AlterField(
            model_name="templateversion",
            name="subject",
            field=models.TextField(help_text="The subject of a mail, the title of a feed entry or a push"),
        ),
        migrations.AlterField(
            model_name="templateversion",
            name="text",
            field=models.TextField(
                blank=True,
                help_text="The text part of a mail (empty: taken from its HTML), the body of everything else",
            ),
        ),
        migrations.RunSQL(WORDS_STAY, BACK),
        # Nothing calls it any more.
        migrations.RunSQL(
            ["-- squawk-ignore ban-drop-function\nDROP FUNCTION notify_layout_stays()"], migrations.RunSQL.noop
        ),
        migrations.RunSQL(ONE_OPEN, migrations.RunSQL.noop),
        migrations.AddConstraint(
            model_name="layout",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state", "live")), fields=("name",), name="notify_layout_one_live"
            ),
        ),
        migrations.AddConstraint(
            model_name="layout",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ("draft", "review"))), fields=("name",), name="notify_layout_one_open"
            ),
        ),
        migrations.AddConstraint(
            model_name="layout",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ("draft", "review", "live", "retired", "dropped"))),
                name="notify_layout_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="layout",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("two_people", False),
                    models.Q(("published_by", ""), ("state__in", ("draft", "review", "dropped"))),
                    models.Q(
                        models.Q(("state__in", ("draft", "review", "dropped")), _negated=True),
                        models.Q(("published_by", ""), _negated=True),
                        models.Q(("published_by", models.F("created_by")), _negated=True),
                        models.Q(("published_by", models.F("edited_by")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="notify_layout_two_people",
            ),
        ),
        migrations.AddConstraint(
            model_name="templateversion",
            constraint=models.UniqueConstraint(
                condition=models.Q(("state__in", ("draft", "review"))),
                fields=("template",),
                name="notify_version_one_open",
            ),
        ),
        migrations.AddConstraint(
            model_name="templateversion",
            constraint=models.CheckConstraint(
                condition=models.Q(("state__in", ("draft", "review", "live", "retired", "dropped"))),
                name="notify_version_state",
            ),
        ),
        migrations.AddConstraint(
            model_name="templateversion",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("two_people", False),
                    models.Q(("published_by", ""), ("state__in", ("draft", "review", "dropped"))),
                    models.Q(
                        models.Q(("state__in", ("draft", "review", "dropped")), _negated=True),
                        models.Q(("published_by", ""), _negated=True),
                        models.Q(("published_by", models.F("created_by")), _negated=True),
                        models.Q(("published_by", models.F("edited_by")), _negated=True),
                    ),
                    _connector="OR",
                ),
                name="notify_version_two_people",
            ),
        ),
    ]
