"""/api/v1/system/ and /api/v1/stats/"""

from datetime import timedelta

import pytest
from django.utils import timezone

from sipadmin import checks
from sipadmin.bus import EngineUnavailable
from sipadmin.endpoints.system import nearest_rank
from sipadmin.models import Event
from tests.console import attempt, bind

pytestmark = pytest.mark.django_db


class TestSystem:
    PLACE = "/api/v1/system/"

    @pytest.fixture(autouse=True)
    def fresh(self, monkeypatch):
        monkeypatch.setattr("sipadmin.endpoints.system.readiness", checks.Readiness())
        monkeypatch.setattr(checks, "ask_options", lambda listeners: "ok")

    def test_it_works(self, operator_page, monkeypatch):
        facts = {"listeners": [{"protocol": "udp", "host": "127.0.0.1", "port": 5060}], "uptime": 61.0}
        monkeypatch.setattr(checks, "engine_command", lambda name, timeout: facts)
        found = operator_page.get(self.PLACE).json()
        assert found["status"] == "ready"
        assert found["engine"] == facts
        assert found["database"]["engine"] in ("sqlite", "postgresql")
        assert found["version"]

    def test_without_the_engine(self, operator_page, monkeypatch):
        def gone(name, timeout):
            raise EngineUnavailable("The SIP process is not running.")

        monkeypatch.setattr(checks, "engine_command", gone)
        response = operator_page.get(self.PLACE)
        assert response.status_code == 200
        assert (response.json()["status"], response.json()["engine"]) == ("not ready", {})


class TestStats:
    PLACE = "/api/v1/stats/"

    def test_nothing_yet(self, operator_page):
        facts = operator_page.get(self.PLACE).json()
        assert (facts["window"], facts["users"], facts["events"]) == (3600, 0, {})
        assert facts["calls"] == {
            "in_progress": 0, "total": 0, "by_state": {}, "by_status": {}, "per_minute": 0.0, "answered_ratio": None,
            "setup_ms": {"p50": None, "p95": None, "p99": None}, "answer_ms": {"p50": None, "p95": None, "p99": None},
        }  # fmt: skip

    def test_it_works(self, operator_page, alice, bob):
        bind(bob)
        bind(bob, 2)
        now = timezone.now()
        for number, (state, status) in enumerate([("answered", 200), ("failed", 486), ("redirected", 302)]):
            start = now - timedelta(seconds=100 + number)
            attempt(number, status=status, state=state, started_at=start, ended_at=start + timedelta(seconds=4),
                    ringing_at=start + timedelta(milliseconds=200 * (number + 1)))  # fmt: skip
        attempt(7, status=None, state="ringing", ended_at=None)
        attempt(8, started_at=now - timedelta(hours=2), ended_at=now)
        Event.objects.create(ts=now, type="auth.failed")
        facts = operator_page.get(self.PLACE).json()
        assert (facts["domains"], facts["users"], facts["registered_users"], facts["contacts"]) == (1, 2, 1, 2)
        calls = facts["calls"]
        assert (calls["total"], calls["in_progress"], calls["answered_ratio"]) == (4, 1, 0.5)
        assert calls["by_state"] == {"answered": 1, "failed": 1, "redirected": 1, "ringing": 1}
        assert calls["by_status"] == {"200": 1, "302": 1, "486": 1}
        assert calls["setup_ms"] == {"p50": 400, "p95": 600, "p99": 600}
        assert calls["answer_ms"]["p50"] == 4000
        assert facts["events"] == {"auth.failed": 1}
        assert operator_page.get(self.PLACE + "?window=86400").json()["calls"]["total"] == 5

    @pytest.mark.parametrize("query", ["window=0", "window=x", "window=604801", "window=-1", "bogus=1"])
    def test_refusals(self, operator_page, query):
        response = operator_page.get(f"{self.PLACE}?{query}")
        assert response.status_code == 400
        assert response.json()["errors"][0]["pointer"] == f"#/{query.partition('=')[0]}"


@pytest.mark.parametrize(
    ("values", "part", "found"),
    [([], 50, None), ([1], 99, 1), ([1, 2], 50, 1), ([1, 2, 3, 4], 95, 4), (list(range(1, 101)), 95, 95)],
)
def test_nearest_rank(values, part, found):
    assert nearest_rank(values, part) == found
