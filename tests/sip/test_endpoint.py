"""The endpoint: bytes in, bytes out, and where they go; without sockets."""

from __future__ import annotations

from random import Random

import pytest

from sip.message.messages import Message, Request, Response, new_request
from sip.message.uri import Uri
from sip.message.wire import parse_message
from sip.transport.flow import Flow
from sip.transport.framing import BrokenFraming
from sip.transport.listeners import ListenAddress
from sip.transport.selection import NextHop
from tests.sip.imaginary import ALICE, BOB, MALLORY, SERVER, ImaginaryEndpoint, request_text, response_text, wire_text
from tests.sip.recording import RecordingCore, RecordingUser

WILDCARD = [ListenAddress("udp", "0.0.0.0", 5060), ListenAddress("udp", "::", 5060)]


def answering() -> tuple[ImaginaryEndpoint, RecordingCore]:
    core = RecordingCore(lambda transaction: transaction.respond_with(200))
    return ImaginaryEndpoint(core), core


def request(method: str = "MESSAGE") -> Request:
    return new_request(
        method, "sip:bob@192.0.2.20", from_="<sip:a@example.org>;tag=1", to="<sip:b@example.org>", call_id="c", cseq=7
    )


class TestBadInput:
    @pytest.mark.parametrize("data", [b"\r\n\r\n", b"\r\n", b"\0\0\0\0", b"", b"\0"])
    @pytest.mark.rule("X03")
    def test_keep_alives_are_nothing(self, data: bytes) -> None:
        endpoint, core = answering()
        endpoint.deliver(data)
        assert endpoint.sent == [] and dict(endpoint.count) == {"keep_alive": 1} and core.transactions == []

    @pytest.mark.parametrize(
        "data", [b"GET / HTTP/1.1\r\n\r\n", b"\xff\xfe\x00", b"hello", b"REGISTER sip:x SIP/2.0\r\nVia: x"]
    )
    def test_what_is_not_sip_is_counted(self, data: bytes) -> None:
        endpoint, core = answering()
        endpoint.deliver(data, MALLORY)
        assert endpoint.sent == [] and dict(endpoint.count) == {"not_sip": 1} and core.transactions == []

    @pytest.mark.parametrize(
        ("old", "new", "status", "reason"),
        [
            ("Call-ID: call-1@alice\r\n", "", 400, "Call-ID missing"),
            ("CSeq: 1 MESSAGE", "CSeq: 1 INVITE", 400, "CSeq names INVITE, the Request-Line another method"),
            ("CSeq: 1 MESSAGE", "CSeq: x MESSAGE", 400, "Malformed CSeq x MESSAGE"),
            ("From: Alice", "From: \"Alice", 400, "Quoted display name without end"),
            ("To: <sip:bob@example.org>", "To: <sip:bob@example.org", 400, "Malformed address <sip:bob@example.org"),
            ("SIP/2.0\r\nVia", "SIP/7.0\r\nVia", 505, "Only SIP/2.0 is understood"),
            ("Content-Length: 0", "Content-Length: 7", 400, "Body shorter than Content-Length"),
        ],
    )  # fmt: skip
    def test_what_can_be_understood_is_answered_and_says_what_is_wrong(
        self, old: str, new: str, status: int, reason: str
    ) -> None:
        endpoint, core = answering()
        data = request_text("MESSAGE").decode()
        assert old in data
        endpoint.deliver(data.replace(old, new).encode(), MALLORY)
        (sent,) = endpoint.take()
        assert sent.data.startswith(f"SIP/2.0 {status} {reason}\r\n".encode())
        assert sent.remote == (MALLORY[0], 5060) and f"received={MALLORY[0]}".encode() in sent.data
        assert core.transactions == [] and dict(endpoint.count) == {"bad_message": 1} and endpoint.transactions == 0

    @pytest.mark.parametrize("via", ["Via: nonsense", "Subject: no Via"])
    def test_without_a_way_back_there_is_no_answer(self, via: str) -> None:
        endpoint, _ = answering()
        endpoint.deliver(request_text(via=via), MALLORY)
        assert endpoint.sent == [] and endpoint.count["not_answerable"] == 1

    def test_an_ack_is_never_answered(self) -> None:
        endpoint, core = answering()
        endpoint.deliver(request_text("ACK").replace(b"CSeq: 1", b"CSeq: x"))
        assert endpoint.sent == [] and core.acks == []

    @pytest.mark.rule("X03")
    def test_a_bad_response_is_dropped(self) -> None:
        endpoint, _ = answering()
        user = RecordingUser()
        endpoint.send_request(request(), NextHop("udp", *BOB), user)
        response = response_text(endpoint.take()[0].data, 200).replace(b"Content-Length: 0", b"Content-Length: 5")
        endpoint.deliver(response, BOB)
        assert user.statuses == [] and endpoint.count["bad_response"] == 1 and endpoint.take() == []

    @pytest.mark.rule("X03")
    def test_surplus_bytes_of_a_datagram_are_dropped(self) -> None:
        endpoint, core = answering()
        endpoint.deliver(request_text("MESSAGE", body="hello") + b"surplus")
        assert core.transactions[0].request.body == b"hello"

    def test_a_broken_stream_is_answered_first(self) -> None:
        endpoint, _ = answering()
        head = request_text(protocol="TCP").replace(b"Content-Length: 0\r\n", b"")
        flow = endpoint.flow(ALICE, "tcp")
        endpoint.framing_broken(BrokenFraming("Content-Length missing", head), flow)
        endpoint.framing_broken(BrokenFraming("Not SIP"), flow)
        endpoint.framing_broken(BrokenFraming("Content-Length missing", response_text(request_text(), 200)), flow)
        (sent,) = endpoint.take()
        assert sent.data.startswith(b"SIP/2.0 400 Content-Length missing\r\n") and sent.protocol == "tcp"
        assert endpoint.count["broken_stream"] == 3


