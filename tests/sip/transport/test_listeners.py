"""Listeners and their names."""

from __future__ import annotations

import pytest

from sip.transport.flow import Flow
from sip.transport.listeners import MAX_KEPT_CHOICES, Listener, Listeners


class TestNames:
    @pytest.mark.parametrize(
        ("listener", "sent_by", "uri"),
        [
            (Listener("udp", "192.0.2.1", 5060), "192.0.2.1:5060", "<sip:192.0.2.1:5060;lr>"),
            (Listener("tcp", "192.0.2.1", 5070), "192.0.2.1:5070", "<sip:192.0.2.1:5070;transport=tcp;lr>"),
            (Listener("udp", "2001:db8::1", 5060), "[2001:db8::1]:5060", "<sip:[2001:db8::1]:5060;lr>"),
            (Listener("udp", "10.0.0.1", 5060, "SIP.example.org", 5080), "sip.example.org:5080",
             "<sip:sip.example.org:5080;lr>"),
            (Listener("udp", "0.0.0.0", 5060).at("192.0.2.7"), "192.0.2.7:5060", "<sip:192.0.2.7:5060;lr>"),
        ],
    )  # fmt: skip
    def test_sent_by_and_uri(self, listener: Listener, sent_by: str, uri: str) -> None:
        assert (listener.sent_by, listener.sip_uri()) == (sent_by, uri)

    @pytest.mark.rule("P11")
    @pytest.mark.rfc("3261", "16.6")
    @pytest.mark.parametrize(
        ("protocol", "sip", "sips"),
        [
            ("tls", "<sip:192.0.2.1:5061;transport=tls;lr>", "<sips:192.0.2.1:5061;lr>"),
            ("wss", "<sip:192.0.2.1:5061;transport=ws;lr>", "<sips:192.0.2.1:5061;transport=ws;lr>"),
        ],
    )
    def test_secure_ones_as_sip_and_as_sips(self, protocol: str, sip: str, sips: str) -> None:
        listener = Listener(protocol, "192.0.2.1", 5061)
        assert listener.is_secure and not Listener("ws", "192.0.2.1", 80).is_secure
        assert (listener.sip_uri(), listener.sip_uri(is_sips=True)) == (sip, sips)
        assert Listener("ws", "192.0.2.1", 80).sip_uri() == "<sip:192.0.2.1:80;transport=ws;lr>"

    def test_uri_without_lr(self) -> None:
        assert Listener("udp", "192.0.2.1", 5060).sip_uri(lr=False) == "<sip:192.0.2.1:5060>"


@pytest.mark.rfc("3261", "18.1.2")
@pytest.mark.rule("X02")
class TestAnswersTo:
    def test_its_own_address(self) -> None:
        listener = Listener("udp", "192.0.2.1", 5060)
        assert listener.answers_to("192.0.2.1", 5060) and listener.answers_to("192.0.2.1", None)
        assert not listener.answers_to("192.0.2.1", 5070) and not listener.answers_to("192.0.2.2", 5060)

    def test_no_port_is_the_default_port(self) -> None:
        for protocol, port in (("tcp", 5060), ("tls", 5061), ("ws", 80), ("wss", 443)):
            assert Listener(protocol, "192.0.2.1", port).answers_to("192.0.2.1", None)
        assert not Listener("udp", "192.0.2.1", 25060).answers_to("192.0.2.1", None)

    def test_its_advertised_name(self) -> None:
        listener = Listener("udp", "10.0.0.1", 25060, "sip.example.org", 5060)
        assert listener.answers_to("SIP.Example.ORG", None) and listener.answers_to("10.0.0.1", 25060)
        assert not listener.answers_to("sip.example.org", 25060)

    def test_ipv6_with_and_without_brackets(self) -> None:
        listener = Listener("udp", "2001:db8::1", 5060)
        assert listener.answers_to("[2001:DB8::1]", 5060) and listener.answers_to("2001:db8::1", None)

    def test_it_shows_itself(self) -> None:
        assert repr(Listener("wss", "::1", 443)) == "Listener(wss [::1]:443)"


