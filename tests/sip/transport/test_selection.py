"""From a URI to next hops."""

from __future__ import annotations

import pytest

from sip.message.uri import Uri
from sip.transport.flow import Flow
from sip.transport.selection import Destination, NextHop, destination, next_hops


@pytest.mark.rfc("3263", "4")
class TestDestination:
    """RFC 3263 §4: transport, host and port of a URI."""

    @pytest.mark.parametrize(
        ("uri", "expected"),
        [
            ("sip:bob@192.0.2.9", ("udp", "192.0.2.9", 5060)),
            ("sip:bob@192.0.2.9:5070;transport=TCP", ("tcp", "192.0.2.9", 5070)),
            ("sip:bob@[2001:db8::9]:5070", ("udp", "2001:db8::9", 5070)),
            ("sip:bob@example.org;maddr=192.0.2.7", ("udp", "192.0.2.7", 5060)),
            ("sip:bob@example.org;maddr=[2001:db8::7];transport=tcp", ("tcp", "2001:db8::7", 5060)),
            ("sip:example.org", ("udp", "example.org", 5060)),
            ("sip:bob@192.0.2.9;transport=sctp", None),
            ("sips:bob@192.0.2.9", None),  # never in the clear
            ("sips:bob@192.0.2.9;transport=tcp", None),
            ("tel:+15551234", None),
        ],
    )
    def test_from_uri(self, uri: str, expected: tuple[str, str, int] | None) -> None:
        assert destination(Uri.parse(uri)) == (Destination(*expected) if expected else None)

    def test_sips_needs_tls(self) -> None:
        wanted = destination(Uri.parse("sips:bob@192.0.2.9"), frozenset({"udp", "tcp", "tls"}))
        assert wanted == Destination("tls", "192.0.2.9", 5061)


class TestNextHop:
    def test_one_for_each_address_in_order(self) -> None:
        hops = next_hops(Destination("tcp", "example.org", 5061), ["192.0.2.2", "192.0.2.1"])
        assert hops == [NextHop("tcp", "192.0.2.2", 5061), NextHop("tcp", "192.0.2.1", 5061)]

    def test_on_a_flow(self) -> None:
        flow = Flow("udp", ("192.0.2.1", 5060), ("192.0.2.9", 5062))
        assert NextHop.on(flow) == NextHop("udp", "192.0.2.9", 5062, flow)
        assert NextHop.on(flow).text == "udp:192.0.2.9:5062"
