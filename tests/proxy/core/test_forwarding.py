import pytest

from proxy.core.facts import Target
from proxy.core.forwarding import (
    add_record_route,
    consume_credentials,
    copy_for,
    is_secured,
    next_uri_for,
    set_breadth,
)
from proxy.core.routing import Routed
from sip.message.uri import Uri
from tests.proxy.core.messages import a_request

pytestmark = pytest.mark.rfc("3261", "16.6")


def a_target(text="sip:bob@192.0.2.20:5062", **facts):
    return Target(Uri.parse(text), **facts)


def a_copy(request, target=None, routes=(), is_changed=False, **options):
    routed = Routed(request.uri, list(routes))
    routed.is_changed = is_changed
    return copy_for(request, routed, target or a_target(), **options)


@pytest.mark.rule("P09")
def test_order_and_body_stay_and_the_request_is_untouched():
    request = a_request(
        "INVITE", "sip:bob@example.org", "X-Odd:  kept ", "Date: not a date", "s: short", body="v=0\r\n"
    )
    before = request.to_bytes()
    copy = a_copy(request)
    assert request.to_bytes() == before
    assert copy.names == request.names
    assert copy.body == b"v=0\r\n"
    changed = [new for old, new in zip(request.raw, copy.raw, strict=True) if old != new]
    assert changed == ["Max-Forwards: 69"]


@pytest.mark.rule("P08")
@pytest.mark.rfc("3261", "19.1.1")
@pytest.mark.rfc("3261", "19.1.5")
def test_the_request_uri_is_the_target_without_method_and_headers():
    copy = a_copy(a_request(), a_target("sip:bob@192.0.2.20:5062;method=INVITE;line=7?Subject=x"))
    assert copy.uri_text == "sip:bob@192.0.2.20:5062;line=7"


@pytest.mark.rule("P01")
def test_max_forwards_goes_down_by_one_or_starts_at_70():
    request = a_request()
    assert a_copy(request).first("max-forwards") == "69"
    request.remove("Max-Forwards")
    assert a_copy(request).first("max-forwards") == "70"


@pytest.mark.rule("P05")
class TestRoutes:
    """16.6 step 6."""

    def test_a_loose_route_is_the_next_hop(self):
        routed = Routed(Uri.parse("sip:bob@192.0.2.20"), ["<sip:192.0.2.7;lr>"])
        target = a_target()
        assert next_uri_for(routed, target).text == "sip:192.0.2.7;lr"
        assert copy_for(a_request(), routed, target).uri_text == target.uri.text

    def test_a_strict_one_changes_places_with_the_request_uri(self):
        request = a_request("BYE", "sip:bob@192.0.2.20", "Route: <sip:192.0.2.7>, <sip:192.0.2.8;lr>")
        copy = a_copy(request, a_target("sip:bob@192.0.2.20"), request.values("route"))
        assert copy.uri_text == "sip:192.0.2.7"
        assert copy.values("route") == ["<sip:192.0.2.8;lr>", "<sip:bob@192.0.2.20>"]

    def test_the_last_route_of_ours_leaves_no_header_field(self):
        request = a_request("BYE", "sip:bob@192.0.2.20", "Route: <sip:192.0.2.1;lr>")
        assert not a_copy(request, is_changed=True).has("route")

    @pytest.mark.rfc("3327", "5.4")
    def test_a_path_goes_before_the_routes(self):
        request = a_request("INVITE", "sip:bob@example.org", "Route: <sip:192.0.2.8;lr>")
        target = a_target(routes=("<sip:edge.example.org;lr>",))
        copy = a_copy(request, target, request.values("route"))
        assert copy.values("route") == ["<sip:edge.example.org;lr>", "<sip:192.0.2.8;lr>"]
        assert next_uri_for(Routed(request.uri, []), target).host == "edge.example.org"

    @pytest.mark.rule("R27")
    def test_a_sips_request_uri_makes_the_hop_secure(self):
        routed = Routed(Uri.parse("sips:bob@192.0.2.20"), ["<sip:192.0.2.7;lr>"])
        assert next_uri_for(routed, a_target("sips:bob@192.0.2.20")).scheme == "sips"