def of(*listeners: Listener) -> Listeners:
    """192.0.2.7 is routed from 192.0.2.1, everything else from nowhere we know."""
    return Listeners(
        list(listeners),
        lambda host: "192.0.2.1" if host == "192.0.2.7" else "",
        lambda host: host == "192.0.2.1",
    )


class TestTowards:
    """Which one a request leaves from."""

    ONE, OTHER, ANY = Listener("udp", "192.0.2.1", 1), Listener("udp", "198.51.100.1", 2), Listener("udp", "0.0.0.0", 3)

    def test_the_only_one_of_its_kind(self) -> None:
        listeners = of(self.OTHER, Listener("udp", "::1", 4), Listener("tls", "192.0.2.1", 5))
        for _ in range(2):
            assert listeners.towards("udp", "192.0.2.7") is self.OTHER
        with pytest.raises(LookupError):
            listeners.towards("tls", "2001:db8::7")

    def test_the_one_that_is_routed_there(self) -> None:
        assert of(self.OTHER, self.ANY, self.ONE).towards("udp", "192.0.2.7") is self.ONE
        assert of(self.OTHER, self.ANY).towards("udp", "192.0.2.7").sent_by == "192.0.2.1:3"
        assert of(self.OTHER, self.ANY).towards("udp", "203.0.113.7") is self.ANY
        assert of(self.OTHER, self.ONE).towards("udp", "203.0.113.7") is self.OTHER

    def test_choices_are_kept_within_a_bound(self) -> None:
        listeners = of(self.ANY)
        for number in range(MAX_KEPT_CHOICES + 1):
            listeners.towards("udp", f"10.0.{number >> 8}.{number & 255}")
            listeners.of(Flow("udp", (f"10.0.{number >> 8}.{number & 255}", 3), ("192.0.2.7", 1)))
        assert len(listeners._chosen) == len(listeners._at) == 1


class TestOf:
    """Which one a flow came in by."""

    def test_bound_there_or_to_every_address(self) -> None:
        one, wildcard = Listener("tls", "192.0.2.1", 5061), Listener("tls", "0.0.0.0", 5061)
        listeners = of(Listener("tls", "198.51.100.1", 5061), Listener("udp", "192.0.2.1", 5061), one, wildcard)
        for _ in range(2):
            assert listeners.of(Flow("tls", ("192.0.2.1", 5061), ("192.0.2.7", 1))) is one
        assert listeners.of(Flow("tls", ("192.0.2.2", 5061), ("192.0.2.7", 1))).sent_by == "192.0.2.2:5061"
        for local in (("192.0.2.1", 5060), ("2001:db8::1", 5061)):
            with pytest.raises(LookupError):
                listeners.of(Flow("tls", local, ("192.0.2.7", 1)))


@pytest.mark.rfc("3261", "18.1.2")
@pytest.mark.rule("X02")
class TestAreAt:
    """Which addresses are ours."""

    @pytest.mark.parametrize(
        ("host", "port", "protocol", "ours"),
        [
            ("192.0.2.1", 5061, "", True),
            ("192.0.2.1", None, "tls", True),
            ("192.0.2.1", 5061, "udp", False),
            ("192.0.2.9", 5061, "", False),  # no address of this machine
            ("name.example", 5061, "", False),
            ("[::1]", 5061, "", False),
            ("sip.example.org", 443, "", True),
            ("SIP.example.org", None, "wss", True),
            ("sip.example.org", 8443, "", False),
        ],
    )
    def test_bound_advertised_or_local(self, host: str, port: int | None, protocol: str, ours: bool) -> None:
        listeners = of(Listener("tls", "0.0.0.0", 5061), Listener("wss", "10.0.0.1", 8443, "sip.example.org", 443))
        assert listeners.are_at(host, port, protocol) is ours
