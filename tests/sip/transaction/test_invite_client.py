"""INVITE client transaction: figure 5 as RFC 6026 redraws it, every event in every state; ACK and CANCEL."""

from __future__ import annotations

import pytest

from sip.transaction.client import ClientState
from sip.transaction.invite_client import InviteClientTransaction, ack_to, cancel_of
from sip.transaction.limits import STREAM_PATIENCE
from sip.transport.selection import NextHop
from tests.sip.imaginary import request_text
from tests.sip.recording import RecordingUser
from tests.sip.transaction.figures import TCP_HOP, UDP_HOP, Surroundings, request, response

CALLING, PROCEEDING, COMPLETED = ClientState.CALLING, ClientState.PROCEEDING, ClientState.COMPLETED
ACCEPTED, TERMINATED = ClientState.ACCEPTED, ClientState.TERMINATED

ROUTES = {
    CALLING: [],
    PROCEEDING: ["180"],
    COMPLETED: ["180", "486"],
    ACCEPTED: ["200"],
    TERMINATED: ["200", "M"],
}
EVENTS = ["100", "183", "200", "302", "486", "603", "A", "B", "D", "M", "cancelled", "unsendable", "cancel"]
FIGURE = {
    (CALLING, "100"): (["tell 100"], PROCEEDING),
    (CALLING, "183"): (["tell 183"], PROCEEDING),
    (CALLING, "200"): (["tell 200"], ACCEPTED),
    (CALLING, "302"): (["send ACK", "tell 302"], COMPLETED),
    (CALLING, "486"): (["send ACK", "tell 486"], COMPLETED),
    (CALLING, "603"): (["send ACK", "tell 603"], COMPLETED),
    (CALLING, "A"): (["send INVITE"], CALLING),
    (CALLING, "B"): (["end", "fail 408"], TERMINATED),
    (CALLING, "unsendable"): (["end", "fail 503"], TERMINATED),
    (PROCEEDING, "100"): (["tell 100"], PROCEEDING),
    (PROCEEDING, "183"): (["tell 183"], PROCEEDING),
    (PROCEEDING, "200"): (["tell 200"], ACCEPTED),
    (PROCEEDING, "302"): (["send ACK", "tell 302"], COMPLETED),
    (PROCEEDING, "486"): (["send ACK", "tell 486"], COMPLETED),
    (PROCEEDING, "603"): (["send ACK", "tell 603"], COMPLETED),
    (PROCEEDING, "cancel"): (["cancel"], PROCEEDING),
    (PROCEEDING, "cancelled"): (["end", "fail 408"], TERMINATED),
    (COMPLETED, "302"): (["send ACK"], COMPLETED),
    (COMPLETED, "486"): (["send ACK"], COMPLETED),
    (COMPLETED, "603"): (["send ACK"], COMPLETED),
    (COMPLETED, "D"): (["end"], TERMINATED),
    (ACCEPTED, "200"): (["tell 200"], ACCEPTED),
    (ACCEPTED, "M"): (["end"], TERMINATED),
}


def transaction_in(state: ClientState, next_hop: NextHop = UDP_HOP) -> tuple[InviteClientTransaction, Surroundings]:
    surroundings = Surroundings()
    transaction = InviteClientTransaction(surroundings, request("INVITE"), "b", "host", next_hop, RecordingUser())
    transaction.start(0.0)
    for event in ROUTES[state]:
        happen(transaction, surroundings, event)
    surroundings.take()
    assert transaction.state is state
    return transaction, surroundings


def happen(transaction: InviteClientTransaction, surroundings: Surroundings, event: str) -> None:
    if event.isdigit():
        transaction.response_received(response(int(event), "INVITE"), surroundings.time)
    elif event == "cancel":
        transaction.cancel()
    elif event == "unsendable":
        transaction.transport_failed(surroundings.time)
    else:
        transaction.timer_fired(event, surroundings.time)


@pytest.mark.rfc("3261", "17.1.1.2")
@pytest.mark.rfc("6026", "7.2")
@pytest.mark.rule("X08")
class TestFigure5:
    """§17.1.1.2, RFC 6026 §7.2."""

    @pytest.mark.parametrize("event", EVENTS)
    @pytest.mark.parametrize("state", ROUTES, ids=lambda state: state.value)
    def test_every_event_in_every_state(self, state: ClientState, event: str) -> None:
        transaction, surroundings = transaction_in(state)
        happen(transaction, surroundings, event)
        assert (surroundings.take(), transaction.state) == FIGURE.get((state, event), ([], state))

    def test_seven_requests_then_408(self) -> None:
        _, surroundings = transaction_in(CALLING)
        times = [0.5, 1.5, 3.5, 7.5, 15.5, 31.5]
        expected = [*((when, "send INVITE") for when in times), (32.0, "end"), (32.0, "fail 408")]
        assert surroundings.advance(100) == expected

    def test_a_stream_sends_once(self) -> None:
        _, surroundings = transaction_in(CALLING, TCP_HOP)
        assert surroundings.advance(100) == [(32.0, "end"), (32.0, "fail 408")]

    def test_a_provisional_ends_the_repetition_and_ringing_may_last(self) -> None:
        _, surroundings = transaction_in(PROCEEDING)
        assert surroundings.advance(10_000) == []

    def test_timer_d_is_32_s_or_nothing(self) -> None:
        _, surroundings = transaction_in(COMPLETED)
        assert surroundings.advance(100) == [(32.0, "end")]
        transaction, surroundings = transaction_in(PROCEEDING, TCP_HOP)
        happen(transaction, surroundings, "486")
        assert surroundings.take() == ["send ACK", "tell 486", "end"]

    def test_timer_m(self) -> None:
        _, surroundings = transaction_in(ACCEPTED)
        assert surroundings.advance(100) == [(32.0, "end")]
        assert len(surroundings.timers) == 0


