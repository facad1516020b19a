"""The page behind a receipt's QR code: public, small, loading nothing, telling no more than the paper in the hand."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.views.decorators.http import require_safe

from bh_sdk.errors import NotFound
from payments_svc.receipts import answers, queries, words
from payments_svc.receipts.content import ReceiptBroken

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex, nofollow",
}


@require_safe
def verify_receipt(request: HttpRequest, token: str) -> HttpResponse:
    """Genuine and holding, genuine but voided, or not known: the last for anything that we did not sign."""
    try:
        told = answers.verified(queries.verified(token))
    except (NotFound, ReceiptBroken):
        return _answer(request, {"told": None}, status=404)
    title, amount = words.WORDINGS[told.kind].title, words.readable(told.amount)
    return _answer(request, {"told": told, "title": title, "amount": amount})


def _answer(request: HttpRequest, shown: dict[str, object], *, status: int = 200) -> HttpResponse:
    return HttpResponse(render_to_string("receipts/verify.html", shown, request), status=status, headers=_HEADERS)
