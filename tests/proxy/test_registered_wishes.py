"""What a phone says with its contact, from its REGISTER to the next call (RFC 2543 6.13)."""

import pytest

from tests.sip.imaginary import ALICE, BOB, request_text
from tests.torture.server import Server

pytestmark = pytest.mark.rfc("3261", "10.3")


@pytest.fixture
def server():
    server = Server(is_home=True)
    domain = server.directory.domain("example.net")
    domain.contact_action = True
    [binding] = server.location.lookup("sip:other@example.net", server.endpoint.now())
    server.registrar.remove(binding.id, lambda error: None)
    return server


def register(server, action):
    return server.datagram(
        request_text(
            "REGISTER",
            "sip:example.net",
            source=BOB,
            from_="<sip:other@example.net>;tag=1",
            to="<sip:other@example.net>",
            fields=[f"Contact: <sip:other@192.0.2.20:5060>;action={action}"],
        ),
        BOB,
    )


def call(server):
    """What left the server because of a call: a status, or the method of what went on."""
    before = len(server.endpoint.sent)
    data = request_text("INVITE", "sip:other@example.net", to="<sip:other@example.net>", branch="z9hG4bKcall")
    server.endpoint.deliver(data, ALICE)
    return [sent.status or sent.method for sent in server.endpoint.sent[before:]]


def test_redirect_is_heard_and_repeated(server):
    assert register(server, "redirect") == 200
    [sent] = [sent for sent in server.endpoint.sent if sent.status == 200]
    assert ";action=redirect" in sent.message.first("contact")
    assert call(server) == [100, 302]


def test_proxy_is_what_the_policy_says_anyway(server):
    assert register(server, "proxy") == 200
    assert call(server) == [100, "INVITE"]


def test_where_the_domain_does_not_listen(server):
    server.directory.domain("example.net").contact_action = False
    assert register(server, "redirect") == 200
    assert call(server) == [100, "INVITE"]
