"""The stream of feeds: a program of its own (`python -m notify_svc.stream`) that holds many open connections, and no models.

PostgreSQL is the truth and the only thing it asks. A notification of the database says who has news; should it get lost,
the next sweep finds them. What a stream has told is the number of the last change, which the browser gives back to go on.
"""
