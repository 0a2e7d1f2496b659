"""/api/v1/domains/"""

from __future__ import annotations

import pytest

from registrar.models import Domain
from sipadmin.models import ConfigChange
from sipadmin.provisioning import own_policy, set_policy

pytestmark = pytest.mark.django_db
PLACE = "/api/v1/domains/"
JSON = "application/json"


def test_it_works(admin_page, engine):
    made = admin_page.post(
        PLACE,
        {
            "name": "Example.NET",
            "aliases": ["www.example.net"],
            "policy": "redirect",
            "ring_time": 20,
            "max_contacts": 3,
        },
        JSON,
    )
    assert made.status_code == 201
    facts = made.json()
    assert facts["name"] == "example.net"
    assert facts["effective_policy"] == {
        "policy": "redirect", "ring_time": 20.0, "origin": "domain", "origin_name": "example.net",
    }  # fmt: skip
    assert admin_page.get(PLACE + "example.net/").json() == facts
    assert ConfigChange.objects.filter(kind="domain").exists()


def test_list(admin_page, domain, alice):
    page = admin_page.get(PLACE).json()
    assert (page["count"], page["next"], page["previous"]) == (1, None, None)
    assert page["results"][0]["user_count"] == 1
    assert page["results"][0]["policy"] == "inherit"


def test_filter(admin_page, domain):
    assert admin_page.get(PLACE + "?q=ample").json()["count"] == 1
    assert admin_page.get(PLACE + "?enabled=false").json()["count"] == 0


class TestPut:
    def test_creates_then_replaces(self, admin_page):
        assert (
            admin_page.put(PLACE + "example.net/", {"max_contacts": 3, "policy": "redirect"}, JSON).status_code == 201
        )
        response = admin_page.put(PLACE + "example.net/", {"description": "second"}, JSON)
        facts = response.json()
        assert response.status_code == 200
        assert (facts["max_contacts"], facts["policy"], facts["description"], facts["version"]) == (
            10,
            "inherit",
            "second",
            2,
        )

    def test_what_was_read_can_be_put_back(self, admin_page, domain):
        facts = admin_page.get(PLACE + "example.org/").json()
        again = admin_page.put(PLACE + "example.org/", facts, JSON)
        assert again.status_code == 200
        assert {**again.json(), "version": 1, "updated_at": 0} == {**facts, "updated_at": 0}

    def test_another_name(self, admin_page, domain):
        response = admin_page.put(PLACE + "example.org/", {"name": "example.com"}, JSON)
        assert response.status_code == 400
        assert response.json()["errors"][0]["pointer"] == "#/name"


class TestPatch:
    def test_settings_of_the_registrar(self, admin_page, domain):
        body = {"contact_limit": "replace-oldest", "expires_jitter": 10, "path_without_support": "store"}
        body["one_contact_per_device"] = True
        facts = admin_page.patch(PLACE + "example.org/", body, JSON).json()
        assert {name: facts[name] for name in body} == body

    def test_it_works(self, admin_page, domain):
        set_policy(domain, "redirect")
        response = admin_page.patch(PLACE + "example.org/", {"ring_time": 7, "aliases": ["a.example"]}, JSON)
        assert response.status_code == 200
        assert own_policy(domain) == ("redirect", 7)
        assert response.json()["aliases"] == ["a.example"]

    def test_new_realm_warns(self, admin_page, domain, alice):
        assert "new password" in admin_page.patch(PLACE + "example.org/", {"realm": "x"}, JSON).json()["warnings"][0]

    def test_unknown(self, admin_page):
        assert admin_page.patch(PLACE + "example.org/", {}, JSON).status_code == 404


def test_delete(admin_page, domain):
    assert admin_page.delete(PLACE + "example.org/").status_code == 204
    assert not Domain.objects.exists()


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({}, "#/name"),
        ({"name": "example.org"}, "#/name"),
        ({"name": "exa mple"}, "#/name"),
        ({"name": "x.example", "colour": "red"}, "#/colour"),
        ({"name": "x.example", "policy": "maybe"}, "#/policy"),
        ({"name": "x.example", "ring_time": 0}, "#/ring_time"),
        ({"name": "x.example", "contact_limit": "explode"}, "#/contact_limit"),
        ({"name": "x.example", "expires_jitter": 51}, "#/expires_jitter"),
        ({"name": "x.example", "path_without_support": ""}, "#/path_without_support"),
        ({"name": "x.example", "max_contacts": 0}, "#/max_contacts"),
        ({"name": "x.example", "max_contacts": "many"}, "#/max_contacts"),
        ({"name": "x.example", "min_expires": 9999}, "#/default_expires"),
        ({"name": "x.example", "max_expires": 99999999999}, "#/max_expires"),
        ({"name": "x.example", "enabled": "perhaps"}, "#/enabled"),
        ({"name": "x.example", "aliases": ["example.org"]}, "#/alias"),
        ({"name": "x.example", "aliases": "example.com"}, "#/aliases"),
        ({"name": "x.example", "description": "\ud800"}, "#/description"),
        ({"name": "x.example", "a/b": 1}, "#/a~1b"),
    ],
)
def test_refusals(admin_page, domain, body, pointer):
    import json

    response = admin_page.post(PLACE, json.dumps(body), JSON)
    assert response.status_code == 400
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]
    assert Domain.objects.count() == 1
