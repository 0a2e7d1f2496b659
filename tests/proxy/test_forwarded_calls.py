"""Calls that go on to somebody else, because the user has arranged it so."""

import pytest

from tests.proxy.scene import BOB, CAROL, DAVE, ELSEWHERE, Scene

pytestmark = pytest.mark.rfc("3261", "16.5")

DESK, CELL = "sip:bob@192.0.2.20:5060", "sip:carol@192.0.2.30:5060"


@pytest.fixture
def scene():
    scene = Scene()
    scene.register("bob", DESK)
    scene.register("carol", CELL)
    scene.set_policy("bob", "inherit", ring_time=20)
    return scene


def arrange(scene, username="bob", **what):
    for name, value in what.items():
        setattr(scene.user(username), name, value)


def test_always(scene):
    arrange(scene, forward_always="sip:carol@example.org")
    call = scene.call("bob")
    scene.answer(call.at(CAROL), 200)
    assert call.statuses == [100, 200]
    assert scene.record.explanation == (
        "carol's phone answered (200). bob forwards all calls: forwarded to sip:carol@example.org"
    )


def test_busy(scene):
    arrange(scene, forward_busy="sip:carol@example.org")
    call = scene.call("bob")
    scene.answer(call.at(BOB), 486)
    scene.answer(call.at(CAROL), 180)
    scene.answer(call.at(CAROL), 200)
    assert call.statuses == [100, 180, 200]
    assert scene.record.explanation == (
        "carol's phone answered (200). bob was busy: forwarded to sip:carol@example.org"
    )


@pytest.mark.rule("P33")
def test_no_answer_after_the_ring_time(scene):
    arrange(scene, forward_no_answer="sip:voicemail@203.0.113.5")
    call = scene.call("bob")
    scene.answer(call.at(BOB), 180)
    scene.advance(20)
    scene.answer(call.at(BOB, "CANCEL"), 200)
    scene.answer(call.at(BOB), 487)
    assert call.at(ELSEWHERE).message.uri_text == "sip:voicemail@203.0.113.5"
    scene.answer(call.at(ELSEWHERE), 200)
    assert call.statuses == [100, 180, 200]
    assert scene.record.explanation.startswith(
        "The other side answered (200). bob did not answer: forwarded to sip:voice"
    )


def test_do_not_disturb(scene):
    arrange(scene, do_not_disturb=True)
    call = scene.call("bob")
    assert call.statuses == [100, 480]
    assert scene.record.explanation == "bob does not want to be disturbed: 480"
    message = scene.send(method="MESSAGE", uri="sip:bob@example.org")
    assert message.at(BOB)


def test_where_nobody_answers_at_all_the_best_failure_goes_up(scene):
    arrange(scene, forward_busy="sip:carol@example.org")
    call = scene.call("bob")
    scene.answer(call.at(BOB), 486)
    scene.answer(call.at(CAROL), 480)
    assert call.statuses == [100, 486]
    assert scene.record.explanation == (
        "carol's phone was not answered (480): 486. bob was busy: forwarded to sip:carol@example.org"
    )
    scene.advance(64)
    assert (scene.endpoint.transactions, len(scene.handler.running)) == (0, 0)


@pytest.mark.rule("P19")
def test_the_caller_gives_up_while_the_other_rings(scene):
    arrange(scene, forward_busy="sip:carol@example.org")
    call = scene.call("bob")
    scene.answer(call.at(BOB), 486)
    scene.answer(call.at(CAROL), 180)
    call.cancel()
    scene.answer(call.at(CAROL, "CANCEL"), 200)
    scene.answer(call.at(CAROL), 487)
    assert call.statuses == [100, 180, 487]


@pytest.mark.rule("P06")
def test_then_only_the_others_phones_join_late(scene):
    arrange(scene, forward_busy="sip:carol@example.org")
    call = scene.call("bob")
    scene.answer(call.at(BOB), 486)
    scene.answer(call.at(CAROL), 180)
    scene.register("bob", "sip:bob@203.0.113.5:5060")
    scene.register("carol", "sip:carol@192.0.2.40:5060")
    assert call.at(DAVE)
    assert not [sent for sent in call.forwarded() if sent.remote == ELSEWHERE]
    scene.answer(call.at(DAVE), 200)
    scene.answer(call.at(CAROL), 487)
    scene.advance(64)
    assert scene.handler.running.calling("sip:carol@example.org") == ()


def test_a_target_that_cannot_be_reached_at_once_leaves_nothing_behind(scene):
    arrange(scene, forward_busy="sip:x@nowhere.example")
    call = scene.call("bob")
    scene.answer(call.at(BOB), 486)
    assert call.statuses == [100, 486]
    scene.advance(64)
    assert (scene.endpoint.transactions, len(scene.handler.running)) == (0, 0)
    assert scene.handler.running.calling("sip:bob@example.org") == ()


def test_what_expired_meanwhile_is_not_called(scene):
    arrange(scene, forward_no_answer="sip:dave@example.org")
    scene.register("dave", "sip:dave@192.0.2.40:5060", expires_at=scene.endpoint.now() + 10)
    call = scene.call("bob")
    scene.answer(call.at(BOB), 180)
    scene.advance(20)
    scene.answer(call.at(BOB), 487)
    assert call.statuses == [100, 180, 480]
