"""Staff report: verifications that were asked for. What people wrote and showed is in none."""

from __future__ import annotations

from rest_framework import serializers

from bh_sdk.server.admin.reports import Report
from trust_svc.verification.models import Request


class VerificationRow(serializers.ModelSerializer[Request]):
    class Meta:
        model = Request
        fields = (
            "id",
            "created_at",
            "entity_kind",
            "entity_id",
            "item",
            "requested_by",
            "state",
            "due_at",
            "decided_at",
            "decided_by",
            "reason",
            "expires_at",
            "revoked_at",
            "revoked_by",
        )


class VerificationReport(Report[Request]):
    """Every request, newest first."""

    thing = "verification"
    queryset = Request.objects.all()
    serializer_class = VerificationRow
    filters = ("state", "item", "entity_kind", "entity_id", "requested_by", "reason")
    search_fields = ("=id",)
    ordering_fields = ("created_at", "due_at", "decided_at")
