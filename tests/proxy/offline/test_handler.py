"""RFC 3428 §7: messages for users who are away, as whole exchanges."""

import pytest
from django.db import OperationalError

from proxy.models import StoredMessage
from proxy.offline import handler as module
from proxy.offline import store as store_module
from tests.proxy.offline.scene import OfflineScene
from tests.proxy.scene import BOB, CAROL, ELSEWHERE

pytestmark = pytest.mark.django_db
STRANGER = "<sip:zoe@other.example>;tag=z"


@pytest.fixture
def scene():
    return OfflineScene()


def finals(message):
    """Without the 100 that a sender gets when it takes long (RFC 4320 §4.1)."""
    return [status for status in message.statuses if status >= 200]


def bodies(sent):
    return [one.message.body.decode() for one in sent]


@pytest.mark.rule("P32")
@pytest.mark.rfc("3428", "7")
class TestStoring:
    """RFC 3428 §7: 202 where it is stored, and only where it is."""

    def test_it_works(self, scene):
        message = scene.message("Subject: Lunch", body="At noon?")
        assert message.statuses == [202]
        assert not message.final.has("contact")
        assert message.final.body == b""
        assert message.forwarded() == []
        row = StoredMessage.objects.get()
        assert (row.sender, row.content_type, row.size, row.attempts) == (
            "sip:alice@example.org", "text/plain", 8, 0,
        )  # fmt: skip
        assert row.user.username == "bob"
        assert (row.expires_at - row.received_at).days == 30
        assert not row.is_from_stranger

    def test_202_comes_after_the_commit(self, scene):
        scene.worker.is_instant = False
        message = scene.message()
        assert message.statuses == []
        scene.worker.work()
        assert message.statuses == [202]

    def test_many_share_a_commit(self, scene, django_assert_num_queries):
        scene.worker.is_instant = False
        first = scene.message(body="0")
        messages = [scene.message(body=str(number)) for number in range(1, 20)]
        with django_assert_num_queries(6):  # two transactions: SAVEPOINT, INSERT, RELEASE
            scene.worker.work()
        assert {message.final.status for message in [first, *messages]} == {202}
        assert StoredMessage.objects.count() == 20

    def test_a_retransmission_is_stored_once(self, scene):
        message = scene.message()
        scene.endpoint.deliver(message.data, message.source)
        assert StoredMessage.objects.count() == 1

    def test_off_unless_the_domain_says_so(self):
        scene = OfflineScene("no")
        assert scene.message().statuses == [480]
        scene.register("bob", "sip:bob@192.0.2.20:5060")
        scene.answer(scene.message().at(BOB), 480)
        assert StoredMessage.objects.count() == 0

    def test_strangers_only_where_anybody_may(self):
        scene = OfflineScene("from-users")
        assert scene.message(from_=STRANGER).statuses == [480]
        assert scene.message(from_="<sip:nobody@example.org>;tag=z").statuses == [480]
        assert scene.message().statuses == [202]
        scene.org.store_messages = "from-anybody"
        assert scene.message(from_=STRANGER).statuses == [202]
        assert [row.is_from_stranger for row in StoredMessage.objects.all()] == [False, True]

    def test_a_user_proves_who_he_is_first(self):
        scene = OfflineScene(auth_call=True)
        message = scene.message()
        assert (message.statuses, StoredMessage.objects.count()) == ([407], 0)
        again = message.with_password()
        assert again.statuses == [202]
        assert b"Digest" not in bytes(StoredMessage.objects.get().message)

    @pytest.mark.parametrize(
        ("fields", "body", "why"),
        [
            (["Content-Type: application/im-iscomposing+xml"], "<isComposing/>", "type"),
            (["Content-Type: text/plain"], "x" * 4097, "size"),
            (["Content-Type: text/plain", "Expires: 0"], "x", "expired"),
        ],
    )
    def test_what_is_not_stored_gets_480(self, scene, fields, body, why):
        assert scene.message(fields=fields, body=body).statuses == [480]
        assert scene.offline.count[f"not_stored_{why}"] == 1

    def test_a_full_box(self, scene):
        scene.org.stored_messages_per_user = 2
        assert [scene.message().final.status for _ in range(3)] == [202, 202, 480]
        assert scene.message(to="carol").statuses == [202]

    def test_the_message_says_how_long(self, scene):
        scene.message("Expires: 60")
        row = StoredMessage.objects.get()
        assert (row.expires_at - row.received_at).seconds == 60

    @pytest.mark.parametrize("policy", ["refuse:480", "forward:sip:carol@example.org"])
    def test_a_user_who_is_not_merely_away(self, scene, policy):
        scene.set_policy("bob", policy)
        assert scene.message().statuses == [480]

    def test_nobody_of_that_name(self, scene):
        assert scene.message(to="nobody").statuses == [404]

    def test_a_user_who_is_switched_off(self, scene):
        scene.user("bob").enabled = False
        assert scene.message().statuses == [480]

    def test_other_methods_are_not_stored(self, scene):
        assert scene.send(method="INFO", uri="sip:bob@example.org").statuses == [480]

    def test_in_a_dialog_that_is_not_ours(self, scene):
        message = scene.send(method="MESSAGE", uri="sip:192.0.2.1", to="<sip:bob@example.org>;tag=ours")
        assert message.statuses == [481]

    def test_a_commit_that_fails(self, scene, monkeypatch):
        def full(rows):
            raise OperationalError("disk full")

        monkeypatch.setattr(scene.store, "_insert", full)
        message = scene.message()
        assert message.statuses == [500]
        assert message.final.has("retry-after")
        assert scene.store.count == 0

    def test_a_flood(self, scene, monkeypatch):
        monkeypatch.setattr(store_module, "MOST_IN_ALL", 1)
        assert [scene.message().final.status for _ in range(2)] == [202, 480]


