"""True small files to send where a service looks into documents: a PDF page with a line of text, PNG and JPEG pictures."""

from __future__ import annotations

import struct
import zlib


def pdf(text: str = "A paper made up for a test") -> bytes:
    """One page that says this."""
    line = text.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)").encode("latin-1", "replace")
    drawn = b"BT /F1 12 Tf 20 100 Td (%s) Tj ET" % line
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 300 200] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(drawn), drawn),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    file, places = b"%PDF-1.7\n", []
    for number, body in enumerate(objects, start=1):
        places.append(len(file))
        file += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    rows = b"".join(b"%010d 00000 n \n" % place for place in places)
    table = b"xref\n0 %d\n0000000000 65535 f \n%s" % (len(objects) + 1, rows)
    return file + table + b"trailer\n<< /Size 6 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % len(file)


def png(text: str = "", *, side: int = 4) -> bytes:
    """A grey square that carries this text."""

    def piece(name: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))

    pixels = zlib.compress((b"\0" + b"\x80" * side) * side)
    header = piece(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    said = piece(b"tEXt", b"Comment\0" + text.encode("latin-1", "replace")) if text else b""
    return b"\x89PNG\r\n\x1a\n" + header + said + piece(b"IDAT", pixels) + piece(b"IEND", b"")


def jpeg(text: str = "") -> bytes:
    """A grey picture of 8 by 8 that carries this text."""

    def segment(marker: int, body: bytes) -> bytes:
        return bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body

    counts = bytes([1, *[0] * 15])
    return b"".join(
        [
            b"\xff\xd8",
            segment(0xE0, b"JFIF\0\1\1\0\0\1\0\1\0\0"),
            segment(0xFE, text.encode("latin-1", "replace")) if text else b"",
            segment(0xDB, bytes([0, *[1] * 64])),
            segment(0xC0, struct.pack(">BHHB", 8, 8, 8, 1) + b"\1\x11\0"),
            # One code for "nothing differs" in each table: the block is of one grey.
            segment(0xC4, b"\x00" + counts + b"\0"),
            segment(0xC4, b"\x10" + counts + b"\0"),
            segment(0xDA, b"\1\1\0\0\x3f\0"),
            b"\x3f",
            b"\xff\xd9",
        ]
    )
