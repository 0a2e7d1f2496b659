"""Calls between phones on different transports and networks (§16.6 steps 4 and 7, RFC 7118)."""

import pytest

from sip.transport.listeners import ListenAddress
from tests.proxy.scene import Scene
from tests.sip.imaginary import ALICE, BOB, SERVER

SERVER6 = ("2001:db8::1", 5060)
LISTENERS = [
    ListenAddress("udp", *SERVER),
    ListenAddress("tls", SERVER[0], 5061),
    ListenAddress("ws", SERVER[0], 8080),
    ListenAddress("wss", SERVER[0], 8443),
    ListenAddress("udp", *SERVER6),
]
# What our Record-Route calls us on each.
NAMES = {
    "udp": "<sip:192.0.2.1:5060;lr",
    "tcp": "<sip:192.0.2.1:5060;transport=tcp;lr",
    "tls": "<sip:192.0.2.1:5061;transport=tls;lr",
    "ws": "<sip:192.0.2.1:8080;transport=ws;lr",
    "wss": "<sip:192.0.2.1:8443;transport=ws;lr",
}
STREAMS = ["tcp", "tls", "ws", "wss"]
FAR_ALICE, FAR_BOB = ("192.0.2.10", 40001), ("192.0.2.20", 40002)


@pytest.fixture
def scene():
    return Scene(listeners=LISTENERS)


def contact_of(protocol, user, scheme="sip"):
    """As a phone of that kind writes it: nobody could dial it."""
    if protocol in ("ws", "wss"):
        return f"{scheme}:{user}@df7jal23ls0d.invalid;transport=ws"
    return f"{scheme}:{user}@10.0.0.5:5060" + ("" if protocol == "udp" else f";transport={protocol}")


def routes_of(message):
    return [value.partition(";proof")[0] for value in message.values("record-route")]


def call_bob(scene, of_alice, of_bob, scheme="sip"):
    """An INVITE from a phone of one kind to one of another, where the connections are as they registered."""
    scene.register("bob", contact_of(of_bob, "bob", scheme), flow=scene.endpoint.flow(FAR_BOB, of_bob))
    fields = [f"Contact: <{contact_of(of_alice, 'alice', scheme)}>"]
    return scene.call(f"{scheme}:bob@example.org", source=FAR_ALICE, protocol=of_alice, fields=fields)


@pytest.mark.rule("P11")
@pytest.mark.rule("X13")
@pytest.mark.rfc("5658", "3.2")
@pytest.mark.parametrize("of_bob", STREAMS)
@pytest.mark.parametrize("of_alice", STREAMS)
def test_a_call_and_its_dialog_go_by_the_connections(scene, of_alice, of_bob):
    call = call_bob(scene, of_alice, of_bob)
    copy = call.at(FAR_BOB)
    assert copy.protocol == of_bob and copy.message.via.transport == of_bob.upper()
    own = [NAMES[of_bob], NAMES[of_alice]] if of_bob != of_alice else [NAMES[of_bob]]
    assert routes_of(copy.message) == own
    scene.answer(copy, 200, fields=[f"Contact: <{contact_of(of_bob, 'bob')}>"])
    assert call.statuses == [100, 200]
    for method, cseq in (("ACK", 1), ("INFO", 2)):
        sent = call.in_dialog(method, cseq=cseq, protocol=of_alice).at(FAR_BOB)
        assert sent.protocol == of_bob and not sent.message.has("route")
    bye = {
        "method": "BYE",
        "uri": contact_of(of_alice, "alice"),
        "from_": call.final.first("to"),
        "to": call.final.first("from"),
        "fields": [f"Route: {value}" for value in call.final.values("record-route")],
    }
    sent = scene.send(FAR_BOB, protocol=of_bob, call_id=call.request.call_id, **bye).at(FAR_ALICE)
    assert sent.protocol == of_alice
    assert all(connection.is_accepted for connection in scene.endpoint.network.connections.values())