@pytest.mark.rfc("3428", "7")
class TestPhonesThatDoNotTakeIt:
    """A phone is registered and does not take the message."""

    @pytest.mark.parametrize(("status", "answer"), [(480, 202), (503, 202), (486, 486), (415, 415), (603, 603)])
    def test_it_says_so(self, scene, status, answer):
        scene.register("bob", "sip:bob@192.0.2.20:5060")
        message = scene.message()
        scene.answer(message.at(BOB), status)
        assert message.statuses == [answer]
        assert StoredMessage.objects.count() == (answer == 202)

    def test_it_says_nothing_for_a_while(self, scene):
        scene.register("bob", "sip:bob@192.0.2.20:5060")
        message = scene.message()
        scene.advance(4.9)
        assert finals(message) == []
        scene.advance(0.2)
        assert finals(message) == [202]
        scene.advance(60)
        assert finals(message) == [202]
        assert StoredMessage.objects.count() == 1
        assert bodies(scene.comes()) == ["Hello"]

    def test_it_answers_after_all(self, scene):
        scene.register("bob", "sip:bob@192.0.2.20:5060")
        message = scene.message()
        scene.advance(6)
        scene.answer(message.at(BOB), 200)
        assert finals(message) == [202]
        assert StoredMessage.objects.count() == 0
        assert scene.store.count == 0

    def test_it_refuses_after_all(self, scene):
        scene.register("bob", "sip:bob@192.0.2.20:5060")
        message = scene.message()
        scene.advance(6)
        scene.answer(message.at(BOB), 486)
        assert finals(message) == [202]
        assert StoredMessage.objects.count() == 1

    def test_it_answers_in_time(self, scene):
        scene.register("bob", "sip:bob@192.0.2.20:5060")
        message = scene.message()
        scene.answer(message.at(BOB), 200)
        scene.advance(10)
        assert finals(message) == [200]
        assert StoredMessage.objects.count() == 0

    def test_a_bug_on_the_way_leaves_nothing_behind(self, scene, monkeypatch):
        scene.register("bob", "sip:bob@192.0.2.20:5060")
        monkeypatch.setattr(scene.handler.forwarder, "forward", lambda *facts, **more: 1 / 0)
        message = scene.message()
        assert finals(message) == [500]
        scene.advance(6)
        assert scene.offline._forwarded == {}
        assert StoredMessage.objects.count() == 0

    def test_what_may_not_be_stored_waits_for_the_phone(self, scene):
        scene.register("bob", "sip:bob@192.0.2.20:5060")
        message = scene.message("Expires: 0")
        scene.advance(10)
        assert finals(message) == []
        scene.answer(message.at(BOB), 200)
        assert finals(message) == [200]

    def test_it_is_not_delivered_twice(self, scene):
        """A phone comes back while the first copy is still being repeated."""
        scene.register("bob", "sip:bob@192.0.2.20:5060")
        message = scene.message()
        scene.advance(6)
        assert scene.comes() == []
        scene.answer(message.at(BOB), 200)
        assert StoredMessage.objects.count() == 0

    def test_it_is_delivered_when_the_first_copy_was_lost(self, scene):
        scene.register("bob", "sip:bob@192.0.2.20:5060")
        message = scene.message()
        scene.advance(6)
        assert scene.comes(contact="sip:bob@192.0.2.30:5060") == []
        scene.advance(30)
        assert bodies(one for one in scene.delivered() if one.remote == CAROL) == ["Hello"]
        assert finals(message) == [202]


