"""Who may call whom, and how he is asked (22.3, threats of open relay and of borrowed names)."""

from ipaddress import ip_network

import pytest

from proxy.core.routing import RouteProof
from proxy.trunks import Trunks
from sip.transport.listeners import ListenAddress
from tests.proxy.scene import ALICE, BOB, ELSEWHERE, MALLORY, Scene
from tests.sip.imaginary import SERVER

pytestmark = pytest.mark.rfc("3261", "22.3")

DESK = "sip:bob@192.0.2.20:5060"
STRANGER = "<sip:mallory@elsewhere.example>;tag=m"


@pytest.fixture
def scene():
    scene = Scene(auth_call=True)
    scene.register("bob", DESK)
    return scene


@pytest.mark.rule("R05")
class TestChallenge:
    """22.1: a proxy asks by 407, a redirect server by 401."""

    @pytest.mark.rfc("3261", "20.27")
    def test_to_be_proxied_it_is_407(self, scene):
        call = scene.call("bob")
        assert call.statuses == [100, 407]
        assert 'realm="example.org"' in call.final.first("proxy-authenticate")
        assert not call.final.has("www-authenticate")
        again = call.with_password()
        assert again.at(BOB)

    def test_to_be_redirected_it_is_401(self, scene):
        scene.set_policy("bob", "redirect")
        call = scene.call("bob")
        assert call.statuses == [100, 401]
        assert not call.final.has("proxy-authenticate")
        assert call.with_password().statuses == [100, 302]

    def test_the_credentials_must_stand_where_the_role_reads_them(self, scene):
        call = scene.call("bob").with_password()
        scene.set_policy("bob", "redirect")
        authorization = call.request.first("proxy-authorization")
        again = scene.call("bob", fields=[f"Proxy-Authorization: {authorization}"])
        assert again.statuses == [100, 401]

    def test_every_challenge_offers_sha_256(self, scene):
        assert any("SHA-256" in value for value in scene.call("bob").final.lines("proxy-authenticate"))

    @pytest.mark.parametrize("method", ["MESSAGE", "SUBSCRIBE", "OPTIONS"])
    def test_other_methods_are_asked_too(self, scene, method):
        assert scene.send(method=method, uri="sip:bob@example.org").statuses == [407]

    def test_strangers_call_our_users_unasked(self, scene):
        assert scene.call("bob", from_=STRANGER).at(BOB)

    def test_unless_the_domain_takes_no_calls_from_strangers(self, scene):
        scene.org.strangers_may_call = False
        known, unknown = (scene.call(name, source=MALLORY, from_=STRANGER) for name in ("bob", "nobody"))
        assert known.statuses == unknown.statuses == [100, 403]
        assert scene.record.explanation == "example.org takes no calls from strangers: 403"
        assert scene.call("bob").with_password().at(BOB)

    def test_trunks_are_no_strangers(self):
        scene = Scene(trunks=Trunks([], [ip_network("198.51.100.0/24")]))
        scene.register("bob", DESK)
        scene.org.strangers_may_call = False
        assert scene.call("bob", source=MALLORY, from_=STRANGER).at(BOB)
        assert scene.call("bob", source=ALICE, from_=STRANGER).statuses == [100, 403]

    def test_a_domain_may_do_without(self, scene):
        scene.org.auth_call = False
        assert scene.call("bob").at(BOB)

    @pytest.mark.rule("X09")
    def test_ack_and_cancel_are_never_asked(self, scene):
        call = scene.call("bob").with_password()
        scene.answer(call.at(BOB), 180)
        assert call.cancel().statuses == [200]


@pytest.mark.threat(5)
class TestNoEnumeration:
    """An unknown caller or callee looks like a known one to who has no password."""

    def test_an_unknown_caller_is_asked_like_a_known_one(self, scene):
        known, unknown = scene.call("bob"), scene.call("bob", from_="<sip:nobody@example.org>;tag=n")
        assert known.statuses == unknown.statuses == [100, 407]
        assert [name for name, _ in known.final.fields] == [name for name, _ in unknown.final.fields]
        assert unknown.with_password("nobody").statuses == [100, 407]

    def test_an_unknown_callee_is_found_out_only_with_a_password(self, scene):
        call = scene.call("nobody")
        assert call.statuses == [100, 407]
        assert call.with_password().statuses == [100, 404]


