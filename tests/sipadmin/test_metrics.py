"""/metrics"""

import json
import re

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from sipadmin import metrics
from sipadmin.accounts.tokens import issue_token
from sipadmin.bus import EngineUnavailable
from sipadmin.environment import BASE_DIR

pytestmark = pytest.mark.django_db

FACTS = {
    "uptime": 61.0, "lag": 0.002, "transactions": 5,
    "counts": {"bindings": 12, "records": 10, "users": 100, "domains": 2},
    "wire": [{"direction": "in", "method": "INVITE", "kind": "request", "count": 7},
                 {"direction": "out", "method": "INVITE", "kind": "4xx", "count": 3}],
    "received": {"not_sip": 4, "request_INVITE": 7, "answer_4xx": 3},
    "registrar": {"refused_404": 2}, "proxy": {"ack_dropped": 1}, "security": {"banned": 1},
    "journal": {"policy": "durable", "waiting": 1, "commits": 20, "stored": 60, "failures": 0, "lag": 0.01},
    "recorder": {"waiting": 0, "written": 9, "dropped": 0},
    "events": {"waiting": 0, "written": 30, "dropped": 0, "skipped": 2},
    "watching": {"subscriptions": 1}, "bus": {"pending": 0, "watchers": 1, "behind": 0},
}  # fmt: skip


@pytest.fixture
def engine(monkeypatch):
    """What the engine tells; None: it does not answer."""
    told = {"facts": FACTS}

    def ask(name, timeout):
        if told["facts"] is None:
            raise EngineUnavailable("The SIP process is not running.")
        return told["facts"]

    monkeypatch.setattr(metrics, "engine_command", ask)
    return told


def samples(response):
    assert response.status_code == 200
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(response.content.decode())
        for sample in family.samples
    }


def test_it_works(engine):
    found = samples(Client().get("/metrics"))
    assert found["sip_up",] == 1
    assert found["sip_messages_total", "INVITE", "in", "request"] == 7
    assert found["sip_messages_total", "4xx", "INVITE", "out"] == 3
    assert found["sip_bindings",] == 12
    assert found["sip_transactions",] == 5
    assert found["sip_loop_lag_seconds",] == 0.002
    assert (found["sip_journal_changes_total",], found["sip_journal_commits_total",]) == (60, 20)
    assert found["sip_journal_lag_seconds",] == 0.01
    assert found["sip_dropped_messages_total", "not_sip"] == 4
    assert ("sip_dropped_messages_total", "request_INVITE") not in found
    assert found["sip_security_events_total", "banned"] == 1
    assert found["sipadmin_bus_pending",] == 0


def test_without_the_engine(engine):
    engine["facts"] = None
    found = samples(Client().get("/metrics"))
    assert found["sip_up",] == 0
    assert not [name for name, *_ in found if name.startswith("sip_") and name != "sip_up"]


def test_what_an_older_engine_does_not_tell_is_left_out(engine):
    engine["facts"] = {"uptime": 1.0, "counts": 7, "registrar": {"odd": "text"}}
    found = samples(Client().get("/metrics"))
    assert ("sip_bindings",) not in found
    assert found["sip_uptime_seconds",] == 1.0


def test_web_requests_are_counted_by_view(engine, admin_page):
    def count(view, status):
        return samples(Client().get("/metrics")).get(("sipadmin_web_requests_total", *sorted(["GET", status, view])), 0)

    before = count("api-user-list", "200"), count("none", "404"), count("api-user-detail", "404")
    admin_page.get("/api/v1/users/")
    admin_page.get("/nowhere")
    for number in range(3):
        admin_page.get(f"/api/v1/users/nobody{number}@example.org/")
    after = count("api-user-list", "200"), count("none", "404"), count("api-user-detail", "404")
    assert after == (before[0] + 1, before[1] + 1, before[2] + 3)


class TestWhoMay:
    def get(self, headers=None, **more):
        return Client(**more).get("/metrics", headers=headers or {}).status_code

    def test_this_machine(self, engine):
        assert self.get() == 200
        assert self.get(REMOTE_ADDR="::1") == 200
        assert self.get(REMOTE_ADDR="192.0.2.1") == 403
        assert self.get(REMOTE_ADDR="") == 403

    def test_not_through_a_server_in_front(self, engine):
        for name in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):
            assert self.get({name: "127.0.0.1"}) == 403

    def test_tokens(self, engine):
        for scopes, status in ((["system:read"], 200), ([], 200), (["users:read"], 403)):
            _, text = issue_token(str(scopes), scopes)
            assert self.get({"Authorization": f"Bearer {text}"}, REMOTE_ADDR="192.0.2.1") == status
        assert self.get({"Authorization": "Bearer nonsense"}) == 403

    def test_sessions(self, engine, admin_page, operator_page):
        assert admin_page.get("/metrics", REMOTE_ADDR="192.0.2.1").status_code == 200
        assert operator_page.get("/metrics", REMOTE_ADDR="192.0.2.1").status_code == 403

    def test_reading_only(self, engine):
        assert Client().post("/metrics").status_code == 405


def test_the_dashboard_asks_for_what_there_is(engine):
    """deploy/grafana: every metric and label value it names is one of ours."""
    names = {name for name, *_ in samples(Client().get("/metrics"))}
    dashboard = json.loads((BASE_DIR / "deploy/grafana/sipadmin.json").read_text())
    queries = [target["expr"] for panel in dashboard["panels"] for target in panel.get("targets", [])]
    assert len(queries) > 10
    for query in queries:
        asked = set(re.findall(r"\b(?:sip|sipadmin|process)_[a-z_]+", query))
        assert asked, query
        assert asked <= names | {"sipadmin_web_request_seconds_bucket"}, query
