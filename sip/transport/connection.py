"""What every connection has, whatever runs on it: a bounded queue out, deadlines, an end that is told once (§18)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Protocol, cast

from sip.transport.flow import Flow
from sip.transport.framing import BrokenFraming

MAX_SEND_BUFFER_BYTES = 1024 * 1024  # unsent bytes of one connection; a peer that does not read is cut off
MAX_WAITING_BYTES = 256 * 1024  # queued while the connection is being opened
MESSAGE_INTERVAL = 30.0  # seconds for one message to become complete, and for the first to arrive
IDLE_INTERVAL = 3_700.0  # seconds without a byte: a phone registered for an hour sends sooner

Failed = Callable[[], None] | None


class ConnectionOwner(Protocol):
    """Who keeps the connections."""

    def now(self) -> float: ...

    def new_token(self) -> str: ...

    def counted(self, reason: str) -> None: ...

    def opened(self, connection: Connection) -> bool:
        """Whether the connection may stay."""

    def closed(self, connection: Connection) -> None: ...

    received: Callable[[bytes, Flow], None]
    framing_broken: Callable[[BrokenFraming, Flow], None]


class Connection(asyncio.Protocol):
    """An accepted connection, or one we open. ``local`` is the address of our listener, whatever the port used.

    ``is_held``: it may not be used for requests to its address, because nobody has proved to be at home there.
    """

    is_held = False

    def __init__(
        self, owner: ConnectionOwner, protocol: str, local: tuple[str, int], remote: tuple[str, int] | None = None
    ) -> None:
        self._owner = owner
        self._transport: asyncio.Transport | None = None
        self._waiting: list[tuple[bytes, Failed]] = []
        self._waiting_bytes = 0
        self._early = b""  # what came between the end of a TLS handshake and our hearing of it
        self.protocol = protocol
        self.is_accepted = remote is None
        self.is_open = True
        self.was_open = False  # what is written now gets further than our own queue, or did
        self.local = local
        self.remote = remote or ("", 0)
        self.token = owner.new_token()
        self.deadline = owner.now() + (MESSAGE_INTERVAL if self.is_accepted else IDLE_INTERVAL)
        self.flow = Flow(protocol, self.local, self.remote, self)

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        if self.is_accepted:
            self.remote = transport.get_extra_info("peername")[:2]
            if self.local[0] in ("0.0.0.0", "::"):
                self.local = (transport.get_extra_info("sockname")[0], self.local[1])
            self.flow = Flow(self.protocol, self.local, self.remote, self)
            if not self._owner.opened(self):
                self.abort()
                return
        self.flow.certified = certified_names(transport.get_extra_info("peercert"))
        self.was_open = True
        waiting, self._waiting = self._waiting, []
        for data, _ in waiting:
            self._send(data)
        early, self._early = self._early, b""
        if early:
            self.data_received(early)

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
        if self._transport is None:
            self._early += data
        elif self.is_open:
            self._arrived(data)

    def _arrived(self, data: bytes) -> None:
        """Bytes came; ``deadline`` is to be set anew."""
        raise NotImplementedError  # what runs on a connection knows what they mean

    def _send(self, data: bytes) -> None:
        """Send one message; the connection is open."""
        assert self._transport is not None
        self._transport.write(data)

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
        self._send(data)
        return True

    def overdue(self, now: float) -> bool:
        """The deadline has passed: whether that was the end of the connection."""
        self.abort()
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


def certified_names(certificate: object) -> frozenset[str]:
    """DNS names in a certificate that was verified, as ``ssl`` gives it (RFC 5922 §7.1); none without one."""
    if not isinstance(certificate, dict):
        return frozenset()
    return frozenset(str(value).lower() for kind, value in certificate.get("subjectAltName", ()) if kind == "DNS")
