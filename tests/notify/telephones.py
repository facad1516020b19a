"""Twilio as it is seen over HTTP, strict about what its reference says, and how it signs what it tells."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlencode

from tests.notify.standins import Answer, Desk

SID, TOKEN, FROM = "AC" + "0" * 32, "twilio-s-token", "+447700900000"
# What Twilio's reference knows of a message.
_KNOWN = {"To", "From", "MessagingServiceSid", "Body", "StatusCallback", "ValidityPeriod"}


def twilio_error(status: int, code: int, **headers: str) -> Answer:
    told = {"code": code, "message": "No +447700900123", "more_info": "https://…", "status": status}
    return Answer(status, json.dumps(told).encode(), {name.replace("_", "-"): value for name, value in headers.items()})


@dataclass
class TwilioDesk(Desk):
    """Takes messages as Twilio's reference says; numbers that wrote STOP it refuses."""

    stopped: set[str] = field(default_factory=set)
    messages: list[dict[str, str]] = field(default_factory=list)

    def serve(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        told = {name.lower(): value for name, value in headers.items()}
        if (method, path) != ("POST", f"/2010-04-01/Accounts/{SID}/Messages.json"):
            return twilio_error(404, 20404)
        if told.get("authorization") != "Basic " + base64.b64encode(f"{SID}:{TOKEN}".encode()).decode():
            return twilio_error(401, 20003)
        if told.get("content-type") != "application/x-www-form-urlencoded":
            return twilio_error(400, 20001)
        form = dict(parse_qsl(body.decode()))
        if set(form) - _KNOWN or not form.get("Body") or len(form["Body"]) > 1_600:
            return twilio_error(400, 21617)
        if not re.fullmatch(r"\+[1-9][0-9]{6,14}", form["To"]):
            return twilio_error(400, 21211)
        if not 1 <= int(form["ValidityPeriod"]) <= 36_000:
            return twilio_error(400, 20001)
        if form["To"] in self.stopped:
            return twilio_error(400, 21610)
        self.messages.append(form)
        sid = f"SM{len(self.messages):032d}"
        return Answer(201, json.dumps({"sid": sid, "status": "queued", "num_segments": "1"}).encode())


def signed(url: str, form: Mapping[str, Any]) -> tuple[bytes, str]:
    """A call of Twilio's at our door: the body and its signature."""
    text = url + "".join(f"{name}{form[name]}" for name in sorted(form))
    made = hmac.new(TOKEN.encode(), text.encode(), hashlib.sha1).digest()
    return urlencode(form).encode(), base64.b64encode(made).decode()
