"""INVITE server transaction: figure 7 as RFC 6026 redraws it, every event in every state."""

from __future__ import annotations

import pytest

from sip.transaction.invite_server import InviteServerMachine
from sip.transaction.server import ServerState
from sip.transport.flow import Flow
from tests.sip.transaction.figures import TCP_FLOW, UDP_FLOW, Surroundings, response

PROCEEDING, COMPLETED, CONFIRMED = ServerState.PROCEEDING, ServerState.COMPLETED, ServerState.CONFIRMED
ACCEPTED, TERMINATED = ServerState.ACCEPTED, ServerState.TERMINATED

ROUTES = {
    PROCEEDING: ["180"],
    COMPLETED: ["180", "486"],
    CONFIRMED: ["180", "486", "ACK"],
    ACCEPTED: ["180", "200"],
    TERMINATED: ["180", "200", "L"],
}
EVENTS = ["INVITE", "ACK", "100", "183", "200", "302", "486", "603", "G", "H", "I", "L", "ignore"]
# What is not listed does nothing and leaves the state as it is.
FIGURE = {
    (PROCEEDING, "INVITE"): (["send 180"], PROCEEDING),
    (PROCEEDING, "100"): (["send 100"], PROCEEDING),
    (PROCEEDING, "183"): (["send 183"], PROCEEDING),
    (PROCEEDING, "200"): (["send 200"], ACCEPTED),
    (PROCEEDING, "302"): (["send 302"], COMPLETED),
    (PROCEEDING, "486"): (["send 486"], COMPLETED),
    (PROCEEDING, "603"): (["send 603"], COMPLETED),
    (PROCEEDING, "ignore"): ([], CONFIRMED),
    (COMPLETED, "INVITE"): (["send 486"], COMPLETED),
    (COMPLETED, "ACK"): ([], CONFIRMED),
    (COMPLETED, "G"): (["send 486"], COMPLETED),
    (COMPLETED, "H"): (["end"], TERMINATED),
    (CONFIRMED, "I"): (["end"], TERMINATED),
    (ACCEPTED, "ACK"): (["to core"], ACCEPTED),
    (ACCEPTED, "200"): (["send 200"], ACCEPTED),
    (ACCEPTED, "L"): (["end"], TERMINATED),
}


def machine_in(state: ServerState, flow: Flow = UDP_FLOW) -> tuple[InviteServerMachine, Surroundings]:
    surroundings = Surroundings()
    machine = InviteServerMachine(surroundings, ("branch", "host", "INVITE"), flow)
    for event in ROUTES[state]:
        happen(machine, surroundings, event)
    surroundings.take()
    assert machine.state is state
    return machine, surroundings


def happen(machine: InviteServerMachine, surroundings: Surroundings, event: str) -> None:
    if event == "INVITE":
        machine.request_received(surroundings.time)
    elif event == "ACK":
        if not machine.ack_received(surroundings.time):
            surroundings.done.append("to core")
    elif event == "ignore":
        machine.ignore(surroundings.time)
    elif event.isdigit():
        machine.respond(response(int(event), "INVITE"), surroundings.time)
    else:
        machine.timer_fired(event, surroundings.time)


@pytest.mark.rfc("3261", "17.2.1")
@pytest.mark.rfc("6026", "7.1")
@pytest.mark.rule("X08")
class TestFigure7:
    """§17.2.1, RFC 6026 §7.1."""

    @pytest.mark.parametrize("event", EVENTS)
    @pytest.mark.parametrize("state", ROUTES, ids=lambda state: state.value)
    def test_every_event_in_every_state(self, state: ServerState, event: str) -> None:
        machine, surroundings = machine_in(state)
        happen(machine, surroundings, event)
        assert (surroundings.take(), machine.state) == FIGURE.get((state, event), ([], state))

    def test_the_final_response_is_repeated_until_timer_h(self) -> None:
        _, surroundings = machine_in(COMPLETED)
        times = [when for when, what in surroundings.advance(40) if what == "send 486"]
        assert times == [0.5, 1.5, 3.5, 7.5, 11.5, 15.5, 19.5, 23.5, 27.5, 31.5]
        assert surroundings.done[-1] == "end" and len(surroundings.timers) == 0

    def test_an_ack_stops_the_repetition(self) -> None:
        machine, surroundings = machine_in(COMPLETED)
        surroundings.advance(2)
        happen(machine, surroundings, "ACK")
        assert surroundings.advance(40) == [(7.0, "end")]  # Timer I, 5 s

    def test_accepted_lasts_64_t1_on_every_transport(self) -> None:
        for flow in (UDP_FLOW, TCP_FLOW):
            _, surroundings = machine_in(ACCEPTED, flow)
            assert surroundings.advance(100) == [(32.0, "end")]

    def test_a_stream_repeats_nothing_and_confirms_at_once(self) -> None:
        machine, surroundings = machine_in(COMPLETED, TCP_FLOW)
        assert surroundings.advance(31) == []
        happen(machine, surroundings, "ACK")
        assert (surroundings.take(), machine.state) == (["end"], TERMINATED)
        assert len(surroundings.timers) == 0

    def test_the_end_is_told_once(self) -> None:
        machine, surroundings = machine_in(COMPLETED)
        machine.end()
        machine.end()
        assert surroundings.take() == ["end"]


@pytest.mark.rfc("3261", "17.2.1")
def test_a_limit_ends_the_copies_and_not_the_transaction():
    machine, surroundings = machine_in(COMPLETED)
    machine.copies_left = 1
    machine.timer_fired("G", surroundings.time)
    machine.timer_fired("G", surroundings.time)
    assert surroundings.take() == ["send 486"]
    machine.request_received(surroundings.time)
    assert surroundings.take() == ["send 486"]
    assert machine.ack_received(surroundings.time)
    assert machine.state is CONFIRMED


@pytest.mark.rfc("3261", "17.2.1")
def test_an_ack_after_the_copies_have_ended():
    machine, surroundings = machine_in(COMPLETED)
    machine.timer.cancel()
    machine.timer = None
    assert machine.ack_received(1.0) and machine.state is CONFIRMED
    assert surroundings.take() == []
