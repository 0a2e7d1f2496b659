"""UDP sockets: what they read, from where they send, and what the system says against it."""

from __future__ import annotations

import errno
import socket
import sys
from collections import Counter
from collections.abc import Iterator

import pytest

from sip.transport import udp
from sip.transport.flow import Flow
from sip.transport.udp import DATAGRAMS_PER_TURN, UdpSocket
from tests.sip.imaginary import request_text
from tests.sip.transport.test_network import datagram_socket, has_ipv6

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="packet information and the error queue are Linux")
needs_ipv6 = pytest.mark.skipif(not has_ipv6(), reason="no IPv6 on this machine")


class Server:
    """A socket and what it read."""

    def __init__(self, host: str, *, hears_errors: bool = True) -> None:
        self.count: Counter[str] = Counter()
        self.socket = UdpSocket(host, 0, self.count)
        self.received: list[tuple[bytes, Flow]] = []
        self.undelivered: list[tuple[str, str]] = []
        told = (lambda branch, method: self.undelivered.append((branch, method))) if hears_errors else None
        self.socket.start(lambda data, flow: self.received.append((data, flow)), told)

    @property
    def port(self) -> int:
        return self.socket.local[1]


@pytest.fixture
def made() -> Iterator[list[Server]]:
    servers: list[Server] = []
    yield servers
    for server in servers:
        server.socket.close()


def server(made: list[Server], host: str = "127.0.0.1", **options: bool) -> Server:
    made.append(Server(host, **options))
    return made[-1]


@pytest.mark.rule("X14")
@pytest.mark.parametrize(
    ("host", "reached"),
    [
        ("127.0.0.1", "127.0.0.1"),
        ("0.0.0.0", "127.0.0.7"),
        pytest.param("::1", "::1", marks=needs_ipv6),
        pytest.param("::", "::1", marks=needs_ipv6),
    ],
)
def test_answers_leave_from_where_they_were_asked(made: list[Server], host: str, reached: str) -> None:
    own = server(made, host)
    with datagram_socket("::1" if ":" in host else "127.0.0.1") as phone:
        phone.setblocking(True)
        phone.sendto(b"hello", (reached, own.port))
        own.socket.read()
        [(data, flow)] = own.received
        assert data == b"hello" and flow.local == (reached, own.port)
        assert own.socket.send(b"answer", flow.remote, flow.local[0])
        assert phone.recvfrom(100)[1][:2] == (reached, own.port)


def test_on_a_wildcard_a_source_need_not_be_named(made: list[Server]) -> None:
    own = server(made, "0.0.0.0")
    with datagram_socket() as phone:
        for source in ("", "0.0.0.0"):
            assert own.socket.send(b"x", phone.getsockname(), source)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_turn_ends(made: list[Server], host: str) -> None:
    own = server(made, host)
    with datagram_socket() as phone:
        for _ in range(DATAGRAMS_PER_TURN + 3):
            phone.sendto(b"x", ("127.0.0.1", own.port))
        own.socket.read()
        assert len(own.received) == DATAGRAMS_PER_TURN
        own.socket.read()
        assert len(own.received) == DATAGRAMS_PER_TURN + 3
        own.socket.read()


def test_an_address_that_is_not_ours() -> None:
    with pytest.raises(OSError):
        UdpSocket("192.0.2.1", 0, Counter())


class Stub:
    """Stands in for a socket: each call of a method takes the next of its outcomes."""

    def __init__(self, **outcomes: list[object]) -> None:
        self.outcomes = outcomes

    def __getattr__(self, name: str) -> object:
        def call(*arguments: object) -> object:
            outcome = self.outcomes[name].pop(0)
            if isinstance(outcome, BaseException):
                raise outcome
            return outcome

        return call

    def close(self) -> None:
        pass


def stubbed(made: list[Server], host: str = "127.0.0.1", **outcomes: list[object]) -> Server:
    own = server(made, host)
    own.socket.socket.close()
    own.socket.socket = Stub(**outcomes)  # type: ignore[assignment]
    own.socket._sendto = own.socket.socket.sendto
    return own


