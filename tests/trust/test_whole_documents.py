"""What is taken as a document has the build of one; what only begins and ends like one is refused."""

from __future__ import annotations

import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bh_sdk.testing import papers
from trust_svc.verification.wholeness import content_type

PDF, PNG, JPEG = papers.pdf("of Jonah"), papers.png("of Jonah"), papers.jpeg("of Jonah")
SIGNATURE = PNG[:8]


def piece(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def header(wide: int, high: int) -> bytes:
    return piece(b"IHDR", struct.pack(">IIBBBBB", wide, high, 8, 0, 0, 0, 0))


DATA, END = piece(b"IDAT", b"x"), piece(b"IEND", b"")


def test_true_files_are_told_apart() -> None:
    assert [content_type(each) for each in (PDF, PNG, JPEG)] == ["application/pdf", "image/png", "image/jpeg"]
    assert content_type(SIGNATURE + header(1240, 1754) + DATA + DATA + END) == "image/png"
    assert content_type(JPEG + b"\0\0") == "image/jpeg"


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"GIF89a",
        SIGNATURE + b"IEND",
        SIGNATURE + END,
        SIGNATURE + header(4, 4) + END,
        SIGNATURE + DATA + header(4, 4) + END,
        SIGNATURE + header(0, 4) + DATA + END,
        SIGNATURE + header(60_000, 60_000) + DATA + END,
        SIGNATURE + header(20_000, 20_000) + DATA + END,
        SIGNATURE + header(4, 4) + DATA + END + b"<script>alert(1)</script>",
        SIGNATURE + header(4, 4) + DATA[:-1] + b"x" + END,
        SIGNATURE + header(4, 4) + b"\xff\xff\xff\xffIDAT",
        SIGNATURE + header(4, 4) + piece(b"tEXt", b"") * 20_001 + DATA + END,
        b"\xff\xd8\xff<script>alert(1)</script>\xff\xd9",
        b"\xff\xd8\xff\xd9",
        b"\xff\xd8\xff\xe0\x00\x04ab\xff\xd9",
        JPEG.replace(b"\x08\x00\x08\x00\x08", b"\x08\x00\x00\x00\x08"),
        JPEG.replace(b"\xff\xc0", b"\xff\xe1"),
        b"%PDF-<script>alert(1)</script>%%EOF",
        b"%PDF-1.7\n1 0 obj\n<< >>\nendobj\n%%EOF",
        b"%PDF-1.7\nstartxref\n9\n%%EOF",
        PDF.replace(b"startxref\n", b"startxref\n9"),
        PDF.replace(b"trailer", b"trawler"),
        PDF + b"<script>",
        PDF.replace(b"/Root 1 0 R", b"/Root 1 0 R /Encrypt 5 0 R"),
        PDF.replace(b"/Root 1 0 R", b"/OpenAction << /S /JavaScript >>"),
        PDF.replace(b"/Root 1 0 R", b"/OpenAction << /S /Java#53cript >>"),
        PDF.replace(b"/Root 1 0 R", b"/OpenAction << /S /Launch >>"),
    ],
)
def test_what_only_looks_like_a_file_is_none(content: bytes) -> None:
    assert content_type(content) is None


@settings(max_examples=120, deadline=None)
@given(st.sampled_from([PDF, PNG, JPEG]), st.data())
def test_no_file_that_was_cut_short_is_whole(whole: bytes, data: st.DataObject) -> None:
    cut = whole[: data.draw(st.integers(0, len(whole.rstrip()) - 1))]
    assert content_type(cut) is None


@settings(max_examples=120, deadline=None)
@given(st.sampled_from([SIGNATURE, b"\xff\xd8\xff", b"%PDF-1.7\n"]), st.binary(max_size=300))
def test_no_bytes_break_the_look_at_them(begin: bytes, rest: bytes) -> None:
    content_type(begin + rest)
