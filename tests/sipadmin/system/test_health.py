"""The health page: verdicts in words."""

import pytest

from sipadmin.system import health

pytestmark = pytest.mark.django_db
WELL = {
    "version": "1", "lag": 0.001, "started_at": 0.0, "listeners": [],
    "journal": {"waiting": 0, "failures": 0, "policy": "durable"},
    "recorder": {"waiting": 0, "dropped": 0},
    "received": {"REGISTER": 3}, "registrar": {"refused_403": 1}, "counts": {},
}  # fmt: skip


def states(facts) -> dict[str, str]:
    return {check.name: check.state for check in health.engine_checks(facts)}


def test_it_works(admin_page, engine):
    text = admin_page.get("/system/").content.decode()
    assert "SIP engine" in text
    assert "127.0.0.1:5060" in text


def test_engine_down(admin_page):
    text = admin_page.get("/system/").content.decode()
    assert "The SIP process is not running." in text
    assert "var/log/sip.log" in text


def test_all_is_well():
    assert set(states(WELL).values()) == {"answered"}


def test_a_late_loop():
    assert states({**WELL, "lag": 2.0})["Event loop"] == "ringing"


def test_a_database_that_falls_behind():
    assert states({**WELL, "journal": {"waiting": 5000, "failures": 0}})["Registration journal"] == "ringing"
    assert states({**WELL, "recorder": {"waiting": 0, "dropped": 7}})["Call recorder"] == "ringing"


def test_counters():
    assert health.counters(WELL) == [("Received", [("REGISTER", 3)]), ("Registrar", [("refused 403", 1)])]


def test_disk_and_database(settings, tmp_path, monkeypatch):
    assert health.database_check().state == "answered"
    assert health.disk_check().state == "answered"
    monkeypatch.setattr(health, "LEAST_SPACE", 10**18)
    assert health.disk_check().state == "ringing"
    settings.DATA_DIR = tmp_path / "nowhere"
    assert health.disk_check().state == "failed"


CERTIFICATE = {"file": "/x/own.pem", "names": ["sip.example.org"], "sha256": "AB:CD", "is_self_signed": True}


@pytest.mark.parametrize(("days", "state"), [(-1, "failed"), (5, "ringing"), (100, "answered")])
def test_a_certificate_near_its_end(days, state):
    found = health.certificate_check({**CERTIFICATE, "until": 1e9 + days * 86_400}, 1e9)
    assert found.state == state and "sip.example.org" in found.text


def test_listeners_and_certificates_are_shown(admin_page, engine, monkeypatch):
    listeners = [
        {"protocol": "tls", "host": "::1", "port": 5061, "advertised": "sip.example.org:5061"},
        {"protocol": "ws", "host": "192.0.2.1", "port": 8080, "advertised": "192.0.2.1:8080"},
    ]

    def command(name, **arguments):
        if name == "certificates":
            return {"certificates": [{**CERTIFICATE, "until": 4e9}]}
        return {**WELL, "listeners": listeners, "connections": {"wss": 7}}

    monkeypatch.setattr("sipadmin.bus.engine_command", command)
    text = admin_page.get("/system/").content.decode()
    for words in ("tls [::1]:5061 as sip.example.org:5061", "ws 192.0.2.1:8080<", "AB:CD", "until 2096-", "wss"):
        assert words in text
