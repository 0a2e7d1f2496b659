"""One TCP or TLS connection: messages by Content-Length (§18.3)."""

from __future__ import annotations

from sip.transport.connection import IDLE_INTERVAL, MESSAGE_INTERVAL, Connection, ConnectionOwner
from sip.transport.framing import BrokenFraming, Framing

MAX_PONGS = 8  # answers to the pings of one read; who sends more wants an echo


class StreamConnection(Connection):
    """Cuts the stream into messages. ``name`` is the host name it was dialled by, which a certificate must carry."""

    def __init__(
        self,
        owner: ConnectionOwner,
        protocol: str,
        local: tuple[str, int],
        remote: tuple[str, int] | None = None,
        name: str = "",
    ) -> None:
        super().__init__(owner, protocol, local, remote)
        self.name = name
        # RFC 5923 §9: the source port of an accepted TLS connection proves nothing about who listens there.
        self.is_held = protocol == "tls" and self.is_accepted
        self._framing = Framing()
        self._has_spoken = not self.is_accepted  # only who has sent a message may be silent for long
        self._is_inside = False  # a message has begun

    def _arrived(self, data: bytes) -> None:
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
            self.write(b"\r\n" * min(framing.pings, MAX_PONGS))  # RFC 5626 §4.4.1
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
