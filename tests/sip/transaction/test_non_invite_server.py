"""Non-INVITE server transaction: figure 8 with RFC 4320, every event in every state."""

from __future__ import annotations

import pytest

from sip.transaction.non_invite_server import NonInviteServerMachine
from sip.transaction.server import ServerState, ServerTransaction
from sip.transport.flow import Flow
from tests.sip.transaction.figures import TCP_FLOW, UDP_FLOW, Surroundings, request, response

TRYING, PROCEEDING = ServerState.TRYING, ServerState.PROCEEDING
COMPLETED, TERMINATED = ServerState.COMPLETED, ServerState.TERMINATED

ROUTES = {
    TRYING: [],
    PROCEEDING: ["timer 100"],
    COMPLETED: ["404"],
    TERMINATED: ["404", "timer J"],
}
EVENTS = ["REGISTER", "100", "180", "200", "302", "404", "408", "603", "timer 100", "timer end", "timer J", "ignore"]
FIGURE = {
    (TRYING, "200"): (["send 200"], COMPLETED),
    (TRYING, "302"): (["send 302"], COMPLETED),
    (TRYING, "404"): (["send 404"], COMPLETED),
    (TRYING, "408"): ([], COMPLETED),  # RFC 4320 §4.2
    (TRYING, "603"): (["send 603"], COMPLETED),
    (TRYING, "ignore"): ([], COMPLETED),
    (TRYING, "timer 100"): (["send 100"], PROCEEDING),
    (TRYING, "timer end"): (["end"], TERMINATED),
    (PROCEEDING, "REGISTER"): (["send 100"], PROCEEDING),
    (PROCEEDING, "100"): (["send 100"], PROCEEDING),
    (PROCEEDING, "200"): (["send 200"], COMPLETED),
    (PROCEEDING, "302"): (["send 302"], COMPLETED),
    (PROCEEDING, "404"): (["send 404"], COMPLETED),
    (PROCEEDING, "408"): ([], COMPLETED),
    (PROCEEDING, "603"): (["send 603"], COMPLETED),
    (PROCEEDING, "ignore"): ([], COMPLETED),
    (PROCEEDING, "timer end"): (["end"], TERMINATED),
    (COMPLETED, "REGISTER"): (["send 404"], COMPLETED),
    (COMPLETED, "timer J"): (["end"], TERMINATED),
}


def machine_in(state: ServerState, flow: Flow = UDP_FLOW) -> tuple[NonInviteServerMachine, Surroundings]:
    surroundings = Surroundings()
    machine = NonInviteServerMachine(surroundings, ("branch", "host", "REGISTER"), flow)
    machine.transaction = ServerTransaction(request("REGISTER"), flow, "tag", machine)
    machine.wait(0.0)
    for event in ROUTES[state]:
        happen(machine, surroundings, event)
    surroundings.take()
    assert machine.state is state
    return machine, surroundings


def happen(machine: NonInviteServerMachine, surroundings: Surroundings, event: str) -> None:
    if event == "REGISTER":
        machine.request_received(surroundings.time)
    elif event == "ignore":
        machine.ignore(surroundings.time)
    elif event.isdigit():
        machine.respond(response(int(event), "REGISTER"), surroundings.time)
    else:
        machine.timer_fired(event.removeprefix("timer "), surroundings.time)


@pytest.mark.rfc("3261", "17.2.2")
class TestFigure8:
    """§17.2.2."""

    @pytest.mark.parametrize("event", EVENTS)
    @pytest.mark.parametrize("state", ROUTES, ids=lambda state: state.value)
    def test_every_event_in_every_state(self, state: ServerState, event: str) -> None:
        machine, surroundings = machine_in(state)
        happen(machine, surroundings, event)
        assert (surroundings.take(), machine.state) == FIGURE.get((state, event), ([], state))

    @pytest.mark.rule("R19")
    def test_answers_are_kept_64_t1_and_the_request_is_not(self) -> None:
        machine, surroundings = machine_in(COMPLETED)
        assert machine.transaction is None
        assert surroundings.advance(40) == [(32.0, "end")]
        assert len(surroundings.timers) == 0

    def test_a_stream_needs_no_memory(self) -> None:
        machine, surroundings = machine_in(TRYING, TCP_FLOW)
        happen(machine, surroundings, "200")
        assert (surroundings.take(), machine.state) == (["send 200", "end"], TERMINATED)


@pytest.mark.rfc("4320", "4")
@pytest.mark.rule("X07")
class TestSlowCores:
    """RFC 4320 §4: 100 late, 408 never."""

    @pytest.mark.rfc("4320", "4.1")
    def test_a_100_comes_when_timer_e_has_reached_t2_and_nothing_after_64_t1(self) -> None:
        _, surroundings = machine_in(TRYING)
        assert surroundings.advance(100) == [(3.5, "send 100"), (32.0, "end")]

    def test_a_stream_may_carry_a_100_at_any_time(self) -> None:
        machine, surroundings = machine_in(TRYING, TCP_FLOW)
        happen(machine, surroundings, "100")
        assert (surroundings.take(), machine.state) == (["send 100"], PROCEEDING)

    def test_multicast_hears_no_100(self) -> None:
        flow = Flow("udp", UDP_FLOW.local, UDP_FLOW.remote, is_multicast=True)
        _, surroundings = machine_in(TRYING, flow)
        assert surroundings.advance(100) == [(32.0, "end")]
