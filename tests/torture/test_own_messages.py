"""The rules that RFC 4475 and RFC 5118 probe, by messages of our own: the same table says what is owed."""

from __future__ import annotations

import logging

import pytest

from tests.torture.own_messages import BOB, OWN, options
from tests.torture.rfc_messages import RFC4475, RFC5118
from tests.torture.server import FORWARDED, SENDER, SENDER_IPV6, Server

TABLE = {owed.name: owed for owed in [*RFC4475, *RFC5118]}
IPV6 = {owed.name for owed in RFC5118}

every_message = pytest.mark.parametrize("name", list(OWN))
both_roles = pytest.mark.parametrize("is_home", [False, True], ids=["foreign", "home"])


def check(server: Server, data: bytes, got: object, wanted: object, why: str, caplog: pytest.LogCaptureFixture) -> None:
    assert got == wanted, f"{why}\n{server.endpoint.sent}"
    for sent in server.forwarded if wanted == FORWARDED else ():
        assert sent.data.partition(b"\r\n\r\n")[2] in data  # §16.6 step 1
    assert server.endpoint.count["core_failed"] == 0
    assert server.let_end() == 0
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@every_message
@both_roles
@pytest.mark.rfc("3261", "16.3")
@pytest.mark.rfc("4475", "3")
@pytest.mark.rfc("5118", "4")
class TestOwnMessages:
    """§7, §16.3, §18.3, §25 and the sections that the table names."""

    def test_datagram(self, name, is_home, caplog):
        owed = TABLE[name]
        server = Server(is_home=is_home)
        got = server.datagram(OWN[name], SENDER_IPV6 if name in IPV6 else SENDER)
        check(server, OWN[name], got, owed.home if is_home else owed.foreign, owed.why, caplog)

    @pytest.mark.rfc("3261", "7.5")
    @pytest.mark.rfc("3261", "18.3")
    def test_stream(self, name, is_home, caplog):
        owed = TABLE[name]
        server = Server(is_home=is_home)
        got = server.stream(OWN[name], SENDER_IPV6 if name in IPV6 else SENDER)
        wanted = owed.tcp if owed.tcp is not None else owed.home if is_home else owed.foreign
        check(server, OWN[name], got, wanted, owed.why, caplog)

    @pytest.mark.rfc("7118", "5")
    def test_frame(self, name, is_home, caplog):
        owed = TABLE[name]
        server = Server(is_home=is_home)
        got = server.frame(OWN[name], SENDER_IPV6 if name in IPV6 else SENDER)
        check(server, OWN[name], got, owed.home if is_home else owed.foreign, owed.why, caplog)


@pytest.mark.rfc("3261", "7.4")
@pytest.mark.parametrize("way", [Server.datagram, Server.stream, Server.frame])
def test_a_body_of_any_bytes_passes_untouched(way):
    server, data = Server(is_home=False), OWN["mpart01"].replace(b"127.0.0.1:5080", b"203.0.113.5")
    assert way(server, data) == FORWARDED
    assert server.forwarded[0].data.partition(b"\r\n\r\n")[2] == data.partition(b"\r\n\r\n")[2]


def test_every_rule_has_a_message():
    assert set(OWN) == set(TABLE)


@pytest.mark.rfc("3261", "22.1")
def test_credentials_of_an_unknown_scheme_are_none():
    """§22.1: who gives none that count is asked for some."""
    assert Server(is_home=True, passwords=True).datagram(OWN["regaut01"]) == 401


@pytest.mark.rfc("3261", "16.6")
def test_a_route_in_the_request_uri_leads_nowhere():
    """§16.6 step 2, §19.1.1 Table 1: a Request-URI has no header fields."""
    server = Server(is_home=False)
    server.datagram(OWN["escruri"])
    head = server.forwarded[0].data.partition(b"\r\n\r\n")[0]
    assert head.startswith(b"INVITE sip:bob@example.org SIP/2.0\r\n")
    assert b"203.0.113.9" not in head


@pytest.mark.rfc("3261", "20.22")
def test_leading_zeros_of_max_forwards():
    """§20.22, §25.1: Max-Forwards is any number of digits, up to 255."""
    assert Server(is_home=False).datagram(options(BOB, "Max-Forwards: 0070")) == FORWARDED


def contacts(name: str) -> list[str]:
    """Contacts of the 200 to a REGISTER, without that of Bob's phone and without what remains of their time."""
    server = Server(is_home=True)
    assert server.datagram(OWN[name]) == 200
    return [line.rpartition(";expires=")[0] for line in server.endpoint.sent[0].message.lines("contact")[1:]]


@pytest.mark.rfc("3261", "19.1.4")
def test_escaped_nul_is_a_character():
    """§19.1.4: neither the end of a text nor nothing."""
    assert contacts("escnull") == ["<sip:%00@192.0.2.21>", "<sip:%00%00@192.0.2.21>"]


@pytest.mark.rfc("3261", "20.10")
@pytest.mark.rule("R24")
def test_brackets_tell_whose_a_parameter_is():
    """§20.10: without <> it is the header field's."""
    assert contacts("cparam01") == ["<sip:bob@192.0.2.21>;colour"]
    assert contacts("cparam02") == ["<sip:bob@192.0.2.21;colour>"]


@pytest.mark.rfc("3261", "18.3")
@pytest.mark.rule("X03")
def test_a_second_message_is_read_on_a_stream_only():
    """§18.3: a datagram has one message, a stream as many as their lengths tell."""
    datagram, stream = Server(is_home=False), Server(is_home=False)
    datagram.datagram(OWN["dblreq"])
    stream.stream(OWN["dblreq"])
    assert [one.message.method for one in datagram.forwarded] == ["REGISTER"]
    assert [one.message.method for one in stream.forwarded] == ["REGISTER", "INVITE"]


@pytest.mark.rfc("3261", "16.3")
@pytest.mark.rule("P03")
def test_only_proxy_require_is_listed():
    """§16.3 step 5: Require is the recipient's business."""
    server = Server(is_home=False)
    server.datagram(OWN["bext01"])
    assert server.endpoint.sent[0].message.values("unsupported") == ["another", "third"]
