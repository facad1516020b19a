"""Editors' pages: templates, their versions with diff and flow, the editor with its live preview, and the frame of mails."""

from __future__ import annotations

from notify_svc.wording.admin.layouts import LayoutAdmin
from notify_svc.wording.admin.templates import TemplateAdmin
from notify_svc.wording.admin.versions import TemplateVersionAdmin

__all__ = ["LayoutAdmin", "TemplateAdmin", "TemplateVersionAdmin"]
