import pytest

from tests.proxy.scene import ALICE, BOB, ELSEWHERE, Scene

pytestmark = pytest.mark.rfc("3261", "8.3")

DESK, MOBILE = "sip:bob@192.0.2.20:5060", "sip:bob@192.0.2.30:5060"


@pytest.fixture
def scene():
    scene = Scene()
    scene.set_policy("bob", "redirect")
    return scene


@pytest.mark.rule("D01")
class TestRedirect:
    """8.3, 17.2.1."""

    @pytest.mark.rule("D03")
    def test_one_contact_is_302(self, scene):
        scene.register("bob", DESK, q=0.5)
        call = scene.call("bob")
        assert call.statuses == [100, 302]
        assert call.final.values("contact") == [f"<{DESK}>;q=0.5;expires=3600"]
        assert call.forwarded() == []

    @pytest.mark.rule("D03")
    def test_several_are_300(self, scene):
        scene.register("bob", DESK)
        scene.register("bob", MOBILE)
        assert scene.call("bob").statuses == [100, 300]

    @pytest.mark.rule("D03")
    def test_redirect_301_is_301(self, scene):
        scene.set_policy("bob", "redirect-301")
        scene.register("bob", DESK)
        assert scene.call("bob").statuses == [100, 301]

    def test_it_is_sent_again_until_the_ack_and_the_ack_is_absorbed(self, scene):
        scene.register("bob", DESK)
        call = scene.call("bob")
        scene.advance(2)
        assert len([sent for sent in call.sent if sent.status == 302]) > 1
        call.ack()
        before = len(call.sent)
        scene.advance(40)
        assert len(call.sent) == before
        assert scene.endpoint.transactions == 0

    def test_cancel_is_200(self, scene):
        scene.register("bob", DESK)
        assert scene.call("bob").cancel().statuses == [200]

    @pytest.mark.rule("D10")
    @pytest.mark.parametrize("method", ["MESSAGE", "SUBSCRIBE", "OPTIONS", "DANCE"])
    def test_other_methods_too(self, scene, method):
        scene.register("bob", DESK)
        assert scene.send(method=method, uri="sip:bob@example.org").statuses == [302]

    def test_what_only_proxies_must_understand_is_passed_over(self, scene):
        scene.register("bob", DESK)
        assert scene.call("bob", fields=["Proxy-Require: foo", "Require: bar"]).statuses == [100, 302]


@pytest.mark.rule("D02")
def test_never_to_the_address_that_was_called(scene):
    scene.register("bob", "sip:bob@example.org")
    assert scene.call("bob").statuses == [100, 404]


LAN = "sip:bob@10.0.0.20:5060"
PRIVATE = ("10.0.0.20", 5060)


@pytest.mark.rule("D06")
class TestProxiedInstead:
    """8.3: contacts the caller cannot use."""

    def test_nothing_left_is_proxied_and_said(self, scene):
        scene.register("bob", LAN)
        call = scene.call("bob")
        scene.answer(call.at(PRIVATE), 200)
        assert call.statuses == [100, 200]
        assert scene.record.decision == "proxy"
        assert scene.record.explanation == (
            "bob's phone answered (200). "
            "Proxied instead of redirected, for the caller can use none of bob's contacts himself"
        )
        assert [step.rule for step in scene.record.steps].count("D06") == 2

    def test_what_is_left_is_told(self, scene):
        scene.register("bob", LAN)
        scene.register("bob", DESK)
        call = scene.call("bob")
        assert call.statuses == [100, 302]
        assert call.final.values("contact") == [f"<{DESK}>;q=1;expires=3600"]

    def test_a_caller_in_a_private_network_is_redirected(self, scene):
        scene.register("bob", LAN)
        assert scene.call("bob", source=("192.168.1.9", 5060)).statuses == [100, 302]

    @pytest.mark.rule("P05")
    def test_a_path_is_used_and_not_told(self, scene):
        scene.register("bob", DESK, path=("<sip:192.0.2.77:5080;lr>",))
        assert scene.call("bob").at(("192.0.2.77", 5080))

    def test_a_connection_is_used_and_not_told(self, scene):
        flow = scene.endpoint.flow(("192.0.2.20", 40123), "tcp")
        scene.register("bob", "sip:bob@192.0.2.20:40123;transport=tcp", flow=flow)
        assert scene.call("bob").at(("192.0.2.20", 40123))

    @pytest.mark.rule("D10")
    def test_other_methods_too(self, scene):
        scene.register("bob", LAN)
        assert scene.send(method="MESSAGE", uri="sip:bob@example.org").at(PRIVATE)

    def test_then_proxies_are_meant_by_what_is_for_proxies(self, scene):
        scene.register("bob", LAN)
        assert scene.call("bob", fields=["Proxy-Require: foo"]).statuses == [100, 420]

    @pytest.mark.rule("P25")
    def test_and_loops_are_found(self, scene):
        scene.register("bob", LAN)
        copy = scene.call("bob").at(PRIVATE).message
        copy.uri_text = "sip:bob@example.org"
        copy.add_top("Via", "SIP/2.0/UDP 203.0.113.5:5060;branch=z9hG4bKloop")
        scene.endpoint.deliver(copy, ELSEWHERE)
        assert scene.endpoint.sent[-1].status == 482

    @pytest.mark.rule("D07")
    @pytest.mark.rule("P23")
    @pytest.mark.rfc("3261", "22.3")
    def test_credentials_for_the_redirect_server_go_no_further(self, scene):
        scene.org.auth_call = True
        scene.register("bob", LAN)
        asked = scene.call("bob")
        assert asked.statuses == [100, 401]
        call = asked.with_password()
        assert call.request.has("authorization")
        assert not call.at(PRIVATE).message.has("authorization")