class TestWrong:
    def test_a_wrong_password_is_asked_again_and_written_down(self, scene):
        call = scene.call("bob")
        assert scene.log.records == []
        assert call.with_password(password="guess").statuses == [100, 407]
        assert scene.record.explanation == "alice gave a wrong password: 407"

    def test_somebody_hears_of_it(self):
        heard = []
        scene = Scene(
            auth_call=True,
            wrong_password=lambda domain, username, flow, request: heard.append(
                (domain, username, flow.remote[0], request.method)
            ),
        )
        call = scene.call("bob")
        assert heard == []
        call.with_password(password="guess")
        assert heard == [("example.org", "alice", ALICE[0], "INVITE")]

    def test_a_switched_off_user_cannot_call(self, scene):
        scene.user("alice").enabled = False
        assert scene.call("bob").with_password().statuses == [100, 407]

    def test_malformed_credentials_are_400(self, scene):
        call = scene.call("bob", fields=['Proxy-Authorization: Digest realm="example.org", nonce'])
        assert call.statuses == [100, 400]

    @pytest.mark.threat(15)
    def test_from_must_be_the_authenticated_user(self, scene):
        call = scene.call("bob").with_password("carol")
        assert call.statuses == [100, 403]
        assert scene.record.explanation == "carol may not call as sip:alice@example.org: 403"


@pytest.mark.rule("P23")
@pytest.mark.threat(16)
class TestCredentialsEndHere:
    """22.3."""

    def test_the_callee_sees_none_of_ours_and_all_of_others(self, scene):
        other = 'Digest username="alice", realm="other.example", nonce="1", uri="sip:x", response="2"'
        call = scene.call("bob").with_password(fields=[f"Proxy-Authorization: {other}"])
        assert call.at(BOB).message.lines("proxy-authorization") == [other]

    def test_nor_within_the_dialog(self, scene):
        call = scene.call("bob").with_password()
        scene.answer(call.at(BOB), 200, fields=[f"Contact: <{DESK}>"])
        ours = call.request.first("proxy-authorization")
        routes = [f"Route: {value}" for value in call.final.values("record-route")]
        for method, cseq in (("ACK", 2), ("BYE", 3)):
            sent = call.in_dialog(method, cseq=cseq, fields=[*routes, f"Proxy-Authorization: {ours}"])
            assert not sent.at(BOB).message.has("proxy-authorization")


@pytest.mark.threat(14)
class TestNoOpenRelay:
    """To other domains only for our own users."""

    OTHER = "sip:someone@203.0.113.5"

    def test_our_user_proves_who_he_is(self, scene):
        call = scene.call(self.OTHER)
        assert call.statuses == [100, 407]
        assert call.with_password().at(ELSEWHERE)

    def test_even_where_the_domain_asks_nobody(self, scene):
        scene.org.auth_call = False
        assert scene.call(self.OTHER).statuses == [100, 407]

    def test_a_stranger_is_refused(self, scene):
        call = scene.call(self.OTHER, source=MALLORY, from_=STRANGER)
        assert call.statuses == [100, 403]
        assert scene.record.explanation == (
            "203.0.113.5 is not a domain of this server, and the caller is no user of it: 403"
        )

    def test_a_preloaded_route_to_elsewhere_is_refused(self, scene):
        route = "Route: <sip:203.0.113.5;lr>"
        assert scene.call("bob", from_=STRANGER, source=MALLORY, fields=[route]).statuses == [100, 403]
        sent = scene.call("bob", fields=[route]).with_password()
        assert sent.at(ELSEWHERE).message.values("route") == ["<sip:203.0.113.5;lr>"]

    def test_a_preloaded_route_to_us_is_taken_off(self, scene):
        call = scene.call("bob", from_=STRANGER, fields=["Route: <sip:example.org;lr>"])
        assert not call.at(BOB).message.has("route")

    def test_networks_that_may_relay_are_not_asked(self):
        scene = Scene(trunks=Trunks([ip_network("198.51.100.0/24")]))
        assert scene.call(self.OTHER, source=MALLORY, protocol="tcp", from_=STRANGER).at(ELSEWHERE)
        assert scene.call(self.OTHER, source=ALICE, from_=STRANGER).statuses == [100, 403]

    @pytest.mark.threat(31)
    def test_but_not_by_datagrams_which_anybody_can_send_in_their_name(self):
        """Threat 31."""
        scene = Scene(trunks=Trunks([ip_network("198.51.100.0/24")]))
        assert scene.call(self.OTHER, source=MALLORY, from_=STRANGER).statuses == [100, 403]
        scene = Scene(trunks=Trunks([], [ip_network("198.51.100.0/24")]))
        assert scene.call(self.OTHER, source=MALLORY, from_=STRANGER).at(ELSEWHERE)

    @pytest.mark.parametrize("host", ["127.0.0.1:11211", "localhost", "224.0.1.75"])
    def test_nobody_reaches_the_services_of_this_machine_through_us(self, scene, host):
        """Threat 14: they trust whoever is on it."""
        assert scene.call(f"sip:x@{host}").with_password().statuses == [100, 403]
        route = f"Route: <sip:{host};lr>"
        assert scene.call("bob", fields=[route]).with_password().statuses == [100, 403]

    @pytest.mark.threat(31)
    def test_trunks_that_proved_their_name_are_not_asked(self):
        """By certificate, not by address: the one without is any stranger at the same address."""
        scene = Scene(
            trunks=Trunks(names=["trunk.example"]),
            listeners=[ListenAddress("tls", *SERVER), ListenAddress("udp", *SERVER)],
        )
        flow = scene.endpoint.flow(MALLORY, "tls")
        assert scene.call(self.OTHER, source=MALLORY, protocol="tls", from_=STRANGER).statuses == [100, 403]
        flow.certified = frozenset({"other.example"})
        assert scene.call(self.OTHER, source=MALLORY, protocol="tls", from_=STRANGER).statuses == [100, 403]
        flow.certified = frozenset({"trunk.example"})
        assert scene.call(self.OTHER, source=MALLORY, protocol="tls", from_=STRANGER).at(ELSEWHERE)

    @pytest.mark.rule("P02")
    def test_an_unknown_scheme_is_416(self, scene):
        assert scene.call("tel:+1555").statuses == [100, 416]


