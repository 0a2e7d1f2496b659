"""From a URI and the answers of DNS to next hops."""

from __future__ import annotations

import pytest

from sip.message.uri import Uri
from sip.transport.flow import Flow
from sip.transport.records import Answers, Kind, Naptr, Question, Record, Srv
from sip.transport.selection import MAX_TARGETS, Destination, NextHop, destination, next_hops

TLS_TOO = frozenset({"udp", "tcp", "tls"})

NAPTRS = [
    Naptr(90, 50, "S", "SIP+D2T", "", "_sip._tcp.example.org"),
    Naptr(50, 50, "s", "SIPS+D2T", "", "_sips._tcp.example.org"),
    Naptr(100, 50, "s", "SIP+D2U", "", "_sip._udp.example.org"),
]


class Zone:
    """What DNS knows; ``asked`` is what the function wanted to know, in its order."""

    def __init__(self) -> None:
        self.known: dict[Question, list[Record]] = {}
        self.asked: list[Question] = []

    def naptr(self, name: str, *records: Naptr) -> Zone:
        self.known[Question(Kind.NAPTR, name)] = [*records]
        return self

    def srv(self, name: str, *records: Srv) -> Zone:
        self.known[Question(Kind.SRV, name)] = [*records]
        return self

    def address(self, name: str, *addresses: str) -> Zone:
        self.known[Question(Kind.ADDRESS, name)] = [*addresses]
        return self

    def hops(self, uri: str, protocols: frozenset[str] = frozenset({"udp", "tcp"})) -> list[str]:
        wanted = destination(Uri.parse(uri), protocols)
        if wanted is None:
            return []
        answers: dict[Question, list[Record]] = {}
        for _ in range(4):
            hops, questions = next_hops(wanted, answers, lambda: 0.0)
            if not questions:
                return [hop.text for hop in hops]
            assert hops == []
            self.asked += questions
            answers.update((question, self.known.get(question, [])) for question in questions)
        raise AssertionError("more than three rounds")

    def kinds(self) -> list[str]:
        return [f"{question.kind.name} {question.name}" for question in self.asked]


def a_domain() -> Zone:
    zone = Zone().srv("_sip._udp.example.org", Srv(1, 0, 5070, "a.example.org"), Srv(2, 0, 5071, "b.example.org"))
    zone.srv("_sip._tcp.example.org", Srv(1, 0, 5072, "b.example.org")).srv(
        "_sips._tcp.example.org", Srv(1, 0, 5073, "a.example.org")
    )
    return (
        zone.address("a.example.org", "192.0.2.1")
        .address("b.example.org", "192.0.2.2")
        .address("example.org", "192.0.2.3")
    )


@pytest.mark.rfc("3263", "4")
class TestDestination:
    """RFC 3263 §4: transport, host and port of a URI."""

    @pytest.mark.parametrize(
        ("uri", "expected"),
        [
            ("sip:bob@192.0.2.9", (("udp",), "192.0.2.9", None)),
            ("sip:bob@192.0.2.9:5070;transport=TCP", (("tcp",), "192.0.2.9", 5070)),
            ("sip:bob@[2001:db8::9]:5070", (("udp",), "2001:db8::9", 5070)),
            ("sip:bob@example.org;maddr=192.0.2.7", (("udp",), "192.0.2.7", None)),
            ("sip:bob@example.org;maddr=[2001:db8::7];transport=tcp", (("tcp",), "2001:db8::7", None)),
            ("sip:Example.ORG.", (("udp", "tcp"), "example.org", None, True)),
            ("sip:example.org:5080", (("udp",), "example.org", 5080)),
            ("sip:bob@192.0.2.9;transport=sctp", None),
            ("sips:bob@192.0.2.9", None),  # never in the clear
            ("sips:bob@192.0.2.9;transport=tcp", None),
            ("sips:bob@192.0.2.9;transport=udp", None),
            ("sips:bob@example.org", None),
            ("tel:+15551234", None),
            ("sip:.", None),
        ],
    )
    def test_from_uri(self, uri: str, expected: tuple[tuple[str, ...], str, int | None] | None) -> None:
        assert destination(Uri.parse(uri)) == (Destination(*expected) if expected else None)

    @pytest.mark.parametrize(
        ("uri", "expected"),
        [
            ("sips:bob@192.0.2.9", Destination(("tls",), "192.0.2.9")),
            ("sips:bob@example.org", Destination(("tls",), "example.org", None, True)),
            ("sips:bob@example.org;transport=tcp", Destination(("tls",), "example.org")),
            ("sips:bob@example.org:5070;transport=tls", Destination(("tls",), "example.org", 5070)),
            ("sips:bob@example.org;transport=udp", None),
            ("sips:bob@example.org;transport=ws", None),
            ("sip:bob@192.0.2.9;transport=tls", Destination(("tls",), "192.0.2.9")),
            ("sip:bob@192.0.2.9", Destination(("udp",), "192.0.2.9")),
        ],
    )
    def test_sips_is_tls(self, uri: str, expected: Destination | None) -> None:
        assert destination(Uri.parse(uri), TLS_TOO) == expected

    @pytest.mark.rule("X16")
    @pytest.mark.rfc("7118", "5.4")
    @pytest.mark.parametrize(
        "uri", ["sip:bob@192.0.2.9;transport=ws", "sips:x.invalid;transport=ws", "sip:x;transport=wss"]
    )
    def test_a_websocket_is_never_dialled(self, uri: str) -> None:
        assert destination(Uri.parse(uri), TLS_TOO) is None

    @pytest.mark.parametrize(
        ("uri", "port"),
        [("sips:a.example.org:5075", 5075), ("sips:192.0.2.1", 5061), ("sip:192.0.2.1;transport=tls", 5061)],
    )
    def test_ports_of_tls(self, uri: str, port: int) -> None:
        assert a_domain().hops(uri, TLS_TOO) == [f"tls:192.0.2.1:{port}"]


