"""The store of messages: index, batches, and what the database does not take."""

from datetime import UTC, datetime

import pytest
from django.db import DatabaseError

from proxy.models import StoredMessage
from proxy.offline import store as module
from proxy.offline.core import Kept
from proxy.offline.store import Entry, Full, MessageStore, read_index
from registrar.models import Domain, SipUser
from tests.proxy.offline.scene import Worker

pytestmark = pytest.mark.django_db
NOW = 1_000_000.0


@pytest.fixture
def user():
    return SipUser.objects.create(domain=Domain.objects.create(name="example.org"), username="bob")


@pytest.fixture
def worker():
    return Worker()


@pytest.fixture
def store(worker):
    store = MessageStore(lambda callback: callback(), lambda: store.now, executor=worker)
    store.now = NOW
    return store


class Heard(list):
    def __call__(self, error):
        self.append(error)


def a_row(store, user, seconds=60, **facts):
    moment = datetime.fromtimestamp(store.now, UTC)
    values = {
        "id": store.new_id(), "user_id": user.pk, "sender": "sip:alice@example.org", "size": 1, "message": b"x",
        "received_at": moment, "expires_at": datetime.fromtimestamp(store.now + seconds, UTC), **facts,
    }  # fmt: skip
    return StoredMessage(**values)


class TestStoring:
    def test_it_works(self, store, user):
        heard = Heard()
        store.submit(a_row(store, user, is_from_stranger=True), heard)
        assert heard == [None]
        assert store.kept(user.pk, "") == Kept(1, 1, 1)
        assert store.waiting(user.pk) == [Entry(int(NOW * 1e6), NOW + 60, "")]
        assert store.waiting(99) == []

    def test_what_comes_during_a_commit_is_the_next_batch(self, store, worker, user):
        worker.is_instant = False
        heard = Heard()
        for _ in range(3):
            store.submit(a_row(store, user), heard)
        assert len(worker.jobs) == 1
        assert (heard, store.count) == ([], 3)
        worker.work()
        assert heard == [None, None, None]

    def test_a_batch_is_bounded(self, store, worker, user, monkeypatch):
        monkeypatch.setattr(module, "MOST_AT_ONCE", 2)
        worker.is_instant = False
        heard = Heard()
        for _ in range(5):
            store.submit(a_row(store, user), heard)
        worker.work()
        assert heard == [None] * 5

    def test_too_many_wait_for_a_commit(self, store, worker, user, monkeypatch):
        monkeypatch.setattr(module, "MOST_WAITING", 1)
        worker.is_instant = False
        heard = Heard()
        for _ in range(3):
            store.submit(a_row(store, user), heard)
        assert [type(error) for error in heard] == [Full]
        assert store.count == 2

    def test_a_row_that_the_database_does_not_take_harms_no_other(self, store, worker, user):
        heard = Heard()
        store.submit(a_row(store, user, id=5), heard)
        worker.is_instant = False
        for number in (6, 5, 7):
            store.submit(a_row(store, user, id=number), heard)
        worker.work()
        assert [isinstance(error, DatabaseError) for error in heard] == [False, False, True, False]
        assert list(StoredMessage.objects.values_list("id", flat=True)) == [5, 6, 7]

    def test_a_lone_row_that_the_database_does_not_take(self, store, user, transactional_db):
        heard = Heard()
        store.submit(a_row(store, user, id=5), heard)
        store.submit(a_row(store, user, id=5), heard)
        assert [isinstance(error, DatabaseError) for error in heard] == [False, True]

    def test_the_index_was_read_anew_during_the_commit(self, store, worker, user):
        worker.is_instant = False
        heard = Heard()
        store.submit(a_row(store, user), heard)
        store.install(user.pk, {})
        assert store.count == 0
        worker.work()
        assert (heard, store.count) == ([None], 1)

    def test_messages_of_one_sender(self, store, user):
        other = SipUser.objects.create(domain=user.domain, username="carol")
        for owner, sender in (
            (user, "sip:alice@example.org"),
            (other, "sip:%61lice@EXAMPLE.org;x=1"),
            (user, "sip:al"),
        ):
            store.submit(a_row(store, owner, sender=sender), Heard())
        assert store.kept(user.pk, "sip:alice@example.org") == Kept(2, 0, 2)
        store.remove(other.pk, store.waiting(other.pk)[0].id)
        assert store.kept(user.pk, "sip:alice@example.org").of_sender == 1
        store.install(None, read_index())
        assert store.kept(user.pk, "sip:alice@example.org").of_sender == 1
        store.install(user.pk, {})
        assert store.kept(user.pk, "sip:alice@example.org") == Kept(0, 0, 0)
        assert store._by_sender == {}

    def test_a_sender_whose_uri_was_cut_off(self, store, user):
        store.submit(a_row(store, user, sender="sip:%4"), Heard())
        assert store.kept(user.pk, "sip:%4").of_sender == 1

    def test_expired_ones_do_not_fill_a_box(self, store, user):
        store.submit(a_row(store, user), Heard())
        store.now += 61
        assert store.kept(user.pk, "sip:zoe@example.org") == Kept(0, 0, 0)


