"""Group commit, with a real database and the real writer thread."""

import sqlite3
import time
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest
from django.db import DEFAULT_DB_ALIAS, OperationalError, connection, connections
from django.db.backends.signals import connection_created

from registrar import journal as journal_module
from registrar.clock import Clock
from registrar.directory import Directory
from registrar.flows import StoredFlows
from registrar.journal import DecidedOnFailed, Journal
from registrar.location import StoredLocation
from registrar.models import Binding as Row
from registrar.models import Domain, SipUser
from registrar.rows import RowWriter
from sip.location import Binding, BindingChanges
from sip.transport.listeners import Listener

pytestmark = pytest.mark.django_db(transaction=True)
NOW = 5000.0


@pytest.fixture
def users():
    domain = Domain.objects.create(name="example.org")
    return [SipUser.objects.create(domain=domain, username=name) for name in ("bob", "alice")]


@pytest.fixture
def clock():
    return Clock(NOW, time.time())


class Loop:
    """Takes callbacks of the writer; ``stop`` of the journal reports by itself."""

    def __init__(self):
        self.calls = []

    def __call__(self, callback):
        self.calls.append(callback)


@pytest.fixture
def journal(clock):
    return Journal(clock, Loop())


class AnotherWriter:
    """Holds the database's write lock until ``commit``; ``options`` are those of connections opened from now on."""

    def __init__(self):
        self.options = connections.settings[DEFAULT_DB_ALIAS]["OPTIONS"]
        self.is_waited_for = Event()  # the journal has started a transaction, which has to wait
        connection_created.connect(self._watch)
        self._connection = sqlite3.connect(connections[DEFAULT_DB_ALIAS].settings_dict["NAME"], isolation_level=None)
        self._connection.execute("BEGIN IMMEDIATE")

    def _watch(self, connection, **more):
        connection.connection.set_trace_callback(self._trace)

    def _trace(self, statement):
        if statement.startswith("BEGIN"):
            self.is_waited_for.set()

    def commit(self):
        self._connection.execute("COMMIT")

    def close(self):
        connection_created.disconnect(self._watch)
        self._connection.close()


@pytest.fixture
def another_writer(users, monkeypatch):
    if connection.vendor != "sqlite":
        pytest.skip("only SQLite has one writer at a time")
    options = connections.settings[DEFAULT_DB_ALIAS]["OPTIONS"]
    monkeypatch.setitem(connections.settings[DEFAULT_DB_ALIAS], "OPTIONS", dict(options))
    writer = AnotherWriter()
    yield writer
    writer.close()


def binding(user, id, **changes):
    values = {
        "contact": f"sip:{user.username}@192.0.2.{id}",
        "expires_at": NOW + 60,
        "call_id": "1",
        "cseq": 1,
        "created_at": NOW,
        "refreshed_at": NOW,
    }
    return Binding(id=id, user_id=user.pk, aor=user.aor, **(values | changes))


def written(journal, *submissions):
    """Everything submitted before the start is one batch; gives the errors in order of their arrival."""
    results = []
    for number, changes in enumerate(submissions):
        journal.submit(changes, lambda error, number=number: results.append((number, error)))
    journal.start()
    journal.stop()
    return results