@pytest.mark.rfc("5626", "4.4.2")
class TestStun:
    """A keep-alive on the SIP port, answered from the address it came to."""

    REQUEST = bytes.fromhex("000100002112a442b7e7a701bc34d686fa87dfae")

    def test_by_udp(self) -> None:
        endpoint = ImaginaryEndpoint(RecordingCore(), WILDCARD)
        for source in (MALLORY, ("2001:db8::9", 5062)):
            endpoint.deliver(self.REQUEST, source)
            [sent] = endpoint.take()
            assert sent.data[:2] == b"\x01\x01" and sent.remote == source
            assert sent.source == (endpoint.network.route_from(source[0]), 5060)
        assert endpoint.count == {"stun": 2}

    def test_not_on_connections_nor_by_multicast(self) -> None:
        endpoint, _ = answering()
        endpoint.deliver(self.REQUEST, ALICE, "tcp")
        endpoint.deliver(self.REQUEST, ALICE, is_multicast=True)
        assert endpoint.sent == [] and endpoint.count == {"not_sip": 2}


class TestMutations:
    """Whatever arrives, nothing of ours fails and nothing stays."""

    def test_broken_messages(self) -> None:
        random = Random(4475)
        endpoint, _ = answering()
        methods = ("INVITE", "ACK", "CANCEL", "REGISTER")
        seeds = [request_text(method, fields=["Contact: <sip:a@b>"], body="body") for method in methods]
        seeds.append(response_text(request_text(), 200))
        for _ in range(3_000):
            data = bytearray(random.choice(seeds))
            for _ in range(random.randint(1, 4)):
                at = random.randrange(len(data) + 1)
                piece = random.choice(seeds)[: random.randint(1, 60)]
                data[at : at + random.randint(0, 20)] = random.choice([b"", bytes([random.randrange(256)]), piece])
            endpoint.deliver(bytes(data), MALLORY, random.choice(["udp", "tcp"]))
        assert endpoint.count["core_failed"] == 0 and endpoint.count["bad_message"] > 100
        endpoint.advance(100)
        assert endpoint.transactions == 0