@pytest.mark.rule("R02")
@pytest.mark.rfc("3261", "10.3")
class TestForeignRegister:
    """10.3 step 1."""

    def register(self, scene, source):
        return scene.send(source, method="REGISTER", uri="sip:203.0.113.5", to="<sip:x@203.0.113.5>", from_=STRANGER)

    def test_from_a_network_that_may_relay_it_is_proxied(self):
        scene = Scene(trunks=Trunks([], [ip_network("192.0.2.0/24")]))
        sent = self.register(scene, ALICE)
        assert not sent.at(ELSEWHERE).message.has("record-route")
        scene.answer(sent.at(ELSEWHERE), 200)
        assert sent.statuses == [200]

    def test_for_no_domain_of_ours_it_is_404_and_never_reaches_a_phone(self):
        scene = Scene()
        scene.register("bob", DESK)
        for uri in ("sip:192.0.2.1:5060", "sip:bob@192.0.2.1:5060"):
            sent = scene.send(method="REGISTER", uri=uri)
            assert (sent.statuses, sent.forwarded()) == ([404], [])

    def test_from_a_stranger_it_is_403(self):
        scene = Scene()
        assert self.register(scene, MALLORY).statuses == [403]


@pytest.mark.rule("P27")
class TestInDialog:
    """Only along our own Record-Route, which is signed."""

    def answered(self, scene):
        call = scene.call("bob", from_=STRANGER)
        scene.answer(call.at(BOB), 200, fields=[f"Contact: <{DESK}>"])
        return call

    @pytest.mark.rule("P11")
    def test_invite_is_record_routed_with_lr(self, scene):
        value = self.answered(scene).at(BOB).message.first("record-route")
        assert value.startswith("<sip:192.0.2.1:5060;lr;proof=")

    def test_by_its_route_it_is_never_asked_nor_looked_up(self, scene):
        call = self.answered(scene)
        bye = call.in_dialog("BYE")
        assert bye.at(BOB).message.uri_text == DESK

    def test_from_the_callee_too(self, scene):
        call = self.answered(scene)
        route = call.final.first("record-route")
        bye = scene.send(
            BOB,
            method="BYE",
            uri="sip:alice@192.0.2.10:5060",
            from_=call.final.first("to"),
            to=call.final.first("from"),
            call_id=call.request.call_id,
            fields=[f"Route: {route}"],
        )
        assert bye.at(ALICE)

    def test_without_our_route_it_is_refused(self, scene):
        call = self.answered(scene)
        assert call.in_dialog("BYE", fields=[], source=MALLORY).statuses == [403]

    def test_with_a_route_of_another_call_it_is_refused(self, scene):
        call = self.answered(scene)
        assert call.in_dialog("BYE", call_id="another").statuses == [403]

    def test_with_a_forged_route_it_is_refused(self, scene):
        call = self.answered(scene)
        forged = RouteProof(b"guess").sign("<sip:192.0.2.1:5060;lr>", RouteProof(b"guess").make("x", "m"))
        assert call.in_dialog("BYE", fields=[f"Route: {forged}"], source=MALLORY).statuses == [403]
        assert call.in_dialog("ACK", fields=[f"Route: {forged}"], source=MALLORY).forwarded() == []

    def test_to_an_address_of_ours_it_finds_no_dialog(self, scene):
        call = self.answered(scene)
        assert call.in_dialog("BYE", uri="sip:bob@example.org").statuses == [481]
        again = call.in_dialog("INVITE", uri="sip:bob@example.org", fields=[], source=MALLORY)
        assert again.statuses == [100, 481]

    def test_no_hop_left_is_483(self, scene):
        call = self.answered(scene)
        bye = call.in_dialog("BYE")
        data = bye.data.replace(b"Max-Forwards: 70", b"Max-Forwards: 0").replace(b"z9hG4bK", b"z9hG4bKzero")
        scene.endpoint.deliver(data, ALICE)
        assert scene.endpoint.sent[-1].status == 483


