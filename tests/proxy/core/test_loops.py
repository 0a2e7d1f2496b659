import pytest

from proxy.core.loops import LoopCheck, canonical, is_loop
from sip.message.uri import Uri
from tests.proxy.core.messages import a_request

pytestmark = [pytest.mark.rfc("3261", "16.6"), pytest.mark.rfc("5393", "4.2.1"), pytest.mark.rule("P25")]

CHECK = LoopCheck(b"a secret")
PLAIN = a_request()


def mark(request, check=CHECK):
    return check.mark(request, request.uri)


class TestMark:
    """What the second part of the branch depends on."""

    def test_it_is_the_same_for_every_copy_and_every_worker(self):
        assert mark(a_request()) == mark(PLAIN) == mark(PLAIN, LoopCheck(b"a secret"))

    def test_nobody_else_can_make_it(self):
        assert mark(PLAIN) != mark(PLAIN, LoopCheck(b"another secret"))

    def test_it_is_fit_for_a_branch(self):
        assert mark(PLAIN).startswith(".") and mark(PLAIN)[1:].isalnum() and len(mark(PLAIN)) == 19

    @pytest.mark.parametrize(
        "other",
        [
            a_request("INVITE", "sip:carol@example.org"),
            a_request("INVITE", "sips:bob@example.org"),
            a_request("INVITE", "sip:bob@example.org:5062"),
            a_request("INVITE", "sip:bob@example.org;gr=x"),
            a_request("INVITE", "sip:bob@example.org", "Route: <sip:192.0.2.1;lr>"),
            a_request("INVITE", "sip:bob@example.org", "Proxy-Authorization: Digest x=y"),
            a_request("INVITE", "sip:bob@example.org", "Proxy-Require: foo"),
            a_request(to="<sip:bob@example.org>;tag=t"),
            a_request(from_="<sip:alice@example.org>;tag=other"),
            a_request(from_="<sip:mallory@example.org>;tag=a"),
            a_request(call_id="another"),
            a_request(cseq=77),
        ],
    )
    def test_whatever_routing_depends_on_changes_it(self, other):
        assert mark(other) != mark(PLAIN)

    @pytest.mark.parametrize(
        "other",
        [
            a_request("INVITE", "sip:%62ob@EXAMPLE.org"),
            a_request("INVITE", "sip:bob@example.org", "Subject: hello"),
            a_request("INVITE", "sip:bob@example.org", "Via: SIP/2.0/UDP 192.0.2.7;branch=z9hG4bKx"),
            a_request(branch="z9hG4bKother"),
            a_request("CANCEL"),
        ],
    )
    def test_nothing_else_does(self, other):
        assert mark(other) == mark(PLAIN)

    def test_no_two_lists_of_values_are_alike(self):
        one = a_request("INVITE", "sip:bob@example.org", "Proxy-Require: foo")
        other = a_request("INVITE", "sip:bob@example.org", "Route: foo")
        assert mark(one) != mark(other)


class TestLoop:
    """3261 16.3 step 4."""

    def test_a_mark_of_ours_anywhere_below_is_a_loop(self):
        via = f"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK0-1{mark(PLAIN)}, SIP/2.0/UDP 192.0.2.9;branch=z9hG4bK7"
        assert is_loop(a_request("INVITE", "sip:bob@example.org", via), mark(PLAIN))

    @pytest.mark.rule("P24")
    def test_another_mark_of_ours_is_a_spiral(self):
        other = mark(a_request("INVITE", "sip:carol@example.org"))
        via = f"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK0-1{other}"
        assert not is_loop(a_request("INVITE", "sip:bob@example.org", via), mark(PLAIN))

    def test_what_never_was_here_is_none(self):
        assert not is_loop(PLAIN, mark(PLAIN))


class TestCanonical:
    def test_parameters_in_any_order(self):
        one, other = "sip:b@example.org;Transport=TCP;a=1", "sip:b@EXAMPLE.org;a=1;transport=tcp"
        assert canonical(Uri.parse(one)) == canonical(Uri.parse(other))

    def test_a_line_break_in_the_user_stays_escaped(self):
        assert "\n" not in canonical(Uri.parse("sip:b%0Ab@example.org"))

    def test_long_and_foreign_uris(self):
        long = "sip:" + "b" * 300 + "@example.org"
        assert canonical(Uri.parse(long)) == long + ":;"
        assert canonical(Uri.parse("tel:+1555")) == "tel:+1555"