class TestFetching:
    def test_it_works(self, store, user):
        row = a_row(store, user)
        store.submit(row, Heard())
        heard = Heard()
        store.fetch(user.pk, row.id, heard)
        assert bytes(heard[0].message) == b"x"

    def test_what_is_gone_leaves_the_index(self, store, user):
        row = a_row(store, user)
        store.submit(row, Heard())
        StoredMessage.objects.all().delete()
        heard = Heard()
        store.fetch(user.pk, row.id, heard)
        assert (heard, store.count) == ([None], 0)

    def test_what_cannot_be_read_now_stays(self, store, user, monkeypatch):
        row = a_row(store, user)
        store.submit(row, Heard())

        def broken(message_id):
            raise DatabaseError("locked")

        monkeypatch.setattr(store, "_read", broken)
        heard = Heard()
        store.fetch(user.pk, row.id, heard)
        assert (heard, store.count) == ([None], 1)

    def test_attempts_are_counted(self, store, user):
        row = a_row(store, user)
        store.submit(row, Heard())
        store.note_attempt(row.id)
        assert StoredMessage.objects.get().attempts == 1


class TestKeepingHouse:
    def test_remove(self, store, user):
        rows = [a_row(store, user) for _ in range(2)]
        for row in rows:
            store.submit(row, Heard())
        store.remove(user.pk, rows[0].id)
        store.remove(user.pk, 12345)
        assert [entry.id for entry in store.waiting(user.pk)] == [rows[1].id]
        assert (store.count, StoredMessage.objects.count()) == (1, 1)

    def test_expire(self, store, user):
        store.submit(a_row(store, user, 60), Heard())
        store.submit(a_row(store, user, 120), Heard())
        store.now += 61
        store.expire()
        store.expire()
        assert (store.count, StoredMessage.objects.count()) == (1, 1)

    def test_expire_when_the_database_is_away(self, store, user, monkeypatch):
        store.submit(a_row(store, user), Heard())

        def broken(now):
            raise DatabaseError("locked")

        monkeypatch.setattr(store, "_delete_expired", broken)
        store.expire()
        assert store.count == 1

    def test_reading_the_index(self, store, user):
        other = SipUser.objects.create(domain=user.domain, username="alice")
        for owner in (user, other, user):
            store.submit(a_row(store, owner), Heard())
        assert {owner: len(entries) for owner, entries in read_index().items()} == {user.pk: 2, other.pk: 1}
        assert list(read_index(other.pk)) == [other.pk]
        again = MessageStore(lambda callback: callback(), lambda: NOW, executor=Worker())
        again.install(None, read_index())
        assert again.count == 3
        StoredMessage.objects.filter(user=user).delete()
        again.install(user.pk, read_index(user.pk))
        assert (again.count, again.waiting(user.pk)) == (1, [])

    def test_stop_writes_what_waits(self, store, worker, user):
        worker.is_instant = False
        heard = Heard()
        store.submit(a_row(store, user), heard)
        store.submit(a_row(store, user), heard)
        worker.jobs[0][0].add_done_callback(lambda future: None)
        store._executor = _Kept(worker)
        store.stop()
        assert StoredMessage.objects.count() == 2


class _Kept:
    """The worker, without the closing of the test's own connection."""

    def __init__(self, worker):
        self.worker = worker

    def submit(self, job, *arguments):
        if getattr(job, "__name__", "") != "close":
            self.worker.submit(job, *arguments)

    def shutdown(self):
        self.worker.work()
