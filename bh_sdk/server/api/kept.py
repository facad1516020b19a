"""Public answers kept ready in the process, for questions that everybody asks and whose answers seldom move.

    SCORES = Shelf("scores", below="/api/v1/trust/", noun="score", verb="read")
    return SCORES.answer(request, compute)

What moves an answer says so on the channel `bh_kept_<name>` in its own transaction, best by a trigger: words that follow
`below` in the addresses concerned (`campaign/<id> user/<id>`), or `*` for all. A commit is heard within a millisecond or
two; while the listening connection is not known to be sound, nothing is answered from here, and whatever was kept before
it broke is gone. Only answers to callers without a token are kept, and `bh_sdk.server.api.early` gives them out under the
same policy that guards the route. A process that stands behind no such door keeps nothing.

A shelf with `own=True` keeps what one person asks about the own things instead: what was answered to them under an address
is given to the same person's next token there and to nobody else, as long as the process knows the token to be good
without asking anybody.
"""

from __future__ import annotations

import os
import time
from collections import OrderedDict
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from threading import Event, Lock, Thread
from typing import Any

import psycopg
from django.http import HttpResponse
from prometheus_client import Counter
from psycopg import sql

from bh_sdk.server.access import bearer, watch
from bh_sdk.server.access.principals import GUEST
from bh_sdk.server.api.doors import API_CSP, route_of
from bh_sdk.server.api.routes import Call
from bh_sdk.server.api.tags import digest_of, with_etag
from bh_sdk.server.events.leadership import direct_connection
from bh_sdk.server.ops import clock, metrics
from bh_sdk.server.ops.logs import log

# Of one shelf, bodies and what surrounds them together; the answers that came first go first.
LARGEST = 32 * 1024 * 1024
_AROUND = 1024
# The listening connection is tried so often (seconds), and believed for so long after it last answered.
CHECKED_EVERY = 0.5
TRUSTED_FOR = 2.0
_AGAIN_AFTER = 0.5

ALL = "*"
ANSWERS = Counter("bh_kept_answers", "Answers given from a process's own copies", ["shelf"])


@dataclass(slots=True)
class Ready:
    """An answer as it goes out: what a 200 and a 304 of it consist of, but for `Vary` and the request's own id."""

    body: bytes
    tag: str
    vary: str
    headers: list[tuple[str, str]]
    unchanged: list[tuple[str, str]]
    # Where the time of each is counted.
    told: Any
    told_unchanged: Any
    told_kept: Any
    # Whose it is, on a shelf of one's own; and between which moments nothing but a change moves it.
    owner: str = ""
    since: datetime | None = None
    until: datetime | None = None

    def is_current(self) -> bool:
        """Whether time alone has not moved it."""
        if self.until is None and self.since is None:
            return True
        now = clock.now()
        return (self.since is None or self.since <= now) and (self.until is None or now < self.until)


@dataclass(slots=True, eq=False)
class _Question:
    """An answer that is being computed; a word about it meanwhile spoils it for keeping."""

    path: str
    spoilt: bool = False


@dataclass(eq=False)
class Shelf:
    """The kept answers of one kind. Safe to share between threads."""

    name: str
    below: str
    noun: str
    verb: str
    largest: int = LARGEST
    own: bool = False
    _ready: OrderedDict[str, Ready] = field(default_factory=OrderedDict, init=False)
    _asked: set[_Question] = field(default_factory=set, init=False)
    _size: int = field(default=0, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)

    def __post_init__(self) -> None:
        SHELVES.append(self)

    @property
    def channel(self) -> str:
        return f"bh_kept_{self.name}"

    def answer(self, request: Call, compute: Callable[[], tuple[HttpResponse, bool]]) -> HttpResponse:
        """What `compute` answers, with an ETag or as a 304; kept for others when nobody in particular asked.

        `compute` reads the database and says whether what it found will be told about on the channel when it moves.
        """
        if not (request.auth.is_guest and request.method == "GET" and LISTENING.is_on()):
            return with_etag(request, compute()[0])
        with self._question(request) as question:
            response, moves_audibly = compute()
            if moves_audibly and response.status_code == 200 and not request.META.get("QUERY_STRING"):
                self._keep(question, _ready(self, request, response))
        return with_etag(request, response)

    def own_answer(
        self, request: Call, compute: Callable[[], HttpResponse], *, moves_at: Callable[[], datetime | None]
    ) -> HttpResponse:
        """What `compute` answers to a person about the own things, with an ETag or as a 304; kept for this person alone.

        `moves_at` says when the answer moves by time alone, None for never.
        """
        plain = request.method == "GET" and not request.META.get("QUERY_STRING")
        if not (plain and request.auth.kind == "user" and LISTENING.is_on()):
            return with_etag(request, compute())
        since = clock.now()
        with self._question(request) as question:
            until, response = moves_at(), compute()
            if response.status_code == 200:
                ready = _ready(self, request, response)
                ready.owner, ready.since, ready.until = request.auth.id, since, until
                self._keep(question, ready)
        return with_etag(request, response)

    @contextmanager
    def _question(self, request: Call) -> Iterator[_Question]:
        question = _Question(request.path_info)
        with self._lock:
            self._asked.add(question)
        try:
            yield question
        finally:
            with self._lock:
                self._asked.discard(question)

    def find(self, path: str, authorization: str | None = None) -> Ready | None:
        """The answer to a GET of `path`, if it is here, true, and its caller may have it. Never waits and never asks."""
        found = self._ready.get(path)
        if found is None or not LISTENING.is_sound():
            return None
        caller = GUEST if authorization is None else bearer.at_hand(authorization)
        rules = watch.current().at_hand()
        if caller is None or rules is None or not rules.allow(caller.roles, self.noun, self.verb):
            return None
        if self.own and not (caller.kind == "user" and caller.id == found.owner and found.is_current()):
            return None
        return found

    def outdated(self, words: Collection[str]) -> None:
        """Forget these answers, or all of them, those too that are being computed at the moment."""
        with self._lock:
            everything = ALL in words
            paths = {self.below + word for word in words}
            for question in self._asked:
                question.spoilt = question.spoilt or everything or question.path in paths
            if everything:
                self._ready.clear()
                self._size = 0
                return
            for path in paths:
                self._take_out(path)

    def _keep(self, question: _Question, ready: Ready) -> None:
        with self._lock:
            if question.spoilt:
                return
            self._take_out(question.path)
            self._ready[question.path] = ready
            self._size += len(ready.body) + _AROUND
            while self._size > self.largest:
                self._take_out(next(iter(self._ready)))

    def _take_out(self, path: str) -> None:
        if (ready := self._ready.pop(path, None)) is not None:
            self._size -= len(ready.body) + _AROUND


