"""/api/v1/tokens/"""

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from sipadmin.accounts.models import ApiToken
from sipadmin.accounts.tokens import issue_token

pytestmark = pytest.mark.django_db
PLACE = "/api/v1/tokens/"
JSON = "application/json"


def bearer(text):
    return {"Authorization": f"Bearer {text}"}


def test_it_works(admin_page, domain):
    body = {"name": "billing", "scopes": ["domains:read"], "networks": ["127.0.0.1"], "rate_limit": 60}
    response = admin_page.post(PLACE, body, JSON)
    assert response.status_code == 201
    assert response.headers["Cache-Control"] == "no-store"
    facts = response.json()
    text = facts.pop("token")
    assert text.startswith(facts["key"] + ".")
    assert (facts["owner"], facts["networks"], facts["rate_limit"]) == ("ada", ["127.0.0.1/32"], 60)
    assert Client().get("/api/v1/domains/", headers=bearer(text)).status_code == 200
    assert Client().get("/api/v1/users/", headers=bearer(text)).status_code == 403
    seen = admin_page.get(response.headers["Location"])
    assert seen.json() | {"last_used_at": None} == facts
    assert text.partition(".")[2] not in admin_page.get(PLACE).content.decode()


def test_change_revoke_delete(admin_page, domain):
    token, text = issue_token("script")
    place = f"{PLACE}{token.pk}/"
    assert admin_page.patch(place, {"scopes": ["users:read"]}, JSON).json()["scopes"] == ["users:read"]
    assert Client().get("/api/v1/domains/", headers=bearer(text)).status_code == 403
    assert admin_page.put(place, {"name": "script 2"}, JSON).json()["scopes"] == []
    assert Client().get("/api/v1/domains/", headers=bearer(text)).status_code == 200
    assert admin_page.patch(place, {"revoked": True}, JSON).json()["revoked"] is True
    assert Client().get("/api/v1/domains/", headers=bearer(text)).status_code == 401
    response = admin_page.patch(place, {"revoked": False}, JSON)
    assert (response.status_code, response.json()["errors"][0]["pointer"]) == (400, "#/revoked")
    assert admin_page.put(place, {"name": "script 3"}, JSON).json()["revoked"] is True
    assert admin_page.delete(place).status_code == 204
    assert not ApiToken.objects.exists()


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#/name"),
        ({"name": "taken"}, "#/name"),
        ({"name": "x", "scopes": ["all"]}, "#/scopes/0"),
        ({"name": "x", "networks": ["here"]}, "#/networks"),
        ({"name": "x", "rate_limit": 0}, "#/rate_limit"),
        ({"name": "x", "expires_at": "2001-01-01T00:00:00Z"}, "#/expires_at"),
        ({"name": "x", "secret": "y"}, "#/secret"),
    ],
)
def test_refusals(admin_page, body, pointer):
    issue_token("taken")
    response = admin_page.post(PLACE, body, JSON)
    assert response.status_code == 400
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]
    assert ApiToken.objects.count() == 1


def test_filters(admin_page, administrator):
    issue_token("hers", owner=administrator)
    issue_token("nobody's")
    for query, count in (("q=her", 1), ("owner=ada", 1), ("revoked=true", 0), ("ordering=-created_at", 2)):
        assert admin_page.get(f"{PLACE}?{query}").json()["count"] == count, query


class TestNoWiderThanItself:
    @pytest.fixture
    def text(self, db):
        return issue_token(
            "maker",
            ["tokens:write", "users:read"],
            expires_at=timezone.now() + timedelta(days=1),
            networks=["127.0.0.0/8"],
        )[1]

    def post(self, text, **body):
        wish = {
            "name": "made",
            "scopes": ["users:read"],
            "networks": ["127.0.0.1"],
            "expires_at": (timezone.now() + timedelta(hours=1)).isoformat(),
        }
        return Client().post(PLACE, wish | body, JSON, headers=bearer(text))

    def test_it_works(self, text):
        assert self.post(text).status_code == 201

    @pytest.mark.parametrize(
        "wider",
        [
            {"scopes": []},
            {"scopes": ["users:write"]},
            {"networks": []},
            {"networks": ["0.0.0.0/0"]},
            {"networks": ["::1"]},
            {"expires_at": None},
            {"expires_at": "2100-01-01T00:00:00Z"},
        ],
    )
    def test_refusals(self, text, wider):
        response = self.post(text, **wider)
        assert response.status_code == 400
        assert [error["pointer"] for error in response.json()["errors"]] == [f"#/{name}" for name in wider]

    def test_nor_by_a_change(self, text):
        other, _ = issue_token("other", ["users:read"])
        response = Client().patch(f"{PLACE}{other.pk}/", {"scopes": []}, JSON, headers=bearer(text))
        assert response.status_code == 400
