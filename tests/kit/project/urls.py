from __future__ import annotations

from django.contrib import admin
from django.urls import include, path

from bh_sdk.server.api import make_api
from bh_sdk.server.events.api import router as events_router
from bh_sdk.server.ops.urls import probes
from tests.kit.project.demo.api import router

api = make_api("kit", "Kit", {"demo": router, "events": events_router})

urlpatterns = [
    *probes,
    path("api/v1/", api.urls),
    path("", include("bh_sdk.server.access.urls")),
    path("admin/", admin.site.urls),
]
