"""`expand[]`: ids replaced by the objects they name. Source: "Expanding responses"
(docs.stripe.com/api/expanding_objects, docs.stripe.com/expand: at most four levels, `data.` first in lists).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import charges
from .balance import matured
from .errors import invalid
from .shapes import Obj, listing, public

if TYPE_CHECKING:
    from collections.abc import Callable

    from .desk import Desk

_REFERENCES: dict[str, dict[str, tuple[str, ...]]] = {
    "payment_intent": {
        "customer": ("customer",), "latest_charge": ("charge",), "payment_method": ("payment_method",),
    },
    "charge": {
        "balance_transaction": ("balance_transaction",), "customer": ("customer",),
        "failure_balance_transaction": ("balance_transaction",), "payment_intent": ("payment_intent",),
    },
    "refund": {
        "balance_transaction": ("balance_transaction",), "charge": ("charge",),
        "failure_balance_transaction": ("balance_transaction",), "payment_intent": ("payment_intent",),
    },
    "dispute": {"charge": ("charge",), "payment_intent": ("payment_intent",)},
    "balance_transaction": {"source": ("charge", "refund", "dispute", "payout", "transfer", "transfer_reversal")},
    "transfer": {"balance_transaction": ("balance_transaction",), "destination": ("account",)},
    "transfer_reversal": {"balance_transaction": ("balance_transaction",), "transfer": ("transfer",)},
    "payment_method": {"customer": ("customer",)},
    "setup_intent": {"customer": ("customer",), "payment_method": ("payment_method",)},
    "payout": {"balance_transaction": ("balance_transaction",), "destination": ()},
    "customer": {"default_source": ()},
}  # fmt: skip


def _nothing(path: str) -> Callable[[Desk, Obj], Obj]:
    return lambda _, obj: listing(f"/v1/customers/{obj['id']}/{path}", [])


_INCLUDED: dict[str, dict[str, tuple[str, Callable[[Desk, Obj], Obj]]]] = {
    "charge": {"refunds": ("refund", charges.refunds_of)},
    "customer": {
        "sources": ("", _nothing("sources")),
        "subscriptions": ("", _nothing("subscriptions")),
        "tax_ids": ("", _nothing("tax_ids")),
    },
}


def check(noun: str, paths: list[str], *, lists: bool) -> None:
    """Refuse what cannot be expanded, before anything is done."""
    for path in paths:
        parts = path.split(".")
        if lists:
            if parts[0] != "data":
                raise _refused(path, f" You may want to try expanding 'data.{path}' instead.")
            parts = parts[1:]
        if len(parts) > 4:
            raise invalid(f"You cannot expand more than 4 levels of a property. Property: {path}", "expand")
        _walk((noun,), parts, path)


def _walk(nouns: tuple[str, ...], parts: list[str], whole: str) -> None:
    if not parts:
        return None
    if parts[0] == "data":
        return _walk(nouns, parts[1:], whole)
    following: tuple[str, ...] = ()
    known = False
    for noun in nouns:
        if parts[0] in _REFERENCES.get(noun, {}):
            following, known = (*following, *_REFERENCES[noun][parts[0]]), True
        if parts[0] in _INCLUDED.get(noun, {}):
            following, known = (*following, _INCLUDED[noun][parts[0]][0]), True
    if not known:
        raise _refused(whole)
    return _walk(following, parts[1:], whole)


def _refused(path: str, hint: str = "") -> Exception:
    return invalid(f"This property cannot be expanded ({path}).{hint}", "expand")


def shown(desk: Desk, obj: Obj, paths: list[str]) -> Obj:
    """The object as it leaves the stand-in: without its own keys, with the asked-for objects in place."""
    out = public(obj)
    if out.get("object") == "list":
        inner = [path.removeprefix("data.") for path in paths]
        out["data"] = [shown(desk, item, inner) for item in out["data"]]
        return out
    tree: dict[str, list[str]] = {}
    for path in paths:
        head, _, rest = path.partition(".")
        tree.setdefault(head, []).extend([rest] if rest else [])
    noun = str(out.get("object"))
    for head, deeper in tree.items():
        if head in _INCLUDED.get(noun, {}):
            out[head] = shown(desk, _INCLUDED[noun][head][1](desk, obj), deeper)
            continue
        value = out.get(head)
        for target in _REFERENCES.get(noun, {}).get(head, ()):
            found = desk.store.find(target, value) if isinstance(value, str) else None
            if found is not None:
                out[head] = shown(desk, matured(found) if target == "balance_transaction" else found, deeper)
    return out