@pytest.mark.parametrize(("host", "method"), [("127.0.0.1", "recvfrom"), ("0.0.0.0", "recvmsg")])
def test_an_error_in_between_costs_no_datagram(made: list[Server], host: str, method: str) -> None:
    # What other levels say beside the datagram is passed over.
    datagram = (b"x", ("192.0.2.9", 5060)) if method == "recvfrom" else (b"x", [(0, 99, b"")], 0, ("192.0.2.9", 5060))
    nothing = BlockingIOError()
    outcomes: dict[str, list[object]] = {method: [OSError(errno.ECONNREFUSED, "refused"), datagram, nothing]}
    if method == "recvmsg":
        outcomes[method].insert(1, OSError())  # the error queue is read by the same method
    else:
        outcomes["recvmsg"] = [OSError()]
    own = stubbed(made, host, **outcomes)
    own.socket.read()
    assert [data for data, _ in own.received] == [b"x"]


class TestSending:
    def test_a_full_buffer_drops(self, made: list[Server]) -> None:
        own = stubbed(made, sendto=[BlockingIOError()])
        assert own.socket.send(b"x", ("192.0.2.9", 5060)) and own.count == {"send_buffer_full": 1}

    def test_the_news_about_an_earlier_one_is_no_failure(self, made: list[Server]) -> None:
        own = stubbed(made, sendto=[ConnectionRefusedError(errno.ECONNREFUSED, ""), 1], recvmsg=[OSError()])
        assert own.socket.send(b"x", ("192.0.2.9", 5060)) and own.count == {}

    def test_twice_it_is(self, made: list[Server]) -> None:
        refused = [ConnectionRefusedError(errno.ECONNREFUSED, "") for _ in range(2)]
        own = stubbed(made, sendto=[*refused], recvmsg=[OSError(), OSError()])
        assert not own.socket.send(b"x", ("192.0.2.9", 5060)) and own.count == {"send_failed": 1}

    def test_what_the_system_refuses(self, made: list[Server]) -> None:
        own = server(made)
        assert not own.socket.send(b"x" * 70_000, ("127.0.0.1", 9)) and own.count["send_failed"] == 1
        own = stubbed(made, sendto=[OSError(errno.EPERM, "")])
        assert not own.socket.send(b"x", ("192.0.2.9", 5060)) and own.count == {"send_failed": 1}

    @pytest.mark.rfc("3261", "18.2.2")
    @pytest.mark.parametrize("source", ["", "127.0.0.1"])
    def test_to_a_group(self, made: list[Server], source: str) -> None:
        own = server(made)
        own.socket.socket.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton("127.0.0.1"))
        assert own.socket.send(b"x", ("224.0.1.75", 9), source, ttl=3)
        assert own.socket.socket.getsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_TTL) == 3


@pytest.mark.rfc("3261", "18.4")
class TestErrors:
    REQUEST = request_text("OPTIONS", branch="z9hG4bKlost")

    @pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", pytest.param("::1", marks=needs_ipv6)])
    def test_requests_that_met_one(self, made: list[Server], host: str) -> None:
        own, reached = server(made, host), "::1" if ":" in host else "127.0.0.1"
        with datagram_socket(reached) as dead:
            port = dead.getsockname()[1]
        for data in (self.REQUEST, b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP x;branch=z9hG4bKx\r\n\r\n", b"no SIP"):
            own.socket.send(data, (reached, port))
        own.socket.read()
        own.socket.read()
        assert own.undelivered == [("z9hG4bKlost", "OPTIONS")] and own.count["unreachable"] == 3

    def test_nobody_wants_to_know(self, made: list[Server]) -> None:
        own = server(made, hears_errors=False)
        own.socket.read()
        assert own.count == {}

    def test_a_turn_of_them_ends_too(self, made: list[Server], monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(udp, "DATAGRAMS_PER_TURN", 1)
        own = server(made)
        with datagram_socket() as dead:
            port = dead.getsockname()[1]
        own.socket.send(self.REQUEST, ("127.0.0.1", port))
        own.socket.read()
        assert own.undelivered == [("z9hG4bKlost", "OPTIONS")]


def test_where_the_system_knows_no_packet_information(made: list[Server], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(udp, "_IS_LINUX", False)
    own = server(made, "0.0.0.0")
    with datagram_socket() as phone:
        phone.sendto(b"x", ("127.0.0.1", own.port))
        own.socket.read()
        [(_, flow)] = own.received
        assert flow.local == ("0.0.0.0", own.port) and own.socket.send(b"y", flow.remote, "127.0.0.1")
