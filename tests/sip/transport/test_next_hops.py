"""Where a URI leads, asked through the endpoint."""

import pytest

from sip.message.uri import Uri
from sip.transport.next_hops import MAX_KEPT_HOPS
from sip.transport.records import Kind, Question, Srv
from sip.transport.selection import NextHop
from tests.sip.imaginary import ImaginaryEndpoint
from tests.sip.recording import RecordingCore


class TestResolve:
    def resolved(self, endpoint: ImaginaryEndpoint, uri: str) -> list[NextHop]:
        found: list[list[NextHop]] = []
        endpoint.resolve(Uri.parse(uri), found.append)
        endpoint.clock.settle()
        assert len(found) == 1
        return found[0]

    def test_numeric_hosts_at_once_and_again(self) -> None:
        endpoint = ImaginaryEndpoint(RecordingCore())
        found: list[list[NextHop]] = []
        for _ in range(2):
            endpoint.resolve(Uri.parse("sip:bob@192.0.2.20:5070"), found.append)
        assert found == [[NextHop("udp", "192.0.2.20", 5070)]] * 2

    def test_names_by_families_we_listen_for(self) -> None:
        endpoint = ImaginaryEndpoint(RecordingCore())
        endpoint.network.names["bob.example"] = ["2001:db8::20", "192.0.2.20", "192.0.2.21"]
        hops = self.resolved(endpoint, "sip:bob.example;transport=tcp")
        assert [hop.text for hop in hops] == ["tcp:192.0.2.20:5060", "tcp:192.0.2.21:5060"]

    @pytest.mark.rule("P29")
    @pytest.mark.rfc("3263", "4.4")
    def test_the_same_key_draws_the_same_order(self) -> None:
        endpoint = ImaginaryEndpoint(RecordingCore())
        servers = [Srv(1, 1, 5060 + number, "a.example.com") for number in range(8)]
        endpoint.network.records[Question(Kind.SRV, "_sip._udp.example.com")] = [*servers]
        endpoint.network.names["a.example.com"] = ["192.0.2.40"]
        uri = Uri.parse("sip:bob@example.com")
        drawn: dict[str, list[list[NextHop]]] = {"": [], "call-1": [], "call-2": []}
        for key, found in drawn.items():
            for _ in range(20):
                endpoint.resolve(uri, found.append, key)
                endpoint.clock.settle()
        assert len({tuple(hops) for hops in drawn["call-1"]}) == 1 == len({tuple(hops) for hops in drawn["call-2"]})
        assert drawn["call-1"] != drawn["call-2"]
        assert len({tuple(hops) for hops in drawn[""]}) > 5

    @pytest.mark.parametrize("uri", ["sip:nobody.example", "sips:bob@192.0.2.20", "tel:+1555", "sip:bob@[2001:db8::9]"])
    def test_no_way(self, uri: str) -> None:
        assert self.resolved(ImaginaryEndpoint(RecordingCore()), uri) == []


def test_hops_of_numeric_uris_are_kept_within_a_bound() -> None:
    endpoint = ImaginaryEndpoint(RecordingCore())
    hops: list[NextHop] = []
    for number in range(MAX_KEPT_HOPS + 10):
        endpoint.resolve(Uri.parse(f"sip:bob@192.0.2.20:{1024 + number}"), hops.extend)
    assert [hop.port for hop in hops] == list(range(1024, 1024 + MAX_KEPT_HOPS + 10))
    assert len(endpoint._next_hops._numeric) <= MAX_KEPT_HOPS
    again: list[NextHop] = []
    endpoint.resolve(Uri.parse("sip:bob@192.0.2.20:1024"), again.extend)
    assert again == hops[:1]
