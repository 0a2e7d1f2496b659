"""Domains and users in memory, and how change notices reach them."""

from datetime import UTC, datetime, timedelta

import pytest

from registrar.directory import Directory, Dropped
from registrar.models import Alias, Domain, DomainAlias, SipUser, ThirdPartyRule
from sip.auth.digest import ha1
from tests.registrar.people import a_directory, a_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def domain():
    domain = Domain.objects.create(
        name="Example.org",
        max_contacts=5,
        contact_limit="replace-oldest",
        expires_jitter=10,
        path_without_support="store",
        one_contact_per_device=True,
        digest_algorithms="no-md5",
    )
    DomainAlias.objects.create(domain=domain, name="example.com")
    return domain


@pytest.fixture
def bob(domain):
    bob = SipUser(domain=domain, username="bob")
    bob.set_password("secret")
    bob.save()
    Alias.objects.create(domain=domain, name="2001", user=bob)
    return bob


@pytest.fixture
def directory(bob):
    directory = Directory()
    directory.load()
    return directory


def refresh(directory, kind, object_id=None):
    return directory.refresh(kind, object_id)()


class TestLoad:
    """10.3 step 5: whose address-of-record is it."""

    @pytest.mark.rule("R10")
    def test_domain_by_name_and_alias_in_lower_case(self, directory, domain):
        entry = directory.domain("example.org")
        assert entry is directory.domain("example.com")
        assert (entry.id, entry.names) == (domain.pk, {"example.org", "example.com"})
        assert (entry.realm, entry.max_contacts, entry.auth_register) == ("Example.org", 5, True)
        assert (entry.contact_limit, entry.expires_jitter) == ("replace-oldest", 10)
        assert (entry.path_without_support, entry.one_contact_per_device) == ("store", True)
        assert entry.digest_offer == ("SHA-256", "SHA-512-256")
        assert directory.domain("other.example") is None

    @pytest.mark.rule("R37")
    def test_an_algorithm_that_a_user_has_no_ha1_for_is_offered_to_nobody(self, directory, domain, bob):
        domain.digest_algorithms = "strongest-first"
        domain.save()
        entry = directory.domain("example.org")
        refresh(directory, "domain", domain.pk)
        assert entry.digest_offer == ("SHA-256", "SHA-512-256", "MD5")
        SipUser.objects.create(domain=domain, username="without a password")
        carol = SipUser.objects.create(domain=domain, username="carol", ha1_md5="0" * 32)
        for user in SipUser.objects.all():
            refresh(directory, "user", user.pk)
        assert entry.digest_offer == ("MD5",)
        domain.digest_algorithms = "no-md5"
        domain.save()
        refresh(directory, "domain", domain.pk)
        assert entry.digest_offer == ("SHA-256", "SHA-512-256")
        carol.set_password("secret")
        carol.save()
        refresh(directory, "user", carol.pk)
        domain.digest_algorithms = "strongest-first"
        domain.save()
        refresh(directory, "domain", domain.pk)
        assert entry.digest_offer == ("SHA-256", "SHA-512-256", "MD5")

    def test_user_by_name_and_alias(self, directory, bob):
        entry = directory.domain("example.org")
        user = directory.user(entry, "bob")
        assert user is directory.user(entry, "2001") is directory.by_aor("sip:bob@example.org")
        assert (user.id, user.aor, user.max_contacts) == (bob.pk, "sip:bob@example.org", 5)
        assert directory.user(entry, "Bob") is None

    def test_hashes_of_enabled_users_by_their_own_name(self, directory):
        entry = directory.domain("example.org")
        for algorithm in ("MD5", "SHA-256", "SHA-512-256"):
            assert entry.ha1_for("bob", algorithm) == ha1(algorithm, "bob", "Example.org", "secret")
        assert entry.ha1_for("2001", "MD5") is None
        entry.users["bob"].enabled = False
        assert entry.ha1_for("bob", "MD5") is None

    def test_counts(self, directory):
        assert directory.counts == {"domains": 1, "users": 1, "rules": 0}


class TestThirdPartyRules:
    """10.3 step 4."""

    @pytest.mark.rule("R06")
    def test_for_ever_or_until_a_date(self, directory, domain, bob):
        carol = SipUser.objects.create(domain=domain, username="carol")
        refresh(directory, "user", carol.pk)
        entry = directory.domain("example.org")
        actor, target = entry.users["carol"], entry.users["bob"]
        now = datetime.now(UTC)
        assert not directory.may_register_for(actor, target, now.timestamp())
        rule = ThirdPartyRule.objects.create(actor=carol, target=bob)
        refresh(directory, "rule", rule.pk)
        assert directory.may_register_for(actor, target, now.timestamp())
        assert not directory.may_register_for(target, actor, now.timestamp())
        rule.ends_at = now + timedelta(hours=1)
        rule.save()
        refresh(directory, "rule", rule.pk)
        assert directory.may_register_for(actor, target, now.timestamp() + 3599)
        assert not directory.may_register_for(actor, target, now.timestamp() + 3600)