@pytest.mark.rule("X16")
@pytest.mark.rfc("7118", "5.4")
@pytest.mark.parametrize("protocol", ["ws", "wss"])
class TestBrowsersThatAreGone:
    """Nobody is dialled for them, and nobody else gets what is theirs."""

    def test_a_call(self, scene, protocol):
        flow = scene.endpoint.flow(FAR_BOB, protocol)
        scene.register("bob", contact_of(protocol, "bob"), flow=flow)
        flow.channel.close()
        call = scene.call("bob")
        scene.advance(40)
        assert call.forwarded() == [] and call.statuses[-1] >= 400

    def test_a_page_that_is_closed_while_it_rings(self, scene, protocol):
        """The branch has failed then, and a desk phone is not kept waiting for it (§16.9)."""
        scene.set_policy("bob", "proxy-sequential")
        scene.register("bob", "sip:bob@192.0.2.20:5060", q=0.5)
        call = call_bob(scene, "tls", protocol)
        scene.answer(call.at(FAR_BOB), 180)
        call.at(FAR_BOB).connection.close()
        assert call.forwarded("CANCEL") == []
        scene.answer(call.at(BOB), 200)
        assert call.statuses == [100, 180, 200]

    def test_a_numeric_contact(self, scene, protocol):
        scene.register("bob", f"sip:bob@192.0.2.20:5060;transport={protocol}")
        call = scene.call("bob")
        scene.advance(40)
        assert call.forwarded() == [] and call.statuses[-1] >= 400

    def test_an_answer(self, scene, protocol):
        scene.register("bob", "sip:bob@192.0.2.20:5060")
        call = scene.call("bob", source=FAR_ALICE, protocol=protocol)
        call.flow.channel.close()
        scene.answer(call.at(BOB), 486)
        assert scene.endpoint.count["response_undelivered"] >= 1
        assert [sent for sent in call.sent if sent.remote[0] == FAR_ALICE[0] and sent.status == 486] == []


@pytest.mark.rule("X13")
@pytest.mark.rfc("3261", "18.2.2")
@pytest.mark.parametrize("protocol", ["tcp", "tls"])
def test_an_answer_whose_connection_is_gone_takes_a_new_one(scene, protocol):
    scene.register("bob", "sip:bob@192.0.2.20:5060")
    call = scene.call("bob", source=FAR_ALICE, protocol=protocol)
    first = call.flow.channel
    first.close()
    scene.answer(call.at(BOB), 486)
    [sent] = [sent for sent in call.sent if sent.status == 486]
    assert sent.connection is not first and sent.protocol == protocol
    assert sent.remote == FAR_ALICE  # the source address, with the port of the Via


@pytest.mark.rule("P11")
@pytest.mark.rule("X15")
@pytest.mark.rfc("5658", "3.2")
def test_a_change_of_network_is_record_routed_on_both_sides(scene):
    bob = ("2001:db8::20", 5060)
    scene.register("bob", "sip:bob@[2001:db8::20]:5060")
    call = scene.call("bob")
    copy = call.at(bob)
    assert copy.message.via.host == "[2001:db8::1]"
    assert routes_of(copy.message) == ["<sip:[2001:db8::1]:5060;lr", NAMES["udp"]]
    scene.answer(copy, 200, fields=["Contact: <sip:bob@[2001:db8::20]:5060>"])
    assert call.in_dialog("BYE").at(bob)


@pytest.mark.rule("X15")
@pytest.mark.parametrize("protocol", ["udp", "tls", "wss"])
@pytest.mark.parametrize("host", ["[2001:db8::9]", "phone.example"])
def test_received_has_no_brackets(protocol, host):
    """RFC 5118 §4.5: they are understood both ways, and one form is sent."""
    source = ("2001:db8::20", 40002)
    scene = Scene(listeners=[ListenAddress(kind, *SERVER6) for kind in ("udp", "tls", "wss")])
    via = f"Via: SIP/2.0/{protocol.upper()} {host}:5060;branch=z9hG4bK1;rport;received=[2001:db8::66]"
    sent = scene.send(source, method="OPTIONS", uri="sip:example.org", protocol=protocol, via=via)
    assert sent.final.via.params["received"] == "2001:db8::20" and sent.final.via.params["rport"] == "40002"


