"""received and rport on the way in, and where a response goes."""

from __future__ import annotations

import pytest

from sip.message.messages import Request
from sip.message.via import Via
from sip.message.wire import parse_message
from sip.transport.flow import Flow
from sip.transport.received import response_address, response_ttl, stamp
from tests.sip.imaginary import SERVER, request_text


def stamped(
    via: str, source: tuple[str, int], protocol: str = "udp", is_multicast: bool = False
) -> tuple[str, Via, Flow]:
    """Top Via line after the stamp, the Via and the flow."""
    request = parse_message(request_text(via=f"Via: {via}"))
    assert isinstance(request, Request)
    flow = Flow(protocol, SERVER, source, is_multicast=is_multicast)
    top = request.via
    stamp(request, top, flow)
    assert str(request.via) == str(top)
    return request.lines("via")[0], top, flow


@pytest.mark.rfc("3261", "18.2.1")
@pytest.mark.rfc("3581", "4")
@pytest.mark.rule("X01")
class TestStamp:
    """§18.2.1, RFC 3581 §4."""

    @pytest.mark.parametrize(
        ("via", "source", "expected"),
        [
            ("SIP/2.0/UDP 192.0.2.4:5060;branch=1", ("192.0.2.4", 9999), None),
            ("SIP/2.0/UDP  192.0.2.4 ; branch=1", ("192.0.2.4", 9999), None),  # untouched, byte for byte
            ("SIP/2.0/UDP bobspc.biloxi.com:5060", ("192.0.2.4", 5060), ";received=192.0.2.4"),
            ("SIP/2.0/UDP 10.0.0.1;branch=1", ("192.0.2.4", 5060), ";received=192.0.2.4"),
            ("SIP/2.0/TCP 10.0.0.1;branch=1", ("192.0.2.4", 5060), ";received=192.0.2.4"),
        ],
    )
    def test_received_when_the_host_is_not_the_source(
        self, via: str, source: tuple[str, int], expected: str | None
    ) -> None:
        line, _, _ = stamped(via, source)
        assert line == via + (expected or "")

    def test_rport_brings_received_always(self) -> None:
        line, _, _ = stamped("SIP/2.0/UDP 192.0.2.4:5060;rport;branch=1", ("192.0.2.4", 9988))
        assert line == "SIP/2.0/UDP 192.0.2.4:5060;rport=9988;branch=1;received=192.0.2.4"

    def test_further_vias_in_the_line_stay(self) -> None:
        line, _, _ = stamped(
            "SIP/2.0/UDP a.example;branch=1, SIP/2.0/TCP b.example;received=192.0.2.7", ("192.0.2.4", 1)
        )
        assert line == "SIP/2.0/UDP a.example;branch=1;received=192.0.2.4, SIP/2.0/TCP b.example;received=192.0.2.7"

    def test_the_zone_of_a_link_local_address_is_our_own_business(self) -> None:
        line, _, _ = stamped("SIP/2.0/UDP [fe80::9]:5060;branch=1;rport", ("fe80::9%eth0", 5062))
        assert line == "SIP/2.0/UDP [fe80::9]:5060;branch=1;rport=5062;received=fe80::9"

    @pytest.mark.rule("X15")
    def test_ipv6_is_written_without_brackets(self) -> None:
        line, _, _ = stamped("SIP/2.0/UDP [2001:db8::9]:6050;rport", ("2001:db8::5", 6051))
        assert line == "SIP/2.0/UDP [2001:db8::9]:6050;rport=6051;received=2001:db8::5"
        line, _, _ = stamped("SIP/2.0/UDP [2001:db8::9]:6050", ("2001:db8::9", 6051))
        assert line == "SIP/2.0/UDP [2001:db8::9]:6050"

    @pytest.mark.threat(10)
    def test_what_the_sender_claims_is_overwritten_or_removed(self) -> None:
        line, _, _ = stamped("SIP/2.0/UDP a.example;received=203.0.113.1;rport=99;branch=1", ("192.0.2.4", 5062))
        assert line == "SIP/2.0/UDP a.example;received=192.0.2.4;rport=5062;branch=1"
        line, _, _ = stamped("SIP/2.0/UDP 192.0.2.4;received=203.0.113.1;branch=1", ("192.0.2.4", 5062))
        assert line == "SIP/2.0/UDP 192.0.2.4;branch=1"


@pytest.mark.rfc("3261", "18.2.2")
@pytest.mark.rule("X01")
@pytest.mark.threat(10)
class TestResponseAddress:
    """§18.2.2: to the source of the request, whatever the Via says; only the port may be the Via's."""

    @pytest.mark.parametrize(
        ("via", "expected"),
        [
            ("SIP/2.0/UDP a.example", ("192.0.2.4", 5060)),
            ("SIP/2.0/UDP a.example:5070", ("192.0.2.4", 5070)),
            ("SIP/2.0/UDP a.example:5070;rport", ("192.0.2.4", 9988)),
            ("SIP/2.0/UDP 203.0.113.1:5070", ("192.0.2.4", 5070)),
            ("SIP/2.0/UDP 192.0.2.4;received=203.0.113.1", ("192.0.2.4", 5060)),
            ("SIP/2.0/UDP 192.0.2.4;maddr=203.0.113.1", ("192.0.2.4", 5060)),
            ("SIP/2.0/UDP 192.0.2.4;maddr=224.0.1.75", ("192.0.2.4", 5060)),
            ("SIP/2.0/UDP 192.0.2.4;rport=1;received=203.0.113.1", ("192.0.2.4", 9988)),
        ],
    )
    def test_udp(self, via: str, expected: tuple[str, int]) -> None:
        _, top, flow = stamped(via, ("192.0.2.4", 9988))
        assert response_address(top, flow) == expected

    @pytest.mark.rule("X13")
    def test_a_lost_connection_is_replaced_by_one_to_the_port_of_sent_by(self) -> None:
        _, top, flow = stamped("SIP/2.0/TCP a.example:5070;rport", ("192.0.2.4", 40001), "tcp")
        assert response_address(top, flow) == ("192.0.2.4", 5070)

    @pytest.mark.rule("R34")
    @pytest.mark.parametrize(
        ("params", "address", "ttl"),
        [
            (";maddr=224.0.1.75", ("224.0.1.75", 5060), 1),
            (";maddr=224.0.1.75;ttl=16", ("224.0.1.75", 5060), 16),
            (";maddr=224.0.1.75;ttl=abc", ("224.0.1.75", 5060), 1),
            (";maddr=203.0.113.1", ("192.0.2.4", 5060), 1),
            (";rport", ("192.0.2.4", 9988), 1),
        ],
    )
    def test_multicast(self, params: str, address: tuple[str, int], ttl: int) -> None:
        _, top, flow = stamped(f"SIP/2.0/UDP 192.0.2.4{params}", ("192.0.2.4", 9988), is_multicast=True)
        assert (response_address(top, flow), response_ttl(top)) == (address, ttl)
