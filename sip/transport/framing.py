"""Messages out of a stream of bytes by Content-Length, and keep-alives (§18.3, §7.5, RFC 5626 §4.4.1)."""

from __future__ import annotations

import re

from sip.message.limits import MAX_MESSAGE_BYTES

_CONTENT_LENGTH = re.compile(rb"\r\n(?:content-length|l)[ \t]*:((?:[^\r\n]|\r\n[ \t])*)", re.IGNORECASE)
_START = re.compile(rb"[A-Za-z0-9\-.!%*_+`'~]")  # both start lines begin with a token (§7.1, §7.2)


class BrokenFraming(ValueError):
    """The stream cannot be cut into messages any more. ``reason`` says why in the words of a reason phrase; ``head`` is
    the start line and header fields of the message at fault, if there are any, so that it can be answered."""

    def __init__(self, reason: str, head: bytes = b"", status: int = 400) -> None:
        super().__init__(reason)
        self.reason = reason
        self.head = head
        self.status = status


class Framing:
    """What has arrived on one stream. ``pings`` counts double CRLFs that want a CRLF back."""

    __slots__ = ("_buffer", "_needed", "pings")

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._needed = 0  # bytes of the first message, 0 while its header fields are incomplete
        self.pings = 0

    @property
    def has_part(self) -> bool:
        """Whether a message has begun and is not complete."""
        return bool(self._buffer.strip(b"\r\n"))

    def feed(self, data: bytes) -> list[bytes]:
        """Messages that are complete now; call again with nothing until there are none.

        Raises BrokenFraming, after which the stream is of no more use; what came before the fault is returned first.
        """
        buffer = self._buffer
        buffer += data
        messages: list[bytes] = []
        while buffer:
            if not self._needed:
                self._drop_empty_lines()
                if not buffer:
                    break
                try:
                    self._needed = self._length_of_first()
                except BrokenFraming:
                    if messages:
                        return messages
                    raise
                if not self._needed:
                    break
            if len(buffer) < self._needed:
                break
            messages.append(bytes(buffer[: self._needed]))
            del buffer[: self._needed]
            self._needed = 0
        return messages

    def _drop_empty_lines(self) -> None:
        buffer = self._buffer
        while buffer[:4] == b"\r\n\r\n":
            self.pings += 1
            del buffer[:4]
        # A single CRLF may be half of a ping: it stays until what follows is known.
        if buffer[:2] == b"\r\n" and len(buffer) > 2 and buffer[2:3] != b"\r":
            del buffer[:2]

    def _length_of_first(self) -> int:
        buffer = self._buffer
        if not _START.match(buffer):
            if bytes(buffer) in (b"\r", b"\r\n", b"\r\n\r"):
                return 0
            raise BrokenFraming("Not SIP")
        end = buffer.find(b"\r\n\r\n")
        if end < 0:
            if len(buffer) > MAX_MESSAGE_BYTES:
                raise BrokenFraming("Message too large")
            return 0
        head = bytes(buffer[: end + 4])
        lengths = _CONTENT_LENGTH.findall(head)
        if not lengths:
            raise BrokenFraming("Content-Length missing", head)  # §18.3: streams cannot do without
        text = lengths[0].strip()
        if len(lengths) > 1 or not text.isdigit() or len(text) > 8:
            raise BrokenFraming("Malformed Content-Length", head)
        needed = end + 4 + int(text)
        if needed > MAX_MESSAGE_BYTES:
            raise BrokenFraming("Message too large", head, 513)
        return needed
