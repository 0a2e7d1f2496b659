"""The request that a question makes."""

import pytest

from proxy.simulation.question import NOT_ROUTED, Question, Unanswerable, request_of
from sip.message.messages import Request
from sip.message.wire import parse_message

ALICE, BOB = "sip:alice@example.org", "sip:bob@example.org"


def ask(callee=BOB, caller=ALICE, method="INVITE", host="192.0.2.10", protocol="udp"):
    return request_of(Question(caller, callee, method, host, 5070, protocol))


@pytest.mark.parametrize(("host", "shown"), [("192.0.2.10", "192.0.2.10:5070"), ("2001:db8::1", "[2001:db8::1]:5070")])
def test_it_is_what_a_phone_sends(host, shown):
    request = parse_message(ask(host=host, protocol="tls"))
    assert isinstance(request, Request)
    assert (request.method, request.uri_text, request.from_.uri_text) == ("INVITE", BOB, ALICE)
    assert request.first("via").startswith(f"SIP/2.0/TLS {shown};")
    assert request.first("contact") == f"<sip:simulation@{shown}>"
    assert not request.to_tag and not request.body


def test_a_message_has_something_to_say():
    request = parse_message(ask(method="MESSAGE"))
    assert (request.body, request.first("content-type")) == (b"Hello", "text/plain")


@pytest.mark.parametrize(
    ("parts", "sentence"),
    [
        ({"method": "IN VITE"}, "is no method"),
        ({"method": "X" * 33}, "is no method"),
        *[({"method": method}, "not routed by policy") for method in NOT_ROUTED],
        ({"callee": "bob"}, "The callee is no URI"),
        ({"caller": "<sip:a>"}, "The caller is no URI"),
        ({"callee": "tel:+1"}, "no SIP URI"),
        ({"callee": "sip:bob@example.org\r\nX: y"}, "no URI"),
    ],
)
def test_what_no_request_can_be_made_of(parts, sentence):
    with pytest.raises(Unanswerable, match=sentence):
        ask(**parts)
