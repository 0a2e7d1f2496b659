"""One TCP connection: framing in, a bounded queue out (§18, §18.3)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, cast

from sip.transport.flow import Flow
from sip.transport.framing import BrokenFraming, Framing

MAX_SEND_BUFFER_BYTES = 1024 * 1024  # unsent bytes of one connection; a peer that does not read is cut off
MAX_WAITING_BYTES = 256 * 1024  # queued while the connection is being opened
MESSAGE_INTERVAL = 30.0  # seconds for one message to become complete, and for the first to arrive
IDLE_INTERVAL = 3_700.0  # seconds without a byte: a phone registered for an hour sends sooner

Failed = Callable[[], None] | None


class ConnectionOwner(Protocol):
    """Who keeps the connections."""

    def now(self) -> float: ...

    def new_token(self) -> str: ...

    def opened(self, connection: TcpConnection) -> bool:
        """Whether the connection may stay."""

    def closed(self, connection: TcpConnection) -> None: ...

    def received(self, data: bytes, flow: Flow) -> None: ...

    def framing_broken(self, error: BrokenFraming, flow: Flow) -> None: ...


class TcpConnection(asyncio.Protocol):
    """An accepted connection, or one we open. ``local`` is the address of our listener, whatever the port used."""

    def __init__(self, owner: ConnectionOwner, local: tuple[str, int], remote: tuple[str, int] | None = None) -> None:
        self._owner = owner
        self._transport: asyncio.Transport | None = None
        self._framing = Framing()
        self._waiting: list[tuple[bytes, Failed]] = []
        self._waiting_bytes = 0
        self.is_accepted = remote is None
        self.is_open = True
        self.was_open = False  # what is written now gets further than our own queue, or did
        self.local = local
        self.remote = remote or ("", 0)
        self.token = owner.new_token()
        self._has_spoken = not self.is_accepted  # only who has sent a message may be silent for long
        self._is_inside = False  # a message has begun
        self.deadline = owner.now() + (MESSAGE_INTERVAL if self.is_accepted else IDLE_INTERVAL)
        self.flow = Flow("tcp", self.local, self.remote, self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self.is_accepted:
            self.remote = transport.get_extra_info("peername")[:2]
            if self.local[0] in ("0.0.0.0", "::"):
                self.local = (transport.get_extra_info("sockname")[0], self.local[1])
            self.flow = Flow("tcp", self.local, self.remote, self)
            if not self._owner.opened(self):
                self.is_open = False
                transport.abort()  # type: ignore[attr-defined]
                return
        self.was_open = True
        waiting, self._waiting = self._waiting, []
        for data, _ in waiting:
            self._transport.write(data)

    def connecting_failed(self) -> None:
        """The connection could not be opened."""
        self.is_open = False
        self._owner.closed(self)
        self._fail_waiting()

    def _fail_waiting(self) -> None:
        waiting, self._waiting = self._waiting, []
        for _, failed in waiting:
            if failed is not None:
                failed()

    def data_received(self, data: bytes) -> None:
        if not self.is_open:
            return
        framing = self._framing
        is_complete = False
        try:
            messages = framing.feed(data)
            while messages:
                is_complete = self._has_spoken = True
                for message in messages:
                    self._owner.received(message, self.flow)
                messages = framing.feed(b"")
        except BrokenFraming as error:
            self._owner.framing_broken(error, self.flow)
            self.close()
            return
        if framing.pings:
            self.write(b"\r\n" * min(framing.pings, 8))  # RFC 5626 §4.4.1
            framing.pings = 0
        self._set_deadline(is_complete)

    def _set_deadline(self, is_complete: bool) -> None:
        # The time for a message runs from its first byte: more bytes do not buy more time.
        if self._framing.has_part:
            if is_complete or not self._is_inside:
                self._is_inside = True
                self.deadline = self._owner.now() + MESSAGE_INTERVAL
        elif self._has_spoken:
            self._is_inside = False
            self.deadline = self._owner.now() + IDLE_INTERVAL

    def write(self, data: bytes, failed: object = None) -> bool:
        """Send, or queue while the connection is being opened; False when it is closed or its queue is full."""
        if not self.is_open:
            return False
        if self._transport is None:
            self._waiting_bytes += len(data)
            if self._waiting_bytes > MAX_WAITING_BYTES:
                return False
            self._waiting.append((data, cast(Failed, failed)))
            return True
        if self._transport.get_write_buffer_size() > MAX_SEND_BUFFER_BYTES:
            self.abort()
            return False
        self._transport.write(data)
        return True

    def close(self) -> None:
        """Close after what is queued was sent."""
        self.is_open = False
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once."""
        self.is_open = False
        if self._transport is not None:
            self._transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        self.is_open = False
        self._owner.closed(self)
        self._fail_waiting()
