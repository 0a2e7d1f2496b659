"""How many messages came and went, by method and class of response. Pure; half a microsecond a message."""

from __future__ import annotations

from sip.message.messages import Request, Response
from sip.message.methods import METHODS

OTHER = "other"  # counted together: who invents methods must not fill the memory
_BYTES = {name.encode(): name for name in METHODS}
_STATUS_LINE = b"SIP/2.0 "


class Traffic:
    """``received`` and ``sent``: (method, "request" or "1xx" ... "6xx") -> messages, retransmissions included."""

    __slots__ = ("received", "sent")

    def __init__(self) -> None:
        self.received: dict[tuple[str, str], int] = {}
        self.sent: dict[tuple[str, str], int] = {}

    def request_received(self, request: Request) -> None:
        method = request.method
        key = (method if method in METHODS else OTHER, "request")
        self.received[key] = self.received.get(key, 0) + 1

    def response_received(self, response: Response) -> None:
        """A well-formed one; BadMessage when its CSeq is none."""
        method = response.cseq.method
        key = (method if method in METHODS else OTHER, f"{response.status // 100}xx")
        self.received[key] = self.received.get(key, 0) + 1

    def was_sent(self, data: bytes) -> None:
        """A message as it left; its CSeq as nearly everybody writes it."""
        if data.startswith(_STATUS_LINE):
            start = data.find(b"\r\nCSeq:")
            end = data.find(b"\r\n", start + 2) if start >= 0 else -1
            method = _BYTES.get(data[data.rfind(b" ", start, end) + 1 : end], OTHER) if end >= 0 else OTHER
            key = (method, f"{chr(data[8])}xx" if len(data) > 8 else OTHER)
        else:
            key = (_BYTES.get(data[: data.find(b" ")], OTHER), "request")
        self.sent[key] = self.sent.get(key, 0) + 1

    def facts(self) -> list[dict[str, str | int]]:
        """JSON-able: direction, method, kind, count."""
        return [
            {"direction": direction, "method": method, "kind": kind, "count": count}
            for direction, counts in (("in", self.received), ("out", self.sent))
            for (method, kind), count in sorted(counts.items())
        ]
