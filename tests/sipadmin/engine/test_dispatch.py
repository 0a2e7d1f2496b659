"""Who gets a request: the registrar, the notifier of registrations, or else the proxy."""

from types import SimpleNamespace

import pytest

from sip.message.wire import parse_message
from sipadmin.engine.dispatch import Dispatch


class Recording:
    """Both cores and the directory at once: notes who was called."""

    def __init__(self):
        self.calls = []

    def domain_of(self, uri):
        return "ours" if uri.host == "example.org" else None

    def register(self, transaction, domain, now):
        self.calls.append(("register", domain, now))

    def is_for_us(self, request, domain):
        return request.has("event") and domain is not None

    def subscribe(self, transaction, domain, now):
        self.calls.append(("subscribe", domain, now))

    def request(self, transaction, now):
        self.calls.append(("request", now))

    def ack(self, request, flow, now):
        self.calls.append(("ack", now))

    def cancel(self, cancel, invite, now):
        self.calls.append(("cancel", now))


class Transaction:
    def __init__(self, method, uri, event="", is_multicast=False):
        self.flow = SimpleNamespace(is_multicast=is_multicast)
        self.request = parse_message(
            f"{method} {uri} SIP/2.0\r\n"
            "Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\r\n"
            "From: <sip:alice@example.org>;tag=1\r\n"
            "To: <sip:alice@example.org>\r\n"
            "Call-ID: 1\r\n"
            f"{event}CSeq: 1 {method}\r\n\r\n".encode()
        )


@pytest.fixture
def cores():
    return Recording()


@pytest.fixture
def dispatch(cores):
    return Dispatch(cores.domain_of, cores, cores, cores)


@pytest.mark.rfc("3261", "10.3")
class TestRequests:
    """10.3 Processing REGISTER Requests, step 1"""

    @pytest.mark.rule("R02")
    @pytest.mark.parametrize(
        ("method", "uri", "expected"),
        [
            ("REGISTER", "sip:example.org", ("register", "ours", 5.0)),
            ("REGISTER", "sip:EXAMPLE.org;transport=udp", ("register", "ours", 5.0)),
            ("REGISTER", "sip:other.example", ("request", 5.0)),
            ("INVITE", "sip:bob@example.org", ("request", 5.0)),
            ("OPTIONS", "sip:example.org", ("request", 5.0)),
            ("REGISTER", "http://example.org", ("request", 5.0)),
        ],
    )
    def test_it_works(self, dispatch, cores, method, uri, expected):
        dispatch.request_received(Transaction(method, uri), 5.0)
        assert cores.calls == [expected]

    @pytest.mark.rfc("3680", "4.1")
    @pytest.mark.parametrize(
        ("uri", "event", "is_multicast", "expected"),
        [
            ("sip:bob@example.org", "Event: reg\r\n", False, ("subscribe", "ours", 5.0)),
            ("sip:bob@example.org", "Event: reg\r\n", True, ("request", 5.0)),
            ("sip:bob@example.org", "", False, ("request", 5.0)),
            ("sip:bob@other.example", "Event: reg\r\n", False, ("request", 5.0)),
        ],
    )
    def test_subscribe(self, dispatch, cores, uri, event, is_multicast, expected):
        dispatch.request_received(Transaction("SUBSCRIBE", uri, event, is_multicast), 5.0)
        assert cores.calls == [expected]

    def test_the_rest_is_the_proxys(self, dispatch, cores):
        dispatch.ack_received(None, None, 1.0)
        dispatch.cancel_received(None, None, 2.0)
        assert cores.calls == [("ack", 1.0), ("cancel", 2.0)]


def test_every_register_is_watched_after_it_was_handed_over(cores):
    seen = []
    dispatch = Dispatch(
        cores.domain_of,
        cores,
        cores,
        cores,
        lambda one, domain, now: seen.append((domain, now, len(cores.calls))),
    )
    dispatch.request_received(Transaction("REGISTER", "sip:example.org"), 1.0)
    dispatch.request_received(Transaction("REGISTER", "sip:example.com"), 2.0)
    dispatch.request_received(Transaction("OPTIONS", "sip:example.org"), 3.0)
    assert seen == [("ours", 1.0, 1), (None, 2.0, 2)]
