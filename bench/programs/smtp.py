"""A mail server that takes everything and keeps nothing: `python -m bench.programs.smtp` prints its port and serves.

It speaks just enough SMTP to be no part of what is measured, and answers as soon as it can.
"""

from __future__ import annotations

import asyncio
import sys

_GREETING = b"250-bench\r\n250-PIPELINING\r\n250 SMTPUTF8\r\n"
_ANSWERS = {b"QUIT": b"221 bye\r\n", b"DATA": b"354 go on\r\n", b"EHLO": _GREETING}


class Taker(asyncio.Protocol):
    """One connection. Commands and the letter's end may come in any pieces."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.held = b""
        self.letter = False
        transport.write(b"220 bench\r\n")

    def data_received(self, data: bytes) -> None:
        self.held += data
        answers = b""
        while True:
            line, end, rest = self.held.partition(b"\r\n.\r\n" if self.letter else b"\r\n")
            if not end:
                break
            self.held = rest
            if self.letter:
                self.letter = False
                answers += b"250 taken\r\n"
                continue
            verb = line[:4].upper()
            answers += _ANSWERS.get(verb, b"250 ok\r\n")
            self.letter = verb == b"DATA"
        if answers:
            self.transport.write(answers)


async def main() -> None:
    server = await asyncio.get_running_loop().create_server(Taker, "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    # Until whoever started it goes away.
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
