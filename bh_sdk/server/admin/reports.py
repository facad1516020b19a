"""Staff reports: read-only tables over DRF for whoever a policy lets view the thing, to browse, filter or take along as CSV.

class PaymentReport(Report[Payment]):
    thing, fields = "payment", ("id", "status", "amount", "created_at")
    serializer_class, queryset = PaymentRow, Payment.objects.all()

router = ReportRouter(); router.register("payments", PaymentReport)
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from django.db.models import Model
from rest_framework.filters import OrderingFilter, SearchFilter
from rest_framework.pagination import CursorPagination
from rest_framework.permissions import BasePermission
from rest_framework.renderers import BaseRenderer, BrowsableAPIRenderer, JSONRenderer
from rest_framework.routers import DefaultRouter
from rest_framework.viewsets import ReadOnlyModelViewSet

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from rest_framework.request import Request
    from rest_framework.views import APIView

M = TypeVar("M", bound=Model)
Row = TypeVar("Row")
# What a spreadsheet would run as a formula, full-width forms and leading blanks included.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")


class MayView(BasePermission):
    """DRF's own model permissions let every signed-in user read; ours asks the policy table."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return bool(request.user.is_authenticated and request.user.may(getattr(view, "thing", ""), "view"))


class CsvRenderer(BaseRenderer):
    """The rows of the page as CSV, with formulas made harmless."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        rows: Iterable[Mapping[str, Any]] = data["results"] if isinstance(data, dict) and "results" in data else [data]
        sheet = io.StringIO()
        writer = None
        for row in rows:
            if writer is None:
                writer = csv.DictWriter(sheet, fieldnames=list(row))
                writer.writeheader()
            writer.writerow({name: harmless(value) for name, value in row.items()})
        return sheet.getvalue().encode()


def harmless(value: Any) -> Any:
    """Text that a spreadsheet shows as it is. A negative number stays a number."""
    if isinstance(value, str) and value.lstrip().startswith(_FORMULA) and not _is_number(value):
        return "'" + value
    return value


def _is_number(value: str) -> bool:
    return value.removeprefix("-").replace(".", "", 1).isdecimal() and value.isascii()


class NewestFirst(CursorPagination):
    ordering = "-created_at"
    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 1000


class Report(ReadOnlyModelViewSet[M]):
    """One read-only table. `thing` is the noun of the policies; `filters` are the columns that may be filtered exactly."""

    thing: ClassVar[str]
    filters: ClassVar[tuple[str, ...]] = ()

    permission_classes = (MayView,)
    pagination_class = NewestFirst
    renderer_classes = (BrowsableAPIRenderer, JSONRenderer, CsvRenderer)
    filter_backends = (SearchFilter, OrderingFilter)
    ordering = ("-created_at",)

    def filter_queryset(self, queryset: QuerySet[M, Row]) -> QuerySet[M, Row]:
        wanted = {name: self.request.query_params[name] for name in self.filters if name in self.request.query_params}
        return super().filter_queryset(queryset.filter(**wanted))


class ReportRouter(DefaultRouter):
    """The reports of a service, below `/staff/reports/`."""

    include_format_suffixes = False