@pytest.mark.rfc("3428", "7")
class TestDelivering:
    """The user registers."""

    def test_it_works(self, scene):
        scene.message("Subject: Lunch", "X-Unknown: yes", body="At noon?")
        scene.advance(3600)
        [sent] = scene.comes()
        request = sent.message
        assert sent.remote == BOB
        assert request.uri_text == "sip:bob@192.0.2.20:5060"
        assert request.first("date") == "Sun, 09 Sep 2001 02:03:20 GMT"
        assert request.first("from") == "Alice <sip:alice@example.org>;tag=alice"
        assert request.first("to") == "<sip:bob@example.org>"
        assert request.first("subject") == "Lunch"
        assert request.first("x-unknown") == "yes"
        assert request.first("content-type") == "text/plain"
        assert request.body == b"At noon?"
        assert not request.has("record-route")
        scene.answer(sent, 200)
        assert StoredMessage.objects.count() == 0
        assert scene.comes() == []
        scene.advance(64)
        assert scene.endpoint.transactions == 0

    def test_in_order_one_after_the_other(self, scene):
        for number in range(3):
            scene.message(body=str(number))
            scene.advance(1)
        [first] = scene.comes()
        assert first.message.body == b"0"
        scene.answer(first, 200)
        scene.answer(scene.delivered()[1], 200)
        scene.answer(scene.delivered()[2], 200)
        assert bodies(scene.delivered()) == ["0", "1", "2"]
        assert StoredMessage.objects.count() == 0

    def test_all_phones_ring_for_it(self, scene):
        scene.set_policy("bob", "redirect")
        scene.message()
        scene.register("bob", "sip:bob@192.0.2.30:5060")
        sent = scene.comes()
        assert {one.remote for one in sent} == {BOB, CAROL}
        scene.answer(sent[0], 480)
        assert StoredMessage.objects.count() == 1
        scene.answer(sent[1], 200)
        assert StoredMessage.objects.count() == 0

    @pytest.mark.parametrize("status", [404, 415, 603])
    def test_refused_for_good(self, scene, status):
        scene.message()
        [sent] = scene.comes()
        scene.answer(sent, status)
        assert StoredMessage.objects.count() == 0
        assert scene.offline.count["delivery_refused"] == 1

    def test_not_now(self, scene):
        scene.message(body="1")
        scene.message(body="2")
        [first] = scene.comes()
        scene.answer(first, 486)
        scene.answer(scene.delivered()[1], 200)
        [row] = StoredMessage.objects.all()
        assert row.attempts == 1
        [again] = scene.comes(event="refreshed")
        assert (again.message.call_id, again.message.cseq.number) == (first.message.call_id, 2)
        scene.answer(again, 200)
        assert StoredMessage.objects.count() == 0

    def test_nobody_answers(self, scene):
        scene.message(body="1")
        scene.message(body="2")
        [first] = scene.comes()
        scene.advance(33)
        assert bodies(scene.delivered()) == ["1"]
        assert [row.attempts for row in StoredMessage.objects.all()] == [1, 0]
        assert first.message.cseq.number == 1
        assert len(scene.comes()) == 1

    def test_another_phone_was_not_reached(self, scene):
        scene.message()
        scene.register("bob", "sip:bob@192.0.2.30:5060")
        sent = scene.comes()
        scene.answer(next(one for one in sent if one.remote == BOB), 415)
        scene.advance(33)
        assert StoredMessage.objects.count() == 1

    def test_he_registers_again_meanwhile(self, scene):
        scene.message()
        scene.comes()
        scene.advance(20)
        assert scene.comes(contact="sip:bob@192.0.2.30:5060") == []
        scene.advance(13)
        assert {one.remote for one in scene.delivered() if one.message.cseq.number == 2} == {BOB, CAROL}

    def test_he_is_gone_again(self, scene):
        scene.message()
        scene.worker.is_instant = False
        scene.comes()
        scene.goes()
        scene.worker.work()
        assert scene.delivered() == []
        scene.worker.is_instant = True
        assert len(scene.comes()) == 1

    @pytest.mark.parametrize("event", ["unregistered", "expired", "deactivated", "rejected"])
    def test_going_is_no_coming(self, scene, event):
        scene.message()
        assert scene.comes(event=event) == []

    def test_no_contact_that_could_take_it(self, scene):
        scene.message()
        assert scene.comes(contact="sip:bob@192.0.2.1:5060") == []
        assert StoredMessage.objects.count() == 1

    def test_it_expires(self, scene):
        scene.message("Expires: 60")
        scene.advance(61)
        assert scene.comes() == []
        scene.store.expire()
        assert StoredMessage.objects.count() == 0
        assert scene.store.count == 0

    def test_a_row_that_cannot_be_read(self, scene):
        scene.message(body="1")
        scene.message(body="2")
        StoredMessage.objects.filter(pk=StoredMessage.objects.first().pk).update(message=b"nonsense")
        assert bodies(scene.comes()) == ["2"]
        assert StoredMessage.objects.count() == 1

    def test_a_domain_deleted_meanwhile(self, scene):
        scene.message()
        scene.worker.is_instant = False
        scene.comes()
        scene.directory.names.clear()
        scene.worker.work()
        assert scene.delivered() == []

    def test_too_many_at_once_wait_their_turn(self, scene, monkeypatch):
        monkeypatch.setattr(module, "MOST_DELIVERING", 1)
        scene.message(to="bob")
        scene.message(to="carol")
        [first] = scene.comes("bob")
        assert scene.comes("carol", "sip:carol@203.0.113.5:5060") == []
        scene.answer(first, 200)
        assert [one.remote for one in scene.delivered()] == [BOB, ELSEWHERE]
