"""Running a service: settings, environment, clock, logs, metrics, health, seals, WSGI and Celery."""
