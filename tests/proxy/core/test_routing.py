import pytest

from proxy.core.routing import RouteProof, preprocess
from sip.message.errors import BadMessage
from tests.proxy.core.messages import a_request

pytestmark = [pytest.mark.rule("P04"), pytest.mark.rfc("3261", "16.4")]

PROOF = RouteProof(b"secret")
OURS = "192.0.2.1"


def is_own(uri):
    return uri.host in (OURS, "example.org") and uri.port in (None, 5060)


def routed(request, received_on=("udp", 5060)):
    return preprocess(request, is_own, PROOF, received_on)


def own_route(request, tag="alice"):
    return PROOF.sign(f"<sip:{OURS}:5060;lr>", PROOF.make(request.call_id, tag))


def test_our_own_top_route_is_removed():
    result = routed(a_request("BYE", "sip:bob@192.0.2.20", f"Route: <sip:{OURS}:5060;lr>, <sip:192.0.2.7;lr>"))
    assert (result.routes, result.is_changed, result.is_proven) == (["<sip:192.0.2.7;lr>"], True, False)


def test_a_route_to_elsewhere_stays():
    result = routed(a_request("BYE", "sip:bob@192.0.2.20", "Route: <sip:192.0.2.7;lr>"))
    assert (result.routes, result.is_changed) == (["<sip:192.0.2.7;lr>"], False)


def test_both_entries_of_a_double_record_route_are_removed():
    routes = f"Route: <sip:{OURS}:5060;transport=tcp;lr>, <sip:{OURS}:5060;lr>"
    assert routed(a_request("BYE", "sip:bob@192.0.2.20", routes)).routes == []


def test_a_strict_router_has_put_our_route_into_the_request_uri():
    request = a_request("BYE", f"sip:{OURS}:5060;lr", "Route: <sip:192.0.2.7;lr>, <sip:bob@192.0.2.20>")
    result = routed(request)
    assert (result.uri.text, result.routes) == ("sip:bob@192.0.2.20", ["<sip:192.0.2.7;lr>"])


@pytest.mark.rule("P27")
class TestProof:
    """A signed parameter shows that the dialog went through here."""

    def test_it_holds_for_both_sides_of_the_dialog(self):
        request = a_request("BYE", "sip:bob@192.0.2.20", to="<sip:bob@example.org>;tag=bob")
        for tag in ("alice", "bob"):
            again = request.copy()
            again.append("Route", own_route(request, tag))
            assert routed(again).is_proven

    def test_it_holds_in_another_spelling(self):
        request = a_request("BYE", "sip:bob@192.0.2.20")
        proof = PROOF.make(request.call_id, "alice")
        request.append("Route", f'"P" <sip:{OURS}:5060;proof={proof.upper()};lr>')
        assert routed(request).is_proven

    def test_it_does_not_hold_for_another_call(self):
        request = a_request("BYE", "sip:bob@192.0.2.20", call_id="another")
        request.append("Route", own_route(a_request()))
        result = routed(request)
        assert (result.is_proven, result.routes) == (False, [])

    @pytest.mark.parametrize("proof", ["", "00" * 9, "é", "x" * 18, "0" * 19])
    def test_a_guess_does_not_hold(self, proof):
        request = a_request("BYE", "sip:bob@192.0.2.20")
        request.append("Route", f"<sip:{OURS}:5060;lr;proof={proof or 'a'}>")
        assert not routed(request).is_proven

    def test_another_secret_makes_another_proof(self):
        assert RouteProof(b"other").make("c", "t") != PROOF.make("c", "t")

    def test_in_the_request_uri_of_a_strict_router_it_counts_too(self):
        request = a_request("BYE", "sip:x@192.0.2.20", "Route: <sip:bob@192.0.2.20>")
        request.uri_text = own_route(request).strip("<>")
        assert routed(request).is_proven


class TestMaddr:
    """16.4: maddr of ours."""

    def test_ours_is_stripped_with_transport_and_port(self):
        request = a_request("INVITE", f"sip:bob@example.com:5070;maddr={OURS};transport=tcp")
        assert routed(request, ("tcp", 5070)).uri.text == "sip:bob@example.com"

    def test_ours_by_default_port_and_transport(self):
        request = a_request("INVITE", f"sip:bob@example.com;maddr={OURS};user=phone")
        assert routed(request).uri.text == "sip:bob@example.com;user=phone"

    def test_ours_on_another_port_is_for_another_listener(self):
        uri = f"sip:bob@example.com:5099;maddr={OURS}"
        assert routed(a_request("INVITE", uri)).uri.text == uri

    def test_ours_at_a_host_without_user(self):
        request = a_request("INVITE", f"sip:example.com:5070;maddr={OURS}")
        assert routed(request, ("udp", 5070)).uri.text == "sip:example.com"

    def test_one_that_is_none_stays(self):
        uri = "sip:bob@example.com;maddr=[::1"
        assert routed(a_request("INVITE", uri)).uri.text == uri

    def test_that_of_another_stays(self):
        uri = "sip:bob@example.com;maddr=192.0.2.99"
        assert routed(a_request("INVITE", uri)).uri.text == uri


def test_a_malformed_route_is_400():
    with pytest.raises(BadMessage):
        routed(a_request("BYE", "sip:bob@192.0.2.20", "Route: <sip:192.0.2.7;lr"))


def test_too_many_routes_are_400():
    with pytest.raises(BadMessage):
        routed(a_request("BYE", "sip:bob@192.0.2.20", "Route: " + ", ".join(["<sip:192.0.2.7;lr>"] * 21)))