@pytest.mark.rule("P29")
class TestWhatIsAsked:
    """RFC 3263 §4.1 and §4.2: which questions, and which never."""

    @pytest.mark.rfc("3263", "4.1")
    @pytest.mark.parametrize(
        ("uri", "kinds"),
        [
            ("sip:bob@192.0.2.9", []),
            ("sip:bob@[2001:db8::9];transport=tcp", []),
            ("sip:bob@example.org:5060", ["ADDRESS example.org"]),
            ("sip:bob@example.org:5060;transport=tcp", ["ADDRESS example.org"]),
            ("sip:bob@example.org;transport=tcp", ["SRV _sip._tcp.example.org", "ADDRESS b.example.org"]),
            (
                "sip:bob@example.org",
                [
                    "NAPTR example.org",
                    "SRV _sip._udp.example.org",
                    "SRV _sip._tcp.example.org",
                    "ADDRESS a.example.org",
                    "ADDRESS b.example.org",
                ],
            ),
            ("sips:bob@example.org", []),  # we have no TLS
            ("sip:bob@127.1", []),
            ("sip:bob@0", []),
        ],
    )
    def test_questions(self, uri: str, kinds: list[str]) -> None:
        zone = a_domain()
        zone.hops(uri)
        assert zone.kinds() == kinds


@pytest.mark.rfc("3263", "4.1")
class TestNaptr:
    def test_the_best_protocol_that_we_speak(self) -> None:
        assert a_domain().naptr("example.org", *NAPTRS).hops("sip:example.org") == ["tcp:192.0.2.2:5072"]

    def test_sips_is_better_where_there_is_tls(self) -> None:
        zone = a_domain().naptr("example.org", *NAPTRS)
        assert zone.hops("sip:example.org", TLS_TOO) == ["tls:192.0.2.1:5073"]
        assert zone.hops("sips:example.org", TLS_TOO) == ["tls:192.0.2.1:5073"]

    @pytest.mark.rfc("7118", "9")
    def test_websocket_servers_are_for_those_who_dial_them(self) -> None:
        zone = a_domain().naptr(
            "example.org",
            Naptr(10, 10, "s", "SIPS+D2W", "", "_sips._ws.example.org"),
            Naptr(10, 20, "s", "SIP+D2W", "", "_sip._ws.example.org"),
            Naptr(20, 10, "s", "SIPS+D2T", "", "_sips._tcp.example.org"),
        )
        assert zone.hops("sip:example.org", TLS_TOO) == ["tls:192.0.2.1:5073"]
        assert not any("_ws" in kind for kind in zone.kinds())

    def test_without_any_sips_is_for_sips_and_for_who_says_tls(self) -> None:
        for uri, service in (
            ("sips:example.org", ["_sips._tcp"]),
            ("sip:example.org;transport=tls", ["_sips._tcp"]),
            ("sip:example.org", ["_sip._udp", "_sip._tcp"]),
        ):
            zone = a_domain()
            zone.hops(uri, TLS_TOO)
            asked = [kind.removeprefix("SRV ") for kind in zone.kinds() if kind.startswith("SRV")]
            assert asked == [f"{one}.example.org" for one in service]

    def test_the_certificate_is_for_the_name_in_the_uri(self) -> None:
        """RFC 5922 §4: whatever SRV made of it."""
        zone = a_domain()
        zone.naptr("example.org")
        for uri, name in (("sips:example.org", "example.org"), ("sip:example.org;transport=udp", "")):
            wanted = destination(Uri.parse(uri), TLS_TOO)
            assert wanted is not None
            hops, _ = next_hops(wanted, zone.known, float)
            assert {hop.name for hop in hops} == {name}

    def test_preference_within_an_order(self) -> None:
        zone = a_domain().naptr(
            "example.org",
            Naptr(10, 20, "s", "SIP+D2U", "", "_sip._udp.example.org"),
            Naptr(10, 10, "s", "sip+d2t", "", "_sip._tcp.example.org"),
        )
        assert zone.hops("sip:example.org") == ["tcp:192.0.2.2:5072"]

    def test_the_replacement_may_be_anywhere(self) -> None:
        zone = a_domain().naptr("example.org", Naptr(1, 1, "s", "SIP+D2U", "", "_sip._udp.hoster.example"))
        zone.srv("_sip._udp.hoster.example", Srv(0, 0, 5099, "a.example.org"))
        assert zone.hops("sip:example.org") == ["udp:192.0.2.1:5099"]

    @pytest.mark.parametrize(
        "record",
        [
            Naptr(1, 1, "u", "E2U+sip", "!^.*$!sip:x@y!", "."),
            Naptr(1, 1, "s", "SIP+D2S", "", "_sip._sctp.example.org"),
            Naptr(1, 1, "", "SIP+D2T", "", "more.example.org"),
            Naptr(1, 1, "s", "SIP+D2T", "!x!y!", "_sip._tcp.example.org"),
            Naptr(1, 1, "s", "SIP+D2T", "", "."),
            Naptr(1, 1, "s", "SIP+D2T", "", "192.0.2.1"),
        ],
    )
    def test_others_are_passed_over(self, record: Naptr) -> None:
        assert a_domain().naptr("example.org", record).hops("sip:example.org")[0] == "udp:192.0.2.1:5070"


