"""SIP over WebSocket (RFC 7118): frames against messages, and what is refused; once more over sockets."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from websockets.asyncio.client import connect
from websockets.client import ClientProtocol
from websockets.exceptions import InvalidStatus
from websockets.frames import CloseCode, Frame, Opcode
from websockets.http11 import Response
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from sip.endpoint import Endpoint
from sip.message.limits import MAX_MESSAGE_BYTES
from sip.transport import connections, websocket
from sip.transport.connection import MAX_SEND_BUFFER_BYTES, MESSAGE_INTERVAL
from sip.transport.listeners import ListenAddress
from sip.transport.selection import NextHop
from sip.transport.websocket import PING_INTERVAL, PONG_INTERVAL, WebSocketConnection, origin_host
from tests.sip.imaginary import request_text
from tests.sip.recording import RecordingCore
from tests.sip.transport.cables import Cable, Owner
from tests.sip.transport.certificates import loopback_tls, trusting
from tests.sip.transport.test_network import PATIENCE, eventually, has_ipv6, options_request

SIP = [Subprotocol("sip")]
MESSAGE = request_text(protocol="WS")


class Browser:
    """A client without a socket, and the connection it talks to."""

    def __init__(
        self, subprotocols: list[Subprotocol] | None = SIP, origin: str | None = "https://app.example"
    ) -> None:
        self.owner = Owner()
        self.cable = Cable()
        self.connection = WebSocketConnection(
            self.owner, "ws", ("127.0.0.1", 80), lambda origin: origin == "https://app.example"
        )
        self.connection.connection_made(self.cable)
        self.client = ClientProtocol(parse_uri("ws://127.0.0.1/"), subprotocols=subprotocols)
        request = self.client.connect()
        if origin is not None:
            request.headers["Origin"] = origin
        self.client.send_request(request)

    def push(self) -> list[Response | Frame]:
        """What the client has to send goes out; what came back."""
        for data in self.client.data_to_send():
            if data:
                self.connection.data_received(data)
        return self.pull()

    def pull(self) -> list[Response | Frame]:
        if answer := self.cable.take():
            self.client.receive_data(answer)
        return self.client.events_received()  # type: ignore[return-value]


@pytest.fixture
def browser() -> Browser:
    opened = Browser()
    (response,) = opened.push()
    assert isinstance(response, Response) and response.status_code == 101
    assert response.headers["Sec-WebSocket-Protocol"] == "sip"
    return opened


@pytest.mark.rule("X16")
@pytest.mark.rfc("7118", "4")
@pytest.mark.threat(28)
class TestHandshake:
    @pytest.mark.parametrize("offered", [None, [Subprotocol("xmpp")]], ids=["none", "another"])
    def test_without_the_subprotocol_sip(self, offered: list[Subprotocol] | None) -> None:
        browser = Browser(subprotocols=offered)
        (response,) = browser.push()
        assert isinstance(response, Response) and response.status_code == 400
        assert b"subprotocol sip is required" in (response.body or b"")
        assert browser.cable.is_closed and browser.owner.counts == ["websocket_refused"]

    def test_of_several_subprotocols_sip_is_taken(self) -> None:
        (response,) = Browser(subprotocols=[Subprotocol("xmpp"), Subprotocol("sip")]).push()
        assert isinstance(response, Response) and response.headers["Sec-WebSocket-Protocol"] == "sip"

    @pytest.mark.parametrize("origin", ["https://evil.example", "null", "", "https://app.example.evil.example"])
    def test_a_foreign_page_is_refused(self, origin: str) -> None:
        browser = Browser(origin=origin)
        (response,) = browser.push()
        assert isinstance(response, Response) and response.status_code == 403
        assert browser.cable.is_closed and not browser.connection.is_open

    def test_what_is_no_browser_has_no_origin(self) -> None:
        (response,) = Browser(origin=None).push()
        assert isinstance(response, Response) and response.status_code == 101

    @pytest.mark.parametrize(
        "data",
        [
            b"OPTIONS sip:bob@example.org SIP/2.0\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
            b"GET /" + b"x" * 10_000 + b" HTTP/1.1\r\n\r\n",
            b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 200 + b"\r\n",
            b"\x16\x03\x01\x02\x00\r\n",
        ],
        ids=["SIP", "plain HTTP", "long line", "many fields", "TLS"],
    )
    def test_what_is_no_handshake(self, data: bytes) -> None:
        owner, cable = Owner(), Cable()
        connection = WebSocketConnection(owner, "ws", ("127.0.0.1", 80), lambda origin: True)
        connection.connection_made(cable)
        connection.data_received(data)
        assert cable.is_closed and owner.counts == ["websocket_refused"] and not connection.write(b"x")

    def test_two_origins(self) -> None:
        owner, cable = Owner(), Cable()
        connection = WebSocketConnection(owner, "ws", ("127.0.0.1", 80), lambda origin: True)
        connection.connection_made(cable)
        connection.data_received(b"GET / HTTP/1.1\r\nHost: x\r\nOrigin: https://a\r\nOrigin: https://b\r\n\r\n")
        assert cable.take().startswith(b"HTTP/1.1 403")

    def test_frames_after_a_refusal_are_nothing(self) -> None:
        browser = Browser(origin="https://evil.example")
        handshake = b"".join(browser.client.data_to_send())
        frame = Frame(Opcode.TEXT, MESSAGE).serialize(mask=True)
        browser.connection.data_received(handshake + frame)
        assert browser.owner.messages == []

    def test_it_has_to_be_over_in_time(self) -> None:
        browser = Browser()
        browser.connection.data_received(b"GET / HTTP/1.1\r\n")
        assert browser.connection.deadline == MESSAGE_INTERVAL
        assert browser.connection.overdue(MESSAGE_INTERVAL + 1) and browser.cable.is_aborted


@pytest.mark.rule("X16")
@pytest.mark.rfc("7118", "5")
class TestMessages:
    """One SIP message in each WebSocket message, text or binary."""

    @pytest.mark.parametrize("opcode", [Opcode.TEXT, Opcode.BINARY])
    def test_one_in_one(self, browser: Browser, opcode: Opcode) -> None:
        browser.client.send_frame(Frame(opcode, MESSAGE))
        browser.push()
        assert browser.owner.messages == [MESSAGE]

    def test_frames_that_arrive_byte_by_byte(self, browser: Browser) -> None:
        for byte in Frame(Opcode.TEXT, MESSAGE).serialize(mask=True):
            browser.connection.data_received(bytes([byte]))
        assert browser.owner.messages == [MESSAGE]

    def test_fragments_are_put_together(self, browser: Browser) -> None:
        browser.client.send_text(MESSAGE[:9], fin=False)
        browser.client.send_ping(b"?")
        browser.client.send_continuation(b"", fin=False)
        browser.client.send_continuation(MESSAGE[9:], fin=True)
        (pong,) = browser.push()
        assert isinstance(pong, Frame) and pong.opcode is Opcode.PONG and pong.data == b"?"
        assert browser.owner.messages == [MESSAGE]

    def test_text_that_is_no_utf8_is_binary(self, browser: Browser) -> None:
        for data, opcode in ((b"ascii", Opcode.TEXT), ("Grüße".encode(), Opcode.TEXT), (b"\xff", Opcode.BINARY)):
            assert browser.connection.write(data)
            (frame,) = browser.pull()
            assert isinstance(frame, Frame) and (frame.opcode, bytes(frame.data)) == (opcode, data)

    def test_keep_alive_by_crlf(self, browser: Browser) -> None:
        browser.client.send_text(b"\r\n\r\n")
        (pong,) = browser.push()
        assert isinstance(pong, Frame) and bytes(pong.data) == b"\r\n" and browser.owner.messages == []


@pytest.mark.threat(29)
class TestAbuse:
    """Frames that are none, or too much."""

    def closed_with(self, browser: Browser) -> int:
        frame = browser.pull()[-1]
        assert isinstance(frame, Frame) and frame.opcode is Opcode.CLOSE
        assert browser.cable.is_closed and browser.owner.counts == ["broken_websocket"]
        assert browser.owner.messages == []
        return int.from_bytes(frame.data[:2], "big")

    def test_unmasked_frames(self, browser: Browser) -> None:
        browser.connection.data_received(Frame(Opcode.TEXT, MESSAGE).serialize(mask=False))
        assert self.closed_with(browser) == CloseCode.PROTOCOL_ERROR

    def test_a_message_too_large(self, browser: Browser) -> None:
        # Its length is enough to tell: nothing of it is kept.
        frame = Frame(Opcode.BINARY, b"x" * (MAX_MESSAGE_BYTES + 1)).serialize(mask=True)
        browser.connection.data_received(frame[:20])
        assert self.closed_with(browser) == CloseCode.MESSAGE_TOO_BIG

    def test_fragments_too_large_together(self, browser: Browser) -> None:
        browser.client.send_binary(b"x" * 40_000, fin=False)
        browser.client.send_continuation(b"x" * 40_000, fin=True)
        for data in browser.client.data_to_send():
            browser.connection.data_received(data)
        assert self.closed_with(browser) == CloseCode.MESSAGE_TOO_BIG

    def test_compressed_frames(self, browser: Browser) -> None:
        browser.connection.data_received(b"\xc1\x81" + bytes(4) + b"x")
        assert self.closed_with(browser) == CloseCode.PROTOCOL_ERROR

    def test_who_does_not_read_is_cut_off(self, browser: Browser) -> None:
        browser.cable.waiting = MAX_SEND_BUFFER_BYTES + 1
        assert not browser.connection.write(MESSAGE) and browser.cable.is_aborted

    def test_who_sends_on_after_being_cut_off(self, browser: Browser) -> None:
        browser.cable.waiting = MAX_SEND_BUFFER_BYTES + 1
        for data in (b"\r\n\r\n", MESSAGE):
            browser.client.send_text(data)
        browser.push()
        assert browser.owner.messages == [] and browser.cable.is_aborted


@pytest.mark.rfc("7118", "6")
@pytest.mark.threat(20)
class TestTime:
    def test_silence_is_asked_and_then_cut_off(self, browser: Browser) -> None:
        assert browser.connection.deadline == PING_INTERVAL
        assert not browser.connection.overdue(31.0) and browser.connection.deadline == 31.0 + PONG_INTERVAL
        (ping,) = browser.pull()
        assert isinstance(ping, Frame) and ping.opcode is Opcode.PING
        browser.owner.time = 40.0
        browser.push()  # the client's pong
        assert browser.connection.deadline == 40.0 + PING_INTERVAL
        assert not browser.connection.overdue(71.0)
        assert browser.connection.overdue(92.0) and browser.cable.is_aborted

    def test_pieces_of_a_message_buy_no_time(self, browser: Browser) -> None:
        for browser.owner.time in (10.0, 20.0, 30.0):
            browser.client.send_frame(
                Frame(Opcode.TEXT if browser.owner.time == 10.0 else Opcode.CONT, b"x", fin=False)
            )
            browser.client.send_ping(b"")
            browser.push()
            assert browser.connection.deadline == 10.0 + MESSAGE_INTERVAL
        assert browser.connection.overdue(41.0) and browser.cable.is_aborted

    def test_pieces_of_a_frame_buy_none_either(self, browser: Browser) -> None:
        browser.owner.time = 20.0
        browser.connection.data_received(Frame(Opcode.TEXT, MESSAGE).serialize(mask=True)[:40])
        assert browser.connection.deadline == PING_INTERVAL

    def test_goodbye(self, browser: Browser) -> None:
        browser.connection.close()
        (frame,) = browser.pull()
        assert isinstance(frame, Frame) and frame.opcode is Opcode.CLOSE and browser.cable.is_closed

    def test_none_to_who_has_not_shaken_hands(self) -> None:
        browser = Browser()
        assert not browser.connection.write(MESSAGE)
        browser.connection.close()
        assert browser.cable.is_closed and browser.cable.take() == b""

    def test_theirs_is_answered(self, browser: Browser) -> None:
        browser.client.send_close(CloseCode.NORMAL_CLOSURE)
        (frame,) = browser.push()
        assert isinstance(frame, Frame) and frame.opcode is Opcode.CLOSE
        assert browser.cable.is_closed and browser.owner.counts == []


@pytest.mark.parametrize(
    ("origin", "host"),
    [
        ("https://App.example:8443", "app.example"),
        ("http://[::1]:8000", "::1"),
        ("null", ""),
        ("", ""),
        ("https://[", ""),
    ],
)
def test_host_of_an_origin(origin: str, host: str) -> None:
    assert origin_host(origin) == host


@pytest.fixture
async def core() -> RecordingCore:
    return RecordingCore(lambda transaction: transaction.respond_with(200))


@pytest.fixture
async def started() -> AsyncIterator[list[Endpoint]]:
    endpoints: list[Endpoint] = []
    yield endpoints
    for endpoint in endpoints:
        await endpoint.stop()


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
@pytest.mark.parametrize("protocol", ["ws", "wss"])
@pytest.mark.rule("X16")
@pytest.mark.rfc("7118", "5.4")
async def test_over_sockets(
    started: list[Endpoint],
    core: RecordingCore,
    tmp_path: Path,
    protocol: str,
    host: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Both ways on the client's connection, which is never dialled."""
    if ":" in host and not has_ipv6():
        pytest.skip("no IPv6 on this machine")
    monkeypatch.setattr(connections, "SWEEP_INTERVAL", 0.01)
    monkeypatch.setattr(websocket, "PING_INTERVAL", 0.0)  # asked all the time, and always there
    contexts = loopback_tls(tmp_path)
    endpoint = Endpoint([ListenAddress(protocol, host, 0)], core, tls=contexts, may_come_from=lambda origin: False)
    endpoint.bind()
    await endpoint.start()
    started.append(endpoint)
    server = endpoint.listeners[0].sent_by
    address = f"{protocol}://{server}/any/path"
    ssl = trusting(contexts.files.certificates[0]) if protocol == "wss" else None
    with pytest.raises(InvalidStatus, match="403"):
        await connect(address, subprotocols=SIP, origin="https://evil.example", ssl=ssl)  # type: ignore[arg-type]
    async with connect(address, subprotocols=SIP, ssl=ssl) as phone:
        await phone.send(request_text(protocol=protocol.upper(), source=("df7jal23ls0d.invalid", 5060)).decode())
        answer = await asyncio.wait_for(phone.recv(), PATIENCE)
        assert isinstance(answer, str) and answer.startswith("SIP/2.0 200") and f";received={host}\r\n" in answer
        flow = core.transactions[0].flow
        assert flow.protocol == protocol and flow.is_secure == (protocol == "wss")
        endpoint.send_request(options_request(), NextHop.on(flow), None)
        request = await asyncio.wait_for(phone.recv(), PATIENCE)
        assert isinstance(request, str)
        assert f"Via: SIP/2.0/{protocol.upper()} {server};" in request
        assert endpoint.listener_of(flow) is not None
    async with asyncio.timeout(PATIENCE):
        while flow.is_open:
            await asyncio.sleep(0.005)
    assert not endpoint.send_back(flow, flow.remote, b"x", 0)
    await eventually(endpoint, "response_undelivered")
