"""/api/v1/bindings/, /third-party-rules/, /routing/policy/ and /calls/"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from registrar.models import ThirdPartyRule
from sipadmin.provisioning import own_policy
from tests.console import attempt, bind

pytestmark = pytest.mark.django_db
JSON = "application/json"


class TestBindings:
    PLACE = "/api/v1/bindings/"

    def test_it_works(self, admin_page, alice, bob):
        row = bind(bob, registered_by=alice.aor)
        facts = admin_page.get(f"{self.PLACE}{row.pk}/").json()
        assert (facts["aor"], facts["contact"], facts["q"]) == ("bob@example.org", "sip:bob@192.0.2.1:5060", 1.0)
        assert facts["is_third_party"] is True

    @pytest.mark.parametrize(
        ("query", "count"),
        [
            ("", 2),
            ("?aor=bob@example.org", 1),
            ("?aor=sip:bob@example.org", 1),
            ("?aor=nonsense", 0),
            ("?domain=example.org", 2),
            ("?transport=TCP", 1),
            ("?user_agent__ic=desk", 2),
            ("?contact__ic=192.0.2.2", 1),
        ],
    )
    def test_filters(self, admin_page, alice, bob, query, count):
        bind(alice, 1)
        bind(bob, 2, transport="tcp")
        bind(bob, 3, expires_at=timezone.now() - timedelta(seconds=1))
        assert admin_page.get(self.PLACE + query).json()["count"] == count

    def test_removal(self, admin_page, bob, engine):
        row = bind(bob)
        assert admin_page.delete(f"{self.PLACE}{row.pk}/").status_code == 204
        assert engine.commands == [("remove_binding", {"id": row.pk})]

    def test_removal_without_engine(self, admin_page, bob, engine):
        engine.is_up = False
        row = bind(bob)
        response = admin_page.delete(f"{self.PLACE}{row.pk}/")
        assert response.status_code == 503
        assert response.headers["Content-Type"] == "application/problem+json"
        assert "not running" in response.json()["detail"]

    def test_nothing_else_is_changed_here(self, admin_page, bob):
        row = bind(bob)
        assert admin_page.put(f"{self.PLACE}{row.pk}/", {}, JSON).status_code == 405
        assert admin_page.patch(f"{self.PLACE}{row.pk}/", {}, JSON).status_code == 405

    DOOR = {"aor": "bob@example.org", "contact": "sip:door@192.0.2.7", "q": 0.5, "static": True}

    def test_static_contacts(self, admin_page, bob, engine):
        bind(bob)
        made = admin_page.post(self.PLACE, {**self.DOOR, "user_agent": "Door"}, JSON)
        assert made.status_code == 201
        facts = made.json()
        assert (facts["aor"], facts["contact"], facts["q"]) == ("bob@example.org", "sip:door@192.0.2.7", 0.5)
        assert (facts["static"], facts["expires_at"], facts["user_agent"]) == (True, None, "Door")
        assert admin_page.get(self.PLACE).json()["count"] == 2
        assert admin_page.get(self.PLACE + "?static=true").json()["results"] == [facts]
        assert admin_page.get(self.PLACE + "?static=false").json()["results"][0]["static"] is False
        assert admin_page.get("/api/v1/users/bob@example.org/").json()["registered"] is True
        assert admin_page.delete(f"{self.PLACE}{facts['id']}/").status_code == 204
        assert admin_page.get(self.PLACE + "?static=true").json()["count"] == 0
        assert not [name for name, _ in engine.commands if name == "remove_binding"]

    @pytest.mark.parametrize(
        ("change", "pointer"),
        [
            ({"static": False}, "#/static"),
            ({"aor": "nobody@example.org"}, "#/aor"),
            ({"contact": "door"}, "#/contact"),
            ({"contact": "sip:door@224.0.1.75"}, "#/contact"),
            ({"contact": "sip:bob@example.org"}, "#/contact"),
            ({"q": 1.5}, "#/q"),
        ],
    )
    def test_static_contacts_that_are_refused(self, admin_page, bob, change, pointer):
        response = admin_page.post(self.PLACE, {**self.DOOR, **change}, JSON)
        assert response.status_code == 400
        assert [error["pointer"] for error in response.json()["errors"]] == [pointer]
        assert admin_page.get(self.PLACE).json()["count"] == 0

    def test_operators_do_not_set_static_contacts(self, admin_page, operator_page, bob, settings):
        row = admin_page.post(self.PLACE, self.DOOR, JSON).json()
        assert operator_page.post(self.PLACE, {**self.DOOR, "contact": "sip:x@192.0.2.8"}, JSON).status_code == 403
        assert operator_page.delete(f"{self.PLACE}{row['id']}/").status_code == 403
        settings.SIPADMIN_OPERATORS_ACT = True
        assert operator_page.delete(f"{self.PLACE}{row['id']}/").status_code == 403


class TestThirdPartyRules:
    PLACE = "/api/v1/third-party-rules/"

    def test_it_works(self, admin_page, alice, bob):
        made = admin_page.post(self.PLACE, {"actor": "alice@example.org", "target": "bob@example.org"}, JSON)
        assert made.status_code == 201
        place = f"{self.PLACE}{made.json()['id']}/"
        changed = admin_page.patch(place, {"ends_at": "2099-01-01T00:00:00Z"}, JSON)
        assert changed.json()["ends_at"] == "2099-01-01T00:00:00Z"
        replaced = admin_page.put(place, {"actor": "alice@example.org", "target": "bob@example.org"}, JSON)
        assert replaced.json()["ends_at"] is None
        assert admin_page.get(self.PLACE + "?target=bob@example.org").json()["count"] == 1
        assert admin_page.get(self.PLACE + "?actor=bob@example.org").json()["count"] == 0
        assert admin_page.delete(place).status_code == 204

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [
            ({"target": "bob@example.org"}, "#/actor"),
            ({"actor": "nobody@example.org", "target": "bob@example.org"}, "#/actor"),
            ({"actor": 5, "target": "bob@example.org"}, "#/actor"),
            ({"actor": "bob@example.org", "target": "bob@example.org"}, "#/target"),
            ({"actor": "alice@example.org", "target": "bob@example.org", "ends_at": "soon"}, "#/ends_at"),
            ({"actor": "alice@example.org", "target": "bob@example.org", "end": None}, "#/end"),
        ],
    )
    def test_refusals(self, admin_page, alice, bob, body, pointer):
        response = admin_page.post(self.PLACE, body, JSON)
        assert response.status_code == 400
        assert [error["pointer"] for error in response.json()["errors"]] == [pointer]
        assert not ThirdPartyRule.objects.exists()

    def test_twice(self, admin_page, alice, bob):
        ThirdPartyRule.objects.create(actor=alice, target=bob)
        response = admin_page.post(self.PLACE, {"actor": "alice@example.org", "target": "bob@example.org"}, JSON)
        assert response.json()["errors"][0]["code"] == "unique"

    def test_conditions(self, admin_page, alice, bob):
        place = admin_page.post(self.PLACE, {"actor": "alice@example.org", "target": "bob@example.org"}, JSON).headers[
            "Location"
        ]
        tag = admin_page.get(place).headers["ETag"]
        end = {"ends_at": "2030-01-01T00:00:00Z"}
        changed = admin_page.patch(place, end, JSON, headers={"If-Match": tag})
        assert changed.status_code == 200
        assert changed.headers["ETag"] != tag
        assert admin_page.delete(place, headers={"If-Match": tag}).status_code == 412
        assert admin_page.delete(place, headers={"If-Match": changed.headers["ETag"]}).status_code == 204


class TestServerPolicy:
    PLACE = "/api/v1/routing/policy/"

    def test_it_works(self, admin_page):
        assert admin_page.get(self.PLACE).json() == {"policy": "proxy", "ring_time": None}
        response = admin_page.put(self.PLACE, {"policy": "redirect", "ring_time": 25}, JSON)
        assert response.json() == {"policy": "redirect", "ring_time": 25}
        assert own_policy(None) == ("redirect", 25)

    @pytest.mark.parametrize(
        ("body", "pointer"),
        [({}, "#/policy"), ({"policy": "inherit"}, "#/policy"), ({"policy": "x"}, "#/policy"),
         ({"policy": "proxy", "ring_time": 0}, "#/ring_time"), ({"policy": "proxy", "ring": 1}, "#/ring")],
    )  # fmt: skip
    def test_refusals(self, admin_page, body, pointer):
        response = admin_page.put(self.PLACE, body, JSON)
        assert [error["pointer"] for error in response.json()["errors"]] == [pointer]


class TestCalls:
    PLACE = "/api/v1/calls/"

    def test_it_works(self, admin_page):
        row = attempt(branches=2)
        facts = admin_page.get(f"{self.PLACE}{row.pk}/").json()
        assert (facts["status"], facts["state"], len(facts["branches"])) == (486, "failed", 2)
        assert facts["explanation"] == "bob's phone was busy (486)"
        assert facts["steps"][0][0] == "example.org is ours"

    def test_cursor(self, admin_page):
        for number in range(1, 6):
            attempt(number)
        page = admin_page.get(self.PLACE + "?limit=2").json()
        assert page["count"] is None
        seen = [call["call_id"] for call in page["results"]]
        attempt(0, started_at=timezone.now())  # arrives while somebody reads: shifts nothing
        while page["next"]:
            page = admin_page.get(page["next"]).json()
            seen += [call["call_id"] for call in page["results"]]
        assert seen == [f"call-{number}@192.0.2.9" for number in range(1, 6)]

    @pytest.mark.parametrize(
        ("query", "count"),
        [
            ("status=486", 1),
            ("status__gte=300", 1),
            ("status__lt=300", 1),
            ("state=answered", 1),
            ("call_id=call-1@192.0.2.9", 1),
            ("callee__ic=BOB", 2),
            ("caller__ic=nobody", 0),
            ("decision=redirect", 0),
            ("started__lt=2001-01-01T00:00:00Z", 0),
        ],
    )
    def test_filters(self, admin_page, query, count):
        attempt(1)
        attempt(2, status=200, state="answered")
        assert len(admin_page.get(f"{self.PLACE}?{query}").json()["results"]) == count

    @pytest.mark.parametrize(
        "query",
        [
            "status=x",
            "cursor=cD1ub25zZW5zZQ%3D%3D",
            "cursor=cD0yMDI2LTEzLTQx",
            "cursor=%ff",
            "started__gte=yesterday",
            "bogus=1",
            "limit=1001",
        ],
    )
    def test_refusals(self, admin_page, query):
        response = admin_page.get(f"{self.PLACE}?{query}")
        assert response.status_code in (400, 404)
        assert response.headers["Content-Type"] == "application/problem+json"
