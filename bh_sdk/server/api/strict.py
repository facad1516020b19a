"""Reading what callers send: one JSON document, small, flat, storable, and nothing else."""

from __future__ import annotations

import json
import re
from typing import Any, NoReturn

from django.http import HttpRequest, QueryDict
from ninja.parser import Parser

from bh_sdk.errors import BadRequest, Invalid, UnsupportedMediaType
from bh_sdk.server.api.problems import pointer

DEEPEST = 32
# A thousand facts of evidence, or ten thousand entities to calculate, are one body.
MOST_MEMBERS = 50_000
LARGEST_INTEGER = 2**63 - 1
LARGEST_FLOAT = 1e18
LONGEST_NUMBER = 40

# A string is taken as one token even when its end is missing, so that no text is looked at twice.
_TOKENS = re.compile(rb'"(?:[^"\\]++|\\.)*+"?|[\[{]|[\]}]|,', re.DOTALL)


class Absurd:
    """Stands for a number that no program should be handed."""


_ABSURD = Absurd()


def storable(text: str) -> bool:
    """PostgreSQL has no NUL, and UTF-8 no lone surrogate."""
    return not any(char == "\x00" or "\ud800" <= char <= "\udfff" for char in text)


def read_json(raw: bytes) -> Any:
    """The document. Raises BadRequest when it is no JSON that we take, Invalid (with a pointer) for a bad value."""
    _measure(raw)
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise BadRequest("The body is not UTF-8") from None
    suspects: list[bool] = []

    def integer(digits: str) -> int | Absurd:
        if len(digits) <= LONGEST_NUMBER and abs(found := int(digits)) <= LARGEST_INTEGER:
            return found
        suspects.append(True)
        return _ABSURD

    def fraction(digits: str) -> float | Absurd:
        if len(digits) <= LONGEST_NUMBER:
            found = float(digits)
            vanished = found == 0 and any(digit in "123456789" for digit in re.split("[eE]", digits)[0])
            if abs(found) <= LARGEST_FLOAT and not vanished:
                return found
        suspects.append(True)
        return _ABSURD

    try:
        document = json.loads(
            text, object_pairs_hook=_object, parse_int=integer, parse_float=fraction, parse_constant=_constant
        )
    except (json.JSONDecodeError, RecursionError) as error:
        raise BadRequest("The body is not JSON") from error
    # Only an escape can smuggle in what plain UTF-8 cannot hold.
    if suspects or "\\u" in text:
        _inspect(document, ())
    return document


def _measure(raw: bytes) -> None:
    depth = members = 0
    for token in _TOKENS.finditer(raw):
        first = raw[token.start()]
        if first in b"[{":
            depth += 1
            members += 1
            if depth > DEEPEST:
                raise BadRequest(f"The body is nested deeper than {DEEPEST} levels")
        elif first in b"]}":
            depth -= 1
        elif first == 0x2C:
            members += 1
        if members > MOST_MEMBERS:
            raise BadRequest(f"The body has more than {MOST_MEMBERS} members")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise BadRequest("An object of the body names a member twice")
    return found


def _constant(name: str) -> NoReturn:
    raise BadRequest(f"The body is not JSON: it has no {name}")


def _inspect(value: Any, path: tuple[Any, ...]) -> None:
    if isinstance(value, Absurd):
        raise Invalid(errors=[{"pointer": pointer(*path), "message": "the number is out of bounds"}])
    if isinstance(value, str):
        if not storable(value):
            raise Invalid(errors=[{"pointer": pointer(*path), "message": "NUL and lone surrogates are not accepted"}])
    elif isinstance(value, dict):
        for name, inner in value.items():
            if not storable(name):
                raise Invalid(errors=[{"pointer": pointer(*path), "message": "a name holds NUL or a lone surrogate"}])
            _inspect(inner, (*path, name))
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            _inspect(inner, (*path, place))


def check_query(query: QueryDict, allowed: frozenset[str], many: frozenset[str]) -> None:
    """Refuse parameters that the route does not know, given twice, or holding what no database can. Raises Invalid."""
    wrong = []
    for name, values in query.lists():
        where = pointer("query", name if storable(name) else "?")
        if name not in allowed:
            wrong.append({"pointer": where, "message": "this parameter is not known here"})
        elif len(values) > 1 and name not in many:
            wrong.append({"pointer": where, "message": "may be given only once"})
        elif not all(storable(str(value)) for value in values):
            wrong.append({"pointer": where, "message": "NUL and lone surrogates are not accepted"})
    if wrong:
        raise Invalid(errors=wrong[:20])


class StrictParser(Parser):
    """Ninja's reader of bodies: `application/json` in UTF-8 only."""

    def parse_body(self, request: HttpRequest) -> Any:
        if request.content_type != "application/json":
            raise UnsupportedMediaType()
        charset = (request.content_params or {}).get("charset", "utf-8")
        if charset.strip("\"'").lower() not in ("utf-8", "utf8"):
            raise UnsupportedMediaType("Send application/json in UTF-8")
        document = read_json(request.body)
        request.bh_document = document  # type: ignore[attr-defined]
        return document
