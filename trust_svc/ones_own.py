"""Staff are people too: what is about themselves or their own campaigns they see as its owner does, on no desk and in no
sheet. Colleagues work on it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import Model

from bh_sdk.server.admin import CasePage
from bh_sdk.server.admin.reports import Report
from trust_svc.evidence import queries as evidence

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

M = TypeVar("M", bound=Model)


class OthersPage(CasePage):
    """A desk whose rows are about an `entity_id`: without those about its reader."""

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().get_queryset(request)
        return rows.exclude(entity_id__in=evidence.own(request.user.sub))  # type: ignore[union-attr]  # signed in

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        """The page of a row; 403 for one that is there, but about the reader."""
        if (
            object_id is not None
            and self.has_view_permission(request)
            and self.get_object(request, object_id) is None
            and self._is_there(object_id)
        ):
            raise PermissionDenied
        return super().changeform_view(request, object_id, form_url, extra_context)

    def _is_there(self, object_id: str) -> bool:
        try:
            return bool(self.model._default_manager.filter(pk=object_id).exists())
        except (ValueError, ValidationError):
            return False


class OthersReport(Report[M]):
    """A staff report whose rows are about an `entity_id`: without those about its reader."""

    def get_queryset(self) -> QuerySet[M]:
        rows: QuerySet[M] = super().get_queryset()
        return rows.exclude(entity_id__in=evidence.own(self.request.user.sub))  # type: ignore[union-attr]  # signed in
