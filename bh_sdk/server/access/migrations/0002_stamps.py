"""Every change of policies, staff and revocations changes a stamp, whoever makes it and by whichever tool."""

from __future__ import annotations

from typing import ClassVar

from django.db import migrations

FUNCTION = """
CREATE FUNCTION bh_access_stamp() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO bh_access_accessversion (name, stamp) VALUES (TG_ARGV[0], gen_random_uuid())
    ON CONFLICT (name) DO UPDATE SET stamp = excluded.stamp;
    RETURN NULL;
END $$
"""

# What is watched: (table, when, name of the stamp). A sign-in writes last_login only and changes no stamp.
WATCHED = (
    ("casbin_rule", "INSERT OR UPDATE OR DELETE", "policy"),
    ("bh_access_revocation", "INSERT OR UPDATE OR DELETE", "refusals"),
    ("bh_access_staff", "INSERT OR UPDATE OF is_active, sub OR DELETE", "refusals"),
)


def trigger(table: str, when: str, name: str) -> migrations.RunSQL:
    return migrations.RunSQL(
        f"CREATE TRIGGER bh_access_stamp AFTER {when} ON {table} "
        f"FOR EACH STATEMENT EXECUTE FUNCTION bh_access_stamp('{name}')",
        f"DROP TRIGGER bh_access_stamp ON {table}",
    )


class Migration(migrations.Migration):
    dependencies: ClassVar = [("bh_access", "0001_initial")]

    operations: ClassVar = [
        migrations.RunSQL(FUNCTION, "DROP FUNCTION bh_access_stamp()"),
        *(trigger(*watched) for watched in WATCHED),
        # The adapter's table would take the same line twice, and then deleting one of them would change nothing.
        migrations.RunSQL(
            "CREATE UNIQUE INDEX casbin_rule_once ON casbin_rule (ptype, v0, v1, v2, v3, v4, v5)",
            "DROP INDEX casbin_rule_once",
        ),
    ]
