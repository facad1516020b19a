"""Answering a donor's bank through Stripe. One request each, never inside a transaction; the errors are `client.asking`'s."""

from __future__ import annotations

import io
from collections.abc import Callable
from functools import partial

from payments_svc.gateway.client import asking, client
from payments_svc.gateway.errors import OutcomeUnknown


class _Named(io.BytesIO):
    """A file as Stripe's library sends it: it reads the name off the object."""

    def __init__(self, content: bytes, name: str) -> None:
        super().__init__(content)
        self.name = name


def upload(*, content: bytes, name: str, key: str) -> str:
    """Send a file that evidence will name; answers Stripe's id of it. One that nobody names is forgotten by Stripe."""
    return _told(partial(_upload, content, name), key)


def answer(*, dispute_id: str, evidence: dict[str, str], key: str) -> None:
    """Submit evidence. There is one submission: the bank sees what stands there then."""
    _told(partial(_submit, dispute_id, evidence), key)


def accept(*, dispute_id: str, key: str) -> None:
    """Let the bank have it: the dispute is lost."""
    _told(partial(_close, dispute_id), key)


def _upload(content: bytes, name: str, key: str) -> str:
    params = {"purpose": "dispute_evidence", "file": _Named(content, name)}
    with asking():
        return str(client().v1.files.create(params, {"idempotency_key": key}).id)  # type: ignore[arg-type]


def _submit(dispute_id: str, evidence: dict[str, str], key: str) -> str:
    with asking():
        told = client().v1.disputes.update(
            dispute_id,
            {"evidence": evidence, "submit": True},  # type: ignore[arg-type]
            {"idempotency_key": key},
        )
    return str(told.id)


def _close(dispute_id: str, key: str) -> str:
    with asking():
        return str(client().v1.disputes.close(dispute_id, {}, {"idempotency_key": key}).id)


def _told(call: Callable[[str], str], key: str) -> str:
    """A dispute is answered once at most, so where Stripe remembers an error under the key, another key is safe."""
    try:
        return call(key)
    except OutcomeUnknown as lost:
        if not lost.remembered:
            raise
        return call(f"{key}-1")
