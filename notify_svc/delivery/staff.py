"""Staff report: deliveries, by ids alone."""

from __future__ import annotations

from typing import ClassVar

from rest_framework import serializers

from bh_sdk.server.admin.reports import Report
from notify_svc.delivery.models import Delivery


class DeliveryRow(serializers.ModelSerializer[Delivery]):
    type = serializers.CharField(source="notification.type")
    category = serializers.CharField(source="notification.category")

    class Meta:
        model = Delivery
        fields = (
            "id",
            "notification_id",
            "recipient_id",
            "type",
            "category",
            "channel",
            "status",
            "reason",
            "provider",
            "provider_ref",
            "tries",
            "version_id",
            "created_at",
            "due_at",
            "handed_over_at",
            "finished_at",
            "delivered_at",
            "bounced_at",
            "complained_at",
            "opened_at",
            "clicked_at",
        )


class DeliveryReport(Report[Delivery]):
    """Every message on its way through one channel, and what became of it. No address and no words are in it."""

    thing = "delivery"
    queryset = Delivery.objects.select_related("notification")
    serializer_class = DeliveryRow
    filters: ClassVar = {
        "channel": "channel",
        "status": "status",
        "reason": "reason",
        "provider": "provider",
        "type": "notification__type",
        "category": "notification__category",
        "recipient_id": "recipient_id",
        "notification_id": "notification_id",
        "version_id": "version_id",
    }
    ordering_fields = ("created_at",)