@pytest.mark.rule("R34")
class TestMulticast:
    """§18.2.2: answers by the Via, silence for errors."""

    def test_the_core_can_tell(self) -> None:
        endpoint, core = answering()
        endpoint.deliver(request_text("REGISTER"), is_multicast=True)
        assert core.transactions[0].flow.is_multicast
        assert [(sent.remote, sent.ttl) for sent in endpoint.take()] == [(ALICE, 0)]

    def test_maddr_and_ttl(self) -> None:
        endpoint, _ = answering()
        via = "Via: SIP/2.0/UDP 192.0.2.10;branch=z9hG4bK1;maddr=224.0.1.75;ttl=3"
        endpoint.deliver(request_text("REGISTER", via=via), is_multicast=True)
        assert [(sent.remote, sent.ttl) for sent in endpoint.take()] == [(("224.0.1.75", 5060), 3)]

    def test_nothing_by_itself(self) -> None:
        core = RecordingCore()
        endpoint = ImaginaryEndpoint(core)
        endpoint.deliver(request_text("INVITE"), is_multicast=True)
        endpoint.deliver(request_text("REGISTER").replace(b"CSeq: 1", b"CSeq: x"), is_multicast=True)
        endpoint.deliver(request_text("REGISTER"), is_multicast=True)
        core.answer = lambda transaction: 1 // 0
        endpoint.deliver(request_text("REGISTER", branch="z9hG4bK2"), is_multicast=True)
        for transaction in core.transactions[:2]:
            transaction.ignore()
        endpoint.deliver(request_text("REGISTER"), is_multicast=True)
        endpoint.advance(100)
        assert endpoint.sent == [] and endpoint.transactions == 0 and len(core.transactions) == 3


@pytest.mark.rfc("3261", "18.2.2")
@pytest.mark.rule("X13")
class TestStreams:
    """§18.2.2: the same connection while it is open, then one to received:sent-by port."""

    def test_the_answer_takes_the_connection(self) -> None:
        endpoint, _ = answering()
        flow = endpoint.deliver(request_text(protocol="TCP"), ("192.0.2.10", 40001), "tcp")
        (sent,) = endpoint.take()
        assert sent.connection is flow.connection and sent.remote == ("192.0.2.10", 40001)

    def test_or_a_new_one(self) -> None:
        core = RecordingCore()
        endpoint = ImaginaryEndpoint(core)
        via = "Via: SIP/2.0/TCP pc.example:5070;branch=z9hG4bK1"
        flow = endpoint.deliver(request_text(via=via), ("192.0.2.10", 40001), "tcp")
        flow.channel.is_open = False  # type: ignore[attr-defined]
        core.transactions[0].respond_with(200)
        (sent,) = endpoint.take()
        assert (sent.protocol, sent.remote) == ("tcp", ("192.0.2.10", 5070))
        assert sent.connection is not None and not sent.connection.is_accepted

    @pytest.mark.rfc("3263", "5")
    @pytest.mark.threat(10)
    def test_but_never_where_the_name_in_the_via_leads(self) -> None:
        """RFC 3263 §5 would look the name up; who writes a Via could aim our answers by it (decision 0013)."""
        core = RecordingCore()
        endpoint = ImaginaryEndpoint(core)
        endpoint.network.names["victim.example"] = ["203.0.113.5"]
        endpoint.network.refuses_connections = True
        via = "Via: SIP/2.0/TCP victim.example;branch=z9hG4bK1"
        flow = endpoint.deliver(request_text(via=via), ("192.0.2.10", 40001), "tcp")
        flow.channel.is_open = False  # type: ignore[attr-defined]
        core.transactions[0].respond_with(200)
        endpoint.advance(100)
        assert {sent.remote[0] for sent in endpoint.sent} == {"192.0.2.10"}
        assert endpoint.transactions == 0

    def test_content_length_is_always_there(self) -> None:
        core = RecordingCore()
        endpoint = ImaginaryEndpoint(core)
        endpoint.deliver(request_text(protocol="TCP"), ALICE, "tcp")
        response = Response(200, "OK", [], [])
        for name in ("Via", "From", "To", "Call-ID", "CSeq"):
            response.append(name, core.transactions[0].request.first(name.lower()) or "")
        core.transactions[0].respond(response)
        message = request()
        message.remove("Content-Length")
        message.body = b"hello"
        endpoint.send_request(message, NextHop("tcp", *BOB), None)
        assert [sent.message.first("content-length") for sent in endpoint.take()] == ["0", "5"]

    def test_an_open_connection_is_used_again(self) -> None:
        endpoint, _ = answering()
        endpoint.deliver(request_text(protocol="TCP"), BOB, "tcp")
        endpoint.send_request(request(), NextHop("tcp", *BOB), None)
        first, second = endpoint.take()
        assert first.connection is second.connection
        assert second.message.via.transport == "TCP"


