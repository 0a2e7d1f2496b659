"""One TCP or TLS connection, without a socket."""

from __future__ import annotations

import pytest

from sip.transport.connection import IDLE_INTERVAL, MESSAGE_INTERVAL
from sip.transport.stream import MAX_PONGS, StreamConnection
from tests.sip.imaginary import request_text
from tests.sip.transport.cables import Cable, Owner


def accepted(owner: Owner, protocol: str = "tcp") -> tuple[StreamConnection, Cable]:
    connection, cable = StreamConnection(owner, protocol, ("127.0.0.1", 5060)), Cable()
    connection.connection_made(cable)
    return connection, cable


@pytest.mark.threat(20)
class TestTime:
    """The time for a message runs from its first byte."""

    def test_more_bytes_buy_no_more_time(self) -> None:
        owner = Owner()
        connection, _ = accepted(owner)
        assert connection.deadline == MESSAGE_INTERVAL
        message = request_text()
        for owner.time, part in ((10.0, message[:5]), (20.0, message[5:9]), (29.0, message[9:20])):
            connection.data_received(part)
            assert connection.deadline == 10.0 + MESSAGE_INTERVAL
        owner.time = 35.0
        connection.data_received(message[20:] + message[:3])
        assert owner.messages == [message] and connection.deadline == 35.0 + MESSAGE_INTERVAL
        connection.data_received(message[3:])
        assert connection.deadline == 35.0 + IDLE_INTERVAL

    def test_pings_buy_time_only_for_who_has_spoken(self) -> None:
        owner = Owner()
        connection, cable = accepted(owner)
        owner.time = 5.0
        connection.data_received(b"\r\n\r\n")
        assert connection.deadline == MESSAGE_INTERVAL and cable.take() == b"\r\n"
        connection.data_received(request_text())
        owner.time = 50.0
        connection.data_received(b"\r\n\r\n")
        assert connection.deadline == 50.0 + IDLE_INTERVAL

    def test_after_it_the_connection_is_cut_off(self) -> None:
        connection, cable = accepted(Owner())
        assert connection.overdue(99.0) and cable.is_aborted and not connection.is_open
        connection.data_received(request_text())
        assert not connection.write(b"x")


class TestPings:
    @pytest.mark.rfc("5626", "4.4.1")
    def test_many_pings_get_few_pongs(self) -> None:
        connection, cable = accepted(Owner())
        connection.data_received(b"\r\n\r\n" * 1_000)
        assert cable.take() == b"\r\n" * MAX_PONGS


class TestBroken:
    def test_a_broken_stream_is_told_and_closed(self) -> None:
        owner = Owner()
        connection, cable = accepted(owner)
        connection.data_received(b"GET / HTTP/1.1\r\n\r\n")
        assert owner.broken == ["Content-Length missing"] and cable.is_closed and not connection.is_open
