"""Buttons: what staff do goes through a dialog, a policy and a command."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, TypeVar

from django.contrib import messages
from django.forms.widgets import Input, Select, Textarea, Widget
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from unfold.dataclasses import ActionDialog
from unfold.decorators import action as unfold_action
from unfold.decorators import display as unfold_display
from unfold.enums import ActionVariant
from unfold.forms import BaseDialogForm
from unfold.widgets import INPUT_CLASSES, SELECT_CLASSES, TEXTAREA_CLASSES

from bh_sdk.errors import BHError
from bh_sdk.server.ops import cards

if TYPE_CHECKING:
    from bh_sdk.server.admin.guarded import Guarded

Shown = TypeVar("Shown", bound=Callable[..., Any])

# What plain widgets wear, so that a dialog's fields need no widget of Unfold's.
CLASSES: tuple[tuple[type[Widget], list[str]], ...] = (
    (Textarea, TEXTAREA_CLASSES),
    (Select, SELECT_CLASSES),
    (Input, INPUT_CLASSES),
)

VARIANTS = {"default": ActionVariant.DEFAULT, "primary": ActionVariant.PRIMARY, "danger": ActionVariant.DANGER}


class Dialog(BaseDialogForm):  # type: ignore[misc]  # Unfold is untyped
    """The form of a dialog. Unlike Unfold's it shows what `clean()` refuses; set `facts_template` for what is at stake.

    `facts_template` is rendered above the fields with the context of `facts(request, object_id)`.
    """

    facts_template: str | None = None

    # The field that is at fault when a command refuses and names none of the dialog's; otherwise it stands above all.
    blamed: str | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.dress()

    def dress(self) -> None:
        """Give plain widgets the looks of the house. For fields that a dialog adds later it is called again."""
        for field in self.fields.values():
            classes = next((names for kind, names in CLASSES if isinstance(field.widget, kind)), None)
            if classes and "class" not in field.widget.attrs:
                field.widget.attrs["class"] = " ".join(classes)

    def clean(self) -> dict[str, Any] | None:
        for name, value in self.data.items():
            if name in self.fields and cards.in_text(str(value)):
                self.add_error(name, "This holds a card number, and none is ever written down here.")
        cleaned: dict[str, Any] | None = super().clean()
        return cleaned

    def refuse(self, refusal: BHError) -> None:
        """Show a command's refusal: what it points at beside that field, everything else where it is to be seen."""
        told = [each for each in refusal.facts.get("errors") or () if isinstance(each, dict) and each.get("message")]
        named = [(str(each.get("pointer", "")).lstrip("#/").partition("/")[0], str(each["message"])) for each in told]
        for field, message in named:
            if field in self.fields:
                self.add_error(field, message)
        if not named or any(field not in self.fields for field, _ in named):
            self.add_error(self.blamed if self.blamed in self.fields else None, refusal.detail)

    def facts(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        return {}

    def render_before_template(self) -> str:
        context = {"errors": self.non_field_errors() if self.is_bound else [], "facts_template": self.facts_template}
        context |= self.facts(self.request, self.object_id)
        return render_to_string("bh/dialog_before.html", context, self.request)


def action(
    *,
    title: str,
    verb: str,
    question: str,
    form: type[Dialog] = Dialog,
    submit: str = "",
    icon: str = "",
    look: str = "default",
) -> Callable[[Callable[..., HttpResponse]], Any]:
    """A button with a dialog for `actions_detail`, `actions_row` or `actions_list` of a Guarded page.

        @action(title="Approve", verb="approve", question="The money leaves after this.", form=Decision, look="primary")
        def approve(self, request, form, object_id):
            command = partial(commands.approve_refund, refund_id=object_id, by=self.actor(request))
            return self.decide(request, object_id, command, done="Refund approved")

    `verb` is the policy, `question` says what will happen, `look` is default, primary or danger. GET shows the dialog,
    only a POST with a CSRF token and a valid form acts. Without the verb both answer 403, for no row both answer 404.
    What a command refuses (BHError) is said in the dialog, which keeps what was written; one with nothing to fill in closes.
    """
    dialog = ActionDialog(title=title, description=question, form_class=form, form_submit_text=submit or title)

    def decorate(function: Callable[..., HttpResponse]) -> Any:
        @wraps(function)
        def acting(page: Guarded, request: HttpRequest, form: Dialog, *args: Any, **kwargs: Any) -> HttpResponse:
            try:
                return function(page, request, form, *args, **kwargs)
            except BHError as refusal:
                if not form.visible_fields():
                    messages.error(request, refusal.detail)
                    return HttpResponse(headers={"HX-Redirect": _home(page, request, kwargs)})
                form.refuse(refusal)
            shown = {"dialog": dialog, "form": form, "form_submit_text": dialog["form_submit_text"]}
            return render(request, "unfold/helpers/dialog.html", shown)

        inner = unfold_action(
            description=title,
            permissions=[verb],
            icon=icon or None,
            variant=VARIANTS[look],
            dialog=dialog,
        )(acting)

        @wraps(inner)
        def door(page: Guarded, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if request.method not in ("GET", "POST"):
                return HttpResponseNotAllowed(["GET", "POST"])
            page.must_be_there(request, kwargs)
            answer: HttpResponse = inner(page, request, *args, **kwargs)
            # A dialog opened in a tab of its own would be a bare fragment.
            if request.method == "GET" and "HX-Request" not in request.headers:
                return redirect(_home(page, request, kwargs))
            return answer

        return door

    return decorate


def _home(page: Guarded, request: HttpRequest, given: dict[str, Any]) -> str:
    """The page a dialog belongs to: its row's, or the list's."""
    return page.address(page.get_object(request, given["object_id"]) if "object_id" in given else None)


def display(
    *,
    description: str | None = None,
    ordering: str | None = None,
    label: bool | dict[str, str] | None = None,
    header: bool | None = None,
    boolean: bool | None = None,
    empty_value: str | None = None,
) -> Callable[[Shown], Shown]:
    """A column of a list. `label={"to approve": "warning"}` colours by the text that is returned; `header` takes
    `[name, line two, initials]`."""
    decorate: Callable[[Shown], Shown] = unfold_display(
        description=description,
        ordering=ordering,
        label=label,
        header=header,
        boolean=boolean,
        empty_value=empty_value,
    )
    return decorate
