"""Whether bytes are a whole PDF, JPEG or PNG file, by how each is built. Pure; one pass, whatever the bytes are."""

from __future__ import annotations

import re
import struct
import zlib

PNG = b"\x89PNG\r\n\x1a\n"
# Pixels along one side. More is no scan of a paper, and a bomb for whoever opens it.
LARGEST_SIDE = 20_000
MOST_PIXELS = 100_000_000
# Pieces of a picture: a scan in stripes of 8 kB has hundreds.
MOST_PIECES = 20_000

# Frames of JPEG (SOF), without DHT, JPG and DAC, which lie between them.
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset([0x01, *range(0xD0, 0xD8)])

_OBJECT = re.compile(rb"\b\d{1,10}\s{1,4}\d{1,5}\s{1,4}obj\b")
_START = re.compile(rb"startxref\s{1,8}(\d{1,10})\s{1,8}%%EOF")
# What a document does by itself, or hides; written in full, or with letters as #xx.
_ACTS = re.compile(rb"/(?:Encrypt|JavaScript|Launch)(?![A-Za-z0-9])")
_ESCAPED = re.compile(rb"#([0-9A-Fa-f]{2})")


def content_type(content: bytes) -> str | None:
    """What the bytes are; None for anything else, for what was cut short, and for a PDF that is locked or acts by itself."""
    if content.startswith(PNG):
        return "image/png" if _is_png(content) else None
    if content.startswith(b"\xff\xd8\xff"):
        return "image/jpeg" if _is_jpeg(content) else None
    if content.startswith(b"%PDF-"):
        return "application/pdf" if _is_pdf(content) else None
    return None


def _is_png(content: bytes) -> bool:
    """A header with the size, data, and every piece with its checksum, down to the end."""
    at, data = len(PNG), False
    for piece in range(MOST_PIECES):
        if at + 12 > len(content):
            return False
        length, name = struct.unpack_from(">I4s", content, at)
        end = at + 12 + length
        if end > len(content):
            return False
        body = memoryview(content)[at + 8 : end - 4]
        if zlib.crc32(body, zlib.crc32(name)) != int.from_bytes(content[end - 4 : end], "big"):
            return False
        if (piece == 0) is not (name == b"IHDR") or (piece == 0 and not _sane(bytes(body), ">II", 13)):
            return False
        data = data or (name == b"IDAT" and length > 0)
        if name == b"IEND":
            return bool(length == 0 and data and end == len(content))
        at = end
    return False


def _is_jpeg(content: bytes) -> bool:
    """Segments from the first to the scan, a frame with the size among them, and the end after the scan."""
    at, framed = 2, False
    for _ in range(MOST_PIECES):
        while content[at : at + 2] == b"\xff\xff":
            at += 1
        if at + 4 > len(content) or content[at] != 0xFF:
            return False
        marker = content[at + 1]
        if marker in _ALONE:
            at += 2
            continue
        length = int.from_bytes(content[at + 2 : at + 4], "big")
        end = at + 2 + length
        if marker in (0x00, 0xD8, 0xD9) or length < 2 or end > len(content):
            return False
        if marker in _FRAMES:
            framed = length >= 9 and _sane(content[at + 5 : at + 9], ">HH", 4)
            if not framed:
                return False
        if marker == 0xDA:
            # Cameras append a preview or a few zeros after the end.
            return framed and content.find(b"\xff\xd9", end) > end
        at = end
    return False


def _sane(body: bytes, sides: str, length: int) -> bool:
    if len(body) != length:
        return False
    first, second = struct.unpack_from(sides, body)
    return bool(0 < first <= LARGEST_SIDE and 0 < second <= LARGEST_SIDE and first * second <= MOST_PIXELS)


def _is_pdf(content: bytes) -> bool:
    """A version, an object, and a table of objects where the end says it is; nothing locked, nothing that acts."""
    if not re.match(rb"%PDF-[12]\.\d\s", content) or _OBJECT.search(content) is None:
        return False
    ends = list(_START.finditer(content, max(0, len(content) - 2048)))
    if not ends:
        return False
    last = ends[-1]
    if content[last.end() :].strip(b"\0\t\n\f\r "):
        return False
    table = int(last[1])
    begins = content[table : table + 32].lstrip()
    if table >= last.start():
        return False
    if begins.startswith(b"xref"):
        if b"trailer" not in content[table : last.start()]:
            return False
    elif _OBJECT.match(begins) is None:
        return False
    plain = _ESCAPED.sub(lambda found: bytes([int(found[1], 16)]), content) if b"#" in content else content
    return _ACTS.search(plain) is None
