"""Messages out of a stream."""

from __future__ import annotations

import pytest

from sip.message.limits import MAX_MESSAGE_BYTES
from sip.transport.framing import BrokenFraming, Framing
from tests.sip.imaginary import request_text

FIRST = request_text("MESSAGE", body="hello")
SECOND = request_text("OPTIONS")


def everything(framing: Framing, data: bytes) -> list[bytes]:
    found = messages = framing.feed(data)
    while messages:
        messages = framing.feed(b"")
        found = found + messages
    return found


@pytest.mark.rfc("3261", "18.3")
@pytest.mark.rule("X03")
class TestFraming:
    """§18.3: Content-Length cuts the stream."""

    def test_two_in_one_piece(self) -> None:
        assert everything(Framing(), FIRST + SECOND) == [FIRST, SECOND]

    @pytest.mark.parametrize("size", [1, 2, 3, 7, 100])
    def test_any_cutting_gives_the_same(self, size: int) -> None:
        framing, found = Framing(), []
        stream = FIRST + b"\r\n" + SECOND + b"\r\n\r\n" + FIRST
        for at in range(0, len(stream), size):
            found += everything(framing, stream[at : at + size])
        assert found == [FIRST, SECOND, FIRST]
        assert not framing.has_part

    def test_a_part_is_waited_for(self) -> None:
        framing = Framing()
        assert framing.feed(FIRST[:-1]) == [] and framing.has_part
        assert framing.feed(FIRST[-1:]) == [FIRST] and not framing.has_part

    @pytest.mark.parametrize("name", [b"l", b"L", b"content-LENGTH", b"Content-Length  "])
    def test_spellings(self, name: bytes) -> None:
        message = FIRST.replace(b"Content-Length", name)
        assert everything(Framing(), message + SECOND) == [message, SECOND]

    def test_a_body_may_look_like_anything(self) -> None:
        message = request_text("MESSAGE", body="\r\n\r\nContent-Length: 900\r\n\r\n")
        assert everything(Framing(), message + SECOND) == [message, SECOND]


@pytest.mark.rule("X03")
class TestKeepAlive:
    """RFC 5626 §4.4.1: a double CRLF is a ping; §7.5: a single one is nothing."""

    @pytest.mark.parametrize(("data", "pings"), [(b"\r\n\r\n", 1), (b"\r\n", 0), (b"\r\n" * 6, 3)])
    def test_pings_are_counted(self, data: bytes, pings: int) -> None:
        framing = Framing()
        assert framing.feed(data) == [] and framing.pings == pings
        assert not framing.has_part
        assert everything(framing, FIRST) == [FIRST]

    def test_a_ping_in_two_pieces(self) -> None:
        framing = Framing()
        for byte in b"\r\n\r\n":
            framing.feed(bytes([byte]))
        assert framing.pings == 1


class TestBroken:
    """What cannot be cut ends the stream, after all that came before it."""

    @pytest.mark.parametrize(
        ("message", "reason"),
        [
            (SECOND.replace(b"Content-Length: 0\r\n", b""), "Content-Length missing"),
            (SECOND.replace(b"Content-Length: 0", b"Content-Length: -1"), "Malformed Content-Length"),
            (SECOND.replace(b"Content-Length: 0", b"Content-Length: 0\r\nl: 5"), "Malformed Content-Length"),
            (SECOND.replace(b"Content-Length: 0", b"Content-Length:"), "Malformed Content-Length"),
            (SECOND.replace(b"Content-Length: 0", b"Content-Length: 65536"), "Message too large"),
        ],
    )
    def test_with_a_message_that_can_be_answered(self, message: bytes, reason: str) -> None:
        framing = Framing()
        assert framing.feed(FIRST + message) == [FIRST]
        with pytest.raises(BrokenFraming, match=reason) as caught:
            framing.feed(b"")
        assert caught.value.head == message

    @pytest.mark.parametrize("data", [b"\x16\x03\x01\x02\x00", b"\n\nINVITE", b"\r\nx\0" * 3 + b"<html>"])
    def test_what_is_not_sip(self, data: bytes) -> None:
        framing = Framing()
        try:
            framing.feed(data)
        except BrokenFraming as error:
            assert error.head == b""
        else:
            assert framing.has_part  # a token may still become a start line

    def test_header_fields_without_end(self) -> None:
        framing = Framing()
        with pytest.raises(BrokenFraming, match="too large"):
            framing.feed(b"A" * (MAX_MESSAGE_BYTES + 1))
