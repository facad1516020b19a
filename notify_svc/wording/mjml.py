"""MJML, compiled when words are saved: what is stored is finished HTML, with Liquid still in it."""

from __future__ import annotations

import re

from mjml import mjml2html

from notify_svc.wording import lint
from notify_svc.wording.errors import TemplateInvalid

# Icons of social networks would otherwise be fetched by the reader from a stranger's machine.
_NO_ICONS = "https://blessed-horizon.example/icons/"
_OUTER = re.compile(r"<html[^>]*>", re.IGNORECASE)
_INNER = re.compile(r'lang="und" dir="auto"')


# Nested deeper, they end the compiler's stack and its process with it; a part is never nested deeper than there are parts.
MOST_PARTS = 200
_PART = re.compile(r"<mj-", re.IGNORECASE)


def compiled(source: str) -> str:
    """The HTML of an MJML source; `lang` and `dir` are the renderer's. Nothing is read from disk or network: includes
    have no loader and are refused, and no font is fetched.

    Raises TemplateInvalid.
    """
    if "<mj-include" in source.lower():
        raise TemplateInvalid(errors=[{"pointer": "#/mjml", "message": "mj-include is not allowed: use a block"}])
    if len(_PART.findall(source)) > MOST_PARTS or lint.too_many(source):
        many = f"a mail may have {MOST_PARTS} elements of MJML and {lint.MOST_ELEMENTS:,} in all"
        raise TemplateInvalid(errors=[{"pointer": "#/mjml", "message": many}])
    try:
        html = mjml2html(source, disable_comments=True, fonts={}, social_icon_origin=_NO_ICONS)
    except ValueError as error:
        raise TemplateInvalid(errors=[{"pointer": "#/mjml", "message": _said(error)}]) from error
    html = _OUTER.sub('<html lang="{{ lang }}" dir="{{ dir }}" xmlns="http://www.w3.org/1999/xhtml">', html, count=1)
    return _INNER.sub('lang="{{ lang }}" dir="{{ dir }}"', html)


def _said(error: ValueError) -> str:
    return str(error).replace(" in root template", "")
