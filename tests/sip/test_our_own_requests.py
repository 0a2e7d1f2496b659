"""Requests that the server itself makes, as a user agent client must (§8.1)."""

from __future__ import annotations

import pytest

from sip.message.messages import Request, Response, new_request
from sip.message.uri import Uri
from sip.message.wire import parse_message
from sip.transaction.client import ClientTransaction
from tests.sip.imaginary import BOB, ImaginaryEndpoint, response_text


class Core:
    """What a client core hears."""

    def __init__(self) -> None:
        self.responses: list[int] = []
        self.failures: list[int] = []

    def response_received(self, transaction: ClientTransaction, response: Response, now: float) -> None:
        self.responses.append(response.status)

    def failed(self, transaction: ClientTransaction, status: int, now: float) -> None:
        self.failures.append(status)


def a_request(**changes: object) -> Request:
    facts = {
        "method": "OPTIONS",
        "uri": "sip:bob@192.0.2.20",
        "from_": "<sip:example.org>;tag=ours",
        "to": "<sip:bob@example.org>",
        "call_id": "1@example.org",
        "cseq": 7,
        "fields": [("Contact", "<sip:192.0.2.1:5060>"), ("Supported", "path"), ("Require", "timer")],
        "body": b"x",
        **changes,
    }
    return new_request(facts.pop("method"), facts.pop("uri"), **facts)  # type: ignore[arg-type]


@pytest.fixture
def core() -> Core:
    return Core()


@pytest.fixture
def endpoint(core: Core) -> ImaginaryEndpoint:
    return ImaginaryEndpoint(core)  # type: ignore[arg-type]


def send(endpoint: ImaginaryEndpoint, core: Core, request: Request, uri: str = "") -> ClientTransaction:
    hops = []
    endpoint.resolve(Uri.parse(uri or request.uri_text), hops.append)
    return endpoint.send_request(request, hops[0][0], core)  # type: ignore[arg-type]


class TestGenerating:
    """§8.1.1."""

    @pytest.mark.rfc("3261", "8.1.1.1")
    @pytest.mark.rfc("3261", "8.1.1.2")
    @pytest.mark.rfc("3261", "8.1.1.3")
    @pytest.mark.rfc("3261", "8.1.1.4")
    @pytest.mark.rfc("3261", "8.1.1.5")
    @pytest.mark.rfc("3261", "8.1.1.6")
    @pytest.mark.rfc("3261", "8.1.1.8")
    @pytest.mark.rfc("3261", "8.1.1.9")
    @pytest.mark.rfc("3261", "8.1.1.10")
    def test_what_every_request_has(self) -> None:
        message = parse_message(
            a_request().to_bytes().replace(b"\r\n", b"\r\nVia: SIP/2.0/UDP h;branch=z9hG4bK1\r\n", 1)
        )
        assert isinstance(message, Request)
        assert (message.method, message.uri_text) == ("OPTIONS", "sip:bob@192.0.2.20")
        assert (message.from_tag, message.to_tag) == ("ours", "")
        assert (message.call_id, message.cseq) == ("1@example.org", (7, "OPTIONS"))
        assert message.first("max-forwards") == "70"
        assert message.first("contact") == "<sip:192.0.2.1:5060>"
        assert (message.first("supported"), message.first("require")) == ("path", "timer")
        assert (message.first("content-length"), message.body) == ("1", b"x")

    @pytest.mark.rfc("3261", "8.1.1.7")
    def test_each_has_a_via_of_its_own(self, endpoint: ImaginaryEndpoint, core: Core) -> None:
        for number in (1, 2):
            send(endpoint, core, a_request(call_id=str(number)))
        vias = [sent.message.via for sent in endpoint.sent]
        assert [(via.host, via.port) for via in vias] == [("192.0.2.1", 5060)] * 2
        assert all((via.branch or "").startswith("z9hG4bK") for via in vias)
        assert vias[0].branch != vias[1].branch

    @pytest.mark.rfc("3261", "8.1.2")
    def test_it_goes_where_its_uri_leads(self, endpoint: ImaginaryEndpoint, core: Core) -> None:
        send(endpoint, core, a_request(uri="sip:bob@192.0.2.20:5070;transport=tcp"))
        assert [(sent.protocol, sent.remote) for sent in endpoint.sent] == [("tcp", ("192.0.2.20", 5070))]


class TestResponses:
    """§8.1.3."""

    @pytest.mark.rfc("3261", "8.1.3.1")
    @pytest.mark.rfc("3261", "17.1.2.1")
    def test_nobody_answers(self, endpoint: ImaginaryEndpoint, core: Core) -> None:
        send(endpoint, core, a_request())
        endpoint.advance(32)
        assert (core.responses, core.failures) == ([], [408])
        assert len(endpoint.sent) == 11  # Timer E: 0.5, 1, 2, then every 4 seconds

    @pytest.mark.rfc("3261", "8.1.3.1")
    def test_nobody_can_be_reached(self, endpoint: ImaginaryEndpoint, core: Core) -> None:
        endpoint.network.refuses_connections = True
        send(endpoint, core, a_request(uri="sip:bob@192.0.2.20;transport=tcp"))
        endpoint.clock.settle()
        assert core.failures == [503]

    @pytest.mark.rfc("3261", "8.1.3.2")
    @pytest.mark.parametrize("status", [199, 299, 399, 499, 599, 699])
    def test_any_status_of_its_class(self, endpoint: ImaginaryEndpoint, core: Core, status: int) -> None:
        transaction = send(endpoint, core, a_request())
        endpoint.deliver(response_text(endpoint.sent[0].data, status), BOB)
        assert core.responses == [status]
        endpoint.advance(5)
        is_over = transaction.branch not in {sent.message.via.branch for sent in endpoint.take()[1:]}
        assert is_over == (status >= 200)

    @pytest.mark.rfc("3261", "8.1.3.3")
    @pytest.mark.threat(17)
    @pytest.mark.parametrize(
        "more",
        [b"\r\nVia: SIP/2.0/UDP 192.0.2.77;branch=z9hG4bK77\r\n", b", SIP/2.0/UDP 192.0.2.77;branch=z9hG4bK77\r\n"],
    )
    def test_a_response_for_somebody_behind_us_is_discarded(
        self, endpoint: ImaginaryEndpoint, core: Core, more: bytes
    ) -> None:
        send(endpoint, core, a_request())
        good = response_text(endpoint.sent[0].data, 200)
        start, via, rest = good.split(b"\r\n", 2)
        assert via.startswith(b"Via:")
        endpoint.deliver(start + b"\r\n" + via + more + rest, BOB)
        assert core.responses == [] and endpoint.count["foreign_response"] == 1
        endpoint.deliver(good, BOB)
        assert core.responses == [200]

    def test_what_was_forwarded_has_the_vias_of_others(self, endpoint: ImaginaryEndpoint, core: Core) -> None:
        request = a_request()
        request.add_top("Via", "SIP/2.0/UDP 192.0.2.77;branch=z9hG4bK77")
        send(endpoint, core, request)
        endpoint.deliver(response_text(endpoint.sent[0].data, 200), BOB)
        assert core.responses == [200]