@pytest.mark.rule("P11")
class TestRecordRoute:
    """16.6 step 4."""

    @staticmethod
    def sign(address):
        return f"{address[:-1]};proof=1>"

    def test_it_goes_on_top_of_those_there_are(self):
        copy = a_copy(a_request("INVITE", "sip:b@example.org", "Record-Route: <sip:192.0.2.7;lr>"))
        add_record_route(copy, "<sip:192.0.2.1:5060;lr>", "<sip:192.0.2.1:5060;lr>", self.sign)
        assert copy.values("record-route") == ["<sip:192.0.2.1:5060;lr;proof=1>", "<sip:192.0.2.7;lr>"]

    def test_alone_it_stands_below_the_vias(self):
        copy = a_copy(a_request())
        add_record_route(copy, "<sip:192.0.2.1:5060;lr>", "<sip:192.0.2.1:5060;lr>", self.sign)
        assert copy.names[:2] == ["via", "record-route"]

    @pytest.mark.rfc("5658", "3.2")
    def test_there_are_two_where_the_sides_differ(self):
        copy = a_copy(a_request())
        add_record_route(copy, "<sip:192.0.2.1:5060;transport=tcp;lr>", "<sip:192.0.2.1:5060;lr>", self.sign)
        assert copy.values("record-route") == [
            "<sip:192.0.2.1:5060;lr;proof=1>",
            "<sip:192.0.2.1:5060;transport=tcp;lr;proof=1>",
        ]

    @pytest.mark.parametrize(
        ("target", "routes", "secured"),
        [
            ("sips:bob@192.0.2.20", [], True),
            ("sip:bob@192.0.2.20", [], False),
            ("sip:bob@192.0.2.20", ["<sips:192.0.2.7;lr>", "<sip:192.0.2.8;lr>"], True),
            ("sip:bob@192.0.2.20", ["<sip:192.0.2.7;lr>", "<sips:192.0.2.8;lr>"], False),
        ],
    )
    def test_sips_makes_it_sips(self, target, routes, secured):
        request = a_request("INVITE", "sip:bob@example.org", *[f"Route: {route}" for route in routes])
        assert is_secured(a_copy(request, a_target(target), routes)) is secured


@pytest.mark.rule("P23")
@pytest.mark.rfc("3261", "22.3")
class TestCredentials:
    """22.3."""

    OURS = 'Digest username="a", realm="example.org", nonce="n"'
    THEIRS = 'Digest username="a", nonce="n", realm = "other.example"'

    def test_those_for_our_realm_end_here_and_others_go_on(self):
        request = a_request()
        for value in (self.THEIRS, self.OURS, "Digest x=y"):
            request.append("Proxy-Authorization", value)
        copy = a_copy(request, own_realm="example.org")
        assert copy.lines("proxy-authorization") == [self.THEIRS, "Digest x=y"]

    def test_nothing_changes_without_ours(self):
        request = a_request("INVITE", "sip:b@example.org", f"Proxy-Authorization: {self.THEIRS}", "X-Last: 1")
        before = request.to_bytes()
        consume_credentials(request, "example.org")
        assert request.to_bytes() == before


@pytest.mark.rfc("3325", "5")
def test_a_strangers_assertion_of_identity_is_not_passed_on():
    request = a_request("INVITE", "sip:b@example.org", "P-Asserted-Identity: <sip:boss@example.org>")
    assert not a_copy(request, is_from_stranger=True).has("p-asserted-identity")
    assert a_copy(request).has("p-asserted-identity")


@pytest.mark.rule("P26")
@pytest.mark.rfc("5393", "5.3.3")
def test_each_copy_says_how_far_it_may_fork():
    copy = a_copy(a_request())
    set_breadth(copy, 30)
    assert copy.lines("max-breadth") == ["30"]
    set_breadth(copy, 7)
    assert copy.lines("max-breadth") == ["7"]


def test_without_a_route_the_target_is_the_next_hop():
    request = a_request()
    assert next_uri_for(Routed(request.uri, []), a_target("sip:bob@192.0.2.20?x=y")).text == "sip:bob@192.0.2.20"


@pytest.mark.rule("P05")
@pytest.mark.rfc("3327", "5.4")
def test_a_path_becomes_a_route_where_there_was_none():
    copy = a_copy(a_request(), a_target(routes=["<sip:192.0.2.7;lr>"]))
    assert copy.values("route") == ["<sip:192.0.2.7;lr>"]
    assert copy.names.index("route") > copy.names.index("via")
