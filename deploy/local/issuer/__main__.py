"""`python -m deploy.local.issuer --port N --key PEM --state DIR`: a stand-in for Supabase Auth, on loopback only."""

from __future__ import annotations

import argparse
from pathlib import Path

import uvicorn

from deploy.local.issuer.app import make_app


def main() -> None:
    parser = argparse.ArgumentParser(prog="deploy.local.issuer")
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--key", type=Path, required=True, help="the ES256 key that signs")
    parser.add_argument("--state", type=Path, required=True, help="where the accounts are kept")
    given = parser.parse_args()
    app = make_app(issuer=f"http://127.0.0.1:{given.port}/auth/v1", key=given.key, state=given.state)
    uvicorn.run(app, host="127.0.0.1", port=given.port, log_level="warning", access_log=False)


main()
