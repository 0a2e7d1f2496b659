"""Requests that may not fit a datagram go by TCP, and by UDP where that is refused (§18.1.1)."""

from __future__ import annotations

import pytest

from sip.message.messages import Request, new_request
from sip.transaction.limits import STREAM_PATIENCE, STREAM_REFUSED_INTERVAL
from sip.transport.listeners import ListenAddress
from sip.transport.selection import NextHop
from tests.sip.imaginary import BOB, SERVER, ImaginaryEndpoint, Sent, response_text
from tests.sip.recording import RecordingCore, RecordingUser

TO_BOB = NextHop("udp", *BOB)


def request(method: str = "INVITE", size: int = 1_400) -> Request:
    return new_request(
        method,
        "sip:bob@192.0.2.20",
        from_="<sip:a@example.org>;tag=1",
        to="<sip:b@example.org>",
        call_id="c",
        cseq=7,
        body=b"v" * size,
    )


def protocols(sent: list[Sent]) -> list[tuple[str, str, str]]:
    """Method, protocol it went by, protocol its Via says."""
    return [(one.method, one.protocol, one.message.via.transport) for one in sent]


@pytest.fixture
def endpoint() -> ImaginaryEndpoint:
    return ImaginaryEndpoint(RecordingCore())


@pytest.mark.rfc("3261", "18.1.1")
@pytest.mark.rule("X11")
@pytest.mark.parametrize("method", ["INVITE", "MESSAGE"])
class TestLargeRequests:
    def test_by_tcp_to_the_same_place(self, endpoint: ImaginaryEndpoint, method: str) -> None:
        user = RecordingUser()
        endpoint.send_request(request(method), TO_BOB, user)
        (sent,) = endpoint.take()
        assert protocols([sent]) == [(method, "tcp", "TCP")] and sent.remote == BOB
        assert sent.connection is not None
        endpoint.receive(response_text(sent.data, 200), sent.connection.flow)
        assert user.statuses == [200]
        endpoint.advance(60)
        assert [one for one in endpoint.take() if one.protocol == "udp"] == []

    def test_small_ones_by_udp(self, endpoint: ImaginaryEndpoint, method: str) -> None:
        endpoint.send_request(request(method, 900), TO_BOB, None)
        assert protocols(endpoint.take()) == [(method, "udp", "UDP")]

    def test_refused_they_go_by_udp_and_are_sent_again(self, endpoint: ImaginaryEndpoint, method: str) -> None:
        endpoint.network.refuses_connections = True
        user = RecordingUser()
        endpoint.send_request(request(method), TO_BOB, user)
        endpoint.clock.settle()
        endpoint.advance(0.6)
        by_tcp, *by_udp = endpoint.take()
        assert protocols(by_udp) == [(method, "udp", "UDP")] * 2
        assert by_udp[0].message.via.branch == by_tcp.message.via.branch and len(by_udp[0].message.vias) == 1
        endpoint.deliver(response_text(by_udp[0].data, 200), BOB)
        assert user.statuses == [200] and endpoint.count["large_request_by_udp"] == 1

    def test_deaf_to_tcp_they_go_by_udp_after_a_while(self, endpoint: ImaginaryEndpoint, method: str) -> None:
        user = RecordingUser()
        endpoint.send_request(request(method), TO_BOB, user)
        endpoint.advance(STREAM_PATIENCE + 0.1)
        by_tcp, by_udp = endpoint.take()
        assert protocols([by_udp]) == [(method, "udp", "UDP")]
        assert by_tcp.connection is not None
        by_tcp.connection.refuse()  # too late to matter
        endpoint.clock.settle()
        endpoint.deliver(response_text(by_udp.data, 200), BOB)
        assert user.statuses == [200]

    def test_who_refused_is_not_asked_again_for_a_while(self, endpoint: ImaginaryEndpoint, method: str) -> None:
        endpoint.network.refuses_connections = True
        endpoint.send_request(request(method), TO_BOB, None)
        endpoint.clock.settle()
        endpoint.take()
        endpoint.send_request(request(method), TO_BOB, None)
        assert protocols(endpoint.take()) == [(method, "udp", "UDP")]
        endpoint.advance(STREAM_REFUSED_INTERVAL + 1)
        endpoint.take()
        endpoint.send_request(request(method), TO_BOB, None)
        assert protocols(endpoint.take()) == [(method, "tcp", "TCP")]

    def test_nobody_answers_at_all(self, endpoint: ImaginaryEndpoint, method: str) -> None:
        user = RecordingUser()
        endpoint.send_request(request(method), TO_BOB, user)
        endpoint.advance(40)
        assert user.statuses == [] and user.failures == [408]
        endpoint.advance(40)
        assert endpoint.transactions == 0

    def test_on_a_flow_they_stay_there(self, endpoint: ImaginaryEndpoint, method: str) -> None:
        endpoint.send_request(request(method), NextHop.on(endpoint.flow(BOB)), None)
        assert protocols(endpoint.take()) == [(method, "udp", "UDP")]

    def test_without_a_tcp_listener_by_udp(self, method: str) -> None:
        endpoint = ImaginaryEndpoint(RecordingCore(), [ListenAddress("udp", *SERVER)])
        endpoint.listeners[:] = [one for one in endpoint.listeners if one.protocol == "udp"]
        endpoint.send_request(request(method), TO_BOB, None)
        assert protocols(endpoint.take()) == [(method, "udp", "UDP")]


@pytest.mark.rule("X11")
@pytest.mark.parametrize("refuses", [True, False])
def test_the_cancel_goes_where_the_invite_went(endpoint: ImaginaryEndpoint, refuses: bool) -> None:
    endpoint.network.refuses_connections = refuses
    transaction = endpoint.send_request(request(), TO_BOB, RecordingUser())
    endpoint.clock.settle()
    transaction.cancel()
    sent = endpoint.take()[-1]
    if sent.connection is not None:
        endpoint.receive(response_text(sent.data, 180), sent.connection.flow)
    else:
        endpoint.deliver(response_text(sent.data, 180), BOB)
    expected = "udp" if refuses else "tcp"
    assert protocols(endpoint.take())[-1] == ("CANCEL", expected, expected.upper())
