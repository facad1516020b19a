"""`CasePage`: the page of one object as cards instead of a disabled form. `BoardPage`: figures instead of a list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.core.exceptions import PermissionDenied
from django.template.response import TemplateResponse

from bh_sdk.server.admin.guarded import Guarded

if TYPE_CHECKING:
    from django.db.models import Model
    from django.http import HttpRequest, HttpResponse

    from bh_sdk.server.admin.parts import Board, Case


class CasePage(Guarded):
    """Write `case(request, obj)`; buttons come from `actions_detail`. A page of one's own extends `bh/case.html`."""

    change_form_template = "bh/case.html"
    actions_detail_hide_default = True
    show_add_link = False

    def case(self, request: HttpRequest, obj: Any) -> Case | dict[str, Any]:
        """The cards of the page, or a context for a `change_form_template` of the slice."""
        raise NotImplementedError(f"{type(self).__name__}.case says what is on the page")

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return super().get_fields(request, obj) if obj is None else ()

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return super().get_fieldsets(request, obj) if obj is None else ()

    def get_inline_instances(self, request: HttpRequest, obj: Model | None = None) -> Any:
        return super().get_inline_instances(request, obj) if obj is None else []

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> HttpResponse:
        extra = dict(extra_context or {})
        # Somebody without the right gets Django's own 403, and an id that is not there its redirect with a message.
        if object_id is not None and self.has_view_permission(request):
            obj = self.get_object(request, object_id)
            if obj is not None:
                case = self.case(request, obj)
                extra |= case if isinstance(case, dict) else {"case": case}
                # Django would put the row's technical name beside the one that people know.
                extra = {"title": self.found_as(obj), "subtitle": None} | extra
        answer: HttpResponse = super().changeform_view(request, object_id, form_url, extra)
        return answer


class BoardPage(Guarded):
    """Write `board(request)`: the page of figures that stands where other models have their list."""

    in_palette = False

    def board(self, request: HttpRequest) -> Board:
        """What is on the page. A refusal that it raises (BHError) is for a wrong address: it is answered as such."""
        raise NotImplementedError(f"{type(self).__name__}.board says what is on the page")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> TemplateResponse:
        if not self.has_view_permission(request):
            raise PermissionDenied
        context = {
            **self.admin_site.each_context(request),
            "title": self.plural,
            "opts": self.opts,
            "board": self.board(request),
            **(extra_context or {}),
        }
        return TemplateResponse(request, "bh/board.html", context)
