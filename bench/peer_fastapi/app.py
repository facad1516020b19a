"""The peer's application: every endpoint that is compared. Each process is given the database of one service."""

from __future__ import annotations

import traceback

from fastapi import FastAPI, Request, Response

from bench.peer_fastapi import feed, history, intents, score

app = FastAPI(title="The peer")
for part in (history, score, feed, intents):
    app.include_router(part.router)


@app.exception_handler(Exception)
async def broken(request: Request, error: Exception) -> Response:
    """Say what is the matter where the measure finds it."""
    traceback.print_exception(error)
    return Response(status_code=500)


@app.get("/readyz")
async def ready() -> dict[str, str]:
    """The process serves."""
    return {"status": "ready"}
