"""A method of which the server does something itself: asked after admission and policy, and when delivery failed."""

import pytest

from proxy.core.facts import Refuse
from proxy.core.targets import Forward
from tests.proxy.scene import BOB, Scene

pytestmark = pytest.mark.rfc("3261", "16.3")


class AnOwner:
    """Takes what it is told to, answers it with 202, and remembers what it was asked."""

    def __init__(self, *, takes=()):
        self.takes = takes
        self.asked = []

    def _input(self, name, transaction, *facts):
        self.asked.append((name, *facts))
        if name not in self.takes:
            return False
        transaction.respond_with(202)
        return True

    def to_user(self, transaction, recipient, decision, now):
        return self._input("to_user", transaction, recipient.name, decision)

    def in_dialog(self, transaction, now):
        return self._input("in_dialog", transaction)

    def delivered(self, transaction, recipient, now):
        self.asked.append(("delivered", recipient.name))

    def not_delivered(self, transaction, recipient, status, now):
        return self._input("not_delivered", transaction, recipient.name, status)


def a_scene(**owner):
    own = AnOwner(**owner)
    return Scene(own_methods={"MESSAGE": own}), own


def a_message(scene, **parts):
    return scene.send(method="MESSAGE", uri="sip:bob@example.org", **parts)


class TestToUser:
    """16.3: the owner sees what policy came to."""

    def test_it_takes_what_would_be_refused(self):
        scene, own = a_scene(takes=["to_user"])
        assert a_message(scene).statuses == [202]
        [(_, name, decision)] = own.asked
        assert (name, decision.status) == ("bob", 480)
        assert isinstance(decision, Refuse)

    def test_what_it_leaves_goes_on(self):
        scene, own = a_scene()
        scene.register("bob", "sip:bob@192.0.2.20:5060")
        message = a_message(scene)
        scene.answer(message.at(BOB), 200)
        assert message.statuses == [200]
        assert isinstance(own.asked[0][2], Forward)
        assert own.asked[1] == ("delivered", "bob")

    def test_other_methods_are_not_its_business(self):
        scene, own = a_scene(takes=["to_user"])
        assert scene.call("bob").statuses == [100, 480]
        assert own.asked == []

    def test_a_caller_who_must_say_who_he_is_comes_first(self):
        own = AnOwner(takes=["to_user"])
        scene = Scene(auth_call=True, own_methods={"MESSAGE": own})
        message = a_message(scene)
        assert (message.statuses, own.asked) == ([407], [])
        assert message.with_password().statuses == [202]


class TestNotDelivered:
    """16.7: the best response is a failure, and somebody takes over."""

    def test_it_answers_instead_of_the_phone(self):
        scene, own = a_scene(takes=["not_delivered"])
        scene.register("bob", "sip:bob@192.0.2.20:5060")
        message = a_message(scene)
        scene.answer(message.at(BOB), 480)
        assert message.statuses == [202]
        assert own.asked[-1] == ("not_delivered", "bob", 480)
        scene.advance(64)
        assert (scene.endpoint.transactions, len(scene.handler.running)) == (0, 0)

    def test_a_phone_that_says_nothing_is_told_as_408(self):
        scene, own = a_scene(takes=["not_delivered"])
        scene.register("bob", "sip:bob@192.0.2.20:5060")
        message = a_message(scene)
        scene.advance(40)
        assert message.final.status == 202
        assert own.asked[-1] == ("not_delivered", "bob", 408)

    def test_a_failure_it_does_not_take_goes_to_the_caller(self):
        scene, own = a_scene()
        scene.register("bob", "sip:bob@192.0.2.20:5060")
        message = a_message(scene)
        scene.answer(message.at(BOB), 415)
        assert message.statuses == [415]
        assert own.asked[-1] == ("not_delivered", "bob", 415)

    def test_a_way_that_does_not_exist_is_told_as_500(self):
        scene, own = a_scene(takes=["not_delivered"])
        scene.register("bob", "sip:bob@nowhere.example")
        assert a_message(scene).statuses == [202]
        assert own.asked[-1] == ("not_delivered", "bob", 500)


class TestInDialog:
    """12.2: a dialog that ends here."""

    def test_it_is_asked_before_481(self):
        scene, own = a_scene(takes=["in_dialog"])
        message = scene.send(method="MESSAGE", uri="sip:192.0.2.1", to="<sip:bob@example.org>;tag=ours")
        assert (message.statuses, own.asked) == ([202], [("in_dialog",)])

    def test_what_it_does_not_know_gets_481(self):
        scene, own = a_scene()
        message = scene.send(method="MESSAGE", uri="sip:192.0.2.1", to="<sip:bob@example.org>;tag=ours")
        assert (message.statuses, own.asked) == ([481], [("in_dialog",)])
