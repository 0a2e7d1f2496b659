"""/healthz and /readyz."""

import pytest
from django.db import DatabaseError

from sipadmin import checks
from sipadmin.bus import EngineUnavailable


@pytest.fixture(autouse=True)
def fresh(monkeypatch):
    monkeypatch.setattr(checks, "readiness", checks.Readiness())


@pytest.fixture
def engine(monkeypatch):
    """An engine that answers; set ``facts`` to change what."""
    answers = {
        "listeners": [{"protocol": "udp", "host": "127.0.0.1", "port": 5060}],
        "version": "1.0",
        "uptime": 2.0,
        "counts": {"users": 3},
    }
    monkeypatch.setattr(checks, "engine_command", lambda name, timeout: dict(answers))
    monkeypatch.setattr(checks, "ask_options", lambda listeners: "ok")
    return answers


def test_healthz(client):
    assert client.get("/healthz").json() == {"status": "ok"}


@pytest.mark.django_db
class TestReadyz:
    def test_it_works(self, client, engine):
        response = client.get("/readyz")
        assert response.status_code == 200
        assert response.json() == {
            "status": "ready",
            "checks": {"database": "ok", "migrations": "ok", "engine": "ok", "sip": "ok"},
            "version": "1.0",
            "uptime": 2.0,
        }
        assert "no-store" in response["Cache-Control"]

    def test_it_asks_only_to_be_read(self, client):
        assert client.post("/readyz").status_code in (403, 405)

    def test_without_the_engine(self, client, monkeypatch):
        def gone(name, timeout):
            raise EngineUnavailable("The SIP process is not running.")

        monkeypatch.setattr(checks, "engine_command", gone)
        response = client.get("/readyz")
        assert response.status_code == 503
        assert response.json()["checks"]["engine"] == "The SIP process is not running."

    def test_an_engine_that_does_not_answer_sip(self, client, engine, monkeypatch):
        monkeypatch.setattr(checks, "ask_options", lambda listeners: "No answer to OPTIONS.")
        response = client.get("/readyz")
        assert (response.status_code, response.json()["checks"]["sip"]) == (503, "No answer to OPTIONS.")

    def test_sip_is_asked_every_five_seconds(self, client, engine, monkeypatch):
        asked, now = [], [1000.0]
        monkeypatch.setattr(checks, "ask_options", lambda listeners: asked.append(now[0]) or "ok")
        monkeypatch.setattr(checks.time, "monotonic", lambda: now[0])
        for seconds in (0, 1.5, 1.5, 1.5, 1.5):
            now[0] += seconds
            assert client.get("/readyz").status_code == 200
        assert asked == [1000.0, 1006.0]

    def test_an_engine_without_sockets(self, client, engine):
        engine["listeners"] = []
        assert client.get("/readyz").status_code == 503

    def test_pending_migrations(self, client, engine):
        from django.db import connection
        from django.db.migrations.loader import MigrationLoader
        from django.db.migrations.recorder import MigrationRecorder

        last = MigrationLoader(connection).graph.leaf_nodes("sipadmin")[0]
        MigrationRecorder(connection).record_unapplied(*last)
        response = client.get("/readyz")
        assert response.status_code == 503
        assert "manage.py migrate" in response.json()["checks"]["migrations"]

    def test_without_the_database(self, client, engine, monkeypatch):
        class Broken:
            def cursor(self):
                raise DatabaseError("disk I/O error")

        monkeypatch.setattr(checks, "connection", Broken())
        response = client.get("/readyz")
        assert response.status_code == 503
        assert response.json()["checks"]["database"] == "disk I/O error"

    def test_a_good_answer_is_kept_for_a_moment_a_bad_one_is_not(self, client, engine, monkeypatch):
        engine["listeners"] = []
        assert client.get("/readyz").status_code == 503
        engine["listeners"] = [{"protocol": "udp"}]
        assert client.get("/readyz").status_code == 200
        monkeypatch.setattr(checks, "engine_command", lambda name, timeout: pytest.fail("asked again"))
        assert client.get("/readyz").status_code == 200