class TestJournal:
    """10.3 step 7: the 200 leaves after the commit."""

    @pytest.mark.rule("R17")
    def test_one_commit_for_all_that_waited(self, journal, users):
        bob, alice = users
        changes = [BindingChanges(user.aor, added=[binding(user, user.pk)], generation=1) for user in (bob, alice)]
        assert written(journal, *changes) == [(0, None), (1, None)]
        assert journal.commits == 1
        assert journal.waiting == 0
        assert {row.contact for row in Row.objects.all()} == {
            f"sip:bob@192.0.2.{bob.pk}",
            f"sip:alice@192.0.2.{alice.pk}",
        }

    def test_a_row_keeps_everything(self, journal, users, clock):
        bob = users[0]
        full = binding(
            bob,
            7,
            q=0.5,
            contact_parameters=";ob",
            cseq=2**31 - 1,
            instance_id="<urn:uuid:1>",
            reg_id=2,
            is_outbound=True,
            transport="tcp",
            received_from="[2001:db8::9]:5062",
            received_on="[2001:db8::1]:5060",
            path=("<sip:p1.example.org;lr>", "<sip:p2.example.org;lr>"),
            user_agent="Telefön/1",
            methods="INVITE",
            registered_by="sip:carol@example.org",
            created_at=NOW - 100.25,
        )
        assert written(journal, BindingChanges(bob.aor, added=[full], generation=1)) == [(0, None)]
        row = Row.objects.get()
        assert abs(row.expires_at.timestamp() - time.time() - 60) < 30
        directory = Directory()
        directory.load()
        later = Clock(900.0, clock.wall(NOW) + 10)  # another process with another loop clock
        location = StoredLocation(directory, later)
        assert location.load() == 1
        loaded = location.lookup(bob.aor, 900.0)[0]
        for name in Binding.__slots__:
            if name in ("expires_at", "created_at", "refreshed_at"):
                assert later.wall(getattr(loaded, name)) == pytest.approx(clock.wall(getattr(full, name)), abs=0.001)
            elif name != "flow":
                assert getattr(loaded, name) == getattr(full, name), name

    @pytest.mark.rfc("5626", "6")
    def test_ways_of_datagrams_come_back_and_connections_do_not(self, journal, users, clock):
        bob = users[0]
        ends = {"received_from": "192.0.2.9:5062", "received_on": "192.0.2.1:5060"}
        stored = [binding(bob, 1, transport="udp", **ends), binding(bob, 2, transport="tcp", **ends)]
        written(journal, BindingChanges(bob.aor, added=stored, generation=1))
        directory = Directory()
        directory.load()
        listeners = [Listener("udp", "192.0.2.1", 5060, channel=object())]
        location = StoredLocation(directory, clock, StoredFlows(lambda: listeners))
        assert location.load() == 2
        flows = {one.transport: one.flow for one in location.lookup(bob.aor, NOW)}
        assert flows["udp"].id == "udp:192.0.2.1:5060-192.0.2.9:5062"
        assert flows["tcp"] is None

    @pytest.mark.rule("R28")
    def test_the_last_of_several_changes_of_a_row_wins(self, journal, users):
        bob = users[0]
        changes = [
            BindingChanges(bob.aor, added=[binding(bob, 1)], generation=1),
            BindingChanges(bob.aor, updated=[binding(bob, 1, cseq=2)], added=[binding(bob, 2)], generation=1),
            BindingChanges(bob.aor, removed=[binding(bob, 2)], generation=1),
        ]
        assert [error for _, error in written(journal, *changes)] == [None, None, None]
        assert list(Row.objects.values_list("id", "cseq")) == [(1, 2)]

    def test_removal_of_rows_there_and_not_there(self, clock, users):
        bob = users[0]
        written(Journal(clock, Loop()), BindingChanges(bob.aor, added=[binding(bob, 1)], generation=1))
        gone = [binding(bob, id) for id in range(1, 1300)]
        assert written(Journal(clock, Loop()), BindingChanges(bob.aor, removed=gone, generation=1)) == [(0, None)]
        assert Row.objects.count() == 0

    @pytest.mark.rule("R17")
    def test_one_bad_row_fails_alone_and_what_rests_on_it_with_it(self, journal, users):
        bob, alice = users
        nobody = SipUser(pk=999, username="nobody", domain=bob.domain)
        results = written(
            journal,
            BindingChanges(bob.aor, added=[binding(bob, 1)], generation=1),
            BindingChanges(nobody.aor, added=[binding(nobody, 2)], generation=2),
            BindingChanges(alice.aor, added=[binding(alice, 3)], generation=3),
            BindingChanges(nobody.aor, removed=[binding(bob, 1)], generation=2),
        )
        assert [number for number, _ in results] == [0, 1, 2, 3]
        errors = [error for _, error in results]
        assert errors[0] is errors[2] is None
        assert errors[1] is not None
        assert isinstance(errors[3], DecidedOnFailed)
        assert set(Row.objects.values_list("id", flat=True)) == {1, 3}

    @pytest.mark.rule("R17")
    def test_a_database_out_of_order_fails_all_at_once(self, journal, users, monkeypatch):
        attempts = []

        def locked(self, bindings):
            attempts.append(len(bindings))
            raise OperationalError("database is locked")

        monkeypatch.setattr(RowWriter, "upsert", locked)
        changes = [BindingChanges(user.aor, added=[binding(user, user.pk)], generation=user.pk) for user in users]
        errors = [error for _, error in written(journal, *changes)]
        assert [str(error) for error in errors] == ["database is locked"] * 2
        assert attempts == [2]
        assert Row.objects.count() == 0

    @pytest.mark.rule("R17")
    def test_waits_for_another_writer_and_then_stores(self, clock, users, another_writer):
        """Such as an import of many users: the answer comes late, and it is no 500."""
        bob, results = users[0], []
        journal = Journal(clock, Loop())
        journal.submit(BindingChanges(bob.aor, added=[binding(bob, 1)], generation=1), results.append)
        journal.start()
        assert another_writer.is_waited_for.wait(10)
        another_writer.commit()
        journal.stop()
        assert results == [None]
        assert list(Row.objects.values_list("id", flat=True)) == [1]

    @pytest.mark.rule("R17")
    def test_gives_up_on_a_writer_that_takes_longer_than_the_time_out(self, clock, users, another_writer):
        another_writer.options["timeout"] = 0.01
        bob, results = users[0], []
        journal = Journal(clock, Loop())
        journal.submit(BindingChanges(bob.aor, added=[binding(bob, 1)], generation=1), results.append)
        journal.start()
        journal.stop()
        another_writer.commit()
        assert [str(error) for error in results] == ["database is locked"]
        assert journal.failures == 1
        assert Row.objects.count() == 0

    def test_after_the_report_the_writer_takes_a_new_generation(self, clock, users):
        bob, reported, results = users[0], Event(), []
        nobody = SipUser(pk=999, username="bob", domain=bob.domain)
        journal = Journal(clock, lambda callback: callback())  # reports at once, in the writer thread
        journal.start()
        journal.submit(BindingChanges(bob.aor, added=[binding(nobody, 1)], generation=1), lambda error: reported.set())
        assert reported.wait(10)
        journal.submit(BindingChanges(bob.aor, added=[binding(bob, 2)], generation=2), results.append)
        journal.stop()
        assert results == [None]

    def test_fast_answers_at_once_and_writes_later(self, clock, users):
        bob, results = users[0], []
        journal = Journal(clock, Loop(), policy="fast")
        journal.submit(BindingChanges(bob.aor, added=[binding(bob, 1)], generation=1), results.append)
        assert results == [None]
        assert journal.waiting == 1
        journal.start()
        journal.stop()
        assert results == [None]
        assert journal.waiting == 0
        assert Row.objects.count() == 1

    def test_full(self, journal, users, monkeypatch):
        monkeypatch.setattr(journal_module, "MOST_WAITING", 1)
        assert not journal.is_full
        written(journal)
        journal.submit(BindingChanges("sip:bob@example.org"), lambda error: None)
        assert journal.is_full

    def test_a_callback_that_fails_stops_nobody(self, journal, users):
        bob, results = users[0], []

        def broken(error):
            raise RuntimeError("a bug")

        journal.submit(BindingChanges(bob.aor, added=[binding(bob, 1)], generation=1), broken)
        journal.submit(BindingChanges(bob.aor, added=[binding(bob, 2)], generation=1), results.append)
        journal.start()
        journal.stop()
        assert results == [None]

    def test_left_overs_of_a_crash_are_deleted(self, journal, users):
        moment = datetime.now(UTC)
        for id, minutes in [(1, -10), (2, 10), (3, 0)]:
            Row.objects.create(
                id=id,
                user=users[0],
                expires_at=moment + timedelta(minutes=minutes),
                cseq=1,
                created_at=moment,
                refreshed_at=moment,
            )
        journal.delete_left_overs()
        journal.start()
        journal.stop()
        assert set(Row.objects.values_list("id", flat=True)) == {2, 3}

    def test_delete_without_anybody_waiting(self, journal, users):
        bob = users[0]
        journal.submit(BindingChanges(bob.aor, added=[binding(bob, 1), binding(bob, 2)], generation=1), lambda e: None)
        journal.delete([binding(bob, 1)])
        journal.start()
        journal.stop()
        assert list(Row.objects.values_list("id", flat=True)) == [2]

    @pytest.mark.rule("R38")
    def test_load_leaves_out_expired_and_disabled(self, journal, users, clock):
        bob, alice = users
        changes = BindingChanges(
            bob.aor, added=[binding(bob, 1), binding(bob, 2, expires_at=NOW - 1), binding(alice, 3)], generation=1
        )
        written(journal, changes)
        SipUser.objects.filter(pk=alice.pk).update(enabled=False)
        directory = Directory()
        directory.load()
        location = StoredLocation(directory, clock)
        assert location.load() == 1
        assert [one.id for one in location.lookup(bob.aor, NOW)] == [1]
