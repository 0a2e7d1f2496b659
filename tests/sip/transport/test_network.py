"""Real sockets on loopback: binding, UDP, TCP, multicast, ICMP errors."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest

from sip.endpoint import Endpoint
from sip.message.messages import Request, new_request
from sip.transport import connection as one_connection
from sip.transport import connections, network, stream
from sip.transport.flow import Flow
from sip.transport.listeners import ListenAddress, Listener
from sip.transport.received import SIP_GROUP
from sip.transport.selection import NextHop
from sip.transport.tls import BadCertificate
from tests.sip.imaginary import Address, request_text
from tests.sip.recording import RecordingCore, RecordingUser
from tests.sip.transport.certificates import certificate, loopback_tls

HOSTS = ["127.0.0.1", "::1", "0.0.0.0", "::"]
REACHED = {"0.0.0.0": "127.0.0.2", "::": "::1"}
PATIENCE = 5.0


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.fixture
async def core() -> RecordingCore:
    return RecordingCore(lambda transaction: transaction.respond_with(200))


@pytest.fixture
async def started(core: RecordingCore) -> AsyncIterator[list[Endpoint]]:
    """Endpoints put in here are stopped after the test."""
    endpoints: list[Endpoint] = []
    yield endpoints
    for endpoint in endpoints:
        await endpoint.stop()


async def start(started: list[Endpoint], core: RecordingCore, host: str = "127.0.0.1", **options: object) -> Endpoint:
    endpoint = Endpoint([ListenAddress("udp", host, 0)], core, **options)  # type: ignore[arg-type]
    endpoint.bind()
    await endpoint.start()
    started.append(endpoint)
    return endpoint


def reach(listener: Listener) -> Address:
    return REACHED.get(listener.host, listener.host), listener.port


def datagram_socket(host: str = "127.0.0.1") -> socket.socket:
    opened = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_DGRAM)
    opened.setblocking(False)
    opened.bind((host, 0))
    return opened


async def received(on: socket.socket) -> tuple[bytes, Address]:
    data, address = await asyncio.wait_for(asyncio.get_running_loop().sock_recvfrom(on, 65_535), PATIENCE)
    return data, address[:2]


async def eventually(endpoint: Endpoint, reason: str) -> None:
    """Wait until something was counted."""
    async with asyncio.timeout(PATIENCE):
        while not endpoint.count[reason]:
            await asyncio.sleep(0.005)


def options_request() -> Request:
    return new_request("OPTIONS", "sip:x@127.0.0.1", from_="<sip:a@b>;tag=1", to="<sip:b@b>", call_id="x", cseq=3)


class TestBind:
    """A busy port is said before anything else starts."""

    @pytest.mark.rule("X11")
    async def test_udp_implies_tcp_on_the_same_port(self, core: RecordingCore) -> None:
        endpoint = Endpoint([ListenAddress("udp", "127.0.0.1", 0), ListenAddress("tcp", "127.0.0.1", 0)], core)
        endpoint.bind()
        assert [listener.protocol for listener in endpoint.listeners] == ["udp", "tcp"]
        assert endpoint.listeners[0].port == endpoint.listeners[1].port != 0
        await endpoint.stop()

    @pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM], ids=["udp", "tcp"])
    async def test_a_busy_port_is_named_and_nothing_stays_bound(self, core: RecordingCore, kind: int) -> None:
        with socket.socket(socket.AF_INET, kind) as busy:
            busy.bind(("127.0.0.1", 0))
            if kind == socket.SOCK_STREAM:
                busy.listen()
            port = busy.getsockname()[1]
            other = datagram_socket()
            free = other.getsockname()[1]
            other.close()
            endpoint = Endpoint(
                [ListenAddress("udp", "127.0.0.1", free), ListenAddress("udp", "127.0.0.1", port)], core
            )
            with pytest.raises(OSError, match=rf"Cannot listen on (udp|tcp) 127.0.0.1:{port}: Address already in use"):
                endpoint.bind()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as again:
            again.bind(("127.0.0.1", free))

    async def test_tcp_alone(self, core: RecordingCore) -> None:
        endpoint = Endpoint([ListenAddress("tcp", "127.0.0.1", 0), ListenAddress("ws", "", 0)], core)
        endpoint.bind()
        assert [(one.protocol, one.host) for one in endpoint.listeners] == [("tcp", "127.0.0.1"), ("ws", "0.0.0.0")]
        await endpoint.stop()

    async def test_without_a_certificate(self, core: RecordingCore) -> None:
        with pytest.raises(BadCertificate):
            Endpoint([ListenAddress("tls", "127.0.0.1", 0)], core).bind()

    async def test_any_port_is_one_that_is_free_for_both(
        self, core: RecordingCore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        taken, bind = [OSError(98, "in use")], network._stream_socket

        def refusing_once(host: str, port: int) -> socket.socket:
            if taken:
                raise taken.pop()
            return bind(host, port)

        monkeypatch.setattr(network, "_stream_socket", refusing_once)
        endpoint = Endpoint([ListenAddress("udp", "127.0.0.1", 0)], core)
        endpoint.bind()
        assert len(endpoint.listeners) == 2 and not taken
        await endpoint.stop()

    async def test_an_address_that_is_not_ours(self, core: RecordingCore) -> None:
        with pytest.raises(OSError, match=r"Cannot listen on udp 192\.0\.2\.1:5060"):
            Endpoint([ListenAddress("udp", "192.0.2.1", 5060)], core).bind()

    async def test_multicast_needs_a_listener(self, core: RecordingCore) -> None:
        with pytest.raises(OSError, match="no UDP listener"):
            Endpoint([ListenAddress("udp", "127.0.0.1", 0)], core, multicast=["127.0.0.9"]).bind()


@pytest.mark.parametrize("host", HOSTS)
class TestEveryFamily:
    @pytest.mark.rule("X14")
    async def test_udp_answers_from_the_address_that_was_asked(
        self, started: list[Endpoint], core: RecordingCore, host: str
    ) -> None:
        if ":" in host and not has_ipv6():
            pytest.skip("no IPv6 on this machine")
        endpoint = await start(started, core, host)
        server = reach(endpoint.listeners[0])
        with datagram_socket("::1" if ":" in host else "127.0.0.1") as phone:
            phone.sendto(request_text(source=phone.getsockname()[:2]), server)
            data, source = await received(phone)
        assert data.startswith(b"SIP/2.0 200") and source == server
        flow = core.transactions[0].flow
        assert flow.local == server and endpoint.listener_of(flow).port == server[1]

    async def test_tcp(self, started: list[Endpoint], core: RecordingCore, host: str) -> None:
        if ":" in host and not has_ipv6():
            pytest.skip("no IPv6 on this machine")
        endpoint = await start(started, core, host)
        server = reach(endpoint.listeners[1])
        reader, writer = await asyncio.open_connection(*server)
        first = request_text(branch="z9hG4bK1", protocol="TCP")
        second = request_text(branch="z9hG4bK2", protocol="TCP", body="body")
        writer.write(b"\r\n\r\n" + first[:50])
        assert await asyncio.wait_for(reader.readexactly(2), PATIENCE) == b"\r\n"
        writer.write(first[50:] + second)
        for branch in (b"z9hG4bK1", b"z9hG4bK2"):
            assert branch in await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
        assert core.transactions[1].request.body == b"body"
        assert endpoint.connection_counts() == {"tcp": 1}
        assert endpoint.listener_of(core.transactions[0].flow).sent_by.endswith(f":{server[1]}")
        writer.write(b"GET / HTTP/1.1\r\n\r\n")
        assert await asyncio.wait_for(reader.read(), PATIENCE) == b""
        writer.close()


class TestOutgoing:
    async def test_two_endpoints_over_both_protocols(self, started: list[Endpoint], core: RecordingCore) -> None:
        alice, bob = await start(started, RecordingCore()), await start(started, core)
        for protocol in ("udp", "tcp"):
            answered = asyncio.Event()
            user = RecordingUser(lambda transaction, response, answered=answered: answered.set())
            alice.send_request(options_request(), NextHop(protocol, "127.0.0.1", bob.listeners[0].port), user)
            await asyncio.wait_for(answered.wait(), PATIENCE)
            assert user.statuses == [200]
            assert core.transactions[-1].request.via.sent_by == alice.listeners[0].sent_by

    @pytest.mark.skipif(sys.platform != "linux", reason="the error queue is Linux")
    @pytest.mark.rfc("3261", "18.4")
    async def test_nobody_listens_there(self, started: list[Endpoint], core: RecordingCore) -> None:
        endpoint = await start(started, core)
        with datagram_socket() as dead:
            port = dead.getsockname()[1]
        users = [RecordingUser(), RecordingUser()]
        endpoint.send_request(options_request(), NextHop("udp", "127.0.0.1", port), users[0])
        endpoint.send_request(options_request(), NextHop("tcp", "127.0.0.1", port), users[1])
        await eventually(endpoint, "unreachable")
        await eventually(endpoint, "connect_failed")
        assert [user.failures for user in users] == [[503], [503]]
        # The news about one destination must not cost a datagram to another.
        with datagram_socket() as phone:
            endpoint.send_request(options_request(), NextHop("udp", "127.0.0.1", phone.getsockname()[1]), None)
            data, _ = await received(phone)
        assert data.startswith(b"OPTIONS ")

    async def test_names(self, started: list[Endpoint], core: RecordingCore) -> None:
        endpoint = await start(started, core, "0.0.0.0")
        assert endpoint.is_own_address("127.0.0.7", endpoint.listeners[0].port)
        assert not endpoint.is_own_address("192.0.2.1", endpoint.listeners[0].port)
        sent_by = endpoint.listener_for(NextHop("udp", "127.0.0.1", 5060)).sent_by
        assert sent_by == f"127.0.0.1:{endpoint.listeners[0].port}"


class TestClosedConnections:
    """The end of a connection is told, whoever ended it."""

    async def test_each_once_with_the_id_that_its_requests_had(
        self, started: list[Endpoint], core: RecordingCore
    ) -> None:
        endpoint = await start(started, core)
        closed: asyncio.Queue[Flow] = asyncio.Queue()
        endpoint.when_flow_closes(closed.put_nowait)
        for end in (b"", b"nothing that begins a message?\r\n\r\n"):
            reader, writer = await asyncio.open_connection(*reach(endpoint.listeners[1]))
            writer.write(request_text(protocol="TCP", branch=f"z9hG4bK{len(end)}"))
            await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
            flow = core.transactions[-1].flow
            assert flow.is_open
            writer.write(end)
            if not end:
                writer.close()
            ended = await asyncio.wait_for(closed.get(), PATIENCE)
            assert ended is flow and not ended.is_open
            writer.close()
        assert core.transactions[0].flow.id != core.transactions[1].flow.id

    async def test_not_those_that_never_opened_nor_those_that_we_close_at_the_end(
        self, started: list[Endpoint], core: RecordingCore
    ) -> None:
        endpoint, other = await start(started, core), await start(started, core)
        closed: list[Flow] = []
        endpoint.when_flow_closes(closed.append)
        with datagram_socket() as dead:
            port = dead.getsockname()[1]
        endpoint.send_request(options_request(), NextHop("tcp", "127.0.0.1", port), None)
        await eventually(endpoint, "connect_failed")
        answered = asyncio.Event()
        user = RecordingUser(lambda transaction, response: answered.set())
        endpoint.send_request(options_request(), NextHop("tcp", *reach(other.listeners[1])), user)
        await asyncio.wait_for(answered.wait(), PATIENCE)
        await endpoint.stop()
        await asyncio.sleep(0)
        assert closed == []


class TestBeforeTheStart:
    def test_nothing_can_be_put_off_and_nobody_is_told(self) -> None:
        made = network.SocketNetwork(Counter())
        with pytest.raises(RuntimeError):
            made.soon(lambda: None)
        with pytest.raises(RuntimeError):
            made._connections.received(b"", None)  # type: ignore[arg-type]
        made.reload_certificates()  # there are none

    async def test_stopping(self) -> None:
        made = network.SocketNetwork(Counter())
        made.bind([ListenAddress("udp", "127.0.0.1", 0)], [])
        await made.stop()


class TestClock:
    async def test_the_last_wish_counts(self, started: list[Endpoint], core: RecordingCore) -> None:
        endpoint = await start(started, core)
        woken: asyncio.Queue[str] = asyncio.Queue()
        made = endpoint._network
        made.wake_at(made.now() + 60, lambda: woken.put_nowait("never"))
        for _ in range(2):
            made.wake_at(made.now(), lambda: woken.put_nowait("now"))
            assert await asyncio.wait_for(woken.get(), PATIENCE) == "now"


class TestAddresses:
    async def test_they_are_looked_at_again_after_a_while(
        self, started: list[Endpoint], core: RecordingCore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        endpoint = await start(started, core)
        made = endpoint._network
        for _ in range(2):
            assert made.route_from("127.0.0.9") == "127.0.0.1" and made.is_local_address("127.0.0.1")
        assert made.route_from("no address") == "" and not made.is_local_address("192.0.2.1")
        monkeypatch.setattr(network, "MAX_KNOWN_ADDRESSES", 0)
        assert made.route_from("127.0.0.9") == "127.0.0.1"


class TestCertificates:
    async def test_what_is_no_good_is_said_and_the_next_change_is_seen(
        self,
        started: list[Endpoint],
        core: RecordingCore,
        tmp_path: Path,
        monkeypatch: pytest.MonkeyPatch,
        caplog: pytest.LogCaptureFixture,
    ) -> None:
        monkeypatch.setattr(network, "CERTIFICATE_INTERVAL", 0.005)
        contexts = loopback_tls(tmp_path, "old.example")
        endpoint = Endpoint([ListenAddress("tls", "127.0.0.1", 0)], core, tls=contexts)
        endpoint.bind()
        await endpoint.start()
        started.append(endpoint)
        contexts.files.certificates[0].chain.write_text("half of it")
        async with asyncio.timeout(PATIENCE):
            while "stay in use" not in caplog.text:
                await asyncio.sleep(0.005)
        with caplog.at_level("INFO"):
            certificate(tmp_path, "old.example")
            async with asyncio.timeout(PATIENCE):
                while "read anew" not in caplog.text:
                    await asyncio.sleep(0.005)


class TestMulticast:
    @pytest.mark.rule("R34")
    @pytest.mark.rfc("3261", "10.2.6")
    async def test_the_group_is_joined_and_answers_are_unicast(
        self, started: list[Endpoint], core: RecordingCore
    ) -> None:
        endpoint = await start(started, core, multicast=["127.0.0.1"])
        server = reach(endpoint.listeners[0])
        with datagram_socket() as phone:
            phone.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
            phone.sendto(request_text("REGISTER", source=phone.getsockname()), (SIP_GROUP, server[1]))
            data, source = await received(phone)
        assert data.startswith(b"SIP/2.0 200") and source == server
        assert core.transactions[0].flow.is_multicast


@pytest.mark.threat(20)
class TestConnectionLimits:
    """Slow, silent and too many connections."""

    async def test_too_many_from_one_source(
        self, started: list[Endpoint], core: RecordingCore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connections, "MAX_CONNECTIONS_PER_SOURCE", 2)
        endpoint = await start(started, core)
        opened = [await asyncio.open_connection(*reach(endpoint.listeners[1])) for _ in range(3)]
        await eventually(endpoint, "too_many_connections")
        opened[0][1].write(request_text(protocol="TCP"))
        assert (await asyncio.wait_for(opened[0][0].readuntil(b"\r\n\r\n"), PATIENCE)).startswith(b"SIP/2.0 200")
        for _, writer in opened:
            writer.close()

    async def test_too_many_altogether(
        self, started: list[Endpoint], core: RecordingCore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connections, "MAX_CONNECTIONS", 2)
        other, endpoint = await start(started, RecordingCore()), await start(started, core)
        opened = [await asyncio.open_connection(*reach(endpoint.listeners[1])) for _ in range(3)]
        await eventually(endpoint, "too_many_connections")
        user = RecordingUser()
        endpoint.send_request(options_request(), NextHop("tcp", *reach(other.listeners[1])), user)
        await asyncio.sleep(0)
        assert user.failures == [503] and endpoint.count["too_many_connections"] == 2
        opened[0][1].close()
        async with asyncio.timeout(PATIENCE):
            while True:
                reader, writer = await asyncio.open_connection(*reach(endpoint.listeners[1]))
                with suppress(ConnectionError, asyncio.IncompleteReadError):
                    writer.write(request_text(protocol="TCP"))
                    await reader.readuntil(b"\r\n\r\n")
                    break
        writer.close()
        for _, another in opened:
            another.close()

    @pytest.mark.parametrize("data", [b"", b"\r\n\r\n", request_text()[:40]], ids=["silent", "pings", "part"])
    async def test_a_message_has_to_come_in_time(
        self, started: list[Endpoint], core: RecordingCore, monkeypatch: pytest.MonkeyPatch, data: bytes
    ) -> None:
        monkeypatch.setattr(one_connection, "MESSAGE_INTERVAL", 0.0)
        monkeypatch.setattr(stream, "MESSAGE_INTERVAL", 0.0)
        monkeypatch.setattr(connections, "SWEEP_INTERVAL", 0.01)
        endpoint = await start(started, core)
        reader, writer = await asyncio.open_connection(*reach(endpoint.listeners[1]))
        writer.write(data)
        await eventually(endpoint, "connection_timed_out")
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(reader.readexactly(100), PATIENCE)
        writer.close()