@pytest.mark.rfc("3261", "17.1.1.3")
@pytest.mark.rule("X09")
class TestAck:
    """§17.1.1.3: hop by hop, from the INVITE and the response."""

    def test_its_header_fields(self) -> None:
        fields = ["Route: <sip:a.example;lr>, <sip:b.example;lr>", "Route: <sip:c.example>", "Require: 100rel"]
        invite = request("INVITE")
        for field in fields:
            invite.append(*field.split(": ", 1))
        ack = ack_to(invite, response(486, "INVITE"))
        assert ack.to_bytes().decode().split("\r\n") == [
            "ACK sip:bob@example.org SIP/2.0",
            "Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKalice1",
            "Max-Forwards: 70",
            "From: Alice <sip:alice@example.org>;tag=alice",
            "To: <sip:bob@example.org>;tag=bob",
            "Call-ID: call-1@alice",
            "CSeq: 1 ACK",
            "Route: <sip:a.example;lr>, <sip:b.example;lr>",
            "Route: <sip:c.example>",
            "Content-Length: 0",
            "",
            "",
        ]


@pytest.mark.rfc("3261", "9.1")
@pytest.mark.rule("P20")
class TestCancel:
    """§9.1."""

    def test_its_header_fields(self) -> None:
        invite = request("INVITE")
        invite.append("Via", "SIP/2.0/UDP 192.0.2.99;branch=z9hG4bKbefore")
        invite.append("Route", "<sip:a.example;lr>")
        invite.append("Require", "100rel")
        invite.append("Proxy-Require", "privacy")
        cancel = cancel_of(invite, [("Reason", 'SIP;cause=200;text="Call completed elsewhere"')])
        assert cancel.to_bytes().decode().split("\r\n") == [
            "CANCEL sip:bob@example.org SIP/2.0",
            "Via: SIP/2.0/UDP 192.0.2.10:5060;branch=z9hG4bKalice1",
            "Max-Forwards: 70",
            "From: Alice <sip:alice@example.org>;tag=alice",
            "To: <sip:bob@example.org>",
            "Call-ID: call-1@alice",
            "CSeq: 1 CANCEL",
            "Route: <sip:a.example;lr>",
            'Reason: SIP;cause=200;text="Call completed elsewhere"',
            "Content-Length: 0",
            "",
            "",
        ]

    def test_waits_for_a_provisional(self) -> None:
        transaction, surroundings = transaction_in(CALLING)
        transaction.cancel()
        assert surroundings.take() == []
        happen(transaction, surroundings, "100")
        assert surroundings.take() == ["cancel", "tell 100"]

    def test_is_sent_once(self) -> None:
        transaction, surroundings = transaction_in(PROCEEDING)
        for event in ("cancel", "cancel", "183", "cancel"):
            happen(transaction, surroundings, event)
        assert surroundings.take() == ["cancel", "tell 183"]

    @pytest.mark.parametrize("event", ["200", "486"])
    def test_is_not_sent_when_the_first_response_is_final(self, event: str) -> None:
        transaction, surroundings = transaction_in(CALLING)
        transaction.cancel()
        happen(transaction, surroundings, event)
        assert "cancel" not in surroundings.take()

    def test_without_a_final_response_the_transaction_ends_64_t1_later(self) -> None:
        transaction, surroundings = transaction_in(PROCEEDING)
        surroundings.advance(60)
        transaction.cancel()
        assert surroundings.advance(100) == [(92.0, "end"), (92.0, "fail 408")]

    def test_the_request_is_the_one_that_was_sent(self) -> None:
        invite = request("INVITE")
        assert cancel_of(invite).uri_text == request_text("INVITE").decode().split(" ")[1]


@pytest.mark.rule("X11")
@pytest.mark.rfc("3261", "18.1.1")
def test_deaf_to_tcp_it_starts_over_by_udp() -> None:
    around = Surroundings()
    transaction = InviteClientTransaction(around, request("INVITE"), "z9hG4bK1", "192.0.2.1:5060", TCP_HOP, None)
    transaction.fallback = UDP_HOP
    transaction.start(0.0)
    assert around.advance(STREAM_PATIENCE) == [(STREAM_PATIENCE, "fall back"), (STREAM_PATIENCE, "send INVITE")]
    assert transaction.fallback is None
