"""Change notices become true in memory."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import DatabaseError

from sipadmin.changes import record_change
from sipadmin.engine import config_changes
from sipadmin.engine.config_changes import ConfigChanges


class Memory:
    """What is read is installed only when it is asked to be."""

    def __init__(self):
        self.read, self.installed = [], []

    def refresh(self, kind, object_id):
        self.read.append((kind, object_id))
        return lambda: self.installed.append((kind, object_id))


@pytest.fixture
def memory():
    return Memory()


@pytest.fixture
def changes(memory, monkeypatch):
    # A test's connection must stay open.
    monkeypatch.setattr(config_changes, "close_old_connections", lambda: None)
    return ConfigChanges(memory.refresh, None)


@pytest.mark.django_db
class TestRead:
    def test_each_subject_once_in_order(self, changes, memory):
        for kind, object_id in [("user", 1), ("domain", 2), ("user", 1), ("policy", None)]:
            record_change(kind, object_id)
        for install in changes.read():
            install()
        assert memory.installed == [("user", 1), ("domain", 2), ("policy", None)]
        assert changes.read() == []

    def test_what_was_there_before_is_not_read(self, changes, memory):
        record_change("user", 1)
        changes.mark()
        assert changes.read() == []
        record_change("user", 2)
        changes.read()
        assert memory.read == [("user", 2)]

    def test_many_users_are_read_together_after_their_domains(self, memory, monkeypatch):
        monkeypatch.setattr(config_changes, "close_old_connections", lambda: None)
        monkeypatch.setattr(config_changes, "USERS_AT_ONCE", 2)
        parts = []

        def refresh_users(user_ids):
            parts.append(list(user_ids))
            return lambda: memory.installed.append(("users", list(user_ids)))

        changes = ConfigChanges(memory.refresh, None, refresh_users)
        for kind, object_id in [("user", 1), ("user", 2), ("domain", 7), ("user", 3), ("user", 1)]:
            record_change(kind, object_id)
        for install in changes.read():
            install()
        assert parts == [[1, 2], [3]]
        assert memory.installed == [("domain", 7), ("users", [1, 2]), ("users", [3])]

    def test_a_full_reload_covers_the_rest(self, changes, memory):
        record_change("user", 1)
        record_change("all")
        changes.read()
        assert memory.read == [("all", None)]

    def test_a_failure_forgets_nothing(self, changes, memory):
        def fail(kind, object_id):
            raise DatabaseError("locked")

        record_change("user", 1)
        changes._refresh = fail
        with pytest.raises(DatabaseError):
            changes.read()
        changes._refresh = memory.refresh
        changes.read()
        assert memory.read == [("user", 1)]

    def test_a_lower_id_that_is_committed_later(self, changes, memory, monkeypatch):
        """On a database with several writers."""
        from sipadmin.models import ConfigChange

        class OtherDatabase:
            vendor = "postgresql"

        monkeypatch.setattr(config_changes, "connection", OtherDatabase)
        ConfigChange.objects.create(id=1000, kind="user", object_id=2)
        changes.read()
        ConfigChange.objects.create(id=999, kind="user", object_id=1)
        changes.read()
        assert memory.read == [("user", 2), ("user", 1)]
        assert changes.read() == []


async def test_catching_up_ends_when_the_change_is_in_force(memory, monkeypatch):
    monkeypatch.setattr(config_changes, "POLL_INTERVAL", 3600)
    installed = []
    with ThreadPoolExecutor(1) as executor:
        changes = ConfigChanges(memory.refresh, executor)
        monkeypatch.setattr(changes, "read", lambda: [lambda: installed.append("change")])
        changes.start()
        await asyncio.wait_for(changes.catch_up(), 5)
        assert installed == ["change"]
        await changes.stop()


async def test_who_catches_up_hears_of_a_failure(memory, monkeypatch):
    monkeypatch.setattr(config_changes, "POLL_INTERVAL", 3600)

    def read():
        raise DatabaseError("gone")

    with ThreadPoolExecutor(1) as executor:
        changes = ConfigChanges(memory.refresh, executor)
        monkeypatch.setattr(changes, "read", read)
        changes.start()
        with pytest.raises(DatabaseError, match="gone"):
            await asyncio.wait_for(changes.catch_up(), 5)
        await changes.stop()


async def test_a_broken_database_is_told_once_and_asked_again(memory, monkeypatch, caplog):
    monkeypatch.setattr(config_changes, "POLL_INTERVAL", 0.001)
    recovered = asyncio.Event()
    failures = iter([DatabaseError("gone"), DatabaseError("gone"), RuntimeError("a bug")])

    def read():
        for failure in failures:
            raise failure
        return [recovered.set]

    with ThreadPoolExecutor(1) as executor:
        changes = ConfigChanges(memory.refresh, executor)
        monkeypatch.setattr(changes, "read", read)
        changes.start()
        await asyncio.wait_for(recovered.wait(), 5)
        await changes.stop()
    assert caplog.text.count("cannot be read: gone") == 1
    assert "a bug" in caplog.text
