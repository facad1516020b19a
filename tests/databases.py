"""Databases for tests: cloned from a migrated template, and put back the way they were after each test that commits."""

from __future__ import annotations

from dataclasses import dataclass, field

import psycopg
from psycopg import sql

from deploy.local.postgres import Cluster

# Written by migrations and by nobody afterwards.
FIXED = {"django_migrations", "django_content_type", "auth_permission"}


def clone(cluster: Cluster, template: str, name: str) -> str:
    """Make database `name` a copy of `template`; returns its URL for the role that services use."""
    with psycopg.connect(cluster.url("postgres"), autocommit=True) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
        words = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER bh_owner STRATEGY file_copy")
        connection.execute(words.format(sql.Identifier(name), sql.Identifier(template)))
    return cluster.url(name, "bh_app")


@dataclass
class Seeds:
    """The rows that migrations left in a database (policies, templates, currencies), to restore them after a flush.

    `url` must be a superuser's: services may not truncate, and foreign keys are not checked row by row while restoring.
    """

    url: str
    tables: list[str] = field(default_factory=list)
    rows: dict[str, bytes] = field(default_factory=dict)

    def remember(self) -> None:
        """Read all rows there are now."""
        with psycopg.connect(self.url) as connection:
            found = connection.execute(
                "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> ALL(%s) ORDER BY 1",
                [list(FIXED)],
            )
            self.tables = [name for (name,) in found]
            for table in self._filled(connection):
                with connection.cursor().copy(sql.SQL("COPY {} TO STDOUT").format(sql.Identifier(table))) as rows:
                    self.rows[table] = b"".join(bytes(part) for part in rows)

    def put_back(self) -> None:
        """Empty every table and write the remembered rows again."""
        with psycopg.connect(self.url) as connection:
            # A test that left a transaction open is told so, instead of hanging here.
            connection.execute("SET lock_timeout = '10s'")
            connection.execute("SET session_replication_role = replica")
            if filled := self._filled(connection):
                names = sql.SQL(", ").join(map(sql.Identifier, filled))
                connection.execute(sql.SQL("TRUNCATE {} CASCADE").format(names))
            for table, rows in self.rows.items():
                with connection.cursor().copy(sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))) as sink:
                    sink.write(rows)

    def _filled(self, connection: psycopg.Connection[tuple[object, ...]]) -> list[str]:
        one = sql.SQL("SELECT {} WHERE EXISTS (SELECT FROM {})")
        asks = [one.format(sql.Literal(table), sql.Identifier(table)) for table in self.tables]
        if not asks:
            return []
        return [str(name) for (name,) in connection.execute(sql.SQL(" UNION ALL ").join(asks))]
