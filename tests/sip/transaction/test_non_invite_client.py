"""Non-INVITE client transaction: figure 6, every event in every state."""

from __future__ import annotations

import pytest

from sip.transaction.client import ClientState
from sip.transaction.limits import STREAM_PATIENCE
from sip.transaction.non_invite_client import NonInviteClientTransaction
from sip.transport.selection import NextHop
from tests.sip.recording import RecordingUser
from tests.sip.transaction.figures import TCP_HOP, UDP_HOP, Surroundings, request, response

TRYING, PROCEEDING = ClientState.TRYING, ClientState.PROCEEDING
COMPLETED, TERMINATED = ClientState.COMPLETED, ClientState.TERMINATED

ROUTES = {TRYING: [], PROCEEDING: ["100"], COMPLETED: ["200"], TERMINATED: ["200", "K"]}
EVENTS = ["100", "200", "302", "404", "503", "E", "F", "K", "unsendable", "cancel"]
FIGURE = {
    (TRYING, "100"): (["tell 100"], PROCEEDING),
    (TRYING, "200"): (["tell 200"], COMPLETED),
    (TRYING, "302"): (["tell 302"], COMPLETED),
    (TRYING, "404"): (["tell 404"], COMPLETED),
    (TRYING, "503"): (["tell 503"], COMPLETED),
    (TRYING, "E"): (["send MESSAGE"], TRYING),
    (TRYING, "F"): (["end", "fail 408"], TERMINATED),
    (TRYING, "unsendable"): (["end", "fail 503"], TERMINATED),
    (PROCEEDING, "100"): (["tell 100"], PROCEEDING),
    (PROCEEDING, "200"): (["tell 200"], COMPLETED),
    (PROCEEDING, "302"): (["tell 302"], COMPLETED),
    (PROCEEDING, "404"): (["tell 404"], COMPLETED),
    (PROCEEDING, "503"): (["tell 503"], COMPLETED),
    (PROCEEDING, "E"): (["send MESSAGE"], PROCEEDING),
    (PROCEEDING, "F"): (["end", "fail 408"], TERMINATED),
    (PROCEEDING, "unsendable"): (["end", "fail 503"], TERMINATED),
    (COMPLETED, "K"): (["end"], TERMINATED),
}


def transaction_in(state: ClientState, next_hop: NextHop = UDP_HOP) -> tuple[NonInviteClientTransaction, Surroundings]:
    surroundings = Surroundings()
    transaction = NonInviteClientTransaction(surroundings, request("MESSAGE"), "b", "host", next_hop, RecordingUser())
    transaction.start(0.0)
    for event in ROUTES[state]:
        happen(transaction, surroundings, event)
    surroundings.take()
    assert transaction.state is state
    return transaction, surroundings


def happen(transaction: NonInviteClientTransaction, surroundings: Surroundings, event: str) -> None:
    if event.isdigit():
        transaction.response_received(response(int(event), "MESSAGE"), surroundings.time)
    elif event == "cancel":
        transaction.cancel()
    elif event == "unsendable":
        transaction.transport_failed(surroundings.time)
    else:
        transaction.timer_fired(event, surroundings.time)


@pytest.mark.rfc("3261", "17.1.2.2")
class TestFigure6:
    """§17.1.2.2."""

    @pytest.mark.parametrize("event", EVENTS)
    @pytest.mark.parametrize("state", ROUTES, ids=lambda state: state.value)
    def test_every_event_in_every_state(self, state: ClientState, event: str) -> None:
        transaction, surroundings = transaction_in(state)
        happen(transaction, surroundings, event)
        assert (surroundings.take(), transaction.state) == FIGURE.get((state, event), ([], state))

    def test_the_request_is_repeated_up_to_every_t2(self) -> None:
        _, surroundings = transaction_in(TRYING)
        happened = surroundings.advance(100)
        assert [when for when, what in happened if what == "send MESSAGE"] == [
            0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5,
        ]  # fmt: skip
        assert happened[-2:] == [(32.0, "end"), (32.0, "fail 408")]

    def test_after_a_provisional_every_t2(self) -> None:
        _, surroundings = transaction_in(PROCEEDING)
        assert [when for when, what in surroundings.advance(20) if what == "send MESSAGE"] == [
            0.5,
            4.5,
            8.5,
            12.5,
            16.5,
        ]

    def test_timer_k_is_t4_or_nothing(self) -> None:
        _, surroundings = transaction_in(COMPLETED)
        assert surroundings.advance(100) == [(5.0, "end")]
        transaction, surroundings = transaction_in(TRYING, TCP_HOP)
        happen(transaction, surroundings, "200")
        assert surroundings.take() == ["tell 200", "end"]
        assert len(surroundings.timers) == 0


@pytest.mark.rule("X11")
@pytest.mark.rfc("3261", "18.1.1")
def test_deaf_to_tcp_it_starts_over_by_udp() -> None:
    around = Surroundings()
    transaction = NonInviteClientTransaction(around, request("MESSAGE"), "z9hG4bK1", "192.0.2.1:5060", TCP_HOP, None)
    transaction.fallback = UDP_HOP
    transaction.start(0.0)
    assert around.advance(STREAM_PATIENCE) == [(STREAM_PATIENCE, "fall back"), (STREAM_PATIENCE, "send MESSAGE")]
