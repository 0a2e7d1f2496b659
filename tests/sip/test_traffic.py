"""Messages counted by method and class."""

import pytest

from sip.message.errors import BadMessage
from sip.message.wire import parse_message
from sip.traffic import Traffic

FIELDS = "From: <sip:a@b>;tag=1\r\nTo: <sip:b@b>\r\nCall-ID: 1\r\nCSeq: 1 {method}\r\n\r\n"
REQUEST = "{method} sip:b@example.org SIP/2.0\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\n" + FIELDS
RESPONSE = "SIP/2.0 {status} X\r\nVia: SIP/2.0/UDP a;branch=z9hG4bK1\r\n" + FIELDS


@pytest.fixture
def traffic():
    return Traffic()


def test_received(traffic):
    for method in ("INVITE", "INVITE", "REGISTER", "INVENTED", "ALSO"):
        traffic.request_received(parse_message(REQUEST.format(method=method).encode()))
    for status, method in ((180, "INVITE"), (200, "INVITE"), (202, "INVITE"), (603, "INVENTED")):
        traffic.response_received(parse_message(RESPONSE.format(status=status, method=method).encode()))
    assert traffic.received == {
        ("INVITE", "request"): 2,
        ("REGISTER", "request"): 1,
        ("other", "request"): 2,
        ("INVITE", "1xx"): 1,
        ("INVITE", "2xx"): 2,
        ("other", "6xx"): 1,
    }


def test_a_response_without_cseq_is_the_senders_fault(traffic):
    with pytest.raises(BadMessage):
        traffic.response_received(parse_message(b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP a\r\n\r\n"))
    assert traffic.received == {}


@pytest.mark.parametrize(
    ("data", "key"),
    [
        (REQUEST.format(method="BYE").encode(), ("BYE", "request")),
        (REQUEST.format(method="INVENTED").encode(), ("other", "request")),
        (RESPONSE.format(status=486, method="INVITE").encode(), ("INVITE", "4xx")),
        (RESPONSE.format(status=200, method="INVENTED").encode(), ("other", "2xx")),
        (b"SIP/2.0 200 OK\r\nCSEQ: 1 BYE\r\n\r\n", ("other", "2xx")),
        (b"SIP/2.0 200 OK\r\nCSeq: 1 BYE", ("other", "2xx")),
        (b"SIP/2.0 ", ("other", "other")),
        (b"", ("other", "request")),
    ],
)
def test_sent(traffic, data, key):
    traffic.was_sent(data)
    assert traffic.sent == {key: 1}


def test_facts(traffic):
    traffic.request_received(parse_message(REQUEST.format(method="BYE").encode()))
    traffic.was_sent(RESPONSE.format(status=200, method="BYE").encode())
    assert traffic.facts() == [
        {"direction": "in", "method": "BYE", "kind": "request", "count": 1},
        {"direction": "out", "method": "BYE", "kind": "2xx", "count": 1},
    ]
