"""Files. Sources: "Files" (docs.stripe.com/api/files), "File upload guide" (docs.stripe.com/file-upload: dispute evidence
is PDF, JPEG or PNG of at most 5 MB). Real Stripe takes them at files.stripe.com; here one address serves both.
"""

from __future__ import annotations

import hashlib
from email.parser import BytesParser
from email.policy import HTTP

from .desk import Desk, Route, fetch, pages
from .errors import StripeError, invalid
from .events import emit
from .params import EXPAND, Field, need, one_of, text
from .shapes import Obj, new_id

LARGEST = 5 * 1024 * 1024
_KINDS = {b"%PDF-": "pdf", b"\xff\xd8\xff": "jpg", b"\x89PNG\r\n\x1a\n": "png"}


def parts_of(content_type: str, body: bytes) -> Obj:
    """A multipart form as parameters; a file becomes a hash of what there is to know of it."""
    head = f"Content-Type: {content_type}\r\nMIME-Version: 1.0\r\n\r\n".encode()
    message = BytesParser(policy=HTTP).parsebytes(head + body)
    if not message.is_multipart():
        raise invalid("Invalid request: the body is no multipart form.")
    out: Obj = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        content = part.get_payload(decode=True)
        if not isinstance(name, str) or not isinstance(content, bytes):
            raise invalid("Invalid request: a part of the form has no name.")
        filename = part.get_filename()
        out[name] = content.decode("utf-8", "replace") if filename is None else _described(filename, content)
    return out


def _described(filename: str, content: bytes) -> Obj:
    kind = next((kind for magic, kind in _KINDS.items() if content.startswith(magic)), "")
    digest = hashlib.sha256(content).hexdigest()
    return {"filename": filename, "size": str(len(content)), "type": kind, "sha256": digest}


def _file(name: str, value: object) -> Obj:
    if not isinstance(value, dict) or "sha256" not in value:
        raise invalid("Invalid file: you must upload a file, not a text.", name)
    return value


def _create(desk: Desk, params: Obj) -> Obj:
    given = params["file"]
    size = int(given["size"])
    if size == 0:
        raise invalid("The file you have uploaded is empty.", "file")
    if size > LARGEST:
        raise invalid("The file you have uploaded exceeds the limit of 5MB for the purpose dispute_evidence.", "file")
    if not given["type"]:
        message = "Invalid file type. Files of the purpose dispute_evidence are PDF, JPEG or PNG."
        raise StripeError(message, code="invalid_file_type", param="file", validated=False)
    made = desk.store.add(
        "file",
        {
            "id": new_id("file"),
            "object": "file",
            "created": desk.now,
            "expires_at": desk.now + 270 * 86_400,
            "filename": given["filename"],
            "links": {"object": "list", "data": [], "has_more": False, "url": "/v1/file_links"},
            "purpose": params["purpose"],
            "size": size,
            "title": None,
            "type": given["type"],
            "url": None,
            "_sha256": given["sha256"],
        },
    )
    emit(desk, "file.created", made)
    return made


ROUTES = [
    Route(
        "POST", "/v1/files", _create, "file",
        {**EXPAND, "file": need(Field(_file)), "purpose": need(one_of("dispute_evidence"))},
    ),
    fetch("/v1/files", "file", param="file"),
    pages("/v1/files", "file", {"purpose": text()}),
]  # fmt: skip
