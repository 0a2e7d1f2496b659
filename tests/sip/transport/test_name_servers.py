"""Questions to a DNS server on loopback, and to the system."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from pathlib import Path

import dns.rdata
import pytest

from sip.transport import name_servers
from sip.transport.name_servers import FAILED, MAX_RECORDS, TIMEOUT, Answer, NameServers
from sip.transport.records import Kind, Naptr, Question, Srv
from tests.sip.transport.dns_server import SOA, TTL, DnsServer

ZONE = {
    ("example.org", "NAPTR"): [
        '50 60 "s" "SIP+D2T" "" _sip._tcp.example.org.',
        '90 10 "s" "SIP+D2U" "" _SIP._udp.x.org.',
    ],
    ("_sip._udp.example.org", "SRV"): ["10 60 5070 a.example.org.", "20 0 5071 B.example.org.", "30 0 0 ."],
    ("a.example.org", "A"): ["192.0.2.1", "192.0.2.2"],
    ("a.example.org", "AAAA"): ["2001:db8::1"],
    ("alias.example.org", "CNAME"): ["a.example.org."],
    ("ring.example.org", "CNAME"): ["gnir.example.org."],
    ("gnir.example.org", "CNAME"): ["ring.example.org."],
    ("many.example.org", "A"): [f"192.0.{high}.{low}" for high in range(4) for low in range(200)],
    ("text.example.org", "TXT"): ['"not an address"'],
}  # fmt: skip
NEGATIVE_TTL = float(SOA.split()[-1])


@pytest.fixture
async def server() -> AsyncIterator[DnsServer]:
    async with DnsServer(ZONE) as server:
        yield server


def asking(server: DnsServer, **options: object) -> NameServers:
    return NameServers([server.address], timeout=2.0, attempt_timeout=1.0, hosts=Path("/nowhere"), **options)  # type: ignore[arg-type]


@pytest.mark.rfc("3263", "4")
class TestDns:
    @pytest.mark.parametrize(
        ("kind", "name", "expected"),
        [
            (
                Kind.NAPTR,
                "example.org",
                Answer(
                    [
                        Naptr(50, 60, "s", "SIP+D2T", "", "_sip._tcp.example.org"),
                        Naptr(90, 10, "s", "SIP+D2U", "", "_sip._udp.x.org"),
                    ],
                    TTL,
                ),
            ),
            (
                Kind.SRV,
                "_sip._udp.example.org",
                Answer(
                    [Srv(10, 60, 5070, "a.example.org"), Srv(20, 0, 5071, "b.example.org"), Srv(30, 0, 0, ".")], TTL
                ),
            ),
            (Kind.ADDRESS, "a.example.org", Answer(["2001:db8::1", "192.0.2.1", "192.0.2.2"], TTL)),
            (Kind.ADDRESS, "alias.example.org", Answer(["2001:db8::1", "192.0.2.1", "192.0.2.2"], TTL)),
            (Kind.SRV, "a.example.org", Answer([], NEGATIVE_TTL)),
            (Kind.ADDRESS, "nobody.example.org", Answer([], NEGATIVE_TTL)),
            (Kind.ADDRESS, "text.example.org", Answer([], NEGATIVE_TTL)),
            (Kind.ADDRESS, "ring.example.org", FAILED),
            (Kind.NAPTR, "ring.example.org", FAILED),
        ],
    )
    async def test_records(self, server: DnsServer, kind: Kind, name: str, expected: Answer) -> None:
        answer = await asking(server).ask(Question(kind, name))
        assert sorted(answer.records, key=str) == sorted(expected.records, key=str) and answer.kept == expected.kept

    async def test_huge_answers_come_by_tcp_and_are_cut(self, server: DnsServer) -> None:
        answer = await asking(server).ask(Question(Kind.ADDRESS, "many.example.org"))
        assert len(answer.records) == MAX_RECORDS

    async def test_a_server_that_fails(self, server: DnsServer) -> None:
        server.broken.add("a.example.org")
        assert await asking(server).ask(Question(Kind.ADDRESS, "a.example.org")) == FAILED

    async def test_a_server_that_is_silent(self, server: DnsServer) -> None:
        server.silent.add("a.example.org")
        under_test = NameServers([server.address], timeout=0.05, attempt_timeout=0.02, hosts=Path("/nowhere"))
        assert await under_test.ask(Question(Kind.NAPTR, "a.example.org")) == FAILED
        assert await under_test.ask(Question(Kind.ADDRESS, "a.example.org")) == FAILED

    async def test_the_next_server_is_asked(self, server: DnsServer) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as deaf:
            deaf.bind(("127.0.0.1", 0))
            both = [deaf.getsockname(), server.address]
            under_test = NameServers(both, timeout=2.0, attempt_timeout=0.02, hosts=Path("/nowhere"))
            assert (await under_test.ask(Question(Kind.SRV, "_sip._udp.example.org"))).records

    @pytest.mark.parametrize("name", ["a..b", "x" * 300 + ".example", "\udcff.example.org"])
    async def test_names_that_are_none(self, server: DnsServer, name: str) -> None:
        assert await asking(server).ask(Question(Kind.ADDRESS, name)) == FAILED
        assert server.asked == []

    def test_three_rounds_end_below_five_seconds(self) -> None:
        assert 3 * TIMEOUT < 5


class TestTheSystem:
    """Names that are not DNS's."""

    @pytest.fixture
    def looked_up(self, monkeypatch: pytest.MonkeyPatch) -> list[str]:
        looked_up: list[str] = []

        def addresses(name: str) -> list[str]:
            looked_up.append(name)
            if name.startswith("nobody"):
                raise OSError
            return ["192.0.2.9"]

        monkeypatch.setattr(name_servers, "_system_addresses", addresses)
        return looked_up

    @pytest.mark.parametrize("name", ["localhost", "pbx", "printer.local", "x.localhost", "pbx.example.org"])
    async def test_is_asked_for_addresses_only(
        self, server: DnsServer, looked_up: list[str], tmp_path: Path, name: str
    ) -> None:
        hosts = tmp_path / "hosts"
        hosts.write_text("# comment\n192.0.2.9 PBX.example.org pbx2 # more\n\n")
        under_test = NameServers([server.address], hosts=hosts)
        assert (await under_test.ask(Question(Kind.NAPTR, name))).records == []
        assert (await under_test.ask(Question(Kind.SRV, f"_sip._udp.{name}"))).records == []
        assert (await under_test.ask(Question(Kind.ADDRESS, name))).records == ["192.0.2.9"]
        assert looked_up == [name] and server.asked == []

    async def test_a_name_that_it_does_not_know(self, server: DnsServer, looked_up: list[str]) -> None:
        assert await asking(server).ask(Question(Kind.ADDRESS, "nobody")) == FAILED

    async def test_without_name_servers_it_answers_for_all(
        self, looked_up: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def no_configuration() -> None:
            raise name_servers.dns.resolver.NoResolverConfiguration

        monkeypatch.setattr(name_servers.dns.asyncresolver, "Resolver", no_configuration)
        under_test = NameServers()
        assert (await under_test.ask(Question(Kind.SRV, "_sip._udp.example.org"))).records == []
        assert (await under_test.ask(Question(Kind.ADDRESS, "example.org"))).records == ["192.0.2.9"]

    async def test_the_hosts_file_is_read_again(
        self, server: DnsServer, looked_up: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(name_servers, "CONFIGURATION_KEPT_INTERVAL", -1.0)
        hosts = tmp_path / "hosts"
        under_test = NameServers([server.address], hosts=hosts)
        assert "192.0.2.1" in (await under_test.ask(Question(Kind.ADDRESS, "a.example.org"))).records
        hosts.write_text("192.0.2.9 a.example.org\n")
        assert (await under_test.ask(Question(Kind.ADDRESS, "a.example.org"))).records == ["192.0.2.9"]
        under_test.stop()

    def test_localhost_for_real(self) -> None:
        assert {"127.0.0.1", "::1"} & set(name_servers._system_addresses("localhost"))


def test_a_kind_of_record_that_nobody_asked_for() -> None:
    assert name_servers._record(dns.rdata.from_text("IN", "TXT", '"x"')) is None
