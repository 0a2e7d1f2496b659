"""The OPTIONS that /readyz sends, to a real socket that answers as it is told."""

import socket
import threading
from contextlib import contextmanager

import pytest

from sip.message.wire import parse_message
from sipadmin import sip_probe
from sipadmin.sip_probe import ask_options


@contextmanager
def server(protocol, *answers, family=socket.AF_INET):
    """Answers each request in its turn; None leaves one without. Gives (listener, received)."""
    kind = socket.SOCK_DGRAM if protocol == "udp" else socket.SOCK_STREAM
    received = []
    with socket.socket(family, kind) as listening:
        listening.bind(("::1" if family == socket.AF_INET6 else "127.0.0.1", 0))

        def run():
            connection = listening
            if protocol != "udp":
                connection, _ = listening.accept()
            for answer in answers:
                data, place = connection.recvfrom(65535)
                received.append(data)
                if answer is not None:
                    connection.sendto(answer, place) if protocol == "udp" else connection.sendall(answer)
            if protocol != "udp":
                connection.close()

        if protocol != "udp":
            listening.listen()
        thread = threading.Thread(target=run)
        thread.start()
        host, port = listening.getsockname()[:2]
        yield {"protocol": protocol, "host": host, "port": port}, received
        thread.join(10)


OK = b"SIP/2.0 200 OK\r\n\r\n"


@pytest.mark.parametrize("protocol", ["udp", "tcp"])
def test_it_works(protocol):
    with server(protocol, OK) as (listener, received):
        assert ask_options([{"protocol": "wss", "host": "127.0.0.1", "port": 1}, listener]) == "ok"
    request = parse_message(received[0])
    assert request.method == "OPTIONS"
    assert request.first("max-forwards") == "0"


def test_by_ipv6():
    with server("udp", OK, family=socket.AF_INET6) as (listener, received):
        assert ask_options([listener]) == "ok"
    assert parse_message(received[0]).uri.host == "[::1]"


def test_any_answer_is_one():
    with server("udp", b"SIP/2.0 503 Busy\r\n\r\n") as (listener, _):
        assert ask_options([listener]) == "ok"


def test_a_lost_datagram_is_sent_again(monkeypatch):
    monkeypatch.setattr(sip_probe, "TIMEOUT", 0.05)
    with server("udp", None, OK) as (listener, received):
        assert ask_options([listener]) == "ok"
    assert received[0] == received[1]


def test_no_answer(monkeypatch):
    monkeypatch.setattr(sip_probe, "TIMEOUT", 0.02)
    with server("udp", None, None) as (listener, _):
        assert ask_options([listener]).startswith(f"No answer to OPTIONS from udp 127.0.0.1:{listener['port']}")


def test_something_else():
    with server("tcp", b"HTTP/1.1 400 Bad Request\r\n\r\n") as (listener, _):
        assert "something else than SIP" in ask_options([listener])


def test_only_a_connection_where_it_is_secret():
    with server("tls") as (listener, _):
        assert ask_options([listener]) == "ok"


def test_listeners_on_every_address(monkeypatch):
    asked = []
    monkeypatch.setattr(sip_probe, "ask_by_udp", lambda host, port: asked.append(host) or "SIP/2.0 200 OK")
    for host in ("0.0.0.0", "::", "192.0.2.1"):
        ask_options([{"protocol": "udp", "host": host, "port": 5060}])
    assert asked == ["127.0.0.1", "::1", "192.0.2.1"]
