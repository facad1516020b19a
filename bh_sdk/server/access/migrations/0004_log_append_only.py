"""The admin's log of who did what is only added to: no row of it changes or goes, whoever asks and by whichever tool.

A person who left is made inactive and not deleted, because the log names them.
"""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations

GUARD = """
CREATE FUNCTION bh_access_log_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the log of the admin is append-only: % is refused', TG_OP USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER admin_log_append_only BEFORE UPDATE OR DELETE ON django_admin_log
    FOR EACH ROW EXECUTE FUNCTION bh_access_log_refuse();
ALTER TABLE django_admin_log ENABLE ALWAYS TRIGGER admin_log_append_only;
"""

UNGUARD = """
DROP TRIGGER admin_log_append_only ON django_admin_log;
DROP FUNCTION bh_access_log_refuse();
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("bh_access", "0003_policies"),
        ("admin", "0003_logentry_add_action_flag_choices"),
    ]

    operations: ClassVar = [migrations.RunSQL(GUARD, UNGUARD)]
