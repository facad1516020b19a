"""Staff reports: read-only tables over DRF for whoever a policy lets view the thing, to browse, filter or take along as CSV.

class PaymentReport(Report[Payment]):
    thing, queryset, serializer_class = "payment", Payment.objects.all(), PaymentRow
    filters, search_fields, ordering_fields = ("status", "currency"), ("=intent_id",), ("created_at",)

router = ReportRouter(); router.register("payments", PaymentReport)
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from django.contrib import admin
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db.models import Model
from django.http import StreamingHttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from rest_framework.exceptions import PermissionDenied
from rest_framework.filters import OrderingFilter, SearchFilter
from rest_framework.pagination import CursorPagination
from rest_framework.permissions import BasePermission
from rest_framework.renderers import BaseRenderer, JSONRenderer
from rest_framework.response import Response
from rest_framework.routers import APIRootView, DefaultRouter
from rest_framework.viewsets import ReadOnlyModelViewSet

from bh_sdk.errors import BadRequest
from bh_sdk.server.admin import refusals
from bh_sdk.server.admin.narrowing import Columns, Narrowing, column, named
from bh_sdk.server.admin.shelf import REPORTS, Shelved, readable
from bh_sdk.server.ops import clock

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http.response import HttpResponseBase
    from rest_framework.request import Request
    from rest_framework.views import APIView

    from bh_sdk.server.admin.site import House

M = TypeVar("M", bound=Model)
Row = TypeVar("Row")
# What a spreadsheet would run as a formula, full-width forms and leading blanks included.
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# Controls, formats of no width, and the separators.
_UNSEEN = frozenset({"Cc", "Cf", "Zs", "Zl", "Zp", "Mn", "Me"})
# Rows that one CSV holds at most: a spreadsheet takes about a million, a request about fifteen seconds.
LARGEST_SHEET = 100_000
_CHUNK = 1_000
_MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z", re.ASCII)
# Parameters that every report has.
_COMMON = frozenset({"format", "search", "ordering", "limit", "cursor"})


class MayView(BasePermission):
    """DRF's own model permissions let every signed-in user read; ours asks the policy table."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return bool(request.user.is_authenticated and request.user.may(getattr(view, "thing", ""), "view"))


class MaySignIn(BasePermission):
    """Any staff: the list of reports names what the caller may read."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return bool(request.user.is_authenticated and getattr(request.user, "is_staff", False))


class CsvRenderer(BaseRenderer):
    """One object as CSV, with formulas made harmless. A list is streamed by `Report.sheet`."""

    media_type = "text/csv"
    format = "csv"
    charset = "utf-8"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        return "".join(lines([data], list(data))).encode()


class PageRenderer(BaseRenderer):
    """The report in the look of the admin: a form to narrow it, its rows, and the way to the CSV."""

    media_type = "text/html"
    format = "html"
    charset = "utf-8"

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> str:
        context = renderer_context or {}
        view, request = context["view"], context["request"]
        page = {**admin.site.each_context(request._request), **view.page(data)}
        return render_to_string("bh/report.html", page, request._request)


def lines(rows: Iterable[Mapping[str, Any]], columns: list[str]) -> Iterator[str]:
    """The lines of a CSV, the names first."""
    sheet = io.StringIO()
    writer = csv.DictWriter(sheet, fieldnames=columns)
    writer.writeheader()
    for row in rows:
        writer.writerow({name: harmless(row[name]) for name in columns})
        if sheet.tell() > 16_384:
            yield sheet.getvalue()
            sheet.seek(0)
            sheet.truncate()
    yield sheet.getvalue()


def harmless(value: Any) -> Any:
    """Text that a spreadsheet shows as it is. A negative number stays a number."""
    if isinstance(value, str) and _seen(value).startswith(_FORMULA) and not _is_number(value):
        return "'" + value
    return value


def _seen(value: str) -> str:
    """The text from the first character on that can be seen: a spreadsheet may drop what stands before it, such as a
    byte order mark or a joiner of no width. Tabs and line ends stay, because they count themselves."""
    for place, letter in enumerate(value):
        if letter in "\t\r\n" or not (letter.isspace() or unicodedata.category(letter) in _UNSEEN):
            return value[place:]
    return ""


def _is_number(value: str) -> bool:
    return value.removeprefix("-").replace(".", "", 1).isdecimal() and value.isascii()


def log_export(
    user: Any, model: type[Model], *, name: str, kind: str, rows: int, asked: Mapping[str, str] | None = None
) -> None:
    """Put into the admin's log who took along which rows of which model, and how they were chosen."""
    chosen = ", ".join(f"{key}={value[:80]}" for key, value in sorted((asked or {}).items()))
    LogEntry.objects.create(
        user_id=user.pk,
        content_type=ContentType.objects.get_for_model(model),
        object_repr=name[:200],
        action_flag=CHANGE,
        change_message=f"Took along {rows} row{'' if rows == 1 else 's'} as {kind}" + (f": {chosen}" if chosen else ""),
    )