@pytest.mark.rule("D09")
def test_a_sips_call_is_not_sent_to_a_sip_contact(scene):
    scene.register("bob", DESK)
    scene.register("bob", "sips:bob@192.0.2.30:5061")
    call = scene.call("sips:bob@example.org")
    assert call.final.values("contact") == ["<sips:bob@192.0.2.30:5061>;q=1;expires=3600"]


@pytest.mark.rule("D09")
def test_a_sips_call_with_sip_contacts_only_is_480(scene):
    scene.register("bob", DESK)
    assert scene.call("sips:bob@example.org").statuses == [100, 480]


@pytest.mark.rule("D08")
class TestMixedForks:
    def test_a_3xx_from_below_that_names_a_redirected_user_is_not_followed(self):
        scene = Scene()
        scene.org.follow_redirects, scene.org.followed_domains = 5, ("*",)
        scene.set_policy("carol", "redirect")
        scene.register("bob", DESK)
        scene.register("carol", MOBILE)
        call = scene.call("bob")
        scene.answer(call.at(BOB), 302, fields=["Contact: <sip:carol@example.org>"])
        assert call.statuses == [100, 302]
        assert len(call.forwarded()) == 1

    def test_redirections_are_counted(self, scene):
        scene.register("bob", DESK)
        scene.register("bob", LAN)
        scene.call("bob")
        scene.register("carol", "sip:carol@carol.invalid")
        scene.set_policy("carol", "redirect")
        scene.call("carol")
        count = scene.handler.count
        assert (count["redirected"], count["contacts_left_out"], count["proxied_instead"]) == (1, 2, 1)


@pytest.mark.rule("D04")
def test_no_binding_is_480_and_an_unknown_user_404(scene):
    assert scene.call("bob").statuses == [100, 480]
    assert scene.call("nobody").statuses == [100, 404]


@pytest.mark.rule("D05")
@pytest.mark.rule("P27")
class TestNotRedirected:
    def test_a_request_in_a_dialog(self, scene):
        scene.register("bob", DESK)
        sent = scene.send(method="BYE", uri="sip:bob@example.org", to="<sip:bob@example.org>;tag=x")
        assert sent.statuses == [481]

    def test_an_ack(self, scene):
        scene.register("bob", DESK)
        sent = scene.send(method="ACK", uri="sip:bob@example.org", to="<sip:bob@example.org>;tag=x")
        assert sent.sent == []
        assert scene.handler.count["ack_dropped"] == 1


@pytest.mark.rule("R38")
def test_a_user_switched_off_is_480_for_proxy_and_redirect(scene):
    scene.register("bob", DESK)
    scene.user("bob").enabled = False
    assert scene.call("bob").statuses == [100, 480]
    scene.set_policy("bob", "proxy")
    assert scene.call("bob").statuses == [100, 480]


def test_the_attempt_is_written_down(scene):
    scene.register("bob", DESK)
    scene.call("bob", source=ALICE)
    record = scene.record
    assert (record.decision, record.state, record.status, record.policy) == ("redirect", "redirected", 302, "redirect")
    assert record.explanation == "The caller was sent to bob's contact (302)"
    assert record.policy_origin == "user bob@example.org"


