"""The two kinds of wire type, and the value types they are made of.

An `Ask` is what a service receives: unknown fields are refused, nothing is coerced, text is bounded and storable. An
`Answer` is what it sends: exact when it is written, tolerant of fields added later when a client reads it.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Annotated, Any, Generic, TypeVar
from unicodedata import category
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

# Characters that hide or turn around what a reader sees: C0 and C1 controls, DEL, lone surrogates, the separators that
# some readers take for line breaks, and the controls of bidirectional text.
_HIDDEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def _storable(text: str) -> str:
    """Text that PostgreSQL and UTF-8 can hold and that shows what it says."""
    if _HIDDEN.search(text):
        raise ValueError("control characters, hidden separators and lone surrogates are not accepted")
    return text


# What draws nothing though it counts as a letter, a sign or a mark: fillers, the blank of braille, selectors of variants.
_BLANK = re.compile("[\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]")


def said(text: str) -> str:
    """What somebody sees of a text: without characters of no width, and with blanks as single spaces."""
    seen = "".join(each for each in _BLANK.sub("", text) if each.isspace() or category(each) != "Cf")
    return " ".join(seen.split())


def worded(least: int) -> AfterValidator:
    """For text that has to say something: so many characters that can be seen, blanks between them counted once."""

    def check(text: str) -> str:
        if len(said(text)) < least:
            raise ValueError(f"must say something, in at least {least} characters")
        return text

    return AfterValidator(check)


def _one_line(text: str) -> str:
    if "\n" in text or "\r" in text or "\t" in text:
        raise ValueError("must be a single line")
    return _storable(text)


def _uuid(value: Any) -> Any:
    """Canonical text only: pydantic alone would take `urn:uuid:` and braces, and bytes."""
    if isinstance(value, UUID):
        return value
    if isinstance(value, str) and len(value) == 36 and value.isascii():
        try:
            return UUID(value)
        except ValueError:
            pass
    raise ValueError("must be a UUID")


def _time(value: Any) -> Any:
    if isinstance(value, str | datetime):
        return value
    raise ValueError("must be an RFC 3339 time with a zone")


def _sane_time(value: datetime) -> datetime:
    # Room on both sides, so that no later shift by a zone or a half-life can leave what the database can hold.
    if not 1970 <= value.year <= 9000 or (value.utcoffset() or timedelta()) >= timedelta(days=1):
        raise ValueError("must lie between 1970 and 9000")
    return value


Id = Annotated[UUID, BeforeValidator(_uuid)]
Time = Annotated[AwareDatetime, BeforeValidator(_time), AfterValidator(_sane_time), Field(strict=False)]
Line = Annotated[str, AfterValidator(_one_line), StringConstraints(min_length=1, max_length=200, strip_whitespace=True)]
Text = Annotated[str, AfterValidator(_storable), StringConstraints(max_length=5000)]
Name = Annotated[str, AfterValidator(_one_line), StringConstraints(min_length=1, max_length=100, strip_whitespace=True)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_.-]{0,63}$")]
CurrencyCode = Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}$")]
# `Money.parse` says what is wrong with an amount; here it only has to be a short string, never a JSON number.
Amount = Annotated[str, StringConstraints(min_length=1, max_length=24), Field(examples=["25.00"])]
_LOCAL, _DOMAIN = r"[^@\s<>,;:\"()\[\]\\]{1,64}", r"[^@\s<>,;:\"()\[\]\\]+\.[^@\s.<>,;:\"()\[\]\\]+"
Email = Annotated[
    str,
    AfterValidator(_one_line),
    StringConstraints(strip_whitespace=True, min_length=3, max_length=254, pattern=f"^{_LOCAL}@{_DOMAIN}$"),
]


class Ask(BaseModel):
    """What a caller sends."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Answer(BaseModel):
    """What a service answers."""

    model_config = ConfigDict(extra="ignore", frozen=True, from_attributes=True)


T = TypeVar("T")


class Page(Answer, Generic[T]):
    """One page of a list, newest first. `next` and `previous` are paths to follow, or null at the end."""

    results: list[T]
    next: str | None = None
    previous: str | None = None
