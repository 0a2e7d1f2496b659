"""What any bytes are fed to: the parser and everything that looks into a message, and the whole engine.

A target returns when all is well and raises when it is not. ``TARGETS`` names them; test_targets.py feeds them every
seed and everything that ever broke one, fuzz.py feeds them what atheris invents.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from websockets.frames import Frame, Opcode

from sip.message.address import Address
from sip.message.errors import BadMessage
from sip.message.fields import parse_contacts, parse_credentials, parse_expires, parse_max_forwards, parse_q
from sip.message.limits import MAX_MESSAGE_BYTES
from sip.message.messages import Message, Request, response_to
from sip.message.wire import parse_message
from sip.transport.framing import BrokenFraming, Framing
from sip.transport.websocket import WebSocketConnection
from tests.sip.transport.cables import Cable, Owner
from tests.torture.own_messages import OWN
from tests.torture.server import SENDER, Server

FOUND = Path(__file__).parent / "found"  # what ever broke a target, as TARGET-<hash>
SEPARATOR = b"\x1e"  # between two messages of one engine input; no SIP message needs it
MAX_MESSAGES = 8
HANDSHAKE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Protocol: sip\r\n\r\n"
)
MAX_STREAM_BYTES = 2048  # they arrive one by one, which takes its time

# Bits of the first byte of an engine input.
IS_HOME, PASSWORDS, STREAM, LATER = 1, 2, 4, 8

VIEWS: tuple[Callable[[Message], object], ...] = (
    lambda message: message.vias,
    lambda message: message.fields,
    lambda message: message.call_id,
    lambda message: message.cseq,
    lambda message: (message.from_tag, message.to_tag),
    lambda message: parse_contacts(message.lines("contact")),
    lambda message: [parse_q(one.params.get("q")) for one in parse_contacts(message.lines("contact")).addresses],
    lambda message: [Address.parse(value).uri.username for value in message.values("route")],
    lambda message: [Address.parse(value).uri.params for value in message.values("record-route")],
    lambda message: [Address.parse(value) for value in message.values("path")],
    lambda message: [parse_credentials(line) for line in message.lines("authorization")],
    lambda message: [parse_credentials(line) for line in message.lines("proxy-authorization")],
    lambda message: parse_expires(message.first("expires"), 3600),
    lambda message: parse_max_forwards(message.first("max-forwards") or "70"),
    lambda message: message.uri.equals(message.uri) if isinstance(message, Request) else None,
    lambda message: message.uri.username if isinstance(message, Request) else None,
)


def parse(data: bytes) -> None:
    """§7, §18.3, §19, §20: nothing but BadMessage comes out, and what was read is read again the same."""
    try:
        message = parse_message(data)
    except BadMessage as error:
        if isinstance(error.message, Request):
            str(response_to(error.message, error.status, None, "tag"))
        return
    for view in VIEWS:
        with suppress(BadMessage):
            view(message)
    once = message.to_bytes()
    again = parse_message(once)
    assert again.to_bytes() == once
    assert again.raw == message.raw and again.body == message.body
    assert again.start_line == message.start_line


def frame(data: bytes) -> None:
    """§18.3: a stream gives the same messages however it was cut, and keeps no more than one of them."""
    pieces = [bytes((byte,)) for byte in data[:MAX_STREAM_BYTES]]
    cuts = [list(_framed([data[:MAX_STREAM_BYTES]])), list(_framed(pieces))]
    assert cuts[0] == cuts[1], cuts


def _framed(pieces: list[bytes]) -> Iterator[bytes | str]:
    framing = Framing()
    try:
        for piece in pieces:
            messages = framing.feed(piece)
            while messages:
                yield from messages
                messages = framing.feed(b"")
    except BrokenFraming as error:
        yield f"broken: {error.status}"


def websocket(data: bytes) -> None:
    """RFC 7118 §5: frames give the same messages however they were cut, and none larger than it may be."""
    data = data[:MAX_STREAM_BYTES]
    whole, pieces = (_by_websocket(cut) for cut in ([data], [data[at : at + 1] for at in range(len(data))]))
    assert whole == pieces, (whole, pieces)


def _by_websocket(pieces: list[bytes]) -> tuple[list[bytes], bytes, bool]:
    """Messages, what was answered after the handshake, and whether it is open still."""
    owner, cable = Owner(), Cable()
    connection = WebSocketConnection(owner, "ws", ("127.0.0.1", 80), lambda origin: True)
    connection.connection_made(cable)
    connection.data_received(HANDSHAKE)
    assert cable.take().startswith(b"HTTP/1.1 101 ")
    for piece in pieces:
        connection.data_received(piece)
    assert all(len(message) <= MAX_MESSAGE_BYTES for message in owner.messages)
    return owner.messages, cable.take(), connection.is_open


def engine(data: bytes) -> None:
    """Bytes in, no failure of ours, and nothing left when everything had its time (threats of hostile messages)."""
    flags, messages = data[0] if data else 0, data[1:].split(SEPARATOR)[:MAX_MESSAGES]
    with no_errors_logged():
        server = Server(is_home=bool(flags & IS_HOME), passwords=bool(flags & PASSWORDS))
        for message in messages:
            if flags & STREAM:
                server.stream(message[:MAX_STREAM_BYTES], SENDER)
            else:
                server.datagram(message, SENDER)
            if flags & LATER:
                server.endpoint.advance(5.0)
        assert server.let_end() == 0, "a transaction is left"
    assert len(server.proxy.running) == 0, "a proxied request is left"


@contextmanager
def no_errors_logged() -> Iterator[None]:
    """AssertionError when something of ours failed: the endpoint survives it, but says so in the log."""
    records: list[logging.LogRecord] = []
    handler = logging.Handler(logging.ERROR)
    handler.emit = records.append  # type: ignore[method-assign]
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
    assert not records, records[0].getMessage()


TARGETS: dict[str, Callable[[bytes], None]] = {
    "parse": parse,
    "frame": frame,
    "websocket": websocket,
    "engine": engine,
}


def seeds(target: str) -> list[bytes]:
    """Inputs to begin with: our own torture messages, for the engine alone and in sequences."""
    messages = list(OWN.values())
    if target == "websocket":
        frames = [Frame(Opcode.TEXT, message).serialize(mask=True) for message in messages]
        broken = [
            Frame(Opcode.TEXT, b"x" * 200, fin=False).serialize(mask=True),
            Frame(Opcode.PING, b"").serialize(mask=True),
        ]
        return [
            *frames,
            b"".join(broken),
            frames[0] + broken[1] + frames[1],
            Frame(Opcode.CLOSE, b"\x03\xe8").serialize(mask=True),
        ]
    if target != "engine":
        return messages
    alone = [bytes((flags,)) + message for message in messages for flags in (0, IS_HOME, IS_HOME | PASSWORDS | STREAM)]
    invite = OWN["invut"]
    cancel = invite.replace(b"INVITE", b"CANCEL")
    ack = invite.replace(b"INVITE", b"ACK")
    sequences = [[invite, cancel, ack], [invite, invite, OWN["unreason"], ack], [OWN["cparam01"], invite, ack]]
    return alone + [bytes((IS_HOME | LATER,)) + SEPARATOR.join(sequence) for sequence in sequences]
