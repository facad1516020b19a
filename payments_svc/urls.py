from __future__ import annotations

from django.contrib import admin
from django.urls import URLPattern, URLResolver, include, path

from bh_sdk.server.admin.reports import ReportRouter
from bh_sdk.server.api import Router, make_api
from bh_sdk.server.events.api import router as events
from bh_sdk.server.ops.urls import probes
from payments_svc.disputes.staff import DisputeReport
from payments_svc.donations.api import router as donations
from payments_svc.donations.staff import PaymentReport
from payments_svc.gateway.api import router as gateway
from payments_svc.insights.api import router as insights
from payments_svc.insights.staff import DailyReport
from payments_svc.ledger.staff import EntryReport
from payments_svc.payouts.api import router as payouts
from payments_svc.payouts.staff import PayoutReport
from payments_svc.receipts.api import router as receipts
from payments_svc.receipts.page import verify_receipt
from payments_svc.receipts.staff import AnnualRunReport, ReceiptReport
from payments_svc.reconciliation.staff import BreakReport, RunBreakReport, RunReport
from payments_svc.recurring.api import router as recurring
from payments_svc.recurring.staff import RecurringReport
from payments_svc.refunds.api import router as refunds
from payments_svc.refunds.staff import RefundReport
from payments_svc.risk.staff import RefusedTryReport

payments = Router()
for slice_router in (donations, recurring, refunds, payouts, receipts, insights, gateway):
    payments.add_router("", slice_router)

api = make_api("payments", "Blessed Horizon payments", {"/payments": payments, "/events": events})

reports = ReportRouter()
reports.register("payments", PaymentReport)
reports.register("disputes", DisputeReport)
reports.register("receipts", ReceiptReport)
reports.register("annual-receipts", AnnualRunReport)
reports.register("refunds", RefundReport)
reports.register("ledger", EntryReport)
reports.register("daily-figures", DailyReport)
reports.register("recurring", RecurringReport)
reports.register("payouts", PayoutReport)
reports.register("refused-tries", RefusedTryReport)
reports.register("breaks", BreakReport)
reports.register("breaks-of-runs", RunBreakReport)
reports.register("reconciliations", RunReport)

urlpatterns: list[URLPattern | URLResolver] = [
    *probes,
    path("", include("bh_sdk.server.access.urls")),
    path("api/v1/", api.urls),
    # Printed on paper, so it stays as it is.
    path("verify-receipt/<str:token>", verify_receipt, name="verify-receipt"),
    path("admin/", admin.site.urls),
    path("staff/reports/", include(reports.urls)),
]
