from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from bh_sdk.server.admin.reports import ReportRouter
from bh_sdk.server.api import Router, make_api
from bh_sdk.server.events.api import router as events
from bh_sdk.server.ops.urls import probes
from trust_svc.appeals.api import router as appeals
from trust_svc.appeals.staff import AppealReport
from trust_svc.cases.staff import CaseReport
from trust_svc.evidence.api import router as evidence
from trust_svc.evidence.staff import DecisionReport
from trust_svc.insights.staff import ReviewDayReport, ScoreDayReport
from trust_svc.reports.api import router as reports
from trust_svc.reports.staff import ReportReport
from trust_svc.scoring.api import router as scoring
from trust_svc.scoring.staff import ScoreHistoryReport, ScoreReport
from trust_svc.verification.api import router as verification
from trust_svc.verification.staff import VerificationReport

trust = Router()
for slice_router in (scoring, evidence, reports, verification, appeals):
    trust.add_router("", slice_router)

api = make_api(
    "trust",
    "Blessed Horizon trust",
    {"/trust": trust, "/events": events},
)
shelf = ReportRouter()
shelf.register("scores", ScoreReport)
shelf.register("history-of-scores", ScoreHistoryReport)
shelf.register("reports", ReportReport)
shelf.register("cases", CaseReport)
shelf.register("appeals", AppealReport)
shelf.register("decisions", DecisionReport)
shelf.register("verifications", VerificationReport)
shelf.register("days-of-scores", ScoreDayReport)
shelf.register("days-of-reviews", ReviewDayReport)

urlpatterns: list[URLPattern | URLResolver] = [
    *probes,
    path("", include("bh_sdk.server.access.urls")),
    path("api/v1/", api.urls),
    path("admin/", admin.site.urls),
    path("staff/reports/", include(shelf.urls)),
]
