"""What every connection has: queues, and a beginning and an end."""

from __future__ import annotations

import pytest

from sip.transport.connection import MAX_SEND_BUFFER_BYTES, MAX_WAITING_BYTES, Connection, certified_names
from sip.transport.stream import StreamConnection
from tests.sip.imaginary import request_text
from tests.sip.transport.cables import Cable, Owner


def accepted(owner: Owner, protocol: str = "tcp") -> tuple[StreamConnection, Cable]:
    connection, cable = StreamConnection(owner, protocol, ("127.0.0.1", 5060)), Cable()
    connection.connection_made(cable)
    return connection, cable


@pytest.mark.threat(20)
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


def test_what_comes_is_for_the_kinds_of_connections() -> None:
    connection = Connection(Owner(), "tcp", ("127.0.0.1", 5060))
    connection.connection_made(Cable())
    with pytest.raises(NotImplementedError):
        connection.data_received(b"x")


def test_nothing_is_taken_after_its_end() -> None:
    owner = Owner()
    connection, cable = accepted(owner)
    assert connection.overdue(99.0) and cable.is_aborted
    connection.data_received(request_text())
    assert owner.messages == []


def test_closing_one_that_is_open() -> None:
    connection, cable = accepted(Owner())
    connection.close()
    assert cable.is_closed and not connection.is_open
