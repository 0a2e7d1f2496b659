"""Pages of domains."""

from __future__ import annotations

import pytest

from registrar.domain_settings import SETTINGS
from registrar.models import Domain, SipUser
from sipadmin.models import ConfigChange
from sipadmin.provisioning import own_policy, set_policy
from tests.console import bind

pytestmark = pytest.mark.django_db

UNTOUCHED = {name: Domain._meta.get_field(name).get_default() for name in SETTINGS}
ENTRIES = {
    **{name: value for name, value in UNTOUCHED.items() if not isinstance(value, bool)},
    "name": "example.net", "aliases": "www.example.net sip.example.net", "enabled": "on", "auth_register": "on",
    "auth_call": "on", "min_expires": "60", "default_expires": "3600", "max_expires": "7200", "max_contacts": "3",
    "contact_limit": "replace-oldest", "expires_jitter": "10", "path_without_support": "store",
    "digest_algorithms": "no-md5", "strangers_may_call": "on",
    "one_contact_per_device": "on",
    "policy_action": "inherit",
}  # fmt: skip


def test_it_works(admin_page, domain):
    set_policy(domain, "redirect")
    text = admin_page.get("/domains/").content.decode()
    assert "example.org" in text
    assert "redirect" in text


def test_empty_list(admin_page):
    assert "No domains yet" in admin_page.get("/domains/").content.decode()


class TestAdding:
    def test_it_works(self, admin_page, engine):
        page = admin_page.post(
            "/domains/new/",
            {**ENTRIES, "policy_action": "forward", "policy_argument": "sip:desk@example.org", "ring_time": "12"},
            follow=True,
        )
        domain = Domain.objects.get(name="example.net")
        assert [alias.name for alias in domain.aliases.all()] == ["sip.example.net", "www.example.net"]
        assert own_policy(domain) == ("forward:sip:desk@example.org", 12)
        assert (domain.max_contacts, domain.contact_limit, domain.expires_jitter) == (3, "replace-oldest", 10)
        assert (domain.path_without_support, domain.one_contact_per_device) == ("store", True)
        assert "Domain example.net is there. Active now on the engine." in page.content.decode()
        assert ConfigChange.objects.filter(kind="domain", object_id=domain.pk).exists()

    def test_engine_down_is_said(self, admin_page, engine):
        engine.is_up = False
        page = admin_page.post("/domains/new/", ENTRIES, follow=True)
        assert "The engine is not running; it will apply at next start." in page.content.decode()

    @pytest.mark.parametrize(
        ("field", "value", "sentence"),
        [
            ("name", "example.org", "already a domain"),
            ("name", "exa mple", "host name or address"),
            ("name", "", "required"),
            ("aliases", "bad_name!", "host name or address"),
            ("aliases", "example.org", "already a domain"),
            ("policy_action", "forward", "forward needs a SIP URI"),
            ("policy_action", "bogus", "not one of the available choices"),
            ("ring_time", "0", "greater than or equal to 1"),
            ("min_expires", "5000", "must hold"),
            ("contact_limit", "explode", "not one of the available choices"),
            ("expires_jitter", "51", "less than or equal to 50"),
            ("path_without_support", "", "required"),
            ("max_contacts", "0", "greater than or equal to 1"),
            ("max_expires", "99999999999", "less than or equal to"),
        ],
    )
    def test_refusals(self, admin_page, domain, field, value, sentence):
        response = admin_page.post("/domains/new/", {**ENTRIES, field: value})
        assert response.status_code == 422
        assert sentence in response.content.decode()
        assert Domain.objects.count() == 1


class TestChanging:
    def test_it_works(self, admin_page, domain, engine):
        page = admin_page.post(f"/domains/{domain.pk}/", {**ENTRIES, "max_contacts": "7", "auth_call": ""}, follow=True)
        domain.refresh_from_db()
        assert (domain.name, domain.max_contacts, domain.auth_call, domain.version) == ("example.org", 7, False, 2)
        assert "Saved. Active now on the engine." in page.content.decode()

    def test_a_new_realm_warns(self, admin_page, domain, alice):
        page = admin_page.post(f"/domains/{domain.pk}/", {**ENTRIES, "realm": "elsewhere"}, follow=True)
        assert "1 users need a new password" in page.content.decode()

    def test_refusal_keeps_everything(self, admin_page, domain):
        response = admin_page.post(f"/domains/{domain.pk}/", {**ENTRIES, "max_contacts": "7", "min_expires": "9999"})
        assert response.status_code == 422
        assert Domain.objects.get().max_contacts == 10

    def test_operators_see_it_disabled(self, operator_page, domain):
        text = operator_page.get(f"/domains/{domain.pk}/").content.decode()
        assert 'name="max_contacts"' in text
        assert text.count(" disabled") >= 10
        assert ">Save<" not in text


class TestDeleting:
    def test_it_asks_first(self, admin_page, domain, bob):
        bind(bob)
        text = admin_page.get(f"/domains/{domain.pk}/delete/").content.decode()
        assert "1 users are deleted" in text
        assert "1 registered contacts drop" in text
        assert Domain.objects.exists()

    def test_it_works(self, admin_page, domain, bob, engine):
        admin_page.post(f"/domains/{domain.pk}/delete/")
        assert not Domain.objects.exists()
        assert not SipUser.objects.exists()
        assert ("poll_changes", {}) in engine.commands
