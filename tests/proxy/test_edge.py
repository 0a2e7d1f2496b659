"""Phones that register elsewhere through this server: an edge proxy (RFC 5626)."""

from ipaddress import ip_network

import pytest

from proxy.trunks import Trunks
from tests.proxy.scene import ALICE, BOB, ELSEWHERE, MALLORY, SERVER, Scene
from tests.sip.imaginary import ListenAddress

pytestmark = [pytest.mark.rule("R32"), pytest.mark.rfc("5626", "5.1")]

HOME = ELSEWHERE  # the registrar of bob's domain
CONTACT = 'Contact: <sip:bob@10.0.0.9;ob>;+sip.instance="<urn:uuid:1>";reg-id=1'
WANTS = "Supported: path, outbound"


@pytest.fixture
def scene():
    phones = [ip_network(f"{host}/32") for host in (BOB[0], HOME[0])]
    return Scene(trunks=Trunks([], phones))


def register(scene, *fields, source=BOB, protocol="udp", **parts):
    """Bob's phone registers at its home by way of us; gives what arrived there."""
    uri = f"sip:{HOME[0]}:{HOME[1]}"
    whose = {"from_": "<sip:bob@elsewhere.example>;tag=1", "to": "<sip:bob@elsewhere.example>"}
    facts = {"uri": uri, "fields": [CONTACT, *fields], **whose, **parts}
    return scene.send(source, protocol=protocol, method="REGISTER", **facts).at(HOME)


def call(scene, path, **parts):
    """Somebody calls Bob by way of his home, which sends it along the Path."""
    facts = {"to": "<sip:bob@elsewhere.example>", "fields": [f"Route: {path}", "Contact: <sip:a@192.0.2.10>"], **parts}
    return scene.send(HOME, method="INVITE", uri="sip:bob@10.0.0.9;ob", **facts)


class TestPath:
    def test_it_works(self, scene):
        [path] = register(scene, WANTS).message.values("path")
        assert path.startswith("<sip:flow.") and path.endswith(f"@{SERVER[0]}:{SERVER[1]};lr;ob>")

    @pytest.mark.parametrize("fields", [["Supported: path"], ["Supported: outbound"], []])
    def test_only_where_the_phone_asks(self, scene, fields):
        assert not register(scene, *fields).message.has("path")

    def test_only_at_the_first_hop(self, scene):
        via = "Via: SIP/2.0/UDP 192.0.2.20:5060;branch=z9hG4bK2, SIP/2.0/UDP 10.0.0.9;branch=z9hG4bK1"
        assert not register(scene, WANTS, via=via).message.has("path")


@pytest.mark.rfc("5626", "5.3")
class TestIncoming:
    def test_on_the_connection(self, scene):
        [path] = register(scene, WANTS, protocol="tcp").message.values("path")
        copy = call(scene, path).forwarded()[0]
        assert copy.connection is scene.endpoint.flow(BOB, "tcp").channel
        assert copy.message.uri_text == "sip:bob@10.0.0.9;ob" and not copy.message.has("route")

    def test_on_the_way_of_the_datagrams(self, scene):
        source = ("192.0.2.20", 61000)
        [path] = register(scene, WANTS, source=source).message.values("path")
        assert call(scene, path).at(source).source == SERVER

    def test_a_flow_that_is_gone_is_430(self, scene):
        [path] = register(scene, WANTS, protocol="tcp").message.values("path")
        scene.endpoint.flow(BOB, "tcp").channel.close()
        attempt = call(scene, path)
        assert attempt.statuses == [100, 430] and attempt.forwarded() == []

    def test_a_forged_flow_is_403(self, scene):
        [path] = register(scene, WANTS).message.values("path")
        user = path[len("<sip:") : path.index("@")]
        for forged in (user[:-1] + ("a" if user[-1] != "a" else "b"), "flow.", "flow.1" + user[6:], "flow." + "é" * 30):
            attempt = call(scene, path.replace(user, forged))
            assert attempt.statuses[-1] in (400, 403) and attempt.forwarded() == []

    def test_it_opens_no_relay(self, scene):
        [path] = register(scene, WANTS).message.values("path")
        attempt = scene.send(MALLORY, method="INVITE", uri="sip:x@203.0.113.9", fields=[f"Route: {path}"])
        assert [sent.remote for sent in attempt.forwarded()] == [BOB]  # the phone of the flow, and nobody else

    @pytest.mark.rule("R27")
    @pytest.mark.rfc("3261", "26.2.2")
    def test_nor_for_sips_where_the_flow_is_insecure(self):
        listeners = (ListenAddress("udp", *SERVER), ListenAddress("tls", SERVER[0], 5061))
        scene = Scene(trunks=Trunks([], [ip_network(f"{BOB[0]}/32")]), listeners=listeners)
        [path] = register(scene, WANTS).message.values("path")
        attempt = scene.send(MALLORY, method="INVITE", uri="sips:x@203.0.113.9", fields=[f"Route: {path}"])
        assert attempt.statuses == [100, 430] and attempt.forwarded() == []

    def test_a_listener_that_is_gone(self, scene):
        edge = scene.handler.edge
        [path] = register(scene, WANTS).message.values("path")
        gone = edge._token(f"udp:{SERVER[0]}:5099-192.0.2.20:5060")
        assert call(scene, f"<sip:{gone}@{path.partition('@')[2]}").statuses == [100, 430]


class TestOutgoing:
    def test_the_phone_itself_goes_out(self, scene):
        [path] = register(scene, WANTS).message.values("path")
        attempt = scene.send(BOB, method="OPTIONS", uri="sip:x@203.0.113.9", fields=[f"Route: {path}"])
        assert [sent.remote for sent in attempt.forwarded()] == [("203.0.113.9", 5060)]

    def test_other_routes_are_none_of_it(self, scene):
        route = "Route: <sip:flow.x@192.0.2.77;lr>"
        attempt = scene.send(BOB, method="OPTIONS", uri="sip:x@203.0.113.9", fields=[route])
        assert [sent.remote for sent in attempt.forwarded()] == [("192.0.2.77", 5060)]
        assert scene.send(
            ALICE, method="OPTIONS", uri="sip:bob@example.org", fields=["Route: <sip:flow.x"]
        ).statuses == [400]


def test_connections_are_forgotten_when_they_end(scene):
    register(scene, WANTS, protocol="tcp")
    assert len(scene.handler.edge) == 1
    scene.endpoint.flow(BOB, "tcp").channel.close()
    assert len(scene.handler.edge) == 0