class TestClosedFlows:
    """Who keeps a flow hears when it ends."""

    def test_everybody_is_told_even_when_one_of_them_fails(self) -> None:
        endpoint, core = answering()
        told: list[str] = []

        def failing(flow: Flow) -> None:
            raise RuntimeError(flow.id)

        endpoint.when_flow_closes(failing)
        endpoint.when_flow_closes(lambda flow: told.append(f"{flow.id} {flow.is_open}"))
        flow = endpoint.deliver(request_text(protocol="TCP"), protocol="tcp")
        flow.channel.close()  # type: ignore[attr-defined]
        assert told == [f"{core.transactions[0].flow.id} False"]
        assert endpoint.count["core_failed"] == 1


class TestStateless:
    """§16.11: sent once, with a branch that only the request decides."""

    @pytest.mark.rfc("3261", "16.11")
    @pytest.mark.rule("X10")
    def test_the_same_request_has_the_same_branch(self) -> None:
        endpoint = ImaginaryEndpoint(RecordingCore())
        texts = [request_text("ACK"), request_text("ACK"), request_text("ACK", branch="z9hG4bKother")]
        for text in texts:
            received = parse_message(text)
            assert isinstance(received, Request)
            endpoint.send_stateless(received, NextHop("udp", *BOB))
        first, second, third = (sent.message.via.branch for sent in endpoint.take())
        assert first == second != third and first.startswith("z9hG4bK0-")
        endpoint.advance(60)
        assert endpoint.take() == [] and endpoint.transactions == 0


class TestOwnNames:
    """§18.1.1, §18.1.2: what we call ourselves, and what we answer to."""

    @pytest.mark.parametrize(
        ("host", "port", "expected"),
        [
            ("192.0.2.1", 5060, True),
            ("192.0.2.1", None, True),
            ("192.0.2.1", 5061, False),
            ("192.0.2.2", 5060, False),
            ("example.org", None, False),
        ],
    )
    def test_a_listener_with_an_address(self, host: str, port: int | None, expected: bool) -> None:
        assert ImaginaryEndpoint(RecordingCore()).is_own_address(host, port) is expected

    @pytest.mark.parametrize("host", ["192.0.2.1", "127.0.0.1", "[::1]", "2001:db8::1"])
    def test_a_wildcard_is_every_local_address(self, host: str) -> None:
        endpoint = ImaginaryEndpoint(RecordingCore(), WILDCARD)
        assert endpoint.is_own_address(host, 5060) and endpoint.is_own_address(host, None)
        assert not endpoint.is_own_address(host, 5070) and not endpoint.is_own_address("192.0.2.2", 5060)

    @pytest.mark.rule("X02")
    def test_advertised_names_are_in_the_via_and_come_back(self) -> None:
        address = ListenAddress("udp", "10.0.0.1", 25060, "sip.example.org", 5060)
        endpoint, user = ImaginaryEndpoint(RecordingCore(), [address]), RecordingUser()
        endpoint.send_request(request(), NextHop("udp", *BOB), user)
        sent = endpoint.take()[0]
        assert sent.message.via.sent_by == "sip.example.org:5060"
        endpoint.deliver(response_text(sent.data, 200), BOB)
        assert user.statuses == [200] and endpoint.is_own_address("sip.example.org", None, "udp")

    def test_behind_a_wildcard_the_via_has_the_address_routed_to_the_next_hop(self) -> None:
        endpoint = ImaginaryEndpoint(RecordingCore(), WILDCARD)
        for host in ("192.0.2.20", "127.0.0.1", "2001:db8::20"):
            endpoint.send_request(request(), NextHop("udp", host, 5070), None)
        assert [sent.message.via.sent_by for sent in endpoint.take()] == [
            "192.0.2.1:5060", "127.0.0.1:5060", "[2001:db8::1]:5060",
        ]  # fmt: skip

    @pytest.mark.rule("X14")
    def test_of_several_listeners_the_one_that_is_routed_to_the_next_hop(self) -> None:
        addresses = [ListenAddress("udp", "127.0.0.1", 5070), ListenAddress("udp", *SERVER)]
        endpoint = ImaginaryEndpoint(RecordingCore(), addresses)
        assert endpoint.listener_for(NextHop("udp", "127.0.0.1", 9)).port == 5070
        assert endpoint.listener_for(NextHop("udp", "192.0.2.20", 9)).sent_by == "192.0.2.1:5060"
        flow = endpoint.flow()
        assert endpoint.listener_of(flow).sip_uri() == "<sip:127.0.0.1:5070;lr>"
        endpoint.send_request(request(), NextHop.on(flow), None)
        assert endpoint.take()[-1].source == ("127.0.0.1", 5070)

    def test_no_listener(self) -> None:
        with pytest.raises(LookupError):
            ImaginaryEndpoint(RecordingCore()).listener_for(NextHop("udp", "2001:db8::9", 5060))


