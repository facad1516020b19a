"""Form bodies in, checked values out, refused in Stripe's words.

Sources: "API reference: request bodies are form-encoded" (docs.stripe.com/api), "Error codes"
(docs.stripe.com/error-codes: parameter_missing, parameter_unknown, parameter_invalid_integer, parameter_invalid_empty),
"Metadata" (docs.stripe.com/api/metadata).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from .errors import StripeError, invalid

if TYPE_CHECKING:
    from .shapes import Obj

_KEY = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")
_EMAIL = re.compile(r"^[^@\s]+@[^@\s.]+(\.[^@\s.]+)+$")


@dataclass(frozen=True)
class Field:
    """One parameter: how it is read, whether it must be there, whether an empty string clears it."""

    parse: Callable[[str, Any], Any]
    required: bool = False
    clears: bool = False


Schema = Mapping[str, Field]


def need(field: Field) -> Field:
    """The parameter must be given."""
    return replace(field, required=True)


def clearable(field: Field) -> Field:
    """An empty string unsets the value (read as None)."""
    return replace(field, clears=True)


def decode(raw: str) -> Obj:
    """Turn `a[b]=1&c[0]=x` into nested dicts. Lists stay dicts of "0", "1", …; `array` reads them."""
    out: Obj = {}
    try:
        pairs = parse_qsl(raw, keep_blank_values=True, encoding="utf-8", errors="strict")
    except UnicodeDecodeError:
        raise invalid("Invalid request: a parameter is not valid UTF-8.") from None
    for key, value in pairs:
        match = _KEY.match(key)
        if match is None:
            raise invalid(f"Invalid request: could not parse the parameter name {key!r}.")
        path = [match.group(1), *re.findall(r"\[([^\[\]]*)\]", match.group(2))]
        if len(path) > 10:
            raise invalid(f"Invalid request: the parameter {match.group(1)!r} is nested too deeply.")
        here = out
        for part in path[:-1]:
            step = here.setdefault(part if part else str(len(here)), {})
            if not isinstance(step, dict):
                raise invalid(f"Invalid request: {key!r} is given both as a value and as a hash.")
            here = step
        last = path[-1] if path[-1] or len(path) == 1 else str(len(here))
        here[last] = value
    return out


def read(schema: Schema, raw: Obj, prefix: str = "") -> Obj:
    """Check `raw` against `schema`: unknown names, missing names, then each value."""
    unknown = [_name(prefix, key) for key in raw if key not in schema]
    if unknown:
        plural = "s" if len(unknown) > 1 else ""
        message = f"Received unknown parameter{plural}: {', '.join(unknown)}"
        raise invalid(message, unknown[0], "parameter_unknown")
    for key, field in schema.items():
        if field.required and key not in raw:
            name = _name(prefix, key)
            raise invalid(f"Missing required param: {name}.", name, "parameter_missing")
    out: Obj = {}
    for key, value in raw.items():
        field, name = schema[key], _name(prefix, key)
        if value == "":
            if not field.clears:
                raise invalid(
                    f"You passed an empty string for '{name}'. We assume empty values are an attempt to unset a "
                    f"parameter; however '{name}' cannot be unset. You should remove '{name}' from your request or "
                    "supply a non-empty value.",
                    name,
                    "parameter_invalid_empty",
                )
            out[key] = None
        else:
            out[key] = field.parse(name, value)
    return out


def _name(prefix: str, key: str) -> str:
    return f"{prefix}[{key}]" if prefix else key


def _plain(name: str, value: Any) -> str:
    if not isinstance(value, str):
        raise invalid(f"Invalid string: {value}", name)
    if "\x00" in value:
        raise invalid(f"Invalid string: {name} must not contain null bytes", name)
    return value


def text(maximum: int = 5000) -> Field:
    """A string of at most `maximum` characters."""

    def parse(name: str, value: Any) -> str:
        plain = _plain(name, value)
        if len(plain) > maximum:
            raise invalid(f"Invalid string: {plain[:20]}...{plain[-10:]}; must be at most {maximum} characters", name)
        return plain

    return Field(parse)


def one_of(*allowed: str) -> Field:
    """One of the listed words."""

    def parse(name: str, value: Any) -> str:
        plain = _plain(name, value)
        if plain not in allowed:
            words = f"{', '.join(allowed[:-1])}, or {allowed[-1]}" if len(allowed) > 1 else allowed[0]
            raise invalid(f"Invalid {name}: must be one of {words}", name)
        return plain

    return Field(parse)


def integer(minimum: int | None = None, maximum: int | None = None) -> Field:
    """A whole number in plain digits."""

    def parse(name: str, value: Any) -> int:
        if not isinstance(value, str) or not re.fullmatch(r"-?[0-9]{1,18}", value):
            raise invalid(f"Invalid integer: {value}", name, "parameter_invalid_integer")
        number = int(value)
        if minimum is not None and number < minimum:
            message = f"This value must be greater than or equal to {minimum}."
            raise invalid(message, name, "parameter_invalid_integer")
        if maximum is not None and number > maximum:
            message = f"This value must be less than or equal to {maximum}."
            raise invalid(message, name, "parameter_invalid_integer")
        return number

    return Field(parse)


def _boolean(name: str, value: Any) -> bool:
    if value not in ("true", "false"):
        raise invalid(f"Invalid boolean: {value}", name)
    return bool(value == "true")


def _email(name: str, value: Any) -> str:
    plain = _plain(name, value)
    if not _EMAIL.match(plain) or len(plain) > 512:
        raise invalid(f"Invalid email address: {plain}", name, "email_invalid")
    return plain


def _url(name: str, value: Any) -> str:
    plain = _plain(name, value)
    if not re.match(r"^[a-z][a-z0-9+.-]*://\S+$", plain):
        raise invalid("Not a valid URL", name, "url_invalid")
    return plain


def _off_session(name: str, value: Any) -> bool:
    return True if value in ("one_off", "recurring") else _boolean(name, value)


def _metadata(name: str, value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise invalid("Invalid object", name)
    for key, item in value.items():
        if not isinstance(item, str):
            raise invalid(f"Invalid string: {item}", f"{name}[{key}]")
        if len(key) > 40:
            raise invalid(
                f"Metadata keys can have up to 40 characters, but you passed in a key that is {len(key)}"
                f" characters. Invalid key: {key}",
                name,
            )
        if len(item) > 500:
            raise invalid(
                f"Metadata values can have up to 500 characters, but you passed in a value that is "
                f"{len(item)} characters. Invalid value: {item}",
                f"{name}[{key}]",
            )
    if len(value) > 50:
        raise invalid(f"You can only have up to 50 metadata keys, but you passed in {len(value)}.", name)
    return value


boolean = Field(_boolean)
email = Field(_email)
url = Field(_url)
off_session = Field(_off_session)
metadata = clearable(Field(_metadata))


def hash_of(schema: Schema) -> Field:
    """A nested hash with its own schema."""

    def parse(name: str, value: Any) -> Obj:
        if not isinstance(value, dict):
            raise invalid("Invalid object", name)
        return read(schema, value, name)

    return Field(parse)


def array(of: Field) -> Field:
    """A list: `name[0]=…` or `name[]=…`."""

    def parse(name: str, value: Any) -> list[Any]:
        if not isinstance(value, dict) or not all(key.isdigit() for key in value):
            raise invalid("Invalid array", name)
        return [of.parse(f"{name}[{key}]", item) for key, item in sorted(value.items(), key=lambda pair: int(pair[0]))]

    return Field(parse)


def _not_imitated(name: str, _value: Any) -> Any:
    raise invalid(f"The stand-in does not imitate the parameter '{name}'.", name, "standin_not_imitated")


def not_imitated(*names: str) -> dict[str, Field]:
    """Parameters Stripe knows and the stand-in does not: refused loudly rather than ignored."""
    return {name: Field(_not_imitated, clears=False) for name in names}


def _created(name: str, value: Any) -> dict[str, int]:
    number = integer(0)
    if isinstance(value, str):
        return {"gte": number.parse(name, value), "lte": number.parse(name, value)}
    parsed: dict[str, int] = hash_of(dict.fromkeys(("gt", "gte", "lt", "lte"), number)).parse(name, value)
    return parsed


EXPAND: dict[str, Field] = {"expand": array(text())}
PAGE: dict[str, Field] = {
    **EXPAND,
    "limit": integer(1, 100),
    "starting_after": text(),
    "ending_before": text(),
    "created": Field(_created),
}
ADDRESS = hash_of({key: clearable(text()) for key in ("city", "country", "line1", "line2", "postal_code", "state")})
SHIPPING = hash_of(
    {"address": need(ADDRESS), "name": need(text()), "phone": text(), "carrier": text(), "tracking_number": text()}
)


def merged(current: Mapping[str, str], given: Mapping[str, str] | None) -> dict[str, str]:
    """Metadata after an update: keys are merged, an empty value removes a key, an empty parameter removes all."""
    if given is None:
        return {}
    both = {**current, **given}
    return {key: value for key, value in both.items() if value != ""}


def exactly_one(params: Obj, names: Iterable[str]) -> str:
    """The one of `names` that is given; two are refused, none is refused."""
    options = list(names)
    given = [name for name in options if params.get(name) is not None]
    if not given:
        raise invalid(
            f"One of the following params should be provided for this request: {' or '.join(options)}.",
            options[0],
            "parameter_missing",
        )
    if len(given) > 1:
        raise StripeError(
            f"You may only specify one of these parameters: {', '.join(given)}.",
            code="parameters_exclusive",
            param=given[0],
            validated=False,
        )
    return given[0]
