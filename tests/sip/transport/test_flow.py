"""Flows."""

from __future__ import annotations

import pytest

from sip.transport.flow import PROTOCOLS, Flow, bare_host, host_for_uri

HERE, THERE = ("192.0.2.1", 5060), ("192.0.2.9", 5062)


class TestFlow:
    def test_equal_when_both_ends_are(self) -> None:
        assert Flow("udp", HERE, THERE) == Flow("udp", HERE, THERE, channel=object())
        assert len({Flow("udp", HERE, THERE), Flow("udp", HERE, THERE), Flow("tcp", HERE, THERE)}) == 2
        assert Flow("udp", HERE, THERE) != Flow("udp", HERE, ("192.0.2.9", 5063))

    def test_another_connection_is_another_flow(self) -> None:
        first, second = object(), object()
        assert Flow("tcp", HERE, THERE, first) == Flow("tcp", HERE, THERE, first)
        assert Flow("tcp", HERE, THERE, first) != Flow("tcp", HERE, THERE, second)
        assert Flow("udp", HERE, THERE, first).connection is None

    def test_text(self) -> None:
        assert Flow("udp", HERE, THERE).text == "udp:192.0.2.9:5062"
        assert Flow("tcp", ("::1", 5060), ("2001:db8::9", 5062)).text == "tcp:[2001:db8::9]:5062"
        assert repr(Flow("udp", HERE, THERE)) == "Flow(udp:192.0.2.9:5062)"

    @pytest.mark.rfc("5626", "6")
    def test_an_id_names_one_flow(self) -> None:
        class Connection:
            def __init__(self, token: str) -> None:
                self.token = token

        assert Flow("udp", HERE, THERE).id == "udp:192.0.2.1:5060-192.0.2.9:5062"
        assert Flow("udp", HERE, THERE).id != Flow("udp", ("192.0.2.2", 5060), THERE).id
        assert Flow("tcp", HERE, THERE, Connection("1a-1")).id == "tcp:192.0.2.9:5062/1a-1"
        assert Flow("tcp", HERE, THERE, Connection("1a-2")).id == "tcp:192.0.2.9:5062/1a-2"

    def test_reliable_and_open(self) -> None:
        class Closed:
            is_open = False

        assert not Flow("udp", HERE, THERE).is_reliable and Flow("udp", HERE, THERE).is_open
        assert Flow("tcp", HERE, THERE, Closed()).is_reliable and not Flow("tcp", HERE, THERE, Closed()).is_open


@pytest.mark.rule("R27")
@pytest.mark.rfc("3261", "26.2.2")
def test_sips_is_never_downgraded() -> None:
    flows = [Flow(protocol, HERE, THERE) for protocol in PROTOCOLS]
    assert [flow.protocol for flow in flows if flow.may_carry("sips")] == ["tls", "wss"]
    assert all(flow.may_carry("sip") for flow in flows)


@pytest.mark.rule("X15")
def test_hosts_with_and_without_brackets() -> None:
    assert host_for_uri("fe80::1%eth0") == "[fe80::1]"
    assert host_for_uri("192.0.2.1") == "192.0.2.1"
    assert bare_host("[::1]") == "::1"
