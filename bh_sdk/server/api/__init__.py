"""What a service writes its API with.

from bh_sdk.server.api import Call, Cursor, Limit, Page, Router, Status, idempotent, json_rows, keyset_page, make_api

Names are loaded when they are asked for, so that Django can load this app's models first.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bh_sdk.server.api.house import HouseAPI, make_api
    from bh_sdk.server.api.idempotency import Idempotency, idempotent
    from bh_sdk.server.api.pages import Cursor, Limit, keyset_page
    from bh_sdk.server.api.routes import Call, Router, Status
    from bh_sdk.server.api.rows import fetch_rows, json_bytes, json_page, json_rows
    from bh_sdk.server.api.tags import with_etag
    from bh_sdk.wire.base import Page

_HOMES = {
    "HouseAPI": "bh_sdk.server.api.house",
    "make_api": "bh_sdk.server.api.house",
    "Idempotency": "bh_sdk.server.api.idempotency",
    "idempotent": "bh_sdk.server.api.idempotency",
    "Cursor": "bh_sdk.server.api.pages",
    "Limit": "bh_sdk.server.api.pages",
    "keyset_page": "bh_sdk.server.api.pages",
    "Call": "bh_sdk.server.api.routes",
    "Router": "bh_sdk.server.api.routes",
    "Status": "bh_sdk.server.api.routes",
    "fetch_rows": "bh_sdk.server.api.rows",
    "json_bytes": "bh_sdk.server.api.rows",
    "json_page": "bh_sdk.server.api.rows",
    "json_rows": "bh_sdk.server.api.rows",
    "with_etag": "bh_sdk.server.api.tags",
    "Page": "bh_sdk.wire.base",
}

__all__ = [
    "Call",
    "Cursor",
    "HouseAPI",
    "Idempotency",
    "Limit",
    "Page",
    "Router",
    "Status",
    "fetch_rows",
    "idempotent",
    "json_bytes",
    "json_page",
    "json_rows",
    "keyset_page",
    "make_api",
    "with_etag",
]


if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in _HOMES:
            return getattr(import_module(_HOMES[name]), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
