from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from bh_sdk.server.api import Router, make_api
from bh_sdk.server.events.api import router as events
from bh_sdk.server.ops.urls import probes
from trust_svc.appeals.api import router as appeals
from trust_svc.evidence.api import router as evidence
from trust_svc.reports.api import router as reports
from trust_svc.scoring.api import router as scoring
from trust_svc.verification.api import router as verification

trust = Router()
for slice_router in (scoring, evidence, reports, verification, appeals):
    trust.add_router("", slice_router)

api = make_api(
    "trust",
    "Blessed Horizon trust",
    {"/trust": trust, "/events": events},
)
urlpatterns: list[URLPattern | URLResolver] = [
    *probes,
    path("", include("bh_sdk.server.access.urls")),
    path("api/v1/", api.urls),
    path("admin/", admin.site.urls),
]