class NewestFirst(CursorPagination):
    ordering = "-created_at"
    page_size = 50
    page_size_query_param = "limit"
    max_page_size = 1000


class Report(ReadOnlyModelViewSet[M]):
    """One read-only table. `thing` is the noun of the policies.

    `filters` are columns that may be filtered exactly, `times` and `amounts` those with a range: `created_at_from=2026-11-01`,
    `amount_to=25.00&currency=GBP`. Where they are not given, a table's own `created_at`, `amount` and `currency` are
    taken. All three may map a parameter's name to a column elsewhere: `{"booked_at": "journal__created_at"}`.
    A parameter that is none of these is refused with 400. A CSV holds every row that fits, not a page.
    """

    thing: ClassVar[str]
    filters: ClassVar[Columns] = ()
    times: ClassVar[Columns | None] = None
    amounts: ClassVar[Columns | None] = None

    permission_classes = (MayView,)
    pagination_class = NewestFirst
    renderer_classes = (PageRenderer, JSONRenderer, CsvRenderer)
    filter_backends = (SearchFilter, OrderingFilter)
    ordering = ("-created_at",)

    @property
    def narrowing(self) -> Narrowing:
        model = self.model()
        exact = named(self.filters)

        def own(given: Columns | None, name: str) -> dict[str, str]:
            return named(given) if given is not None else {name: name} if column(model, name) else {}

        currency = "currency" if "currency" in exact or column(model, "currency") else None
        if currency and currency not in exact:
            exact |= {currency: currency}
        amounts = own(self.amounts, "amount") if currency else {}
        return Narrowing(model, exact, own(self.times, "created_at"), amounts, currency)

    def model(self) -> type[Model]:
        return self.get_queryset().model

    def filter_queryset(self, queryset: QuerySet[M, Row]) -> QuerySet[M, Row]:
        given = self.request.query_params.dict()
        conditions = self.narrowing.conditions(given, besides=_COMMON)
        ordering = given.get("ordering", "")
        if ordering and ordering.removeprefix("-") not in self.orders():
            wrong = {"pointer": "#/query/ordering", "message": f"must be one of {', '.join(self.orders())}"}
            raise BadRequest("The report cannot be ordered like that", errors=[wrong])
        return super().filter_queryset(queryset.filter(**conditions))

    def orders(self) -> Sequence[str]:
        """What the rows may be ordered by."""
        return [str(name) for name in getattr(self, "ordering_fields", None) or ()]

    def list(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        """A page of rows, or the whole sheet. Whoever takes rows along, and does not only look, is in the log."""
        kind = getattr(request.accepted_renderer, "format", "")
        if kind == "csv":
            answer = self.sheet()
            self._log(kind, self.filter_queryset(self.get_queryset()).order_by().count())
            return answer
        page = super().list(request, *args, **kwargs)
        if kind == "json":
            self._log(kind, len(page.data["results"]))
        return page

    def retrieve(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """One row. Taken along, it is in the log like a list."""
        row = super().retrieve(request, *args, **kwargs)
        kind = getattr(request.accepted_renderer, "format", "")
        if kind in ("csv", "json"):
            self._log(kind, 1)
        return row

    def handle_exception(self, exc: Exception) -> Any:
        """Whoever is refused in a browser reads why, and finds the way back; a program gets its problem as ever."""
        kind = getattr(getattr(self.request, "accepted_renderer", None), "format", "")
        if isinstance(exc, PermissionDenied) and kind == "html" and self.request.user.is_authenticated:
            site = cast("House", admin.site)
            return refusals.report(site, self.request._request, thing=self.thing, title=title_of(self))
        return super().handle_exception(exc)

    def _log(self, kind: str, rows: int) -> None:
        said = self.request.query_params.items()
        log_export(
            self.request.user,
            self.model(),
            name=f"report {self._named()}",
            kind=kind,
            rows=rows,
            asked={name: str(value) for name, value in said if value and name != "format"},
        )

    def _named(self) -> str:
        """The report as its address names it, and the row if it is one."""
        name, _, last = self.request.path.strip("/").rpartition("/")
        return f"{name.rpartition('/')[2]} {last}" if self.detail else last

    # -- taking it along -----------------------------------------------------------------------------------------------

    def sheet(self) -> HttpResponseBase:
        """Every row that fits the filters as CSV, streamed. Raises BadRequest for more than LARGEST_SHEET of them, so that
        nobody takes a part for the whole."""
        rows = self.filter_queryset(self.get_queryset())
        if rows.order_by()[LARGEST_SHEET : LARGEST_SHEET + 1].exists():
            raise BadRequest(f"More than {LARGEST_SHEET} rows: narrow the report first", limit=LARGEST_SHEET)
        serializer: Any = self.get_serializer()
        answer = StreamingHttpResponse(
            lines(map(serializer.to_representation, rows.iterator(chunk_size=_CHUNK)), list(serializer.fields)),
            content_type="text/csv; charset=utf-8",
        )
        name = f"{self.basename}-{clock.now():%Y-%m-%d}.csv"
        answer["Content-Disposition"] = f'attachment; filename="{name}"'
        answer["Cache-Control"] = "no-store"
        return answer

    # -- the page ------------------------------------------------------------------------------------------------------

    def page(self, data: Any) -> dict[str, Any]:
        """What the page shows of a list, or of one row."""
        rows = data["results"] if isinstance(data, Mapping) and "results" in data else [data]
        given = self.request.query_params.copy()
        for name in ("cursor", "format", "limit"):
            given.pop(name, None)
        given["format"] = "csv"
        serializer: Any = self.get_serializer()
        return {
            "title": title_of(self),
            "trail": [("Reports", reverse("api-root"))],
            "about": (type(self).__doc__ or "").strip().split("\n\n")[0],
            "fields": self._fields(),
            "orders": [(word, label) for name in self.orders() for word, label in _directions(name)],
            "ordering": self.request.query_params.get("ordering", ""),
            "searchable": bool(getattr(self, "search_fields", None)),
            "search": self.request.query_params.get("search", ""),
            "headers": [str(name).replace("_", " ") for name in serializer.fields],
            "rows": [[_cell(value) for value in row.values()] for row in rows],
            "next": data.get("next") if isinstance(data, Mapping) else None,
            "previous": data.get("previous") if isinstance(data, Mapping) else None,
            "csv": f"{self.request.path}?{given.urlencode()}",
            "list": "results" in data,
        }

    def _fields(self) -> Sequence[Mapping[str, str]]:
        """The inputs of the form, in the order in which people narrow: when, what, how much."""
        told, narrowing = self.request.query_params, self.narrowing
        ranges = [
            (name, kind) for kind, names in (("date", narrowing.times), ("text", narrowing.amounts)) for name in names
        ]
        names = [(f"{name}_{end}", kind) for name, kind in ranges for end in ("from", "to")]
        names += [(name, "text") for name in narrowing.exact]
        return [
            {"name": name, "label": name.replace("_", " "), "kind": kind, "value": told.get(name, "")}
            for name, kind in names
        ]


def _directions(name: str) -> list[tuple[str, str]]:
    label = name.replace("__", " ").replace("_", " ")
    return [(f"-{name}", f"{label}, last first"), (name, label)]


def _cell(value: Any) -> str:
    """As people read it; the CSV keeps every digit of a time."""
    text = "" if value is None else str(value)
    return f"{text[:10]} {text[11:19]}" if _MOMENT.fullmatch(text) else text


def title_of(report: Report[Any]) -> str:
    """`Payments` for a report of payments: the name of the table."""
    return str(report.model()._meta.verbose_name_plural).capitalize()


class Shelf(APIRootView):
    """Which reports there are."""

    permission_classes = (MaySignIn,)
    renderer_classes = (PageRenderer, JSONRenderer)

    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        return Response({each.title: request.build_absolute_uri(each.href) for each in readable(request._request)})

    def page(self, data: Any) -> dict[str, Any]:
        return {"title": "Reports", "about": "What may be read, narrowed and taken along.", "shelf": data}


class ReportRouter(DefaultRouter):
    """The reports of a service, below `/staff/reports/`."""

    include_format_suffixes = False
    APIRootView = Shelf

    def register(self, prefix: str, viewset: type[Report[Any]], basename: str | None = None) -> None:  # type: ignore[override]
        """Serve a report below `prefix`, and name it in the sidebar of whoever may view its thing."""
        basename = basename or prefix.replace("/", "-")
        super().register(prefix, viewset, basename)
        REPORTS[basename] = Shelved(prefix.replace("-", " ").capitalize(), viewset.thing, f"{basename}-list")
