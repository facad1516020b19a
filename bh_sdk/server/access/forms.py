"""Forms of the access pages."""

from __future__ import annotations

from typing import Any, ClassVar

from django import forms
from django.contrib import admin
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminPasswordWidget,
    UnfoldAdminSelectWidget,
)

from bh_sdk.server.access import doors, roles
from bh_sdk.server.access.models import Policy, Staff
from bh_sdk.server.admin.guarded import Guarded


def rights() -> list[tuple[str, str]]:
    """Every (noun, verb) that some door asks for or some policy names: what there is to give."""
    asked = set(doors.ASKED)
    for page in admin.site._registry.values():
        if isinstance(page, Guarded):
            asked |= {(page.thing, verb) for verb in page.verbs()}
    asked |= set(Policy.objects.filter(ptype="p").values_list("v1", "v2"))
    return sorted(asked)


class PolicyForm(forms.ModelForm):  # type: ignore[type-arg]
    """Who may do what, from what there is: a policy about anything else would decide nothing."""

    role = forms.ChoiceField(widget=UnfoldAdminSelectWidget)
    right = forms.ChoiceField(label="may", widget=UnfoldAdminSelectWidget)

    class Meta:
        model = Policy
        fields: ClassVar[list[str]] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        by_noun: dict[str, list[tuple[str, str]]] = {}
        for noun, verb in rights():
            by_noun.setdefault(noun, []).append((f"{noun} {verb}", f"{verb} {noun}"))
        self.fields["role"].choices = [(role, role) for role in roles.ALL]  # type: ignore[attr-defined]
        self.fields["right"].choices = list(by_noun.items())  # type: ignore[attr-defined]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if {"role", "right"} <= cleaned.keys():
            noun, verb = cleaned["right"].split(" ", 1)
            line = {"ptype": "p", "v0": cleaned["role"], "v1": noun, "v2": verb}
            if Policy.objects.filter(**line).exists():
                self.add_error("right", "This policy is there already.")
            for name, value in line.items():
                setattr(self.instance, name, value)
        return cleaned


class StaffForm(forms.ModelForm):  # type: ignore[type-arg]
    """An account of a member of staff. An empty password leaves the old one as it is."""

    roles = forms.MultipleChoiceField(
        choices=[(role, role) for role in roles.STAFF], required=False, widget=UnfoldAdminCheckboxSelectMultipleWidget
    )
    password_new = forms.CharField(
        label="New password",
        required=False,
        strip=False,
        widget=UnfoldAdminPasswordWidget(attrs={"autocomplete": "new-password"}),
    )

    class Meta:
        model = Staff
        fields: ClassVar[list[str]] = ["username", "sub", "name", "email", "roles", "is_active"]

    def clean_password_new(self) -> str:
        password: str = self.cleaned_data["password_new"]
        if password:
            validate_password(password, self.instance)
        elif self.instance.pk is None:
            raise ValidationError("A new account needs a password.")
        return password

    def save(self, commit: bool = True) -> Any:
        if password := self.cleaned_data["password_new"]:
            self.instance.set_password(password)
        return super().save(commit)
