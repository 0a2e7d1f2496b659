"""What both client machines have in common: starting over by UDP, and one end (§17.1)."""

from __future__ import annotations

import pytest

from sip.transaction.client import ClientState, ClientTransaction
from sip.transaction.invite_client import InviteClientTransaction
from sip.transaction.non_invite_client import NonInviteClientTransaction
from sip.transport.selection import NextHop
from tests.sip.transaction.figures import TCP_HOP, UDP_HOP, Surroundings, request, response


def started(
    method: str, hop: NextHop = TCP_HOP, fallback: NextHop | None = None
) -> tuple[ClientTransaction, Surroundings]:
    around = Surroundings()
    kind = InviteClientTransaction if method == "INVITE" else NonInviteClientTransaction
    transaction = kind(around, request(method), "z9hG4bK1", "192.0.2.1:5060", hop, None)
    transaction.fallback = fallback
    transaction.start(0.0)
    around.take()
    return transaction, around


every_method = pytest.mark.parametrize("method", ["INVITE", "OPTIONS"])


@every_method
@pytest.mark.rule("X11")
@pytest.mark.rfc("3261", "18.1.1")
class TestFallingBack:
    """A connection that is refused: once more by UDP."""

    def test_once(self, method: str) -> None:
        transaction, around = started(method, fallback=UDP_HOP)
        transaction.transport_failed(1.0)
        assert around.take() == ["fall back", f"send {method}"] and not transaction.is_answered
        transaction.transport_failed(2.0)
        assert around.take() == ["end", "fail 503"]

    def test_not_after_an_answer(self, method: str) -> None:
        transaction, around = started(method, fallback=UDP_HOP)
        transaction.response_received(response(180, method), 1.0)
        assert around.take() == ["tell 180"]
        assert not transaction.falls_back(2.0)

    def test_not_where_there_is_nothing_to_fall_back_to(self, method: str) -> None:
        transaction, around = started(method)
        transaction.transport_failed(1.0)
        assert around.take() == ["end", "fail 503"] and transaction.is_answered


@every_method
@pytest.mark.rfc("3261", "17.1.4")
class TestLostFlow:
    def test_whatever_was_said(self, method: str) -> None:
        transaction, around = started(method)
        transaction.response_received(response(180, method), 1.0)
        around.take()
        transaction.flow_lost(2.0)
        assert around.take() == ["end", "fail 503"]
        transaction.flow_lost(3.0)
        transaction.transport_failed(3.0)
        transaction.end()
        assert around.take() == []


def test_only_invite_can_be_cancelled() -> None:
    """§9.1"""
    transaction, around = started("OPTIONS", UDP_HOP)
    transaction.cancel()
    assert around.take() == []


def test_it_shows_itself() -> None:
    transaction, _ = started("OPTIONS")
    assert repr(transaction) == "<ClientTransaction OPTIONS Trying to tcp:192.0.2.20:5060>"


def test_the_figures_are_drawn_elsewhere() -> None:
    blank = ClientTransaction(Surroundings(), request("INVITE"), "b", "s", UDP_HOP, None, ClientState.CALLING)
    for call in (
        lambda: blank.start(0.0),
        lambda: blank.response_received(response(200, "INVITE"), 0.0),
        lambda: blank.timer_fired("B", 0.0),
    ):
        with pytest.raises(NotImplementedError):
            call()
