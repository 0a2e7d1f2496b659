"""Whole calls to a domain with several servers, some of them dead (RFC 3263 §4.3)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from sip.endpoint import Endpoint
from sip.message.messages import Response, new_request
from sip.message.uri import Uri
from sip.message.wire import parse_message
from sip.transaction.client import ClientTransaction
from sip.transport import network
from sip.transport.listeners import ListenAddress
from sip.transport.name_servers import NameServers
from sip.transport.records import Kind, Question, Srv
from sip.transport.selection import NextHop
from tests.proxy.scene import Exchange, Scene
from tests.sip.imaginary import response_text
from tests.sip.recording import RecordingCore
from tests.sip.transport.dns_server import DnsServer

FIRST, SECOND = ("203.0.113.1", 5070), ("203.0.113.2", 5071)
TIMER_B = 32.0


@pytest.fixture
def scene() -> Scene:
    """Bob is at example.com, which has a first and a second server."""
    scene = Scene(ring_time=120)
    names = scene.endpoint.network
    names.records[Question(Kind.SRV, "_sip._udp.example.com")] = [
        Srv(10, 0, FIRST[1], "first.example.com"),
        Srv(20, 0, SECOND[1], "second.example.com"),
    ]
    names.names["first.example.com"] = [FIRST[0]]
    names.names["second.example.com"] = [SECOND[0]]
    scene.register("bob", "sip:bob@example.com")
    return scene


def reached(call: Exchange) -> list[tuple[str, int]]:
    return [sent.remote for sent in call.forwarded("INVITE")]


@pytest.mark.rfc("3263", "4.3")
@pytest.mark.rule("P29")
class TestSecondServer:
    def test_when_the_first_is_silent(self, scene: Scene) -> None:
        call = scene.call("bob")
        scene.advance(TIMER_B + 1)
        assert reached(call) == [FIRST, SECOND]
        scene.answer(call.at(SECOND), 180)
        scene.answer(call.at(SECOND), 200, fields=["Contact: <sip:bob@203.0.113.2:5071>"])
        assert call.statuses == [100, 180, 200]

    def test_when_the_first_answers_503(self, scene: Scene) -> None:
        call = scene.call("bob")
        scene.answer(call.at(FIRST), 503)
        scene.answer(call.at(SECOND), 200)
        assert call.statuses == [100, 200]

    def test_when_the_first_cannot_be_reached(self, scene: Scene) -> None:
        call = scene.call("bob")
        scene.endpoint.undelivered(call.at(FIRST).message.via.branch or "", "INVITE")
        scene.answer(call.at(SECOND), 200)
        assert call.statuses == [100, 200]

    def test_the_next_call_begins_with_the_one_that_works(self, scene: Scene) -> None:
        scene.answer(scene.call("bob").at(FIRST), 503)
        assert reached(scene.call("bob")) == [SECOND]
        scene.advance(70)
        again = scene.call("bob")
        assert reached(again) == [FIRST]

    def test_as_long_as_retry_after_says(self, scene: Scene) -> None:
        scene.answer(scene.call("bob").at(FIRST), 503, fields=["Retry-After: 120 (maintenance);duration=60"])
        scene.advance(110)
        assert reached(scene.call("bob")) == [SECOND]
        scene.advance(20)
        assert reached(scene.call("bob")) == [FIRST]

    def test_an_answer_makes_good(self, scene: Scene) -> None:
        call = scene.call("bob")
        scene.answer(call.at(FIRST), 503)
        second = scene.call("bob")
        scene.answer(second.at(SECOND), 503)
        scene.answer(second.at(FIRST), 486)  # both had failed: in their own order
        assert reached(scene.call("bob")) == [FIRST]

    @pytest.mark.rule("X11")
    def test_also_when_a_large_request_went_by_tcp(self, scene: Scene) -> None:
        call = scene.call("bob", body="v" * 1_500)
        assert call.at(FIRST).protocol == "tcp"
        scene.answer(call.at(FIRST), 503)
        assert call.at(SECOND).protocol == "tcp"
        assert reached(scene.call("bob")) == [SECOND]

    def test_silence_after_ringing_is_not_the_servers(self, scene: Scene) -> None:
        message = scene.send(method="MESSAGE", uri="sip:bob@example.org")
        scene.answer(message.at(FIRST), 100)
        scene.advance(TIMER_B + 1)
        assert reached(scene.call("bob")) == [FIRST]

    def test_retransmissions_and_cancel_stay_where_the_request_went(self, scene: Scene) -> None:
        call = scene.call("bob")
        scene.advance(5)
        scene.answer(call.at(FIRST), 180)
        scene.endpoint.network.records.clear()  # what DNS says now does not matter
        cancelled = call.cancel()
        scene.answer(call.at(FIRST), 487)
        requests = [one for one in call.sent if not one.status]
        assert {(one.method, one.remote) for one in requests} == {
            ("INVITE", FIRST), ("CANCEL", FIRST), ("ACK", FIRST),
        }  # fmt: skip
        assert len([one for one in requests if one.method == "INVITE"]) > 2
        assert cancelled.statuses == [200] and call.statuses == [100, 180, 487]


class Trying:
    """Tries hops in order, as a leg of the proxy does."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self.hops: list[NextHop] = []
        self.tried: list[str] = []
        self.answered: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    def found(self, hops: list[NextHop]) -> None:
        self.hops = hops
        self.try_next()

    def try_next(self) -> None:
        hop, *self.hops = self.hops
        self.tried.append(hop.text)
        request = new_request(
            "OPTIONS", "sip:bob@example.org", from_="<sip:a@b>;tag=1", to="<sip:bob@example.org>", call_id="c", cseq=1
        )
        self.endpoint.send_request(request, hop, self)

    def response_received(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        self.answered.set_result(response.status)

    def failed(self, transaction: ClientTransaction, status: int, now: float) -> None:
        self.try_next()


class Phone(asyncio.DatagramProtocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, source: tuple[str, int]) -> None:
        self.transport.sendto(response_text(parse_message(data).to_bytes(), 200), source)  # type: ignore[attr-defined]


@pytest.mark.rfc("3263", "4.3")
async def test_over_real_sockets_with_a_real_dns_server(monkeypatch: pytest.MonkeyPatch) -> None:
    """NAPTR, SRV and A by loopback; nobody listens at the first server, as its host says by ICMP."""
    monkeypatch.setattr(network, "NameServers", lambda servers: NameServers(servers, hosts=Path("/nowhere")))
    loop = asyncio.get_running_loop()
    phone, _ = await loop.create_datagram_endpoint(Phone, ("127.0.0.1", 0))
    gone, _ = await loop.create_datagram_endpoint(Phone, ("127.0.0.1", 0))
    port, dead = phone.get_extra_info("sockname")[1], gone.get_extra_info("sockname")[1]
    gone.close()
    await asyncio.sleep(0)
    zone = {
        ("example.org", "NAPTR"): ['10 10 "s" "SIP+D2U" "" _sip._udp.example.org.'],
        ("_sip._udp.example.org", "SRV"): [f"10 0 {dead} a.example.org.", f"20 0 {port} a.example.org."],
        ("a.example.org", "A"): ["127.0.0.1"],
    }
    async with DnsServer(zone) as server:
        endpoint = Endpoint(
            [ListenAddress("udp", "127.0.0.1", 0)], RecordingCore(), name_servers=[server.address], t1=0.01
        )
        endpoint.bind()
        await endpoint.start()
        try:
            trying = Trying(endpoint)
            endpoint.resolve(Uri.parse("sip:bob@example.org"), trying.found)
            assert await asyncio.wait_for(trying.answered, 10) == 200
            assert trying.tried == [f"udp:127.0.0.1:{dead}", f"udp:127.0.0.1:{port}"]
            again = Trying(endpoint)
            endpoint.resolve(Uri.parse("sip:bob@example.org"), again.found)  # all known: at once
            assert again.tried == [f"udp:127.0.0.1:{port}"]
            assert await asyncio.wait_for(again.answered, 10) == 200
        finally:
            await endpoint.stop()
            phone.close()
    assert server.asked[0] == "NAPTR example.org" and len(server.asked) == 4
