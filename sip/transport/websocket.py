"""One accepted WebSocket connection: a message in each WebSocket message (RFC 7118 §5)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from http import HTTPStatus
from urllib.parse import urlsplit

from websockets.exceptions import InvalidHandshake, NegotiationError
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import State
from websockets.server import ServerProtocol
from websockets.typing import Subprotocol

from sip.message.limits import MAX_MESSAGE_BYTES
from sip.transport.connection import MESSAGE_INTERVAL, Connection, ConnectionOwner

PING_INTERVAL = 30.0  # seconds of silence before we ask; proxies in between cut off what is silent for a minute
PONG_INTERVAL = 20.0  # seconds for the answer: a browser whose network is gone does not say goodbye

SIP = Subprotocol("sip")
_QUIET = logging.Logger("sip.transport.websocket", logging.CRITICAL + 1)  # what is refused is counted, not logged

MayComeFrom = Callable[[str], bool]


class WebSocketConnection(Connection):
    """``may_come_from`` judges the Origin of a browser; what is no browser sends none and is let in.

    It is used for answers and for requests to its own far end, and is never dialled (RFC 7118 §5.4: the client listens
    nowhere).
    """

    is_held = True

    def __init__(
        self, owner: ConnectionOwner, protocol: str, local: tuple[str, int], may_come_from: MayComeFrom
    ) -> None:
        super().__init__(owner, protocol, local)
        self._may_come_from = may_come_from
        # No extensions: compression would let few bytes grow into many, and SIP is short.
        self._frames = ServerProtocol(
            subprotocols=[SIP], select_subprotocol=_only_sip, max_size=MAX_MESSAGE_BYTES, logger=_QUIET
        )
        self._message = bytearray()
        self._is_inside = False  # a message has begun
        self._is_asked = False  # a ping of ours waits for its pong

    def _arrived(self, data: bytes) -> None:
        frames = self._frames
        frames.receive_data(data)
        for event in frames.events_received():
            if isinstance(event, Request):
                self._shake_hands(event)
            elif isinstance(event, Frame) and self.is_open and frames.state is not State.CONNECTING:
                self._take(event)
        self._flush()
        if frames.close_expected():
            if frames.parser_exc is not None:
                self._owner.counted("broken_websocket")
            elif frames.handshake_exc is not None:
                self._owner.counted("websocket_refused")
            super().close()

    def _shake_hands(self, request: Request) -> None:
        frames = self._frames
        origins = request.headers.get_all("Origin")
        if len(origins) > 1 or not all(map(self._may_come_from, origins)):
            response = frames.reject(HTTPStatus.FORBIDDEN, "This origin may not speak SIP here.\n")
            frames.handshake_exc = InvalidHandshake("Origin")
        else:
            response = frames.accept(request)
        frames.send_response(response)
        if frames.state is State.OPEN:
            self.deadline = self._owner.now() + PING_INTERVAL

    def _take(self, frame: Frame) -> None:
        if frame.opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
            if not self._is_inside:
                self._is_inside = True
                self.deadline = self._owner.now() + MESSAGE_INTERVAL
            self._message += frame.data
            if not frame.fin:
                return
            self._is_inside = False
            message, self._message = bytes(self._message), bytearray()
            if message == b"\r\n\r\n":
                self.write(b"\r\n")  # RFC 7118 §6, RFC 5626 §4.4.1
            else:
                self._owner.received(message, self.flow)
        # Any whole frame shows that somebody is there; pieces of a message do not buy it more time.
        self._is_asked = False
        if not self._is_inside:
            self.deadline = self._owner.now() + PING_INTERVAL

    def write(self, data: bytes, failed: object = None) -> bool:
        return self._frames.state is State.OPEN and super().write(data, failed)

    def _send(self, data: bytes) -> None:
        # RFC 7118 §5.3: both kinds are understood; text is what a browser shows, and must be UTF-8.
        if data.isascii() or _is_utf8(data):
            self._frames.send_text(data)
        else:
            self._frames.send_binary(data)
        self._flush()

    def _flush(self) -> None:
        assert self._transport is not None
        for data in self._frames.data_to_send():
            if data:
                self._transport.write(data)

    def overdue(self, now: float) -> bool:
        """Ask once whether anybody is there; the second time it is the end."""
        if self._is_asked or self._is_inside or self._frames.state is not State.OPEN:
            return super().overdue(now)
        self._is_asked = True
        self.deadline = now + PONG_INTERVAL
        self._frames.send_ping(b"")
        self._flush()
        return False

    def close(self) -> None:
        """Say goodbye, so that the browser knows that it may come again at once."""
        if self._frames.state is State.OPEN and self._transport is not None:
            self._frames.send_close(CloseCode.GOING_AWAY)
            self._flush()
        super().close()


def _only_sip(protocol: ServerProtocol, offered: Sequence[Subprotocol]) -> Subprotocol:
    if SIP not in offered:
        raise NegotiationError("the subprotocol sip is required")  # RFC 7118 §4
    return SIP


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


def origin_host(origin: str) -> str:
    """Host of an Origin in lower case without brackets, empty when there is none (``null``, or nonsense)."""
    try:
        return urlsplit(origin).hostname or ""
    except ValueError:
        return ""