@pytest.mark.rfc("3263", "4.2")
class TestServers:
    def test_in_their_order_at_their_ports(self) -> None:
        assert a_domain().hops("sip:example.org") == ["udp:192.0.2.1:5070", "udp:192.0.2.2:5071"]

    def test_without_udp_by_tcp(self) -> None:
        assert a_domain().srv("_sip._udp.example.org").hops("sip:example.org") == ["tcp:192.0.2.2:5072"]

    def test_a_service_that_is_refused(self) -> None:
        zone = a_domain().srv("_sip._udp.example.org", Srv(0, 0, 0, "."))
        assert zone.hops("sip:example.org;transport=udp") == []
        assert zone.hops("sip:example.org") == ["tcp:192.0.2.2:5072"]

    @pytest.mark.parametrize("uri", ["sip:example.org", "sip:example.org;transport=udp"])
    def test_without_records_the_host_itself(self, uri: str) -> None:
        assert Zone().address("example.org", "192.0.2.3").hops(uri) == ["udp:192.0.2.3:5060"]

    def test_nobody_knows_the_name(self) -> None:
        assert Zone().hops("sip:example.org") == []

    @pytest.mark.parametrize("target", ["192.0.2.66", "localhost", "127.1", ".", "x..example.org", "x\\.y.example.org"])
    def test_targets_that_are_no_names(self, target: str) -> None:
        zone = a_domain().srv("_sip._udp.example.org", Srv(0, 0, 5060, target), Srv(1, 0, 0, "a.example.org"))
        assert zone.hops("sip:example.org;transport=udp") == []

    def test_every_address_of_a_server_before_the_next_server(self) -> None:
        zone = a_domain().address("a.example.org", "2001:db8::1", "192.0.2.1", "a.name.example")
        hops = zone.hops("sip:example.org")
        assert hops == ["udp:[2001:db8::1]:5070", "udp:192.0.2.1:5070", "udp:192.0.2.2:5071"]

    @pytest.mark.parametrize(
        "address", ["224.0.1.75", "ff02::1", "0.0.0.0", "0.1.2.3", "::", "255.255.255.255", "a.example"]
    )
    def test_addresses_of_no_host_are_passed_over(self, address: str) -> None:
        zone = a_domain().address("a.example.org", address, "127.0.0.1")
        assert zone.hops("sip:a.example.org:5060") == ["udp:127.0.0.1:5060"]

    def test_huge_answers_are_cut(self) -> None:
        names = [f"{number}.example.org" for number in range(200)]
        zone = Zone().srv("_sip._udp.example.org", *(Srv(0, 1, 5060, name) for name in names))
        for name in names:
            zone.address(name, *(f"192.0.2.{number}" for number in range(1, 200)))
        assert len(zone.hops("sip:example.org;transport=udp")) <= MAX_TARGETS
        assert len(zone.asked) <= 1 + MAX_TARGETS


class TestNextHop:
    def test_numeric_in_the_families_that_are_reachable(self) -> None:
        wanted, nothing = Destination(("tcp",), "2001:db8::9", 5070), dict[Question, list[Record]]()
        answers: Answers = nothing
        assert next_hops(wanted, answers, float) == ([NextHop("tcp", "2001:db8::9", 5070)], [])
        assert next_hops(wanted, answers, float, lambda protocol, host: ":" not in host) == ([], [])

    def test_one_of_several_says_so(self) -> None:
        question = Question(Kind.ADDRESS, "example.org")
        wanted = Destination(("udp",), "example.org", 5060)
        one = next_hops(wanted, {question: ["192.0.2.1"]}, float)[0]
        two = next_hops(wanted, {question: ["192.0.2.1", "192.0.2.2"]}, float)[0]
        assert [hop.has_others for hop in one + two] == [False, True, True]

    def test_on_a_flow(self) -> None:
        flow = Flow("udp", ("192.0.2.1", 5060), ("192.0.2.9", 5062))
        assert NextHop.on(flow) == NextHop("udp", "192.0.2.9", 5062, flow)
        assert NextHop.on(flow).text == "udp:192.0.2.9:5062"
