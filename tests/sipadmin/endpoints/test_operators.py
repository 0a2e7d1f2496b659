"""/api/v1/operators/"""

import pytest
from django.contrib.auth import get_user_model
from django.test import Client

pytestmark = pytest.mark.django_db
PLACE = "/api/v1/operators/"
JSON = "application/json"
OLGA = {"username": "olga", "password": "correct horse battery"}


def test_it_works(admin_page):
    response = admin_page.post(PLACE, OLGA, JSON)
    assert response.status_code == 201
    facts = response.json()
    assert (facts["role"], facts["enabled"], facts["last_login"]) == ("operator", True, None)
    assert "password" not in facts
    assert Client().post("/login/", OLGA).status_code == 302
    place = response.headers["Location"]
    assert admin_page.patch(place, {"role": "administrator"}, JSON).json()["role"] == "administrator"
    assert admin_page.put(place, {"username": "olga"}, JSON).json()["role"] == "operator"
    assert admin_page.delete(place).status_code == 204
    assert Client().post("/login/", OLGA).status_code == 200


def test_a_new_password_ends_the_sessions(admin_page):
    place = admin_page.post(PLACE, OLGA, JSON).headers["Location"]
    hers = Client()
    hers.post("/login/", OLGA)
    assert hers.get("/api/v1/domains/").status_code == 200
    assert admin_page.patch(place, {"password": "another horse battery"}, JSON).status_code == 200
    assert hers.get("/api/v1/domains/").status_code == 401


def test_who_is_disabled_is_out(admin_page):
    place = admin_page.post(PLACE, OLGA, JSON).headers["Location"]
    hers = Client()
    hers.post("/login/", OLGA)
    admin_page.patch(place, {"enabled": False}, JSON)
    assert hers.get("/api/v1/domains/").status_code == 401


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"username": "olga"}, "#/password"),
        ({**OLGA, "password": "1234"}, "#/password"),
        ({**OLGA, "password": "olga"}, "#/password"),
        ({**OLGA, "username": "ADA"}, "#/username"),
        ({**OLGA, "username": "a b"}, "#/username"),
        ({**OLGA, "role": "god"}, "#/role"),
        ({**OLGA, "is_superuser": True}, "#/is_superuser"),
    ],
)
def test_refusals(admin_page, body, pointer):
    response = admin_page.post(PLACE, body, JSON)
    assert response.status_code == 400
    assert {error["pointer"] for error in response.json()["errors"]} == {pointer}
    assert get_user_model().objects.count() == 1


def test_the_last_administrator_stays(admin_page, administrator):
    place = f"{PLACE}{administrator.pk}/"
    for response in (
        admin_page.patch(place, {"role": "operator"}, JSON),
        admin_page.patch(place, {"enabled": False}, JSON),
        admin_page.put(place, {"username": "ada"}, JSON),
        admin_page.delete(place),
    ):
        assert (response.status_code, response.json()["errors"][0]["pointer"]) == (400, "#/role")
    admin_page.post(PLACE, {**OLGA, "role": "administrator"}, JSON)
    assert admin_page.delete(place).status_code == 204


def test_filters(admin_page, operator):
    for query, count in (("role=operator", 1), ("q=AD", 1), ("enabled=false", 0), ("ordering=-created_at", 2)):
        assert admin_page.get(f"{PLACE}?{query}").json()["count"] == count, query
    assert admin_page.get(f"{PLACE}?role=god").status_code == 400
