"""/api/v1/users/ and /api/v1/users/bulk/"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from django.utils.dateparse import parse_datetime

from registrar.models import Alias, SipUser
from sip.auth.digest import ha1
from sipadmin.models import ConfigChange, Event
from sipadmin.provisioning import own_policy, save_user, set_policy
from tests.console import bind

pytestmark = pytest.mark.django_db
PLACE = "/api/v1/users/"
JSON = "application/json"
DORA = {"username": "dora", "domain": "example.org", "password": "explorer"}


def test_it_works(admin_page, domain, engine):
    response = admin_page.post(
        PLACE, {**DORA, "display_name": "Dora", "aliases": ["200"], "policy": "refuse:486", "ring_time": 5}, JSON
    )
    facts = response.json()
    assert response.status_code == 201
    assert (facts["aor"], facts["uri"]) == ("dora@example.org", "sip:dora@example.org")
    assert (facts["registered"], facts["enabled"], facts["aliases"], facts["version"]) == (False, True, ["200"], 1)
    assert facts["effective_policy"] == {
        "policy": "refuse:486", "ring_time": 5.0, "origin": "user", "origin_name": "dora@example.org",
    }  # fmt: skip
    assert admin_page.get(PLACE + "dora@example.org/").json() == facts
    assert SipUser.objects.get().ha1_sha256 == ha1("SHA-256", "dora", "example.org", "explorer")
    assert ConfigChange.objects.filter(kind="user").exists()


def test_call_forwarding(admin_page, bob, engine):
    place = PLACE + "bob@example.org/"
    wish = {"do_not_disturb": True, "forward_no_answer": "+15550100"}
    facts = admin_page.patch(place, wish, JSON).json()
    assert (facts["do_not_disturb"], facts["forward_no_answer"]) == (True, "sip:+15550100@example.org")
    assert (facts["forward_always"], facts["forward_busy"]) == ("", "")
    refused = admin_page.patch(place, {"forward_always": "bob"}, JSON)
    assert refused.status_code == 400
    assert refused.json()["errors"][0]["pointer"] == "#/forward_always"
    assert admin_page.put(place, {}, JSON).json()["forward_no_answer"] == ""


def test_call_forwarding_of_many(admin_page, bob, engine):
    items = [
        {"username": "bob", "domain": "example.org", "forward_busy": "carol", "do_not_disturb": True},
        {"username": "bob2", "domain": "example.org", "password": "x", "forward_always": "bob2"},
    ]
    answer = admin_page.post(PLACE + "bulk/", {"items": items, "atomic": False}, JSON).json()
    assert [one["result"] for one in answer["results"]] == ["updated", "failed"]
    assert answer["results"][1]["errors"][0]["pointer"] == "#/items/1/forward_always"
    bob.refresh_from_db()
    assert (bob.do_not_disturb, bob.forward_busy) == (True, "sip:carol@example.org")


def test_no_secret_comes_out(admin_page, bob):
    for place in (PLACE, PLACE + "bob@example.org/"):
        text = admin_page.get(place).content.decode()
        for word in ("ha1", "password", bob.ha1_md5, bob.ha1_sha256, bob.ha1_sha512_256):
            assert word not in text


def test_effective_policy_says_from_where(admin_page, bob):
    def effective() -> tuple[str, str, str]:
        found = admin_page.get(PLACE + "bob@example.org/").json()["effective_policy"]
        return found["policy"], found["origin"], found["origin_name"]

    assert effective() == ("proxy", "server", "")
    set_policy(None, "proxy-parallel")
    assert effective() == ("proxy-parallel", "server", "")
    set_policy(bob.domain, "redirect")
    assert effective() == ("redirect", "domain", "example.org")
    set_policy(bob, "proxy-sequential")
    assert effective() == ("proxy-sequential", "user", "bob@example.org")


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["alice", "bob"]),
        ("?registered=true", ["bob"]),
        ("?registered=false", ["alice"]),
        ("?username=alice", ["alice"]),
        ("?username__ic=OB", ["bob"]),
        ("?q=ali", ["alice"]),
        ("?domain=EXAMPLE.org&limit=1", ["alice"]),
        ("?offset=1", ["bob"]),
        ("?enabled=false", []),
        ("?domain=example.com", []),
        ("?ordering=-username", ["bob", "alice"]),
    ],
)
def test_list(admin_page, alice, bob, query, names):
    bind(bob)
    assert [user["username"] for user in admin_page.get(PLACE + query).json()["results"]] == names


def test_pages(admin_page, alice, bob):
    page = admin_page.get(PLACE + "?limit=1").json()
    assert page["count"] == 2
    assert "offset=1" in page["next"]


def test_the_number_of_queries_does_not_grow(admin_page, domain, django_assert_max_num_queries):
    SipUser.objects.bulk_create(SipUser(domain=domain, username=f"user{number}") for number in range(100))
    with django_assert_max_num_queries(8):
        assert len(admin_page.get(PLACE).json()["results"]) == 100


class TestPut:
    def test_creates_then_replaces(self, admin_page, domain):
        first = admin_page.put(
            PLACE + "dora@example.org/",
            {"password": "explorer", "display_name": "Dora", "policy": "redirect", "max_contacts": 2},
            JSON,
        )
        assert first.status_code == 201
        second = admin_page.put(PLACE + "dora@example.org/", {}, JSON)
        facts = second.json()
        assert second.status_code == 200
        assert (facts["display_name"], facts["policy"], facts["max_contacts"], facts["version"]) == (
            "",
            "inherit",
            None,
            2,
        )
        assert SipUser.objects.get().ha1_md5 == ha1("MD5", "dora", "example.org", "explorer")

    def test_what_was_read_can_be_put_back(self, admin_page, bob):
        facts = admin_page.get(PLACE + "bob@example.org/").json()
        assert admin_page.put(PLACE + "bob@example.org/", facts, JSON).status_code == 200

    def test_sip_uri_in_the_address(self, admin_page, bob):
        assert admin_page.get(PLACE + "sip:bob@example.org/").json()["aor"] == "bob@example.org"

    @pytest.mark.parametrize(
        ("aor", "body", "pointer"),
        [
            ("dora@example.org", {}, "#/password"),
            ("dora@example.com", {"password": "x"}, "#/domain"),
            ("dora@example.org", {"password": "x", "username": "other"}, "#/username"),
            ("do ra@example.org", {"password": "x"}, "#/username"),
            ("x" * 129 + "@example.org", {"password": "x"}, "#/username"),
        ],
    )
    def test_refusals(self, admin_page, domain, aor, body, pointer):
        response = admin_page.put(PLACE + aor + "/", body, JSON)
        assert response.status_code == 400
        assert [error["pointer"] for error in response.json()["errors"]] == [pointer]
        assert not SipUser.objects.exists()


class TestPatch:
    def test_it_works(self, admin_page, bob):
        set_policy(bob, "redirect")
        facts = admin_page.patch(PLACE + "bob@example.org/", {"enabled": False}, JSON).json()
        assert (facts["enabled"], facts["policy"], facts["display_name"], facts["version"]) == (
            False,
            "redirect",
            "Bob",
            2,
        )

    def test_policy_counts_as_a_change(self, admin_page, bob):
        assert admin_page.patch(PLACE + "bob@example.org/", {"policy": "redirect"}, JSON).json()["version"] == 2

    @pytest.mark.parametrize(("name", "length"), [("ha1_md5", 32), ("ha1_sha256", 64)])
    def test_what_is_no_ha1_is_told_how_one_looks(self, admin_page, bob, name, length):
        answer = admin_page.patch(PLACE + "bob@example.org/", {name: "zz" * 8}, JSON).json()
        (error,) = answer["errors"]
        assert (error["pointer"], error["detail"]) == (f"#/{name}", f"must be {length} hexadecimal digits")
        assert "zz" not in str(answer)

    def test_ha1_in_place_of_the_password(self, admin_page, bob):
        value = ha1("MD5", "bob", "example.org", "new")
        assert admin_page.patch(PLACE + "bob@example.org/", {"ha1_md5": value}, JSON).status_code == 200
        bob.refresh_from_db()
        assert (bob.ha1_md5, bob.ha1_sha256) == (value, "")


def test_delete(admin_page, bob):
    assert admin_page.delete(PLACE + "bob@example.org/").status_code == 204
    assert not SipUser.objects.exists()


@pytest.mark.parametrize(
    ("more", "pointer"),
    [
        ({"username": "bob"}, "#/username"),
        ({"username": "a@b"}, "#/username"),
        ({"username": "a/b"}, "#/username"),
        ({"username": None}, "#/username"),
        ({"domain": "example.com"}, "#/domain"),
        ({"password": ""}, "#/password"),
        ({"ha1_md5": "0" * 32}, "#/password"),
        ({"password": "x" * 257}, "#/password"),
        ({"policy": "forward"}, "#/policy"),
        ({"policy": 7.5}, "#/policy"),
        ({"aliases": ["bob"]}, "#/aliases"),
        ({"aliases": ["a b"]}, "#/aliases"),
        ({"max_contacts": 0}, "#/max_contacts"),
        ({"ring_time": 3601}, "#/ring_time"),
        ({"passwort": "x"}, "#/passwort"),
        ({"display_name": "x\x00"}, "#/display_name"),
    ],
)
def test_refusals(admin_page, bob, more, pointer):
    response = admin_page.post(PLACE, {**DORA, **more}, JSON)
    assert response.status_code == 400
    assert [error["pointer"] for error in response.json()["errors"]] == [pointer]
    assert SipUser.objects.count() == 1


class TestBulk:
    def post(self, admin_page, items, **more):
        return admin_page.post(PLACE + "bulk/", {"mode": "upsert", "items": items, **more}, JSON)

    def test_it_works(self, admin_page, bob):
        set_policy(bob, "redirect")
        items = [
            DORA | {"policy": "refuse:486", "aliases": ["200"], "max_contacts": None},
            {"username": "bob", "domain": "example.org", "display_name": "Robert"},
        ]
        answer = self.post(admin_page, items).json()
        assert {name: answer[name] for name in ("created", "updated", "unchanged", "failed")} == {
            "created": 1, "updated": 1, "unchanged": 0, "failed": 0,
        }  # fmt: skip
        assert [result["aor"] for result in answer["results"]] == ["dora@example.org", "bob@example.org"]
        assert own_policy(SipUser.objects.get(username="dora")) == ("refuse:486", None)
        assert own_policy(bob) == ("redirect", None)
        assert Alias.objects.get().name == "200"
        again = self.post(admin_page, [{"username": "bob", "domain": "example.org", "display_name": "Robert"}]).json()
        assert again["results"] == [{"index": 0, "aor": "bob@example.org", "result": "unchanged"}]

    def test_a_thousand_users(self, admin_page, domain, django_assert_max_num_queries):
        items = [
            {"username": f"user{n}", "domain": "example.org", "password": f"pw{n}", "policy": "redirect"}
            for n in range(1000)
        ]
        with django_assert_max_num_queries(60):
            assert self.post(admin_page, items).json()["created"] == 1000
        assert SipUser.objects.count() == 1000
        assert ConfigChange.objects.exists()

    def test_create_only(self, admin_page, bob):
        items = [DORA, {"username": "bob", "domain": "example.org", "display_name": "x"}]
        response = self.post(admin_page, items, mode="create")
        assert response.status_code == 422
        [error] = response.json()["results"][1]["errors"]
        assert (error["pointer"], error["code"]) == ("#/items/1/username", "unique")
        assert self.post(admin_page, items, mode="create", atomic=False).json()["created"] == 1
        bob.refresh_from_db()
        assert bob.display_name == "Bob"

    def test_update_only(self, admin_page, bob):
        items = [DORA, {"username": "bob", "domain": "example.org", "display_name": "x"}]
        facts = self.post(admin_page, items, mode="update", atomic=False).json()
        assert (facts["updated"], facts["created"], facts["failed"]) == (1, 0, 1)
        assert facts["results"][0]["errors"][0]["code"] == "unknown"
        assert list(SipUser.objects.values_list("username", "display_name")) == [("bob", "x")]

    def test_delete(self, admin_page, alice, bob):
        items = [{"username": name, "domain": "example.org"} for name in ("bob", "nobody")]
        assert self.post(admin_page, items, mode="delete").status_code == 422
        dry = self.post(admin_page, items, mode="delete", atomic=False, dry_run=True).json()
        assert SipUser.objects.count() == 2
        facts = self.post(admin_page, items, mode="delete", atomic=False).json()
        assert {**facts, "dry_run": True} == dry
        assert (facts["deleted"], facts["failed"]) == (1, 1)
        assert [result["result"] for result in facts["results"]] == ["deleted", "failed"]
        assert SipUser.objects.get() == alice
        assert ConfigChange.objects.filter(kind="user", object_id=bob.pk).exists()

    def test_delete_takes_names_only(self, admin_page, bob):
        item = {"username": "bob", "domain": "example.org", "enabled": False}
        response = self.post(admin_page, [item], mode="delete")
        assert response.json()["results"][0]["errors"][0]["pointer"] == "#/items/0/enabled"

    def test_parts_of_a_user_count_as_a_change(self, admin_page, bob):
        for part in ({"aliases": ["2001"]}, {"policy": "redirect"}):
            item = {"username": "bob", "domain": "example.org", **part}
            assert self.post(admin_page, [item]).json()["updated"] == 1
        bob.refresh_from_db()
        assert bob.version == 3

    def test_dry_run(self, admin_page, domain):
        answer = self.post(admin_page, [DORA], dry_run=True).json()
        assert (answer["created"], answer["dry_run"]) == (1, True)
        assert not SipUser.objects.exists()
        assert not ConfigChange.objects.filter(kind="user").exists()

    def test_atomic_refuses_all(self, admin_page, domain):
        response = self.post(admin_page, [DORA, {**DORA, "username": "a b"}])
        assert response.status_code == 422
        assert [result["result"] for result in response.json()["results"]] == ["skipped", "failed"]
        assert not SipUser.objects.exists()

    def test_the_others_go_on_where_asked(self, admin_page, bob):
        items = [
            DORA,
            {**DORA, "username": "erna", "aliases": ["bob"]},
            {**DORA, "username": "frida"},
            {"username": "gerda", "domain": "example.org"},
        ]
        response = self.post(admin_page, items, atomic=False)
        answer = response.json()
        assert response.status_code == 200
        assert [result["result"] for result in answer["results"]] == ["created", "failed", "created", "failed"]
        assert answer["results"][1]["errors"][0]["pointer"] == "#/items/1/aliases"
        assert sorted(SipUser.objects.values_list("username", flat=True)) == ["bob", "dora", "frida"]

    @pytest.mark.parametrize(
        ("item", "pointer"),
        [
            (7, "#/items/0"),
            ({}, "#/items/0/domain"),
            ({**DORA, "domain": "example.com"}, "#/items/0/domain"),
            ({**DORA, "username": 5}, "#/items/0/username"),
            ({**DORA, "username": "x y"}, "#/items/0/username"),
            ({**DORA, "password": 5}, "#/items/0/password"),
            ({**DORA, "passwort": "x"}, "#/items/0/passwort"),
            ({**DORA, "enabled": "yes"}, "#/items/0/enabled"),
            ({**DORA, "policy": "maybe"}, "#/items/0/policy"),
            ({**DORA, "ring_time": 0}, "#/items/0/ring_time"),
            ({**DORA, "ring_time": -5}, "#/items/0/ring_time"),
            ({**DORA, "max_contacts": 1.5}, "#/items/0/max_contacts"),
            ({**DORA, "max_contacts": True}, "#/items/0/max_contacts"),
            ({**DORA, "aliases": "200"}, "#/items/0/aliases"),
            ({**DORA, "aliases": ["20 0"]}, "#/items/0/aliases"),
            ({**DORA, "ha1_md5": "00"}, "#/items/0/password"),
            ({**DORA, "display_name": "\ud800"}, "#/items/0/display_name"),
            ({**DORA, "display_name": "x" * 121}, "#/items/0/display_name"),
        ],
    )
    def test_refused_items(self, admin_page, domain, item, pointer):
        import json

        response = admin_page.post(PLACE + "bulk/", json.dumps({"items": [item]}), JSON)
        assert response.status_code == 422
        assert pointer in [error["pointer"] for error in response.json()["results"][0]["errors"]]
        assert not SipUser.objects.exists()

    @pytest.mark.parametrize(
        "body",
        [
            {},
            {"items": []},
            {"items": "x"},
            {"items": [DORA] * 1001},
            {"items": [DORA], "mode": "replace"},
            {"items": [DORA], "x": 1},
        ],
    )
    def test_refused_requests(self, admin_page, domain, body):
        assert admin_page.post(PLACE + "bulk/", body, JSON).status_code == 400

    def test_the_same_user_twice(self, admin_page, domain):
        response = self.post(admin_page, [DORA, DORA])
        assert response.json()["results"][1]["errors"][0]["pointer"] == "#/items/1/username"

    def test_several_domains(self, admin_page, domain):
        from sipadmin.provisioning import save_domain

        save_domain("example.net")
        save_user(domain, "dora", password="x")
        answer = self.post(admin_page, [DORA, {**DORA, "domain": "example.net"}]).json()
        assert [result["result"] for result in answer["results"]] == ["updated", "created"]


class TestConditions:
    """RFC 9110 §13"""

    def etag(self, admin_page) -> str:
        return admin_page.get(PLACE + "bob@example.org/").headers["ETag"]

    def test_every_answer_has_the_tag(self, admin_page, domain):
        created = admin_page.post(PLACE, DORA, JSON)
        assert created.headers["Location"] == "http://testserver/api/v1/users/dora@example.org/"
        place = created.headers["Location"]
        assert created.headers["ETag"] == admin_page.get(place).headers["ETag"]
        changed = admin_page.patch(place, {"enabled": False}, JSON)
        assert changed.headers["ETag"] == admin_page.get(place).headers["ETag"] != created.headers["ETag"]
        replaced = admin_page.put(place, {}, JSON)
        assert replaced.headers["ETag"] == admin_page.get(place).headers["ETag"] != changed.headers["ETag"]

    @pytest.mark.parametrize("method", ["put", "patch", "delete"])
    def test_if_match(self, admin_page, bob, method):
        tag = self.etag(admin_page)
        save_user(bob.domain, "bob", display_name="Robert")
        old = getattr(admin_page, method)(PLACE + "bob@example.org/", {}, JSON, headers={"If-Match": tag})
        assert old.status_code == 412
        assert self.etag(admin_page) in old.json()["detail"]
        weak = getattr(admin_page, method)(
            PLACE + "bob@example.org/", {}, JSON, headers={"If-Match": f"W/{self.etag(admin_page)}"}
        )
        assert weak.status_code == 412
        assert SipUser.objects.get().display_name == "Robert"
        new = getattr(admin_page, method)(
            PLACE + "bob@example.org/", {}, JSON, headers={"If-Match": f'"x", {self.etag(admin_page)}'}
        )
        assert new.status_code in (200, 204)

    def test_if_match_of_what_is_not_there(self, admin_page, domain):
        response = admin_page.put(PLACE + "dora@example.org/", {"password": "x"}, JSON, headers={"If-Match": "*"})
        assert response.status_code == 412
        assert not SipUser.objects.exists()

    def test_create_only(self, admin_page, domain):
        def put():
            return admin_page.put(
                PLACE + "dora@example.org/", {"password": "explorer"}, JSON, headers={"If-None-Match": "*"}
            )

        assert put().status_code == 201
        assert put().status_code == 412
        assert SipUser.objects.get().version == 1

    def test_a_phone_that_registers_spoils_nothing(self, admin_page, bob):
        tag = self.etag(admin_page)
        bind(bob)
        assert self.etag(admin_page) == tag


class TestEngine:
    """A 2xx says whether the engine acts on it already."""

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize(("is_up", "state"), [(True, "live"), (False, "pending (The SIP process is not running.)")])
    def test_header(self, admin_page, bob, engine, is_up, state):
        engine.is_up = is_up
        response = admin_page.patch(PLACE + "bob@example.org/", {"enabled": False}, JSON)
        assert (response.status_code, response.headers["X-Engine"]) == (200, state)
        assert "X-Engine" not in admin_page.get(PLACE).headers


class TestChosenFields:
    @pytest.mark.parametrize(
        ("query", "names"),
        [
            ("fields=aor,enabled", ["aor", "enabled"]),
            ("fields=aor,enabled&omit=enabled", ["aor"]),
            ("brief=true", ["id", "aor", "display_name", "enabled"]),
            ("brief=true&omit=id", ["aor", "display_name", "enabled"]),
        ],
    )
    def test_it_works(self, admin_page, bob, query, names):
        assert list(admin_page.get(f"{PLACE}?{query}").json()["results"][0]) == names
        assert list(admin_page.get(f"{PLACE}bob@example.org/?{query}").json()) == names

    def test_omit(self, admin_page, bob):
        whole = admin_page.get(PLACE + "bob@example.org/").json()
        del whole["effective_policy"]
        assert admin_page.get(PLACE + "bob@example.org/?omit=effective_policy&brief=false").json() == whole

    def test_domains_with_their_settings(self, admin_page, domain):
        assert admin_page.get("/api/v1/domains/?fields=name,max_contacts").json()["results"] == [
            {"name": "example.org", "max_contacts": 10}
        ]

    @pytest.mark.parametrize("query", ["fields=nothing", "omit=nothing", "fields=", "brief=1"])
    def test_refusals(self, admin_page, bob, query):
        for place in (PLACE, PLACE + "bob@example.org/"):
            response = admin_page.get(f"{place}?{query}")
            assert response.status_code == 400
            assert response.json()["errors"][0]["pointer"] == f"#/{query.partition('=')[0]}"

    def test_writes_answer_whole(self, admin_page, bob):
        assert len(admin_page.patch(PLACE + "bob@example.org/?fields=aor", {}, JSON).json()) > 10


class TestTags:
    def test_it_works(self, admin_page, alice, bob):
        response = admin_page.patch(PLACE + "bob@example.org/", {"tags": ["VIP", "floor-2"]}, JSON)
        assert response.json()["tags"] == ["floor-2", "vip"]
        for query, count in (("vip", 1), ("VIP", 1), ("vi", 0), ("floor-2", 1), ("%", 0)):
            assert admin_page.get(f"{PLACE}?tag={query}").json()["count"] == count, query
        assert admin_page.put(PLACE + "bob@example.org/", {}, JSON).json()["tags"] == []

    def test_refusals(self, admin_page, bob):
        for tags in (["a b"], "vip", [""], [f"t{number}" for number in range(21)]):
            response = admin_page.patch(PLACE + "bob@example.org/", {"tags": tags}, JSON)
            assert response.status_code == 400, tags

    def test_bulk(self, admin_page, bob):
        item = {"username": "bob", "domain": "example.org", "tags": ["vip"]}
        facts = admin_page.post(PLACE + "bulk/", {"items": [item]}, JSON).json()
        assert (facts["updated"], facts["failed"]) == (1, 0)
        assert SipUser.objects.get().tags == ",vip,"


def test_last_registered(admin_page, alice, bob):
    def of(name):
        return admin_page.get(f"{PLACE}{name}@example.org/").json()["last_registered_at"]

    assert of("bob") is None
    seen = timezone.now() - timedelta(days=3)
    Event.objects.create(ts=seen, type="registration.created", subject=bob.aor)
    Event.objects.create(ts=timezone.now(), type="registration.expired", subject=bob.aor)
    assert parse_datetime(of("bob")) == seen
    binding = bind(bob)
    assert parse_datetime(of("bob")) == binding.refreshed_at
    rows = admin_page.get(PLACE).json()["results"]
    assert [row["last_registered_at"] is None for row in rows] == [True, False]


@pytest.mark.parametrize(
    ("member", "value"),
    [
        ("username", 0),
        ("display_name", True),
        ("enabled", "no"),
        ("enabled", 1),
        ("max_contacts", "5"),
        ("max_contacts", True),
        ("max_contacts", 1.5),
        ("aliases", [1]),
        ("tags", [None, 1]),
    ],
)
def test_json_has_types(admin_page, domain, member, value):
    response = admin_page.post(PLACE, {**DORA, member: value}, JSON)
    assert response.status_code == 400
    assert response.json()["errors"][0]["pointer"] == f"#/{member}"
