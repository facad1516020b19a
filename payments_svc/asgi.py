from __future__ import annotations

from bh_sdk.server.ops.asgi import application_for

application = application_for("payments")
