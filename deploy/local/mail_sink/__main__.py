"""`python -m deploy.local.mail_sink --smtp-port N --http-port M --state DIR`: takes every mail and sends none."""

from __future__ import annotations

import argparse
from pathlib import Path

import uvicorn

from deploy.local.mail_sink.app import make_app


def main() -> None:
    parser = argparse.ArgumentParser(prog="deploy.local.mail_sink")
    parser.add_argument("--smtp-port", type=int, required=True)
    parser.add_argument("--http-port", type=int, required=True)
    parser.add_argument("--state", type=Path, required=True, help="where the mails are kept")
    given = parser.parse_args()
    app = make_app(smtp_port=given.smtp_port, state=given.state)
    uvicorn.run(app, host="127.0.0.1", port=given.http_port, log_level="warning", access_log=False)


main()
