"""The browsers that a local stack makes up are shown what we push, and nobody else is."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

from deploy.local.mail_sink.pushes import Pushes
from notify_svc.delivery.channels.push.encryption import encrypt
from notify_svc.devices import rules
from tests.notify.pushes import raw

HEADERS = {"authorization": "vapid t=x, k=y", "ttl": "60", "urgency": "high", "topic": "t"}


def test_a_browser_of_the_sink_reads_what_was_written_for_it(tmp_path: Path) -> None:
    sink = Pushes(tmp_path / "pushes.sqlite3")
    told = sink.browser("http://127.0.0.1:8025")
    assert rules.endpoint_refused(told["endpoint"], known=["http://127.0.0.1:8025"]) is None
    name = told["endpoint"].rpartition("/")[2]
    p256dh, auth = raw(told["keys"]["p256dh"]), raw(told["keys"]["auth"])
    body = encrypt(json.dumps({"title": "Grüße"}).encode(), p256dh=p256dh, auth=auth, padding=7)
    again = Pushes(tmp_path / "pushes.sqlite3")
    assert again.take(name, HEADERS, body) == 201
    (shown,) = again.shown()
    assert (shown["shown"], shown["browser"]) == ({"title": "Grüße"}, name)
    assert shown["headers"] == {"ttl": "60", "urgency": "high", "topic": "t"}
    assert again.take(uuid.uuid4().hex, HEADERS, body) == 404
    assert again.take(name, {}, body) == 400
    assert again.take(name, HEADERS, body[:-1]) == 400
    assert again.take(name, HEADERS, b"") == 400
    again.empty()
    assert again.shown() == []