class TestRefresh:
    """Change notices: live without a restart."""

    def test_new_user_and_new_password(self, directory, domain, bob):
        alice = SipUser.objects.create(domain=domain, username="alice")
        assert refresh(directory, "user", alice.pk) == []
        assert directory.by_aor("sip:alice@example.org").id == alice.pk
        bob.set_password("new")
        bob.save()
        assert refresh(directory, "user", bob.pk) == []
        entry = directory.domain("example.org")
        assert entry.ha1_for("bob", "MD5") == ha1("MD5", "bob", "Example.org", "new")
        assert directory.user(entry, "2001").username == "bob"

    @pytest.mark.rule("R38")
    def test_disabled_deleted_and_renamed_users_lose_their_bindings(self, directory, bob):
        dropped = [Dropped("sip:bob@example.org", bob.pk)]
        SipUser.objects.filter(pk=bob.pk).update(enabled=False)
        assert refresh(directory, "user", bob.pk) == dropped
        SipUser.objects.filter(pk=bob.pk).update(enabled=True)
        refresh(directory, "user", bob.pk)
        SipUser.objects.filter(pk=bob.pk).update(username="rob")
        assert refresh(directory, "user", bob.pk) == dropped
        assert directory.by_aor("sip:rob@example.org").id == bob.pk
        assert directory.by_aor("sip:bob@example.org") is None
        pk = bob.pk
        bob.delete()
        assert refresh(directory, "user", pk) == [Dropped("sip:rob@example.org", pk)]
        entry = directory.domain("example.org")
        assert (entry.users, entry.aliases) == ({}, {})

    def test_call_forwarding(self, directory, domain, bob):
        assert directory.by_aor("sip:bob@example.org").forward_busy == ""
        SipUser.objects.filter(pk=bob.pk).update(do_not_disturb=True, forward_busy="sip:x@y", forward_always="sip:a@b")
        directory.read("user", bob.pk)()
        user = directory.by_aor("sip:bob@example.org")
        assert (user.do_not_disturb, user.forward_busy, user.forward_always) == (True, "sip:x@y", "sip:a@b")
        assert user.forward_no_answer == ""

    def test_alias_comes_and_goes(self, directory, domain, bob):
        entry = directory.domain("example.org")
        Alias.objects.create(domain=domain, name="chef", user=bob)
        refresh(directory, "user", bob.pk)
        assert directory.user(entry, "chef").username == "bob"
        Alias.objects.filter(name="2001").delete()
        refresh(directory, "user", bob.pk)
        assert directory.user(entry, "2001") is None

    def test_settings_and_aliases_of_a_domain(self, directory, domain):
        Domain.objects.filter(pk=domain.pk).update(min_expires=300, auth_register=False)
        DomainAlias.objects.all().delete()
        assert refresh(directory, "domain", domain.pk) == []
        entry = directory.domain("example.org")
        assert (entry.min_expires, entry.auth_register) == (300, False)
        assert directory.domain("example.com") is None
        assert "bob" in entry.users

    def test_renamed_domain(self, directory, domain, bob):
        Domain.objects.filter(pk=domain.pk).update(name="new.example")
        assert refresh(directory, "domain", domain.pk) == [Dropped("sip:bob@example.org", bob.pk)]
        assert directory.domain("example.org") is None
        assert directory.by_aor("sip:bob@new.example").id == bob.pk

    def test_new_domain_brings_its_users(self, directory):
        other = Domain.objects.create(name="other.example")
        SipUser.objects.create(domain=other, username="dave")
        assert refresh(directory, "domain", other.pk) == []
        assert "dave" in directory.domain("other.example").users

    def test_deleted_domain(self, directory, domain, bob):
        pk, bob_pk = domain.pk, bob.pk
        domain.delete()
        assert refresh(directory, "domain", pk) == [Dropped("sip:bob@example.org", bob_pk)]
        assert directory.domain("example.org") is directory.domain("example.com") is None
        assert directory.counts["users"] == 0

    def test_everything(self, directory, domain, bob):
        SipUser.objects.filter(pk=bob.pk).update(enabled=False)
        alice = SipUser.objects.create(domain=domain, username="alice")
        assert refresh(directory, "all") == [Dropped("sip:bob@example.org", bob.pk)]
        assert directory.by_aor("sip:alice@example.org").id == alice.pk
        assert refresh(directory, "policy") == []


@pytest.mark.rule("R10")
class TestCapitals:
    """19.1.4: user names differ in case, unless the domain says no."""

    def test_exact_names_only(self):
        directory = a_directory()
        domain = directory.domain("example.org")
        assert directory.user(domain, "bob") and directory.user(domain, "BOB") is None

    def test_any_case(self):
        directory = a_directory(ignore_case=True)
        domain = directory.domain("example.org")
        bob = directory.user(domain, "bob")
        assert directory.user(domain, "BOB") is bob and directory.user(domain, "nobody") is None

    def test_an_exact_name_wins(self):
        directory = a_directory(ignore_case=True)
        domain = directory.domain("example.org")
        other = a_user(directory, domain, 9, "BOB")
        assert directory.user(domain, "BOB") is other
        assert directory.user(domain, "Bob") is directory.user(domain, "bob")

    def test_a_user_who_is_gone_is_gone_in_every_case(self):
        directory = a_directory(ignore_case=True)
        domain = directory.domain("example.org")
        bob = directory.user(domain, "BOB")
        directory._remove_user(bob.id)
        assert directory.user(domain, "BOB") is None

    def test_the_switch_is_live(self):
        directory = a_directory()
        domain = directory.domain("example.org")
        domain.take(Domain(id=1, name="example.org", ignore_case=True), ())
        assert directory.user(domain, "BOB") is directory.user(domain, "bob")
        domain.take(Domain(id=1, name="example.org"), ())
        assert directory.user(domain, "BOB") is None
