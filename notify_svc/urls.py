from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from bh_sdk.server.admin.reports import ReportRouter
from bh_sdk.server.api import make_api
from bh_sdk.server.events.api import router as events
from bh_sdk.server.ops.urls import probes
from notify_svc.audience.api import router as audience
from notify_svc.broadcasts.staff import BroadcastReport
from notify_svc.delivery.api import router as delivery
from notify_svc.delivery.staff import DeliveryReport
from notify_svc.devices.api import router as devices
from notify_svc.feed.api import router as feed
from notify_svc.insights.staff import DailyReport, FailureReport, VersionReport
from notify_svc.preferences.api import router as preferences
from notify_svc.retention.api import router as retention
from notify_svc.tracking.api import router as tracking
from notify_svc.tracking.staff import SuppressionReport

api = make_api("notify", "Blessed Horizon notifications", {"/notifications": delivery, "/events": events})
api.add_router("/notifications", audience)
api.add_router("/notifications", preferences)
api.add_router("/notifications", devices)
api.add_router("/notifications", feed)
api.add_router("/notifications", tracking)
api.add_router("/notifications", retention)

reports = ReportRouter()
reports.register("broadcasts", BroadcastReport)
reports.register("deliveries", DeliveryReport)
reports.register("daily-figures", DailyReport)
reports.register("failures", FailureReport)
reports.register("versions-of-words", VersionReport)
reports.register("suppressions", SuppressionReport)

urlpatterns: list[URLPattern | URLResolver] = [
    *probes,
    path("", include("bh_sdk.server.access.urls")),
    path("api/v1/", api.urls),
    path("admin/", admin.site.urls),
    path("staff/reports/", include(reports.urls)),
]
