"""What stands below and above one connection in tests: a transport without a socket, and who keeps connections."""

from __future__ import annotations

import asyncio
from typing import Any

from sip.transport.connection import Connection
from sip.transport.flow import Flow
from sip.transport.framing import BrokenFraming


class Cable(asyncio.Transport):
    """Keeps what is written. ``waiting`` bytes are said to be unsent."""

    def __init__(self, remote: tuple[str, int] = ("127.0.0.1", 40_000)) -> None:
        super().__init__({"peername": remote, "sockname": ("127.0.0.1", 5060)})
        self.written = bytearray()
        self.waiting = 0
        self.is_closed = False
        self.is_aborted = False

    def write(self, data: Any) -> None:
        self.written += data

    def take(self) -> bytes:
        """What was written since the last call."""
        taken = bytes(self.written)
        self.written.clear()
        return taken

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def close(self) -> None:
        self.is_closed = True

    def abort(self) -> None:
        self.is_aborted = True


class Owner:
    """``time`` is the clock; ``messages``, ``counts`` and ``broken`` are what was told."""

    def __init__(self) -> None:
        self.time = 0.0
        self.messages: list[bytes] = []
        self.counts: list[str] = []
        self.broken: list[str] = []
        self.ended: list[Connection] = []
        self.may_stay = True

    def now(self) -> float:
        return self.time

    def new_token(self) -> str:
        return "1"

    def counted(self, reason: str) -> None:
        self.counts.append(reason)

    def opened(self, connection: Connection) -> bool:
        return self.may_stay

    def closed(self, connection: Connection) -> None:
        self.ended.append(connection)

    def received(self, data: bytes, flow: Flow) -> None:
        self.messages.append(data)

    def framing_broken(self, error: BrokenFraming, flow: Flow) -> None:
        self.broken.append(error.reason)
