"""Staff reports: scores as they stand, and what they were."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers

from bh_sdk.server.admin.reports import NewestFirst
from trust_svc.evidence import queries as evidence
from trust_svc.ones_own import OthersReport
from trust_svc.scoring.engine import FACTORS
from trust_svc.scoring.models import Score, ScorePoint


class ScoreRow(serializers.ModelSerializer[Score]):
    title = serializers.CharField()
    version = serializers.IntegerField(source="parameters_id")

    class Meta:
        model = Score
        fields = (
            "calculated_at",
            "kind",
            "entity_id",
            "title",
            "owner_id",
            "score",
            "lower",
            "confidence",
            "rated",
            "tier",
            "cap",
            "cap_adjustment",
            "trend",
            "override_until",
            "version",
        )

    def to_representation(self, instance: Score) -> dict[str, Any]:
        row: dict[str, Any] = super().to_representation(instance)
        points = {factor["name"]: factor["contribution"] for factor in instance.factors}
        codes = ", ".join(reason["code"] for reason in instance.reasons)
        return row | {name: points.get(name) for name in FACTORS} | {"reasons": codes}

    def get_fields(self) -> dict[str, Any]:
        # The sheet's columns are the serializer's fields: those that are made above are among them.
        return super().get_fields() | {name: _Made() for name in (*FACTORS, "reasons")}


class _Made(serializers.ReadOnlyField):
    """A column whose value the row makes."""

    def get_attribute(self, instance: Any) -> None:
        return None


class LastCalculatedFirst(NewestFirst):
    ordering = "-calculated_at"


class ScoreReport(OthersReport[Score]):
    """Every score as it stands, with the points of its factors and the codes of its reasons."""

    thing = "insight"
    queryset = Score.objects.annotate(title=evidence.title_of("entity_id"))
    serializer_class = ScoreRow
    pagination_class = LastCalculatedFirst
    filters: ClassVar = {
        "kind": "kind",
        "entity_id": "entity_id",
        "owner_id": "owner_id",
        "tier": "tier",
        "rated": "rated",
        "version": "parameters_id",
    }
    times: ClassVar = ("calculated_at",)
    search_fields = ("=entity_id", "=owner_id")
    ordering_fields = ("calculated_at", "score", "lower", "confidence", "trend")
    ordering = ("-calculated_at",)


class ScoreHistoryRow(serializers.ModelSerializer[ScorePoint]):
    version = serializers.IntegerField(source="parameters_id")

    class Meta:
        model = ScorePoint
        fields = (
            "calculated_at",
            "kind",
            "entity_id",
            "score",
            "lower",
            "confidence",
            "rated",
            "tier",
            "cap_adjustment",
            "source",
            "computed",
            "version",
        )

    def to_representation(self, instance: ScorePoint) -> dict[str, Any]:
        row: dict[str, Any] = super().to_representation(instance)
        return row | {name: instance.contributions.get(name) for name in FACTORS}

    def get_fields(self) -> dict[str, Any]:
        return super().get_fields() | {name: _Made() for name in FACTORS}


class ScoreHistoryReport(OthersReport[ScorePoint]):
    """What scores were: a line for every change of a hundredth of a point. Narrow it to one score or to days."""

    thing = "insight"
    queryset = ScorePoint.objects.all()
    serializer_class = ScoreHistoryRow
    pagination_class = LastCalculatedFirst
    filters: ClassVar = {
        "kind": "kind",
        "entity_id": "entity_id",
        "tier": "tier",
        "rated": "rated",
        "source": "source",
        "version": "parameters_id",
    }
    times: ClassVar = ("calculated_at",)
    search_fields = ("=entity_id",)
    ordering_fields = ("calculated_at",)
    ordering = ("-calculated_at",)
