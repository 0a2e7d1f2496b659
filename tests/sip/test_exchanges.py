"""Whole exchanges over an imaginary wire that loses, doubles and reorders datagrams (§17)."""

from __future__ import annotations

import pytest

from sip.message.messages import Request, Response, new_request
from sip.transaction.client import ClientTransaction
from sip.transaction.server import ServerTransaction
from sip.transport.flow import Flow
from sip.transport.listeners import ListenAddress
from sip.transport.selection import NextHop
from tests.sip.imaginary import ALICE, BOB, Address, ImaginaryClock, ImaginaryEndpoint, ImaginaryWire
from tests.sip.recording import RecordingCore, RecordingUser

WEATHER = [
    pytest.param({}, id="fair"),
    pytest.param({"loss": 0.2}, id="loss"),
    pytest.param({"duplication": 0.5, "delay": (0.0, 0.2)}, id="duplication-and-reordering"),
    pytest.param({"loss": 0.15, "duplication": 0.3, "delay": (0.0, 1.0)}, id="storm"),
]


def phone(core: RecordingCore, address: Address, clock: ImaginaryClock, wire: ImaginaryWire) -> ImaginaryEndpoint:
    endpoint = ImaginaryEndpoint(core, [ListenAddress("udp", *address)], clock=clock, name=f"{address[1]}{address[0]}-")
    wire.join(endpoint)
    return endpoint


def request(method: str, number: int) -> Request:
    return new_request(
        method,
        "sip:bob@192.0.2.20",
        from_="Alice <sip:alice@example.org>;tag=a",
        to="<sip:bob@example.org>",
        call_id=f"{number}@alice",
        cseq=1,
    )


class Callee(RecordingCore):
    """Rings, then answers; repeats the 2xx until the ACK, as §13.3.1.4 asks of a phone."""

    def __init__(self, status: int) -> None:
        super().__init__()
        self.status = status
        self.endpoint: ImaginaryEndpoint | None = None
        self.acknowledged: set[str] = set()

    def request_received(self, transaction: ServerTransaction, now: float) -> None:
        super().request_received(transaction, now)
        assert self.endpoint is not None
        transaction.respond_with(180)
        self.endpoint.call_at(now + 3, lambda: self._answer(transaction, 0.5))

    def _answer(self, transaction: ServerTransaction, interval: float) -> None:
        assert self.endpoint is not None
        if transaction.request.call_id in self.acknowledged or interval > 60:
            return
        transaction.respond_with(self.status)
        if self.status < 300:
            when = self.endpoint.now() + min(interval, 4)
            self.endpoint.call_at(when, lambda: self._answer(transaction, 2 * interval))

    def ack_received(self, request: Request, flow: Flow, now: float) -> None:
        super().ack_received(request, flow, now)
        self.acknowledged.add(request.call_id)


@pytest.mark.rfc("3261", "17")
@pytest.mark.parametrize("weather", WEATHER)
class TestExchanges:
    COUNT = 40

    def test_register_like(self, weather: dict[str, object]) -> None:
        clock = ImaginaryClock()
        wire = ImaginaryWire(clock, **weather)  # type: ignore[arg-type]
        core = RecordingCore(lambda transaction: transaction.respond_with(200))
        alice, bob = phone(RecordingCore(), ALICE, clock, wire), phone(core, BOB, clock, wire)
        users = [RecordingUser() for _ in range(self.COUNT)]
        for number, user in enumerate(users):
            alice.send_request(request("MESSAGE", number), NextHop("udp", *BOB), user)
            clock.advance(0.1)
        clock.advance(100)
        assert [user.statuses for user in users] == [[200]] * self.COUNT
        assert all(user.failures == [] for user in users)
        # Each message reached the core exactly once, however often it arrived.
        calls = [transaction.request.call_id for transaction in core.transactions]
        assert len(calls) == len(set(calls)) == self.COUNT
        assert alice.transactions == bob.transactions == 0

    @pytest.mark.parametrize("status", [486, 603])
    def test_a_refused_call(self, weather: dict[str, object], status: int) -> None:
        clock = ImaginaryClock()
        wire = ImaginaryWire(clock, **weather)  # type: ignore[arg-type]
        core = Callee(status)
        alice, bob = phone(RecordingCore(), ALICE, clock, wire), phone(core, BOB, clock, wire)
        core.endpoint = bob
        users = [RecordingUser() for _ in range(self.COUNT)]
        for number, user in enumerate(users):
            alice.send_request(request("INVITE", number), NextHop("udp", *BOB), user)
        clock.advance(200)
        finals = [[status for status in user.statuses if status >= 200] for user in users]
        assert finals == [[status]] * self.COUNT and all(user.failures == [] for user in users)
        assert len(core.transactions) == self.COUNT and core.acks == []
        assert alice.transactions == bob.transactions == 0

    @pytest.mark.rule("X08")
    def test_an_answered_call(self, weather: dict[str, object]) -> None:
        clock = ImaginaryClock()
        wire = ImaginaryWire(clock, **weather)  # type: ignore[arg-type]
        core = Callee(200)
        alice, bob = phone(RecordingCore(), ALICE, clock, wire), phone(core, BOB, clock, wire)
        core.endpoint = bob

        def acknowledge(transaction: ClientTransaction, response: Response) -> None:
            if response.status == 200:  # §13.2.2.4: an ACK for each 2xx
                ack = request("ACK", int(response.call_id.partition("@")[0]))
                ack.replace("To", response.first("to") or "")
                alice.send_stateless(ack, NextHop("udp", *BOB))

        users = [RecordingUser(acknowledge) for _ in range(self.COUNT)]
        for number, user in enumerate(users):
            alice.send_request(request("INVITE", number), NextHop("udp", *BOB), user)
        clock.advance(300)
        assert all(200 in user.statuses and user.failures == [] for user in users)
        assert all(status in (100, 180, 200) for user in users for status in user.statuses)
        assert len(core.transactions) == self.COUNT == len(core.acknowledged)
        assert alice.transactions == bob.transactions == 0

    @pytest.mark.rule("P20")
    def test_a_cancelled_call(self, weather: dict[str, object]) -> None:
        clock = ImaginaryClock()
        wire = ImaginaryWire(clock, **weather)  # type: ignore[arg-type]
        core = RecordingCore(lambda transaction: transaction.respond_with(180))
        alice, bob = phone(RecordingCore(), ALICE, clock, wire), phone(core, BOB, clock, wire)
        users = [RecordingUser() for _ in range(self.COUNT)]
        for number, user in enumerate(users):
            alice.send_request(request("INVITE", number), NextHop("udp", *BOB), user).cancel()
        clock.advance(300)
        assert [[status for status in user.statuses if status >= 200] for user in users] == [[487]] * self.COUNT
        assert len(core.cancels) == self.COUNT and all(invite is not None for _, invite in core.cancels)
        assert alice.transactions == bob.transactions == 0


def test_nobody_there() -> None:
    clock = ImaginaryClock()
    alice = phone(RecordingCore(), ALICE, clock, ImaginaryWire(clock))
    users = [RecordingUser(), RecordingUser()]
    alice.send_request(request("INVITE", 1), NextHop("udp", *BOB), users[0])
    alice.send_request(request("MESSAGE", 2), NextHop("udp", *BOB), users[1])
    clock.advance(100)
    assert [user.failures for user in users] == [[408], [408]] and alice.transactions == 0
