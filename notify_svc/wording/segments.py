"""How many SMS a text costs: 160 characters of GSM 03.38 fit into one, 70 of anything else; longer texts lose some."""

from __future__ import annotations

from dataclasses import dataclass

_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿"
    "abcdefghijklmnopqrstuvwxyzäöñüà"
)
# Each of these takes two places.
_EXTENDED = frozenset("^{}\\[~]|€\f")


@dataclass(frozen=True, slots=True)
class Segments:
    """`units` of `encoding` make `count` messages."""

    encoding: str
    units: int
    count: int


def segments(text: str) -> Segments:
    """How a text is cut when it is sent as SMS."""
    if all(char in _BASIC or char in _EXTENDED for char in text):
        units = sum(2 if char in _EXTENDED else 1 for char in text)
        return Segments("GSM-7", units, _count(units, 160, 153))
    units = len(text.encode("utf-16-be")) // 2
    return Segments("UCS-2", units, _count(units, 70, 67))


def _count(units: int, alone: int, each: int) -> int:
    return 1 if units <= alone else -(-units // each)
