"""A server transaction as a core sees it, and what both machines have in common (§17.2)."""

from __future__ import annotations

import pytest

from sip.transaction.invite_server import InviteServerMachine
from sip.transaction.key import request_key
from sip.transaction.non_invite_server import NonInviteServerMachine
from sip.transaction.server import COPIES_TO_STRANGERS, ServerMachine, ServerState, ServerTransaction
from sip.transport.flow import Flow
from tests.sip.transaction.figures import TCP_FLOW, UDP_FLOW, Surroundings, request, response


def started(method: str, flow: Flow = UDP_FLOW) -> tuple[ServerTransaction, Surroundings]:
    around, asked = Surroundings(), request(method)
    kind = InviteServerMachine if method == "INVITE" else NonInviteServerMachine
    machine = kind(around, request_key(asked, asked.via), flow)
    machine.transaction = ServerTransaction(asked, flow, "our-tag", machine)
    return machine.transaction, around


@pytest.mark.rfc("3261", "8.2.6.2")
class TestAnswering:
    def test_with_our_tag_and_further_fields(self) -> None:
        transaction, around = started("OPTIONS")
        assert not transaction.is_invite and not transaction.is_answered
        given = transaction.respond_with(200, "Fine", [("Allow", "INVITE"), ("Allow", "ACK")])
        assert given.to_tag == "our-tag" and given.values("allow") == ["INVITE", "ACK"] and given.reason == "Fine"
        assert around.take() == ["send 200"] and transaction.is_answered

    def test_100_has_no_tag_of_ours(self) -> None:
        transaction, _ = started("INVITE")
        assert transaction.is_invite and transaction.respond_with(100).to_tag == ""

    @pytest.mark.rule("P09")
    def test_on_a_stream_the_length_is_said(self) -> None:
        transaction, _ = started("OPTIONS", TCP_FLOW)
        answer = response(200, "OPTIONS")
        answer.remove("content-length")
        transaction.respond(answer)
        assert answer.first("content-length") == "0"

    def test_never(self) -> None:
        transaction, around = started("OPTIONS")
        transaction.ignore()
        transaction.machine.send_again()
        assert around.take() == [] and transaction.machine.response_tag() == ""

    def test_a_few_times_for_strangers(self) -> None:
        transaction, _ = started("INVITE")
        transaction.limit_copies()
        assert transaction.machine.copies_left == COPIES_TO_STRANGERS

    def test_the_same_again(self) -> None:
        transaction, around = started("OPTIONS")
        transaction.respond_with(404)
        transaction.machine.send_again()
        assert around.take() == ["send 404", "send 404"]
        assert transaction.machine.response_tag() == "our-tag"

    def test_a_tag_that_cannot_be_read_is_none(self) -> None:
        transaction, _ = started("OPTIONS")
        transaction.machine.response = b"no SIP"
        assert transaction.machine.response_tag() == ""


class TestEnd:
    def test_once_with_its_timer(self) -> None:
        transaction, around = started("OPTIONS")
        ended: list[int] = []
        transaction.on_end = lambda: ended.append(1)
        assert transaction.on_end is not None
        transaction.respond_with(200)
        around.take()
        machine = transaction.machine
        machine.end()
        machine.end()
        assert around.take() == ["end"] and around.advance(100) == [] and machine.transaction is None

    def test_without_a_timer(self) -> None:
        transaction, around = started("OPTIONS")
        transaction.machine.end()
        assert around.take() == ["end"]


def test_it_shows_itself() -> None:
    assert repr(started("OPTIONS")[0]) == "<ServerTransaction OPTIONS Trying>"


def test_the_figures_are_drawn_elsewhere() -> None:
    asked = request("OPTIONS")
    blank = ServerMachine(Surroundings(), request_key(asked, asked.via), UDP_FLOW, ServerState.TRYING)
    for call in (
        lambda: blank.request_received(0.0),
        lambda: blank.respond(response(200, "OPTIONS"), 0.0),
        lambda: blank.ignore(0.0),
        lambda: blank.timer_fired("J", 0.0),
    ):
        with pytest.raises(NotImplementedError):
            call()
