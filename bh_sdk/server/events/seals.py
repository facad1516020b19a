"""The hash chain over the feed, and the signed heads that are kept where the database cannot reach them.

A seal's hash is SHA-256 over the hash before it and, for every event of its batch in number order, the number, the
position, the sequence (8 bytes each, big-endian) and the event's digest. Who changes a row has to change every later
seal, and the signed heads outside of the database will not agree.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit
from uuid import UUID

import jwt
from django.core.exceptions import ImproperlyConfigured

from bh_sdk.server.events.epochs import Head
from bh_sdk.server.ops import clock, env, logs
from bh_sdk.tokens import jwk_of, sign_jwt

log = logs.log("events")


def next_link(chain: bytes, events: Iterable[tuple[int, int, int, bytes]]) -> bytes:
    """The hash that follows `chain` for (number, position, sequence, digest) tuples in number order."""
    hasher = hashlib.sha256(chain)
    for number, position, sequence, digest in events:
        hasher.update(number.to_bytes(8, "big") + position.to_bytes(8, "big") + sequence.to_bytes(8, "big") + digest)
    return hasher.digest()


class SealForged(Exception):
    """A kept head does not carry this service's signature."""


@dataclass(frozen=True, slots=True)
class KeptHead:
    """What a signed file says: at `number` the chain was `chain`."""

    file: str
    epoch: UUID
    number: int
    chain: bytes


class SealSink:
    """Keeps one signed chain head an hour as a file `<source>-<UTC hour>-<epoch>.jws` (ES256, compact JWS)."""

    def __init__(self, folder: Path, signing_key: str) -> None:
        self.folder = folder
        self._key = signing_key
        self._kept = ""

    @classmethod
    def from_environment(cls) -> SealSink:
        """The folder of BH_SEAL_SINK (a path or file:// URL; `$BH_STATE/seals` when unset), signed with the own key."""
        sink = env.text("BH_SEAL_SINK", "") or str(Path(env.text("BH_STATE")) / "seals")
        parts = urlsplit(sink)
        if parts.scheme not in ("", "file"):
            raise ImproperlyConfigured(f"BH_SEAL_SINK must be a folder or a file:// URL, not {parts.scheme}://")
        return cls(Path(unquote(parts.path)), env.secret("BH_SIGNING_KEY"))

    def keep(self, source: str, head: Head) -> None:
        """Write the head down, unless that was done this hour or there is nothing yet. A full disk stops no relay."""
        now = clock.now()
        name = f"{source}-{now:%Y-%m-%dT%H}-{head.epoch}.jws"
        if name == self._kept or head.number == 0:
            return
        self._kept = name
        path = self.folder / name
        claims = {
            "iss": source,
            "iat": int(now.timestamp()),
            "epoch": str(head.epoch),
            "number": head.number,
            "chain": head.chain.hex(),
        }
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with path.open("x") as file:
                file.write(sign_jwt(claims, self._key, typ="seal+jwt"))
        except FileExistsError:
            return
        except OSError as error:
            log.error("seal_not_kept", source=source, path=str(path), error=str(error))
            return
        log.info("seal_kept", source=source, epoch=str(head.epoch), number=head.number)

    def kept(self, source: str) -> Iterator[KeptHead]:
        """The kept heads of a source, oldest first. Raises SealForged for one that this service's key did not sign."""
        public = jwt.PyJWK(jwk_of(self._key)).key
        for path in sorted(self.folder.glob(f"{source}-*.jws")):
            try:
                # The clock of a local stack moves; a seal has no end.
                claims = jwt.decode(
                    path.read_text(),
                    public,
                    algorithms=["ES256"],
                    issuer=source,
                    options={"verify_iat": False, "require": ["epoch", "number", "chain"]},
                )
                yield KeptHead(path.name, UUID(claims["epoch"]), int(claims["number"]), bytes.fromhex(claims["chain"]))
            except (jwt.InvalidTokenError, ValueError) as error:
                raise SealForged(f"{path.name}: {error}") from error
