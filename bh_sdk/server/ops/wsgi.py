"""The API program of a service, for Granian.

Before everything stands `bh_sdk.server.api.early.Early`, which gives out public answers that are kept ready. Behind it are
two handlers in one process: `bh_sdk.server.api.doors.Doors` stands before Django's middleware, answers `/api`, `/oauth2`,
`/.well-known` and the probes itself through a handler without any, and hands the rest (admin, staff) to the full one.
On SIGTERM Granian accepts nothing more, lets running requests end, and exits.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from bh_sdk.server.api.early import Early


def application_for(service: str, settings_module: str | None = None) -> Early:
    """The WSGI application of `service` (`payments` reads `payments_svc.settings`).

    `payments_svc/wsgi.py` is `application = application_for("payments")`.
    """
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", settings_module or f"{service}_svc.settings")
    os.environ.setdefault("BH_PROGRAM", "api")

    from django.core import checks
    from django.core.management.base import SystemCheckError
    from django.core.wsgi import get_wsgi_application
    from django.urls import get_resolver

    application = get_wsgi_application()
    # What Django and our rooms find wrong with the project stops the start here; no other program asks again.
    if wrong := [found for found in checks.run_checks() if found.is_serious()]:
        raise SystemCheckError("\n".join(map(str, wrong)))
    # Routes are read now, not by the first caller, and a route without a lock stops the start.
    get_resolver().url_patterns  # noqa: B018
    from bh_sdk.server.api.early import Early
    from bh_sdk.server.ops import heap

    early = Early(application)
    heap.settle()
    return early