@pytest.mark.threat(30)
@pytest.mark.rule("R27")
@pytest.mark.rfc("3261", "26.2.2")
class TestSips:
    """A sips call is never downgraded (§16.6 step 7, §16.7 step 4)."""

    def insecure(self, scene):
        return [sent for sent in scene.endpoint.sent if not sent.status and sent.protocol not in ("tls", "wss")]

    def test_by_tls_to_a_numeric_contact(self, scene):
        scene.register("bob", "sips:bob@192.0.2.20")
        copy = scene.call("sips:bob@example.org", source=FAR_ALICE, protocol="tls").at(("192.0.2.20", 5061))
        assert copy.protocol == "tls" and copy.message.uri_text == "sips:bob@192.0.2.20"
        assert routes_of(copy.message) == ["<sips:192.0.2.1:5061;lr"]

    def test_transport_tcp_means_tls(self, scene):
        scene.register("bob", "sips:bob@192.0.2.20:5070;transport=tcp")
        assert scene.call("sips:bob@example.org").at(("192.0.2.20", 5070)).protocol == "tls"

    @pytest.mark.parametrize("protocol", ["tls", "wss"])
    def test_on_the_secure_connection_of_the_phone(self, scene, protocol):
        call = call_bob(scene, "tls", protocol, "sips")
        copy = call.at(FAR_BOB)
        assert copy.protocol == protocol
        assert all(route.startswith("<sips:") for route in routes_of(copy.message))
        scene.answer(copy, 200, fields=[f"Contact: <{contact_of(protocol, 'bob', 'sips')}>"])
        sent = call.in_dialog("BYE", protocol="tls").at(FAR_BOB)
        assert sent.protocol == protocol
        assert self.insecure(scene) == []

    @pytest.mark.parametrize("protocol", ["tcp", "ws"])
    def test_not_on_an_insecure_one(self, scene, protocol):
        call = call_bob(scene, "tls", protocol, "sips")
        scene.advance(40)
        assert FAR_BOB not in [sent.remote for sent in call.forwarded()]
        assert self.insecure(scene) == []

    def test_a_phone_that_has_udp_only(self, scene):
        scene.register("bob", "sip:bob@192.0.2.20:5060")
        call = scene.call("sips:bob@example.org", source=FAR_ALICE, protocol="tls")
        assert call.statuses == [100, 480] and self.insecure(scene) == []

    def test_a_server_without_tls(self):
        scene = Scene()
        scene.register("bob", "sips:bob@192.0.2.20")
        call = scene.call("sips:bob@example.org")
        assert call.forwarded() == [] and call.statuses[-1] >= 480

    def test_in_the_dialog_an_insecure_connection_of_that_side_is_not_used(self, scene):
        """The same contact, remembered from a message that came in the clear."""
        scene.register("bob", "sips:bob@192.0.2.20")
        call = scene.call("sips:bob@example.org", source=FAR_ALICE, protocol="tls")
        scene.answer(call.at(("192.0.2.20", 5061)), 200, fields=["Contact: <sips:bob@192.0.2.20>"])
        again = {
            "method": "INVITE",
            "uri": "sips:alice@192.0.2.10",
            "from_": call.final.first("to"),
            "to": call.final.first("from"),
            "fields": ["Contact: <sips:bob@192.0.2.20>", f"Route: {call.final.first('record-route')}"],
        }
        scene.send(FAR_BOB, protocol="tcp", call_id=call.request.call_id, **again)
        for method, cseq in (("ACK", 1), ("BYE", 2)):
            assert call.in_dialog(method, cseq=cseq, protocol="tls").at(("192.0.2.20", 5061)).protocol == "tls"
        assert self.insecure(scene) == []

    def test_one_that_came_in_the_clear_goes_on_by_tls_and_comes_back_by_it(self, scene):
        scene.register("bob", "sips:bob@192.0.2.20")
        copy = scene.call("sips:bob@example.org", source=ALICE).at(("192.0.2.20", 5061))
        assert routes_of(copy.message) == ["<sips:192.0.2.1:5061;lr"]

    def test_a_sip_call_over_tls_stays_sip(self, scene):
        scene.register("bob", "sip:bob@192.0.2.20:5060")
        copy = scene.call("bob", source=FAR_ALICE, protocol="tls").at(BOB)
        assert routes_of(copy.message) == [NAMES["udp"], NAMES["tls"]]


@pytest.mark.rule("X11")
@pytest.mark.rfc("3261", "18.1.1")
class TestLargeRequests:
    """Only what would go by UDP is turned to TCP."""

    LARGE = ["X-Large: " + "x" * 1_400]

    def call(self, scene):
        return scene.call("bob", fields=["Contact: <sip:alice@192.0.2.10:5060>", *self.LARGE])

    @pytest.mark.parametrize("protocol", STREAMS)
    def test_on_a_connection_they_stay(self, scene, protocol):
        scene.register("bob", contact_of(protocol, "bob"), flow=scene.endpoint.flow(FAR_BOB, protocol))
        assert self.call(scene).at(FAR_BOB).protocol == protocol

    def test_to_tls_by_tls(self, scene):
        scene.register("bob", "sip:bob@192.0.2.20:5061;transport=tls")
        assert self.call(scene).at(("192.0.2.20", 5061)).protocol == "tls"

    def test_to_udp_by_tcp(self, scene):
        scene.register("bob", "sip:bob@192.0.2.20:5060")
        assert self.call(scene).at(BOB).protocol == "tcp"


@pytest.mark.threat(10)
@pytest.mark.rfc("3261", "18.2.1")
@pytest.mark.parametrize("protocol", ["udp", *STREAMS])
def test_answers_go_to_the_source_whatever_the_via_says(scene, protocol):
    source, victim = ("198.51.100.7", 40001), "203.0.113.9"
    port = "" if protocol == "udp" else f":{source[1]}"
    aimed = f";received={victim}", f";rport=53;received={victim}", f";maddr={victim};ttl=9", ";received=[::1];rport"
    for more in aimed:
        via = f"Via: SIP/2.0/{protocol.upper()} {victim}{port};branch=z9hG4bK{len(more)}{more}"
        exchange = scene.send(source, method="OPTIONS", uri="sip:example.org", protocol=protocol, via=via)
        assert exchange.statuses == [200]
        assert {sent.remote[0] for sent in exchange.sent} == {source[0]}
        assert exchange.final.via.params["received"] == source[0]
