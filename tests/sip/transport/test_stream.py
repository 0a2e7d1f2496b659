"""One TCP or TLS connection, without a socket."""

from __future__ import annotations

import pytest

from sip.transport.connection import (
    IDLE_INTERVAL,
    MAX_SEND_BUFFER_BYTES,
    MAX_WAITING_BYTES,
    MESSAGE_INTERVAL,
    certified_names,
)
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


class TestQueues:
    def test_before_the_connection_is_open_it_is_bounded(self) -> None:
        owner, failed = Owner(), []
        connection = StreamConnection(owner, "tcp", ("127.0.0.1", 5060), ("127.0.0.1", 9))
        assert connection.write(b"x" * MAX_WAITING_BYTES, lambda: failed.append("first"))
        assert not connection.write(b"y")
        connection.connecting_failed()
        assert failed == ["first"] and not connection.write(b"z")
        assert owner.ended == [connection] and not connection.was_open

    def test_what_waited_is_sent_first(self) -> None:
        connection, cable = (
            StreamConnection(Owner(), "tls", ("127.0.0.1", 5060), ("127.0.0.1", 9), "b.example"),
            Cable(),
        )
        connection.write(b"one")
        connection.connection_made(cable)
        connection.write(b"two")
        assert cable.take() == b"onetwo" and connection.was_open

    def test_who_does_not_read_is_cut_off(self) -> None:
        connection, cable = accepted(Owner())
        cable.waiting = MAX_SEND_BUFFER_BYTES + 1
        assert not connection.write(b"x") and cable.is_aborted and cable.take() == b""

    @pytest.mark.rfc("5626", "4.4.1")
    def test_many_pings_get_few_pongs(self) -> None:
        connection, cable = accepted(Owner())
        connection.data_received(b"\r\n\r\n" * 1_000)
        assert cable.take() == b"\r\n" * MAX_PONGS


class TestBeginningAndEnd:
    def test_one_that_may_not_stay(self) -> None:
        owner = Owner()
        owner.may_stay = False
        connection, cable = accepted(owner)
        assert cable.is_aborted and not connection.was_open

    def test_bytes_that_come_before_the_handshake_is_known_to_be_over(self) -> None:
        owner = Owner()
        connection = StreamConnection(owner, "tls", ("0.0.0.0", 5061))
        connection.data_received(request_text()[:30])
        connection.data_received(request_text()[30:])
        connection.connection_made(Cable())
        assert owner.messages == [request_text()] and connection.flow.local == ("127.0.0.1", 5061)

    def test_a_broken_stream_is_told_and_closed(self) -> None:
        owner = Owner()
        connection, cable = accepted(owner)
        connection.data_received(b"GET / HTTP/1.1\r\n\r\n")
        assert owner.broken == ["Content-Length missing"] and cable.is_closed and not connection.is_open

    def test_closing_one_that_is_not_open_yet(self) -> None:
        connection = StreamConnection(Owner(), "tcp", ("127.0.0.1", 5060), ("127.0.0.1", 9))
        connection.close()
        connection.abort()
        assert not connection.is_open

    def test_what_waited_fails_when_it_is_lost(self) -> None:
        owner, failed = Owner(), []
        connection = StreamConnection(owner, "tcp", ("127.0.0.1", 5060), ("127.0.0.1", 9))
        connection.write(b"x", lambda: failed.append(1))
        connection.write(b"y")
        connection.connection_lost(None)
        assert failed == [1] and owner.ended == [connection]


@pytest.mark.parametrize(
    ("certificate", "names"),
    [
        (None, set()),
        ({}, set()),
        ({"subjectAltName": (("DNS", "A.Example"), ("IP Address", "192.0.2.1"))}, {"a.example"}),
    ],
)
def test_names_in_a_certificate(certificate: object, names: set[str]) -> None:
    assert certified_names(certificate) == names