@pytest.mark.rule("X12")
def test_compact_folded_and_odd_spellings_are_understood() -> None:
    endpoint, core = answering()
    endpoint.deliver(
        wire_text(
            """OPTIONS sip:bob@example.org SIP/2.0
            v: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bK1,
            f: Alice <sip:alice@example.org>;tag=1
            T: <sip:bob@example.org>
            i: 1
            cseq: 1 OPTIONS
            max-forwards: 70

            """
        ).replace(b"bK1,\r\n", b"bK1,\r\n SIP/2.0/UDP 192.0.2.11;branch=z9hG4bK0\r\n")
    )
    assert [sent.status for sent in endpoint.take()] == [200]
    assert [via.host for via in core.transactions[0].request.vias] == ["192.0.2.10", "192.0.2.11"]


class Listening:
    """A tap that writes down what it hears."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, str, tuple[str, int], tuple[str, int], bytes]] = []

    def received(self, message: Message, data: bytes, flow: Flow) -> None:
        self.heard.append(("in", flow.protocol, flow.local, flow.remote, data))

    def sent(self, data: bytes, protocol: str, local: tuple[str, int], remote: tuple[str, int]) -> None:
        self.heard.append(("out", protocol, local, remote, data))


class TestTap:
    def tapped(self) -> tuple[ImaginaryEndpoint, Listening]:
        endpoint, _ = answering()
        tap = endpoint.tap = Listening()
        return endpoint, tap

    def test_a_request_and_its_answer(self) -> None:
        endpoint, tap = self.tapped()
        endpoint.deliver(request_text())
        assert [one[:4] for one in tap.heard] == [
            ("in", "udp", SERVER, ALICE),
            ("out", "udp", SERVER, ALICE),
        ]
        assert tap.heard[0][4] == request_text() and tap.heard[1][4] == endpoint.take()[0].data

    def test_our_own_request_by_address_and_by_flow(self) -> None:
        endpoint, tap = self.tapped()
        endpoint.send_request(request(), NextHop("udp", *BOB), None)
        endpoint.send_request(request(), NextHop.on(endpoint.flow(ALICE, "tcp")), None)
        assert [one[:4] for one in tap.heard] == [("out", "udp", SERVER, BOB), ("out", "tcp", SERVER, ALICE)]

    def test_what_could_not_be_sent_was_not_sent(self) -> None:
        endpoint, tap = self.tapped()
        endpoint.send_request(request(), NextHop("udp", "2001:db8::9", 5060), None)
        connection = endpoint.flow(ALICE, "tcp").channel
        endpoint.deliver(request_text(protocol="TCP"), ALICE, "tcp")
        tap.heard.clear()
        connection.is_open = False
        endpoint.send_request(request(), NextHop.on(connection.flow), None)
        assert tap.heard == []

    def test_a_malformed_request_is_heard_but_no_noise(self) -> None:
        endpoint, tap = self.tapped()
        endpoint.deliver(request_text().replace(b"CSeq: 1 OPTIONS", b"CSeq: 1 BYE"))
        endpoint.deliver(b"\r\n\r\n")
        endpoint.deliver(b"GET / HTTP/1.1\r\n\r\n")
        assert [one[0] for one in tap.heard] == ["in", "out"]


class AGate:
    """Lets nobody in who is not Alice, and notes who sent what is not SIP."""

    def __init__(self) -> None:
        self.noises: list[tuple[str, int]] = []
        self.wishes: list[tuple[str, int]] = []

    def admits(self, flow: Flow, now: float) -> bool:
        return flow.remote[0] == ALICE[0]

    def is_banned(self, flow: Flow) -> bool:
        return flow.remote[0] == MALLORY[0]

    def is_scanner(self, user_agent: str | None, flow: Flow, now: float) -> bool:
        return user_agent == "friendly-scanner"

    def wanted(self, flow: Flow) -> None:
        self.wishes.append(flow.remote)

    def not_sip(self, flow: Flow, now: float) -> None:
        self.noises.append(flow.remote)


@pytest.mark.threat(8)
class TestGate:
    """Threats 6 and 8: whom the gate does not admit is passed over unread."""

    @pytest.fixture
    def endpoint(self) -> ImaginaryEndpoint:
        endpoint, _ = answering()
        endpoint.gate = AGate()
        return endpoint

    def test_only_who_is_admitted_is_answered(self, endpoint: ImaginaryEndpoint) -> None:
        endpoint.deliver(request_text("OPTIONS", source=MALLORY), MALLORY)
        endpoint.deliver(request_text("OPTIONS", source=ALICE)[:-30] + b"\r\n\r\n", ALICE)
        endpoint.deliver(request_text("OPTIONS", source=ALICE, branch="z9hG4bK2"), ALICE)
        assert {sent.remote for sent in endpoint.sent} == {ALICE}
        assert endpoint.sent[-1].status == 200

    def test_the_connection_of_who_is_banned_is_closed(self, endpoint: ImaginaryEndpoint) -> None:
        for source, is_open in ((MALLORY, False), (BOB, True)):
            flow = endpoint.deliver(request_text("OPTIONS", source=source, protocol="TCP"), source, "tcp")
            assert flow.is_open is is_open

    @pytest.mark.parametrize("method", ["OPTIONS", "INVITE"])
    def test_an_attack_program_learns_nothing(self, endpoint: ImaginaryEndpoint, method: str) -> None:
        endpoint.deliver(request_text(method, source=ALICE, fields=["User-Agent: friendly-scanner"]), ALICE)
        assert endpoint.sent == []
        assert endpoint.transactions == 0

    def test_it_hears_which_responses_were_wanted(self, endpoint: ImaginaryEndpoint) -> None:
        assert isinstance(endpoint.gate, AGate)
        endpoint.send_request(request(), NextHop("udp", *ALICE), RecordingUser())
        sent = endpoint.sent[-1].message
        endpoint.deliver(response_text(sent, 200), ALICE)
        endpoint.deliver(response_text(sent, 200).replace(b"z9hG4bK", b"z9hG4bKx"), ALICE)
        assert endpoint.gate.wishes == [ALICE]

    def test_who_is_banned_has_no_connection(self, endpoint: ImaginaryEndpoint) -> None:
        assert endpoint.is_banned(MALLORY[0]) and not endpoint.is_banned(ALICE[0])
        endpoint.gate = None
        assert not endpoint.is_banned(MALLORY[0])

    def test_it_hears_of_noise(self, endpoint: ImaginaryEndpoint) -> None:
        assert isinstance(endpoint.gate, AGate)
        endpoint.deliver(b"GET / HTTP/1.1\r\n\r\n", ALICE)
        head = b"OPTIONS sip:x SIP/2.0\r\nContent-Length: many\r\n\r\n"
        endpoint.framing_broken(BrokenFraming("Malformed Content-Length", head), endpoint.flow(MALLORY, "tcp"))
        assert endpoint.gate.noises == [ALICE, MALLORY]
        assert endpoint.sent == []


class TestDriver:
    """What holds the parts together."""

    async def test_it_starts_and_stops_its_network(self) -> None:
        endpoint, core = answering()
        endpoint.network.receiver = None
        await endpoint.start()
        assert endpoint.network.receiver is endpoint and endpoint.user is core
        endpoint.user = other = RecordingCore()
        assert endpoint.user is other
        endpoint.reload_certificates()
        endpoint.deliver(request_text(protocol="TCP"), ALICE, "tcp")
        assert endpoint.connection_counts() == {"tcp": 1}
        await endpoint.stop()

    def test_a_bug_below_the_core_is_counted_and_the_loop_goes_on(self, monkeypatch: pytest.MonkeyPatch) -> None:
        endpoint, _ = answering()
        monkeypatch.setattr(endpoint._layer, "request_received", lambda *arguments: 1 / 0)
        endpoint.deliver(request_text())
        assert endpoint.count == {"core_failed": 1}

    def test_a_bug_in_a_callback_too(self) -> None:
        endpoint, _ = answering()
        called: list[str] = []
        endpoint.call_at(endpoint.now() + 1, lambda: called.append(str(1 // 0)))
        endpoint.call_at(endpoint.now() + 1, lambda: called.append("other"))
        endpoint.advance(1)
        assert called == ["other"]

    def test_who_refuses_is_told_to_who_listens(self) -> None:
        endpoint, _ = answering()
        told: list[tuple[int, str]] = []
        endpoint.refused = lambda request, flow, status, reason: told.append((status, reason))
        endpoint.deliver(request_text().replace(b"Max-Forwards", b"CSeq: 1 INVITE\r\nMax-Forwards"))
        assert [status for status, _ in told] == [400]

    def test_of_two_copies_the_second_is_merged(self) -> None:
        endpoint, core = ImaginaryEndpoint(recording := RecordingCore()), recording
        for branch in ("z9hG4bK1", "z9hG4bK2"):
            endpoint.deliver(request_text(branch=branch))
        assert [endpoint.is_merged(transaction) for transaction in core.transactions] == [False, True]

    def test_without_a_way_nothing_is_sent(self) -> None:
        endpoint, _ = answering()
        assert not endpoint.send_to(NextHop("tls", *BOB), b"x", None)
        flow = endpoint.flow(ALICE, "tcp")
        flow.channel.close()  # type: ignore[attr-defined]
        endpoint.network.refuses_connections = True
        assert not endpoint.send_back(Flow("ws", flow.local, ALICE, flow.channel), ALICE, b"x", 0)
        assert endpoint.count == {"response_undelivered": 1}

    def test_a_numeric_hop_is_found_again(self) -> None:
        endpoint, _ = answering()
        found: list[list[NextHop]] = []
        for _ in range(2):
            endpoint.resolve(Uri.parse("sip:192.0.2.9"), found.append)
        assert found == [[NextHop("udp", "192.0.2.9", 5060)]] * 2

    def test_a_stream_that_broke_in_a_bad_message(self) -> None:
        endpoint, _ = answering()
        flow = endpoint.flow(ALICE, "tcp")
        head = request_text(protocol="TCP").replace(b"SIP/2.0\r\n", b"SIP/3.0\r\n", 1)
        for data, status in ((head, 400), (head, 513)):
            endpoint.framing_broken(BrokenFraming("Message too large", data, status), flow)
        endpoint.framing_broken(BrokenFraming("Not SIP", b"HTTP/1.1 200 OK\r\n\r\n"), flow)
        assert [sent.status for sent in endpoint.take()] == [505, 513]

    def test_a_gate_that_is_shut_answers_no_broken_stream(self) -> None:
        endpoint, _ = answering()
        endpoint.gate = AGate()
        endpoint.framing_broken(BrokenFraming("Not SIP"), endpoint.flow(ALICE, "tcp"))
        assert endpoint.sent == []
