#!/bin/bash
# Runs once, in an empty PostgreSQL: a database per service, its owner who migrates and the app that only works with rows.
# Names and passwords are read from the addresses that the services' secrets hold.
set -euo pipefail

part() { # ADDRESS PART: user, password or database of postgresql://user:password@host/database
  sed -E "s#^postgresql://([^:]+):([^@]+)@[^/]+/(.+)\$#\\$2#" <<<"$1"
}

for service in payments trust notify; do
  app=$(cat "/run/secrets/$service-database")
  owner=$(cat "/run/secrets/$service-owner")
  psql --quiet --set ON_ERROR_STOP=1 --username postgres --dbname postgres \
    --set database="$(part "$app" 3)" \
    --set app="$(part "$app" 1)" --set app_password="$(part "$app" 2)" \
    --set owner="$(part "$owner" 1)" --set owner_password="$(part "$owner" 2)" <<'SQL'
SELECT format('CREATE ROLE %I LOGIN', :'owner') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'owner') \gexec
SELECT format('CREATE ROLE %I LOGIN', :'app') WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = :'app') \gexec
ALTER ROLE :"owner" PASSWORD :'owner_password';
ALTER ROLE :"app" PASSWORD :'app_password';
CREATE DATABASE :"database" OWNER :"owner";
\connect :"database"
ALTER SCHEMA public OWNER TO :"owner";
GRANT USAGE ON SCHEMA public TO :"app";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO :"app";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public GRANT USAGE, SELECT ON SEQUENCES TO :"app";
ALTER DEFAULT PRIVILEGES FOR ROLE :"owner" IN SCHEMA public GRANT EXECUTE ON FUNCTIONS TO :"app";
SQL
done
