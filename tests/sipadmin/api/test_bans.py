"""/api/v1/bans/"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from sipadmin.accounts.tokens import issue_token
from sipadmin.environment import Sipadmin
from sipadmin.security.models import Ban
from tests.console import bind

pytestmark = pytest.mark.django_db
PLACE = "/api/v1/bans/"
JSON = "application/json"
MALLORY = "198.51.100.66"


@pytest.fixture
def ban(db):
    return Ban.objects.create(source=MALLORY, reason="10 x wrong password", score=20, evidence=[{"at": 1.0}])


def test_it_works(admin_page, ban, bob, engine):
    bind(bob, received_from=f"{MALLORY}:5060")
    facts = admin_page.get(f"{PLACE}{ban.pk}/").json()
    assert (facts["source"], facts["registered_users"], facts["is_in_force"]) == (MALLORY, 1, True)
    assert (facts["made_by"], facts["score"], facts["evidence"]) == ("", 20.0, [{"at": 1.0}])
    assert admin_page.get(PLACE).json()["results"] == [facts]


def test_filters(admin_page, ban, engine):
    Ban.objects.create(source="203.0.113.5", lifted_at=timezone.now(), made_by="ada")
    Ban.objects.create(source="203.0.113.6", expires_at=timezone.now())
    for query, count in (
        ("", 3),
        ("in_force=true", 1),
        ("in_force=false", 2),
        (f"source={MALLORY}", 1),
        ("made_by=ada", 1),
    ):
        assert admin_page.get(f"{PLACE}?{query}").json()["count"] == count
    assert admin_page.get(f"{PLACE}?since=1").status_code == 400


def test_making_one(admin_page, engine):
    until = (timezone.now() + timedelta(hours=1)).isoformat()
    response = admin_page.post(PLACE, {"source": "203.0.113.0/24", "expires_at": until}, content_type=JSON)
    assert response.status_code == 201
    assert (response.json()["source"], response.json()["made_by"]) == ("203.0.113.0/24", "ada")
    assert Ban.objects.get().expires_at.isoformat() == until


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#/source"),
        ({"source": "nobody"}, "#/source"),
        ({"source": MALLORY}, "#/source"),  # banned already
        ({"source": "203.0.113.5", "expires_at": "2001-01-01T00:00:00Z"}, "#/expires_at"),
        ({"source": "203.0.113.5", "by": "me"}, "#/by"),
    ],
)
def test_refusals(admin_page, ban, engine, body, pointer):
    response = admin_page.post(PLACE, body, content_type=JSON)
    assert response.status_code in (400, 422)
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]
    assert Ban.objects.count() == 1


def test_undoing(admin_page, ban, engine):
    assert admin_page.delete(f"{PLACE}{ban.pk}/").status_code == 204
    ban.refresh_from_db()
    assert (ban.is_in_force, ban.lifted_by) == (False, "ada")
    assert admin_page.delete(f"{PLACE}{ban.pk}/").status_code == 204
    assert admin_page.delete(f"{PLACE}4711/").status_code == 404


def test_who_may(ban, operator_page, engine, settings):
    def delete(page, **headers):
        return page.delete(f"{PLACE}{ban.pk}/", **headers).status_code

    assert operator_page.get(PLACE).status_code == 200
    assert delete(operator_page) == 403
    assert operator_page.post(PLACE, {"source": "203.0.113.5"}, content_type=JSON).status_code == 403
    assert Client().get(PLACE).status_code == 401
    for scope, statuses in (("security:read", (200, 403)), ("security:write", (403, 204)), ("calls:read", (403, 403))):
        headers = {"HTTP_AUTHORIZATION": f"Bearer {issue_token(scope, [scope])[1]}"}
        assert (Client().get(PLACE, **headers).status_code, delete(Client(), **headers)) == statuses
    settings.SIPADMIN = Sipadmin({"SIPADMIN_OPERATORS_ACT": "1"})
    assert delete(operator_page) == 204
