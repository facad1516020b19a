"""The lines of a mail's head, written by hand: Python's own writer takes a millisecond for a dozen of them, and turns a
long address in `List-Unsubscribe` into an encoded word, which no mail program follows.

Every line is ASCII of at most 76 characters, but for an address of a reader's own (a link, or a mailbox that needs
SMTPUTF8), which is never broken. What would not fit into a header raises ValueError.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator

LINE = 76
# RFC 5322: no line is longer, whatever it holds.
LONGEST = 990
_WORDS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(?: [A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
# So many bytes make an encoded word that fits into a line, even the first.
_IN_WORD = 39


def token(name: str, value: str) -> bytes:
    """A header that machines read: as it is, in one line."""
    if not (value.isascii() and value.isprintable()) or len(name) + len(value) > LONGEST:
        raise ValueError(f"{name} cannot hold this")
    return f"{name}: {value}\r\n".encode("ascii")


def words(name: str, text: str) -> bytes:
    """A header that people read. `text` is one line."""
    if _is_plain(text) and len(name) + 2 + len(text) <= LINE:
        return f"{name}: {text}\r\n".encode("ascii")
    folded = _folded(name, text) if _is_plain(text) else None
    if folded is None:
        folded = f"{name}: " + "\r\n ".join(_encoded(text))
    return f"{folded}\r\n".encode("ascii")


def mailbox(name: str, display: str, address: str) -> bytes:
    """`From` or `To`: one person and where they are reached. `address` holds nothing that would need quotes."""
    if not display:
        line = f"{name}: {address}"
    else:
        shown = _phrase(display)
        line = f"{name}: {shown} <{address}>"
        if len(line.rpartition("\n")[2]) > LINE:
            line = f"{name}: {shown}\r\n <{address}>"
    if any(char in "\r\n" or not char.isprintable() for char in address) or len(address) > LONGEST:
        raise ValueError(f"{name} cannot hold this")
    return f"{line}\r\n".encode()


def _phrase(display: str) -> str:
    """A name before an address."""
    if len(display) <= LINE - 10 and "=?" not in display:
        if _WORDS.fullmatch(display):
            return display
        if display.isascii() and display.isprintable():
            return '"' + display.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return "\r\n ".join(_encoded(display))


def _is_plain(text: str) -> bool:
    # What looks encoded would be decoded by its reader.
    return text.isascii() and text.isprintable() and "=?" not in text and "  " not in text and text == text.strip()


def _folded(name: str, text: str) -> str | None:
    """The header over several lines, broken at spaces; None when a word is too long for that."""
    lines = [f"{name}:"]
    for word in text.split(" "):
        if len(lines[-1]) + 1 + len(word) <= LINE:
            lines[-1] += f" {word}"
        elif 1 + len(word) <= LINE and lines[-1].strip() != f"{name}:":
            lines.append(f" {word}")
        else:
            return None
    return "\r\n".join(lines)


def _encoded(text: str) -> Iterator[str]:
    """RFC 2047: words that hold any text, none of them half a character."""
    held = b""
    for char in text:
        more = char.encode()
        if len(held) + len(more) > _IN_WORD:
            yield f"=?utf-8?b?{base64.b64encode(held).decode()}?="
            held = b""
        held += more
    yield f"=?utf-8?b?{base64.b64encode(held).decode()}?="
