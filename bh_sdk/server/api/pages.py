"""Keyset pages: a list that stays right while rows are added, at any depth for the same price."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
from collections.abc import Sequence
from typing import Annotated, Any, TypeVar

from django.conf import settings
from django.db.models import Field, Model, Q, QuerySet
from django.http import HttpRequest
from pydantic import BeforeValidator
from pydantic import Field as Bound

from bh_sdk.errors import Invalid
from bh_sdk.wire.base import Page

MOST = 100
USUAL = 20
_LONGEST = 1_000
_WHOLE = re.compile(r"[0-9]{1,9}")

M = TypeVar("M", bound=Model)


def _digits(value: Any) -> Any:
    """Plain digits: `int()` would also take underscores, signs, spaces and the digits of other scripts."""
    if isinstance(value, str) and not _WHOLE.fullmatch(value):
        raise ValueError("must be a whole number")
    return value


# For views: `limit: Limit = 20, cursor: Cursor = None`.
Limit = Annotated[
    int, BeforeValidator(_digits), Bound(ge=1, le=MOST, description=f"Results a page holds, at most {MOST}")
]
Cursor = Annotated[str | None, Bound(max_length=_LONGEST, description="From `next` or `previous`; opaque")]


def keyset_page(
    queryset: QuerySet[M],
    *,
    request: HttpRequest,
    cursor: str | None = None,
    limit: int = USUAL,
    order: Sequence[str] = ("-created_at", "-id"),
) -> Page[M]:
    """One page of `queryset` in `order`, whose last field must make rows unique and none of which may be null.

    `next` and `previous` are paths to follow: this one with its filters, another cursor. Raises Invalid for a cursor
    that is not ours or belongs to another list.
    """
    size = max(1, min(limit, MOST))
    after = _read(cursor, request, order)
    backwards = after is not None and after[0] == "p"
    columns = [_flip(column) for column in order] if backwards else list(order)
    rows = queryset.order_by(*columns)
    if after is not None:
        rows = rows.filter(_beyond(queryset.model, columns, after[1]))
    found = list(rows[: size + 1])
    more = len(found) > size
    found = found[:size]
    if backwards:
        found.reverse()
    has_next = more if not backwards else True
    has_previous = more if backwards else after is not None
    return Page[Any](
        results=found,
        next=_link(request, order, "n", found[-1]) if found and has_next else None,
        previous=_link(request, order, "p", found[0]) if found and has_previous else None,
    )


def _flip(column: str) -> str:
    return column[1:] if column.startswith("-") else f"-{column}"


def _name(column: str) -> str:
    return column.lstrip("-")


def _beyond(model: type[Model], columns: Sequence[str], values: list[str]) -> Q:
    """Rows after `values` in this order. The first column is bounded on its own, so that an index can be used."""
    whole = Q(pk__in=[])
    equal = Q()
    for column, value in zip(columns, values, strict=True):
        side = "lt" if column.startswith("-") else "gt"
        whole |= equal & Q(**{f"{_name(column)}__{side}": value})
        equal &= Q(**{_name(column): value})
    first, side = _name(columns[0]), "lte" if columns[0].startswith("-") else "gte"
    return Q(**{f"{first}__{side}": values[0]}) & whole


def _text(field: Field[Any, Any], row: Model) -> str:
    value = getattr(row, field.attname)
    return str(value.isoformat() if hasattr(value, "isoformat") else value)


def _link(request: HttpRequest, order: Sequence[str], direction: str, row: Model) -> str:
    fields = [row._meta.get_field(_name(column)) for column in order]
    values = [_text(field, row) for field in fields]  # type: ignore[arg-type]
    return path_with(request, write_cursor(request, order, direction, values))


def path_with(request: HttpRequest, cursor: str) -> str:
    """This request's path with its filters and another cursor."""
    query = request.GET.copy()
    query["cursor"] = cursor
    return f"{request.path}?{query.urlencode()}"


def _tag(request: HttpRequest, order: Sequence[str], content: bytes) -> bytes:
    scope = f"{request.path}\n{','.join(order)}\n".encode()
    key = hashlib.sha256(b"bh cursor " + str(settings.SECRET_KEY).encode()).digest()
    return hmac.new(key, scope + content, hashlib.sha256).digest()[:12]


def write_cursor(request: HttpRequest, order: Sequence[str], direction: str, values: Sequence[str]) -> str:
    """An opaque cursor that holds for this path and order alone."""
    content = json.dumps([direction, *values], separators=(",", ":")).encode()
    return base64.urlsafe_b64encode(_tag(request, order, content) + content).decode().rstrip("=")


def _read(cursor: str | None, request: HttpRequest, order: Sequence[str]) -> tuple[str, list[str]] | None:
    if cursor is None:
        return None
    try:
        raw = (
            base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
            if cursor.isascii()
            else b""
        )
    except binascii.Error:
        raw = b""
    if len(raw) <= 12 or not hmac.compare_digest(raw[:12], _tag(request, order, raw[12:])):
        raise Invalid(errors=[{"pointer": "#/query/cursor", "message": "is not a cursor of this list"}])
    direction, *values = json.loads(raw[12:])
    return direction, values


read_cursor = _read