@pytest.mark.rule("P30")
@pytest.mark.rfc("3261", "11")
class TestServerItself:
    def test_options_without_user_is_answered(self, scene):
        for uri in ("sip:example.org", "sip:192.0.2.1:5060"):
            sent = scene.send(method="OPTIONS", uri=uri)
            assert sent.statuses == [200]
            assert {"allow", "accept", "supported"} <= {name for name, _ in sent.final.fields}

    @pytest.mark.rule("P31")
    def test_other_methods_are_405_or_501(self, scene):
        assert scene.send(method="MESSAGE", uri="sip:example.org").statuses == [405]
        assert scene.send(method="DANCE", uri="sip:example.org").statuses == [501]
        assert scene.call("sip:example.org").statuses == [100, 405]

    def test_on_the_multicast_group_nothing_is_answered(self, scene):
        data = scene.send(method="OPTIONS", uri="sip:example.org").data.replace(b"z9hG4bK", b"z9hG4bKmulti")
        before = len(scene.endpoint.sent)
        scene.endpoint.deliver(data, ALICE, is_multicast=True)
        assert len(scene.endpoint.sent) == before
        scene.advance(64)
        assert scene.endpoint.transactions == 0


@pytest.mark.rule("P03")
def test_proxy_require_is_420_with_unsupported(scene):
    call = scene.call("bob", from_=STRANGER, fields=["Proxy-Require: foo", "Require: bar"])
    assert call.statuses == [100, 420]
    assert call.final.first("unsupported") == "foo"


@pytest.mark.rfc("3261", "17.2.1")
@pytest.mark.threat(9)
class TestWhatOneInviteDraws:
    """Who has not shown that he is where his request says gets few answers."""

    @staticmethod
    def final(call):
        return [sent for sent in call.sent if sent.status >= 300]

    def test_a_challenge_is_repeated_three_times(self):
        scene = Scene(auth_call=True)
        scene.register("bob", "sip:bob@192.0.2.20:5060")
        call = scene.call("bob")
        scene.advance(40)
        assert [sent.status for sent in call.sent] == [100, 407, 407, 407, 407]
        assert scene.endpoint.transactions == 0

    def test_a_refusal_to_relay_too(self):
        scene = Scene()
        call = scene.call("sip:x@203.0.113.5", from_="<sip:m@elsewhere.example>;tag=1")
        scene.advance(40)
        assert [sent.status for sent in self.final(call)] == [403] * 4

    def test_the_ack_ends_it_as_ever(self):
        scene = Scene(auth_call=True)
        call = scene.call("bob")
        call.ack()
        scene.advance(40)
        assert len(self.final(call)) == 1

    def test_who_proved_himself_gets_all_of_them(self):
        scene = Scene(auth_call=True)
        call = scene.call("nobody").with_password()
        scene.advance(40)
        assert [sent.status for sent in self.final(call)].count(404) == 11
