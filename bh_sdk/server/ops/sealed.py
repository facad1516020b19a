"""Sealed attributes and keyed hashes: personal data at rest, readable only where somebody opens it on purpose.

A seal is AES-256-GCM with a fresh nonce, bound to table, column and primary key: moved to another row it does not open.
Keys come from `BH_SEAL_KEYS` and `BH_HASH_KEYS`: `id:base64,id:base64`, the first is used for new values, all for old.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.core.exceptions import FieldError, ImproperlyConfigured
from django.db import models
from django.db.models.query_utils import DeferredAttribute

from bh_sdk.server.ops import env

_KEY_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")
_NONCE = 12
_FORMAT = b"\x01"

if TYPE_CHECKING:
    _Field = models.Field[Any, Any]
else:
    _Field = models.Field


class SealBroken(Exception):
    """The value was sealed for another row, changed, or sealed with a key that is not here."""


@lru_cache(maxsize=16)
def _keys(name: str, given: str) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for entry in filter(None, (part.strip() for part in given.split(","))):
        key_id, _, encoded = entry.partition(":")
        try:
            key = base64.b64decode(encoded, validate=True)
        except binascii.Error:
            key = b""
        if not _KEY_ID.fullmatch(key_id) or len(key) != 32 or key_id in found:
            raise ImproperlyConfigured(f"{name} must be a list of id:base64 with keys of 32 bytes and an id for each")
        found[key_id] = key
    if not found:
        raise ImproperlyConfigured(f"{name} holds no key")
    return found


def _seal_keys() -> dict[str, bytes]:
    return _keys("BH_SEAL_KEYS", env.secret("BH_SEAL_KEYS"))


def _hash_keys() -> dict[str, bytes]:
    return _keys("BH_HASH_KEYS", env.secret("BH_HASH_KEYS"))


def seal(plain: bytes, bound_to: str) -> bytes:
    """Seal `plain` with the current key; it opens only with the same `bound_to`."""
    key_id, key = next(iter(_seal_keys().items()))
    nonce = os.urandom(_NONCE)
    name = key_id.encode()
    head = _FORMAT + bytes([len(name)]) + name
    return head + nonce + AESGCM(key).encrypt(nonce, plain, head + bound_to.encode())


def unseal(sealed: bytes, bound_to: str) -> bytes:
    """The plain value. Raises SealBroken."""
    head, key = sealed[: 2 + sealed[1]] if len(sealed) > 2 and sealed[:1] == _FORMAT else b"", None
    if head:
        key = _seal_keys().get(key_id_of(sealed))
    if key is None:
        raise SealBroken("sealed with a key that is not here")
    nonce = sealed[len(head) : len(head) + _NONCE]
    try:
        return AESGCM(key).decrypt(nonce, sealed[len(head) + _NONCE :], head + bound_to.encode())
    except (InvalidTag, ValueError):
        raise SealBroken("changed, or sealed for another row") from None


def key_id_of(sealed: bytes) -> str:
    """The id of the key a value was sealed with."""
    return sealed[2 : 2 + sealed[1]].decode("ascii", "replace")


def current_seal_key() -> str:
    return next(iter(_seal_keys()))


def keyed_hash(value: str, purpose: str) -> str:
    """`<key id>:<hex>`: HMAC-SHA256 for look-ups. Different purposes give unrelated hashes of the same value."""
    key_id, key = next(iter(_hash_keys().items()))
    return f"{key_id}:{_digest(key, value, purpose)}"


def keyed_hashes(value: str, purpose: str) -> list[str]:
    """The hash under every known key, newest first: for look-ups while keys rotate (`filter(email_hash__in=…)`)."""
    return [f"{key_id}:{_digest(key, value, purpose)}" for key_id, key in _hash_keys().items()]


def hash_matches(value: str, purpose: str, stored: str) -> bool:
    """Whether `stored` is a keyed hash of `value` under any known key."""
    key = _hash_keys().get(stored.partition(":")[0])
    return key is not None and hmac.compare_digest(stored.partition(":")[2], _digest(key, value, purpose))


def _digest(key: bytes, value: str, purpose: str) -> str:
    return hmac.new(
        key, purpose.encode() + b"\x00" + value.encode("utf-8", "surrogatepass"), hashlib.sha256
    ).hexdigest()


class Sealed:
    """A value that has to be opened: `row.email.open()`. It prints as `<sealed>` and fits into no JSON."""

    __slots__ = ("_bound_to", "_data", "_plain")

    def __init__(self, data: bytes | None, bound_to: str | None, plain: str | None = None) -> None:
        self._data = data
        self._bound_to = bound_to
        self._plain = plain

    def open(self) -> str:
        """The plain text. Raises SealBroken; a value from `values()` knows no row and never opens."""
        if self._plain is not None:
            return self._plain
        if self._data is None or self._bound_to is None:
            raise SealBroken("load the row to open it: a value without its row does not open")
        return unseal(self._data, self._bound_to).decode()

    @property
    def key_id(self) -> str | None:
        """The key it is sealed with; None while it is not written yet."""
        return None if self._data is None else key_id_of(self._data)

    def __repr__(self) -> str:
        return "<sealed>"

    __str__ = __repr__


class _Door(DeferredAttribute):
    """Hands out Sealed values, takes plain text."""

    field: SealedField

    def __get__(self, instance: Any, cls: Any = None) -> Any:
        if instance is None:
            return self
        value = super().__get__(instance, cls)
        if value is None or isinstance(value, Sealed):
            return value
        bound_to = self.field.bound_to(instance)
        return Sealed(value, bound_to) if isinstance(value, bytes) else Sealed(None, bound_to, plain=value)

    def __set__(self, instance: Any, value: Any) -> None:
        if isinstance(value, Sealed):
            same_row = value._bound_to is None or value._bound_to == self.field.bound_to(instance)
            value = value._data if same_row and value._data is not None else value.open()
        instance.__dict__[self.field.attname] = value


class SealedField(_Field):
    """Text that is sealed in the database. Assign plain text; read a `Sealed`. Filters know `isnull` alone.

    The row's primary key must be known when it is saved (use UUIDs), and `QuerySet.update()` cannot write it.
    """

    description = "Sealed text"
    _pyi_private_set_type: str | Sealed
    _pyi_private_get_type: Sealed
    _pyi_lookup_exact_type: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs.setdefault("editable", False)
        super().__init__(*args, **kwargs)

    descriptor_class = _Door

    def deconstruct(self) -> Any:
        name, path, args, kwargs = super().deconstruct()
        if self.editable is False:
            kwargs.pop("editable", None)
        return name, path, args, kwargs

    def get_internal_type(self) -> str:
        return "BinaryField"

    def bound_to(self, instance: models.Model) -> str:
        return f"{instance._meta.db_table}.{self.column}:{instance.pk}"

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Sealed | None:
        return None if value is None else Sealed(bytes(value), None)

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        value = model_instance.__dict__.get(self.attname)
        if isinstance(value, str):
            if model_instance.pk is None:
                raise TypeError(f"{self.name} can be sealed only when the row's primary key is known")
            value = seal(value.encode(), self.bound_to(model_instance))
            model_instance.__dict__[self.attname] = value
        return value

    def get_prep_value(self, value: Any) -> Any:
        if isinstance(value, Sealed):
            if value._data is not None:
                return value._data
            if value._plain is not None and value._bound_to is not None:
                return seal(value._plain.encode(), value._bound_to)
        if value is None or isinstance(value, bytes):
            return value
        raise TypeError(f"{self.name} is sealed by saving its row, not by update() or a filter")

    def get_lookup(self, lookup_name: str) -> Any:
        if lookup_name != "isnull":
            raise FieldError(f"{self.name} is sealed: look it up by a keyed hash")
        return super().get_lookup(lookup_name)

    def get_transform(self, lookup_name: str) -> Any:
        raise FieldError(f"{self.name} is sealed: look it up by a keyed hash")

    def value_to_string(self, obj: models.Model) -> str:
        data = self.pre_save(obj, False)
        return "" if data is None else base64.b64encode(data).decode()

    def to_python(self, value: Any) -> Any:
        return value

    def formfield(self, *args: Any, **kwargs: Any) -> None:
        """No form shows it."""


def sealed_fields(model: type[models.Model]) -> list[SealedField]:
    """The sealed attributes of a model, for key rotation and erasure."""
    return [field for field in model._meta.local_concrete_fields if isinstance(field, SealedField)]
