"""Pages of users."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from registrar.models import SipUser, StaticContact, ThirdPartyRule
from sip.auth.digest import ha1
from sipadmin.provisioning import own_policy, save_user, set_policy
from sipadmin.static_contacts import add_static_contact
from tests.console import bind

pytestmark = pytest.mark.django_db


class TestList:
    def test_it_works(self, admin_page, alice, bob):
        bind(bob)
        set_policy(alice, "refuse:486")
        text = admin_page.get("/users/").content.decode()
        assert "2 users" in text
        assert "refuse:486" in text
        assert text.count('answered">registered<') == 1

    def test_empty(self, admin_page):
        assert "No users yet" in admin_page.get("/users/").content.decode()

    @pytest.mark.parametrize(
        "query", [{"q": "bob"}, {"q": "Bob"}, {"q": "101"}, {"q": "sip:bob@example.org"}, {"state": "registered"}]
    )
    def test_filters(self, admin_page, alice, bob, query):
        save_user(bob.domain, "bob", aliases=["101"])
        bind(bob)
        text = admin_page.get("/users/", query).content.decode()
        assert "bob@example.org" in text
        assert "alice@example.org" not in text

    def test_domain_filter(self, admin_page, alice):
        assert "No user matches" in admin_page.get("/users/?domain=example.com").content.decode()

    def test_pages(self, admin_page, domain):
        SipUser.objects.bulk_create(SipUser(domain=domain, username=f"user{number:03}") for number in range(120))
        text = admin_page.get("/users/?q=user&page=2").content.decode()
        assert "Page 2 of 3" in text
        assert "user050@" in text
        assert 'href="?q=user&amp;page=3"' in text
        assert "Page 1 of 3" in admin_page.get("/users/?page=nonsense").content.decode()

    def test_the_number_of_queries_does_not_grow(self, admin_page, domain, django_assert_max_num_queries):
        SipUser.objects.bulk_create(SipUser(domain=domain, username=f"user{number:03}") for number in range(50))
        with django_assert_max_num_queries(8):
            admin_page.get("/users/")


def entries(domain, **more):
    return {
        "domain": domain.pk, "username": "dora", "enabled": "on", "password_mode": "generate",
        "policy_action": "inherit", **more,
    }  # fmt: skip


class TestAdding:
    def test_generated_password_is_shown_once(self, admin_page, domain, engine):
        response = admin_page.post("/users/new/", entries(domain, aliases="200 201"))
        password = re.search(r'id="secret">([^<]+)<', response.content.decode())[1]
        user = SipUser.objects.get(username="dora")
        assert user.ha1_sha256 == ha1("SHA-256", "dora", "example.org", password)
        assert [alias.name for alias in user.aliases.all()] == ["200", "201"]
        assert "no-store" in response.headers["Cache-Control"]
        assert password not in admin_page.get(f"/users/{user.pk}/").content.decode()

    def test_password_set(self, admin_page, domain, engine):
        admin_page.post("/users/new/", entries(domain, password_mode="set", password=" with spaces "))
        assert SipUser.objects.get(username="dora").ha1_md5 == ha1("MD5", "dora", "example.org", " with spaces ")

    @pytest.mark.parametrize(
        ("more", "sentence"),
        [
            ({"username": "bob"}, "already a user with this name"),
            ({"username": "a b"}, "user name without spaces"),
            ({"username": ""}, "required"),
            ({"username": "x" * 129}, "at most 128"),
            ({"password_mode": "set"}, "Enter a password"),
            ({"aliases": "a@b"}, "user name without spaces"),
            ({"aliases": "bob"}, "already a user"),
            ({"domain": "4711"}, "not one of the available choices"),
            ({"policy_action": "refuse", "policy_argument": "200"}, "refuse needs a status code"),
            ({"policy_action": "forward", "policy_argument": "http://x"}, "forward needs a SIP URI"),
            ({"ring_time": "4000"}, "less than or equal to 3600"),
            ({"max_contacts": "0"}, "greater than or equal to 1"),
            ({"forward_busy": "two words"}, "no address to forward to"),
            ({"forward_always": "dora"}, "nobody can forward calls to himself"),
            ({"display_name": "x" * 121}, "at most 120"),
        ],
    )
    def test_refusals(self, admin_page, domain, bob, more, sentence):
        response = admin_page.post("/users/new/", {**entries(domain), **more})
        assert response.status_code == 422
        assert sentence in response.content.decode()
        assert SipUser.objects.count() == 1

    def test_without_a_domain(self, admin_page):
        assert "Add a domain" in admin_page.get("/users/new/").content.decode()


class TestOne:
    def test_it_works(self, admin_page, alice, bob):
        set_policy(bob.domain, "redirect")
        bind(bob)
        ThirdPartyRule.objects.create(actor=alice, target=bob, ends_at=timezone.now() - timedelta(days=1))
        text = admin_page.get(f"/users/{bob.pk}/").content.decode()
        assert "redirect, from domain example.org" in text
        assert "bob@192.0.2.1:5060" in text
        assert "alice@example.org" in text
        assert "ended" in text

    def test_origin_is_the_user(self, admin_page, bob):
        set_policy(bob, "refuse:603")
        assert "refuse:603, from user bob@example.org" in admin_page.get(f"/users/{bob.pk}/").content.decode()

    def test_origin_is_the_server(self, admin_page, bob):
        assert "proxy, from the server default" in admin_page.get(f"/users/{bob.pk}/").content.decode()

    def test_saving(self, admin_page, bob, engine):
        entered = {
            "display_name": "Bobby",
            "enabled": "on",
            "policy_action": "redirect",
            "ring_time": "9",
            "aliases": "101",
        }
        page = admin_page.post(f"/users/{bob.pk}/", entered, follow=True)
        bob.refresh_from_db()
        assert (bob.display_name, own_policy(bob)) == ("Bobby", ("redirect", 9))
        assert bob.ha1_md5  # the password stays
        assert "Saved. Active now on the engine." in page.content.decode()
        admin_page.post(f"/users/{bob.pk}/", {"policy_action": "inherit", "enabled": "on"})
        assert own_policy(bob) == ("inherit", None)

    def test_call_forwarding(self, admin_page, alice, bob, engine):
        entered = {"enabled": "on", "policy_action": "inherit", "do_not_disturb": "on", "forward_busy": "alice"}
        assert admin_page.post(f"/users/{bob.pk}/", entered).status_code == 302
        bob.refresh_from_db()
        assert (bob.do_not_disturb, bob.forward_busy) == (True, "sip:alice@example.org")
        text = admin_page.get(f"/users/{bob.pk}/").content.decode()
        assert 'value="sip:alice@example.org"' in text
        assert "When busy, forward to" in text
        assert "do not disturb: callers are sent to sip:alice@example.org" in text

    def test_refusal_keeps_everything(self, admin_page, alice, bob):
        response = admin_page.post(
            f"/users/{bob.pk}/", {"display_name": "X", "policy_action": "inherit", "aliases": "alice"}
        )
        assert response.status_code == 422
        assert "already a user" in response.content.decode()
        bob.refresh_from_db()
        assert (bob.display_name, bob.version) == ("Bob", 1)

    def test_no_secret_is_ever_shown(self, admin_page, operator_page, bob):
        for page in (admin_page, operator_page):
            text = page.get(f"/users/{bob.pk}/").content.decode()
            assert not {bob.ha1_md5, bob.ha1_sha256, bob.ha1_sha512_256} & set(re.findall(r"[0-9a-f]{32,64}", text))

    def test_disabling_and_enabling(self, admin_page, bob, engine):
        for word, expected in (("off", False), ("on", True)):
            admin_page.post(f"/users/{bob.pk}/enabled/", {"enabled": word})
            bob.refresh_from_db()
            assert bob.enabled is expected

    def test_new_password(self, admin_page, bob, engine):
        admin_page.post(f"/users/{bob.pk}/password/", {"password": "another"})
        bob.refresh_from_db()
        assert bob.ha1_md5 == ha1("MD5", "bob", "example.org", "another")

    def test_generated_password(self, admin_page, bob, engine):
        text = admin_page.post(f"/users/{bob.pk}/password/", {"password": ""}).content.decode()
        bob.refresh_from_db()
        assert bob.ha1_md5 == ha1("MD5", "bob", "example.org", re.search(r'id="secret">([^<]+)<', text)[1])

    def test_too_long_a_password(self, admin_page, bob):
        assert admin_page.post(f"/users/{bob.pk}/password/", {"password": "x" * 257}).status_code == 422

    def test_deleting(self, admin_page, bob, engine):
        bind(bob)
        assert "1 registered contacts drop" in admin_page.get(f"/users/{bob.pk}/delete/").content.decode()
        admin_page.post(f"/users/{bob.pk}/delete/")
        assert not SipUser.objects.filter(username="bob").exists()


class TestThirdPartyRules:
    def test_it_works(self, admin_page, alice, bob, engine):
        admin_page.post(f"/users/{bob.pk}/rules/", {"actor": "alice@example.org", "ends_at": "2099-01-01T10:00"})
        rule = ThirdPartyRule.objects.get()
        assert (rule.actor, rule.target, rule.ends_at.year) == (alice, bob, 2099)
        admin_page.post(f"/users/{bob.pk}/rules/{rule.pk}/delete/")
        assert not ThirdPartyRule.objects.exists()

    @pytest.mark.parametrize(
        ("entered", "sentence"),
        [
            ({"actor": "nobody@example.org"}, "no user with this address-of-record"),
            ({"actor": "garbage"}, "no user with this address-of-record"),
            ({"actor": "bob@example.org"}, "register for themselves"),
            ({"actor": "alice@example.org", "ends_at": "2001-01-01T00:00"}, "has passed"),
            ({"actor": "alice@example.org", "ends_at": "soon"}, "valid date"),
        ],
    )
    def test_refusals(self, admin_page, alice, bob, entered, sentence):
        response = admin_page.post(f"/users/{bob.pk}/rules/", entered)
        assert response.status_code == 422
        assert sentence in response.content.decode()
        assert not ThirdPartyRule.objects.exists()

    def test_twice(self, admin_page, alice, bob):
        ThirdPartyRule.objects.create(actor=alice, target=bob)
        assert admin_page.post(f"/users/{bob.pk}/rules/", {"actor": "alice@example.org"}).status_code == 422

    def test_a_rule_of_another_user(self, admin_page, alice, bob):
        rule = ThirdPartyRule.objects.create(actor=alice, target=bob)
        assert admin_page.post(f"/users/{alice.pk}/rules/{rule.pk}/delete/").status_code == 404


class TestStaticContacts:
    def test_it_works(self, admin_page, bob, engine):
        place = f"/users/{bob.pk}/contacts/"
        entered = {"contact": "sip:door@192.0.2.7", "q": "0.5", "label": "The <door>"}
        assert admin_page.post(place, entered).status_code == 302
        text = admin_page.get(f"/users/{bob.pk}/").content.decode()
        assert "sip:door@192.0.2.7" in text
        assert "The &lt;door&gt;" in text
        assert "not registered" in text
        row = StaticContact.objects.get()
        assert (row.q, row.is_static, row.user) == (0.5, True, bob)
        assert admin_page.post(f"{place}{row.pk}/delete/").status_code == 302
        assert not StaticContact.objects.exists()

    @pytest.mark.parametrize(
        ("entered", "sentence"),
        [
            ({"contact": ""}, "This field is required"),
            ({"contact": "no uri"}, "use a URI without brackets"),
            ({"contact": "sip:a@0.0.0.0"}, "a@0.0.0.0"),
            ({"contact": "sip:x@192.0.2.9", "q": "2"}, "less than or equal to 1"),
        ],
    )
    def test_refusals(self, admin_page, bob, entered, sentence):
        response = admin_page.post(f"/users/{bob.pk}/contacts/", {"q": "1", **entered})
        assert response.status_code == 422
        assert sentence in response.content.decode()
        assert not StaticContact.objects.exists()

    def test_that_of_another_user(self, admin_page, alice, bob):
        row = add_static_contact(bob, "sip:door@192.0.2.7")
        assert admin_page.post(f"/users/{alice.pk}/contacts/{row.pk}/delete/").status_code == 404

    def test_a_registered_contact_is_none(self, admin_page, bob):
        row = bind(bob)
        assert admin_page.post(f"/users/{bob.pk}/contacts/{row.pk}/delete/").status_code == 404