@pytest.mark.rule("D10")
class TestMethods:
    """Which methods are redirected is the domain's choice."""

    def test_the_others_are_proxied_and_the_record_says_why(self, scene):
        scene.org.redirected_methods = ("MESSAGE",)
        scene.register("bob", DESK)
        assert scene.send(method="MESSAGE", uri="sip:bob@example.org").statuses == [302]
        assert scene.call("bob").at(BOB)
        assert scene.record.steps[3].text == (
            "Policy of bob: proxy (user bob@example.org, for INVITE is not among the methods it redirects)"
        )

    @pytest.mark.rule("R05")
    def test_then_their_caller_is_asked_as_by_a_proxy(self, scene):
        scene.org.auth_call, scene.org.redirected_methods = True, ("MESSAGE",)
        scene.register("bob", DESK)
        assert scene.call("bob").statuses == [100, 407]
        assert scene.send(method="MESSAGE", uri="sip:bob@example.org").statuses == [401]


@pytest.mark.rule("D07")
class TestRevealed:
    """8.3: the caller may learn where the phones are, or only addresses at this server."""

    @pytest.fixture
    def scene(self, scene):
        scene.org.redirect_reveals = "addresses"
        return scene

    @pytest.mark.rfc("5627", "5.4")
    def test_a_phone_that_names_itself_is_told_by_its_gruu(self, scene):
        scene.register("bob", LAN, instance_id="<urn:uuid:1>", q=0.5)
        call = scene.call("bob")
        assert call.statuses == [100, 302]
        assert call.final.values("contact") == ["<sip:bob@example.org;gr=urn:uuid:1>;q=0.5;expires=3600"]
        assert b"10.0.0.20" not in call.final.to_bytes()

    def test_any_other_phone_is_called_for_the_caller(self, scene):
        scene.register("bob", DESK)
        call = scene.call("bob")
        scene.answer(call.at(BOB), 200)
        assert call.statuses == [100, 200]
        assert scene.record.decision == "proxy"

    def test_an_alias_or_another_name_learns_the_address_of_record(self, scene):
        scene.register("bob", DESK)
        call = scene.call("sip:bob@192.0.2.1:5060")
        assert call.final.values("contact") == ["<sip:bob@example.org>;q=1;expires=3600"]

    def test_two_phones_behind_one_address_are_told_once(self, scene):
        scene.register("bob", DESK)
        scene.register("bob", MOBILE)
        assert scene.call("sip:bob@192.0.2.1:5060").statuses == [100, 302]

    @pytest.mark.rule("D09")
    def test_a_sips_call_gets_sips_addresses(self, scene):
        scene.register("bob", "sips:bob@192.0.2.30:5061", instance_id="<urn:uuid:1>")
        scene.register("bob", DESK, instance_id="<urn:uuid:2>")
        call = scene.call("sips:bob@example.org")
        assert call.final.values("contact") == ["<sips:bob@example.org;gr=urn:uuid:1>;q=1;expires=3600"]

    def test_the_caller_proves_who_he_is_first(self, scene):
        scene.org.auth_call = True
        scene.register("bob", DESK, instance_id="<urn:uuid:1>")
        asked = scene.call("bob")
        assert asked.statuses == [100, 401]
        assert not asked.final.has("contact")
        assert asked.with_password().statuses == [100, 302]


class TestWishes:
    """RFC 2543 6.13: a phone says with its contact what it wants."""

    PROXY, REDIRECT = {"contact_parameters": ";action=proxy"}, {"contact_parameters": ";action=redirect"}

    def test_it_is_a_hint_where_the_domain_allows_it(self, scene):
        scene.org.contact_action = True
        scene.register("bob", DESK, **self.PROXY)
        assert scene.call("bob").at(BOB)
        assert scene.record.steps[3].text.endswith("(user bob@example.org, for its phones ask to have calls proxied)")
        scene.register("carol", "sip:carol@192.0.2.30:5060", **self.REDIRECT)
        assert scene.call("carol").statuses == [100, 302]

    def test_elsewhere_it_means_nothing(self, scene):
        scene.register("bob", DESK, **self.PROXY)
        assert scene.call("bob").statuses == [100, 302]

    def test_phones_that_disagree_leave_it_to_the_policy(self, scene):
        scene.org.contact_action = True
        scene.register("bob", DESK, **self.PROXY)
        scene.register("bob", MOBILE, **self.REDIRECT)
        assert scene.call("bob").statuses == [100, 300]