def _ready(shelf: Shelf, request: Call, response: HttpResponse) -> Ready:
    tag, route = digest_of(response), route_of(request)
    own = [(name, value) for name, value in response.items() if name != "Vary"]
    added = [("ETag", f'W/"{tag}"'), ("X-Content-Type-Options", "nosniff"), ("Content-Security-Policy", API_CSP)]
    return Ready(
        body=response.content,
        tag=tag,
        vary=response.get("Vary", ""),
        headers=[*own, *added],
        unchanged=[*((name, value) for name, value in own if name in ("Cache-Control", "Content-Location")), *added],
        told=metrics.REQUESTS.labels("GET", route, 200),
        told_unchanged=metrics.REQUESTS.labels("GET", route, 304),
        told_kept=ANSWERS.labels(shelf.name),
    )


class Listening:
    """The one connection of a process that hears what moved, and the thread that holds it."""

    def __init__(self) -> None:
        self._wanted = False
        self._sure = float("-inf")
        self._thread: Thread | None = None
        self._process = 0
        self._over = Event()
        self._lock = Lock()

    def want(self) -> None:
        """From now on answers are kept: there is a door that gives them out."""
        self._wanted = True

    def is_on(self) -> bool:
        """Whether answers are kept here. The first time it begins to listen."""
        if self._wanted and (self._thread is None or self._process != os.getpid()):
            with self._lock:
                # A forked process has no thread, however it looks.
                if self._thread is None or self._process != os.getpid():
                    self._process, self._sure = os.getpid(), float("-inf")
                    self._over.clear()
                    self._thread = Thread(target=self._run, name="kept", daemon=True)
                    self._thread.start()
        return self._wanted

    def stop(self) -> None:
        """Keep and hear nothing more, until somebody wants it again."""
        self._wanted = False
        self._over.set()
        if self._thread is not None and self._process == os.getpid():
            self._thread.join()
        self._thread = None

    def is_sound(self) -> bool:
        """Whether everything that was committed more than TRUSTED_FOR ago has been heard for certain."""
        return time.monotonic() - self._sure < TRUSTED_FOR

    def _run(self) -> None:
        while not self._over.is_set():
            try:
                with direct_connection() as connection:
                    self._listen(connection)
            except (psycopg.Error, OSError) as error:
                log("kept").warning("kept_deaf", error=type(error).__name__)
            self._sure = float("-inf")
            _forget_all()
            self._over.wait(_AGAIN_AFTER)

    def _listen(self, connection: psycopg.Connection[Any]) -> None:
        for shelf in SHELVES:
            connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(shelf.channel)))
        # What moved before this was not heard.
        _forget_all()
        log("kept").info("kept_listening", shelves=[shelf.name for shelf in SHELVES])
        while not self._over.is_set():
            asked = time.monotonic()
            connection.execute("SELECT 1")
            _hear(connection, 0)
            self._sure = asked
            _hear(connection, CHECKED_EVERY)


def _hear(connection: psycopg.Connection[Any], seconds: float) -> None:
    for heard in connection.notifies(timeout=seconds):
        for shelf in SHELVES:
            if shelf.channel == heard.channel:
                shelf.outdated(heard.payload.split())


def _forget_all() -> None:
    for shelf in SHELVES:
        shelf.outdated((ALL,))


SHELVES: list[Shelf] = []
LISTENING = Listening()
