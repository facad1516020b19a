"""Django's PostgreSQL backend, made to outlive a restart of the server."""
