import pytest

from tests.proxy.scene import ALICE, Scene

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
