"""Card numbers: found, so that doors refuse them and logs never show one. Card data never touches us (PCI DSS, SAQ-A).

A card number is a run of 13 to 19 digits, in one piece or in groups, with the beginning and length of a card network and
a right check digit (ISO/IEC 7812). Times, phone numbers, UUIDs, digests and ids of other kinds are none.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator
from operator import itemgetter

MASKED = "<card>"

# The first digits of each network (low to high, of as many digits) and the lengths of its numbers.
_NETWORKS: tuple[tuple[str, str, frozenset[int]], ...] = (
    ("4", "4", frozenset({13, 16, 19})),
    ("51", "55", frozenset({16})),
    ("2221", "2720", frozenset({16})),
    ("34", "34", frozenset({15})),
    ("37", "37", frozenset({15})),
    ("6011", "6011", frozenset({16, 17, 18, 19})),
    ("644", "659", frozenset({16, 17, 18, 19})),
    ("300", "305", frozenset({14, 16, 17, 18, 19})),
    ("3095", "3095", frozenset({14, 16, 17, 18, 19})),
    ("36", "36", frozenset({14, 16, 17, 18, 19})),
    ("38", "39", frozenset({14, 16, 17, 18, 19})),
    ("3528", "3589", frozenset({16, 17, 18, 19})),
    ("62", "62", frozenset({16, 17, 18, 19})),
    ("50", "50", frozenset({13, 14, 15, 16, 17, 18, 19})),
    ("56", "58", frozenset({13, 14, 15, 16, 17, 18, 19})),
    ("6304", "6304", frozenset({16, 17, 18, 19})),
    ("6759", "6763", frozenset({16, 17, 18, 19})),
    ("2200", "2204", frozenset({16, 17, 18, 19})),
)
_SHORTEST, _LONGEST = 13, 19
# Enough digits for a card, with what people put between groups. Nothing else of a text is looked at any closer.
_RUN = re.compile(r"[0-9](?:[ .\-]{0,3}[0-9]){12,}")
# The groups that are printed on a card (4-4-4-4 and what is shorter or longer, 4-6-5), with anything but letters between
# them: a new line, a bar, a comma and a blank. Found by looking ahead, since one may begin within what is none. A double
# quote parts the texts of a JSON body: what lies on its two sides was never written together.
_BETWEEN = r'(?:[^\w"]|_){1,4}'
_PRINTED = re.compile(
    rf"(?<![0-9])(?=(?:[0-9]{{4}}{_BETWEEN}){{3}}[0-9]{{1,4}}(?![0-9])|[0-9]{{4}}{_BETWEEN}[0-9]{{6}}{_BETWEEN}[0-9]{{4,5}}(?![0-9]))"
)
_REST = re.compile(rf"[0-9]+(?:{_BETWEEN}[0-9]+){{0,4}}")
_RUN_OF_BYTES = re.compile(f"{_RUN.pattern}|{_PRINTED.pattern}".encode())
_GROUP = re.compile(r"[0-9]+")
_UUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_DIGEST = re.compile(r"[0-9a-fA-F]{24,}")
_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]")
# A text of nothing but small groups of digits is not looked at for ever: whoever writes one hides something in it.
_MOST_WINDOWS = 20_000
# The sizes of the groups in which numbers are printed on cards.
_SIZES = frozenset(
    {(4, 6, 4), (4, 6, 5)} | {(4, 4, 4, last) for last in range(1, 5)} | {(4, 4, 4, 4, last) for last in range(1, 4)}
)
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def in_text(text: str) -> bool:
    """Whether a text holds a card number, however its digits are grouped or written."""
    if not text.isascii():
        text = _plain(text)
    return next(_found(text), None) is not None


def in_bytes(raw: bytes) -> bool:
    """The same of a body as it came. Most bodies cost one look."""
    if raw.isascii():
        return _RUN_OF_BYTES.search(raw) is not None and in_text(raw.decode("ascii"))
    return in_text(raw.decode("utf-8", "replace"))


def in_digits(digits: str) -> bool:
    """Whether a card number stands anywhere within a run of digits: for the short ones that only we or a caller made up."""
    sizes = range(_SHORTEST, _LONGEST + 1)
    return any(
        _is_card(digits[at : at + size]) for at in range(len(digits)) for size in sizes if at + size <= len(digits)
    )


def masked(text: str) -> str:
    """The text with `<card>` in the place of every card number."""
    if text.isascii() and _RUN.search(text) is None and _PRINTED.search(text) is None:
        return text
    plain = text if text.isascii() else _plain(text)
    places = sorted(_found(plain))
    if not places:
        return text
    kept, last = [], 0
    for start, end in places:
        if start >= last:
            kept += [plain[last:start], MASKED]
            last = end
    return "".join([*kept, plain[last:]])


def _plain(text: str) -> str:
    """Digits, dashes and blanks of every script as those of ASCII; what cannot be seen or only adorns a digit is gone."""
    return _BEYOND_ASCII.sub(lambda found: _as_ascii(found[0]), text)


def _as_ascii(char: str) -> str:
    digit = unicodedata.digit(char, None)
    if digit is not None:
        return str(digit)
    kind = unicodedata.category(char)
    return {"Pd": "-", "Zs": " ", "Cf": "", "Mn": "", "Me": ""}.get(kind, "-" if char == "\u2212" else char)


def _found(text: str) -> Iterator[tuple[int, int]]:
    yield from _printed(text)
    left = _MOST_WINDOWS
    for run in _RUN.finditer(text):
        groups = _groups(text, run.start(), run.end())
        for first in range(len(groups)):
            digits = ""
            for start, end in groups[first : first + _LONGEST]:
                digits += text[start:end]
                left -= 1
                # An empty group stands for what is no part of any card.
                if start == end or len(digits) > _LONGEST or left < 0:
                    break
                if len(digits) >= _SHORTEST and _is_card(digits):
                    yield groups[first][0], end
                    break
        if left < 0:
            yield run.start(), len(text)
            return


def _printed(text: str) -> Iterator[tuple[int, int]]:
    for place in _PRINTED.finditer(text):
        rest = _REST.match(text, place.start())
        size = _size_of_card(_GROUP.findall(rest[0])) if rest else 0
        if rest and size:
            spans = _groups(text, rest.start(), rest.end())[:size]
            if all(start < end for start, end in spans):
                yield spans[0][0], spans[-1][1]


def _size_of_card(groups: list[str]) -> int:
    """How many of these groups of digits are a card number; 0: none are."""
    for size in range(3, len(groups) + 1):
        if tuple(map(len, groups[:size])) in _SIZES and _is_card("".join(groups[:size])):
            return size
    return 0


def _groups(text: str, start: int, end: int) -> list[tuple[int, int]]:
    """The groups of digits of a run; one that belongs to a UUID or to a digest in hex is an empty one."""
    first, last = max(0, start - 36), min(len(text), end + 64)
    spans = [found.span() for found in _GROUP.finditer(text, start, end)]
    for pattern in (_UUID, _DIGEST):
        others = [found.span() for found in pattern.finditer(text, first, last) if not found[0].isdecimal()]
        if others:
            spans = [(at, at if _within(at, others) else to) for at, to in spans]
    return spans


def _within(at: int, spans: list[tuple[int, int]]) -> bool:
    """Whether a place lies in one of the spans, which are in order and apart."""
    nearest = bisect_right(spans, at, key=itemgetter(0)) - 1
    return nearest >= 0 and at < spans[nearest][1]


def _is_card(digits: str) -> bool:
    size = len(digits)
    known = any(size in sizes and low <= digits[: len(low)] <= high for low, high, sizes in _NETWORKS)
    if not known:
        return False
    numbers = [int(digit) for digit in reversed(digits)]
    return (sum(numbers[::2]) + sum(_DOUBLED[number] for number in numbers[1::2])) % 10 == 0
