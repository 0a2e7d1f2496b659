"""Listeners and their names."""

from __future__ import annotations

import pytest

from sip.transport.listeners import Listener


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
