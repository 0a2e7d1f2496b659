"""A phone that registers while its user is being called."""

import pytest

from tests.proxy.scene import BOB, CAROL, DAVE, Scene

pytestmark = [pytest.mark.rfc("3261", "16.5"), pytest.mark.rule("P06")]

DESK, MOBILE, SOFT = "sip:bob@192.0.2.20:5060", "sip:bob@192.0.2.30:5060", "sip:bob@192.0.2.40:5060"


@pytest.fixture
def scene():
    return Scene()


@pytest.fixture
def call(scene):
    """Bob's desk phone rings."""
    scene.register("bob", DESK)
    call = scene.call("bob")
    scene.answer(call.at(BOB), 180)
    return call


def test_it_rings_and_may_answer(scene, call):
    scene.register("bob", MOBILE)
    assert call.at(CAROL).message.uri_text == MOBILE
    scene.answer(call.at(CAROL), 200)
    assert call.statuses == [100, 180, 200]
    assert call.at(BOB, "CANCEL").message.first("reason") == 'SIP;cause=200;text="Call completed elsewhere"'


def test_it_is_visible(scene, call):
    scene.register("bob", MOBILE)
    scene.answer(call.at(CAROL), 200)
    assert [branch.target.is_late for branch in scene.record.branches] == [False, True]
    assert f"{MOBILE} registered meanwhile: joined late" in [step.text for step in scene.record.steps]


def test_a_refresh_is_no_new_phone(scene, call):
    scene.register("bob", DESK)
    scene.register("bob", "sip:bob@192.0.2.20:5060;line=2")
    assert [sent.remote for sent in call.forwarded()] == [BOB]


def test_with_several_it_joins_each_call(scene, call):
    other = scene.call("bob")
    scene.register("bob", MOBILE)
    assert call.sent and len([sent for sent in other.forwarded() if sent.remote == CAROL]) == 2


def test_not_for_somebody_else(scene, call):
    scene.register("carol", "sip:carol@192.0.2.30:5060")
    assert [sent.remote for sent in call.forwarded()] == [BOB]


def test_where_the_domain_does_not_want_it(scene):
    scene.org.late_joiners = False
    scene.register("bob", DESK)
    call = scene.call("bob")
    scene.register("bob", MOBILE)
    assert [sent.remote for sent in call.forwarded()] == [BOB]


def test_by_a_chain_of_forwards(scene):
    scene.set_policy("bob", "forward:sip:carol@example.org")
    scene.register("carol", "sip:carol@192.0.2.30:5060")
    call = scene.call("bob")
    scene.register("carol", "sip:carol@192.0.2.40:5060")
    assert call.at(DAVE)


def test_by_a_contact_that_is_another_user(scene):
    scene.register("bob", "sip:carol@example.org", q=0.4)
    scene.register("carol", "sip:carol@192.0.2.30:5060")
    call = scene.call("bob")
    scene.register("carol", "sip:carol@192.0.2.40:5060", q=0.1)
    assert call.at(DAVE).message.uri_text == "sip:carol@192.0.2.40:5060"


@pytest.mark.rule("R27")
def test_not_insecurely_to_a_sips_call(scene):
    scene.register("bob", "sips:bob@192.0.2.20")
    scene.register("bob", DESK)
    call = scene.call("sips:bob@example.org")
    scene.register("bob", MOBILE)
    assert not [sent for sent in call.forwarded() if sent.remote == CAROL]


@pytest.mark.rule("P21")
def test_not_after_the_answer(scene, call):
    scene.answer(call.at(BOB), 200)
    scene.register("bob", MOBILE)
    assert [sent.remote for sent in call.forwarded()] == [BOB]


@pytest.mark.rule("P19")
def test_not_after_the_caller_gave_up(scene, call):
    call.cancel()
    scene.register("bob", MOBILE)
    assert [sent.remote for sent in call.forwarded()] == [BOB]


@pytest.mark.rule("P14")
def test_not_after_a_6xx(scene):
    scene.register("bob", DESK)
    scene.register("bob", SOFT)
    call = scene.call("bob")
    scene.answer(call.at(DAVE), 180)
    scene.answer(call.at(BOB), 603)
    scene.register("bob", MOBILE)
    assert not [sent for sent in call.forwarded() if sent.remote == CAROL]


def test_nothing_is_kept_once_all_has_ended(scene, call):
    scene.register("bob", MOBILE)
    scene.answer(call.at(CAROL), 200)
    scene.answer(call.at(BOB, "CANCEL"), 200)
    scene.answer(call.at(BOB), 487)
    scene.advance(64)
    assert (scene.endpoint.transactions, len(scene.handler.running)) == (0, 0)
    assert scene.handler.running.calling("sip:bob@example.org") == ()


def test_its_own_order_is_kept(scene):
    scene.set_policy("bob", "proxy-sequential")
    scene.register("bob", DESK)
    call = scene.call("bob")
    scene.register("bob", MOBILE)
    assert [sent.remote for sent in call.forwarded()] == [BOB]
    scene.answer(call.at(BOB), 486)
    scene.answer(call.at(CAROL), 200)
    assert call.statuses[-1] == 200


@pytest.mark.rule("R32")
@pytest.mark.rfc("5626", "7")
def test_another_flow_of_a_phone_that_rings_is_the_same_phone(scene):
    flow = scene.endpoint.flow(("192.0.2.20", 40123), "tcp")
    facts = {"instance_id": "<urn:uuid:1>", "is_outbound": True}
    scene.register("bob", "sip:bob@10.0.0.5:1", reg_id=1, flow=flow, **facts)
    call = scene.call("bob")
    scene.answer(call.forwarded()[0], 180)
    scene.register(
        "bob", "sip:bob@10.0.0.5:2", reg_id=2, flow=scene.endpoint.flow(("192.0.2.20", 40124), "tcp"), **facts
    )
    assert len(call.forwarded()) == 1
