"""Requests to browsers end with their connection (RFC 7118 §5.4, §17.1.4)."""

from __future__ import annotations

import pytest

from sip.message.messages import Request, new_request
from sip.transaction.flow_bound import FlowBound
from sip.transport.listeners import ListenAddress
from sip.transport.selection import NextHop
from tests.sip.imaginary import BOB, SERVER, ImaginaryEndpoint, response_text
from tests.sip.recording import RecordingCore, RecordingUser

pytestmark = [pytest.mark.rfc("3261", "17.1.4"), pytest.mark.rfc("7118", "5.4")]

LISTENERS = [ListenAddress(protocol, SERVER[0], port) for protocol, port in (("udp", 5060), ("tls", 5061), ("ws", 80))]


def request(method: str) -> Request:
    return new_request(method, "sip:bob@x.invalid", from_="<sip:a@b>;tag=1", to="<sip:b@b>", call_id="c", cseq=1)


@pytest.fixture
def endpoint() -> ImaginaryEndpoint:
    return ImaginaryEndpoint(RecordingCore(), LISTENERS)


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])
@pytest.mark.parametrize("provisional", [0, 180])
def test_a_request_without_a_final_answer_has_failed(
    endpoint: ImaginaryEndpoint, method: str, provisional: int
) -> None:
    user, flow = RecordingUser(), endpoint.flow(BOB, "ws")
    endpoint.send_request(request(method), NextHop.on(flow), user)
    if provisional:
        endpoint.receive(response_text(endpoint.sent[0].data, provisional), flow)
    flow.channel.close()  # type: ignore[attr-defined]
    assert user.failures == [503] and endpoint.transactions == 0


def test_one_that_was_answered_has_not(endpoint: ImaginaryEndpoint) -> None:
    user, flow = RecordingUser(), endpoint.flow(BOB, "ws")
    for method in ("INVITE", "OPTIONS"):
        endpoint.send_request(request(method), NextHop.on(flow), user)
        endpoint.receive(response_text(endpoint.sent[-1].data, 200), flow)
    flow.channel.close()  # type: ignore[attr-defined]
    assert user.failures == [] and user.statuses == [200, 200]


def test_on_tls_an_answer_may_come_by_a_new_connection(endpoint: ImaginaryEndpoint) -> None:
    user, flow = RecordingUser(), endpoint.flow(BOB, "tls")
    endpoint.send_request(request("INVITE"), NextHop.on(flow), user)
    flow.channel.close()  # type: ignore[attr-defined]
    assert user.failures == []
    endpoint.deliver(response_text(endpoint.sent[0].data, 200), BOB, "tls")
    assert user.statuses == [200]


def test_nothing_stays_behind(endpoint: ImaginaryEndpoint) -> None:
    flows, flow, user = FlowBound(), endpoint.flow(BOB, "ws"), RecordingUser()
    one, other = (endpoint.send_request(request("INVITE"), NextHop.on(flow), user) for _ in range(2))
    by_udp = endpoint.send_request(request("INVITE"), NextHop("udp", *BOB), user)
    for transaction in (one, other, by_udp):
        flows.begin(transaction)
    assert len(flows) == 1
    for transaction in (one, one, by_udp, other, other):
        flows.end(transaction)
    assert len(flows) == 0 and flows.lost(flow) == set()
