"""Domains, users and policy: one copy of the rules for commands, pages and the API."""

import pytest

from proxy.models import DeliveryPolicy
from registrar.models import Alias, Domain, DomainAlias, SipUser
from sip.auth.digest import ha1
from sipadmin.provisioning import (
    ProvisioningError,
    change_domain,
    own_policy,
    save_domain,
    save_user,
    set_policy,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def domain():
    return save_domain("example.org").domain


def errors(call, *args, **kwargs):
    with pytest.raises(ProvisioningError) as refused:
        call(*args, **kwargs)
    return refused.value.errors


class TestChangeDomain:
    def test_it_works(self):
        change = change_domain(
            "Example.ORG",
            {
                "auth_call": "off",
                "min_expires": "120",
                "max_contacts": "3",
                "contact_limit": "replace-oldest",
                "expires_jitter": "10",
                "path_without_support": "store",
                "digest_algorithms": "md5-first",
                "one_contact_per_device": "on",
                "policy": "redirect",
                "ring_time": "20",
                "alias": "example.net, 192.0.2.1",
                "description": "ours",
            },
        )
        assert change.is_new
        domain = Domain.objects.get(name="example.org")
        assert (domain.auth_call, domain.auth_register, domain.min_expires) == (False, True, 120)
        assert (domain.contact_limit, domain.expires_jitter) == ("replace-oldest", 10)
        assert (domain.path_without_support, domain.one_contact_per_device) == ("store", True)
        assert own_policy(domain) == ("redirect", 20)
        assert set(domain.aliases.values_list("name", flat=True)) == {"example.net", "192.0.2.1"}

    def test_a_change_keeps_the_rest(self, domain):
        change_domain("example.org", {"max_expires": "7200"})
        change = change_domain("example.org", {"enabled": "no"})
        assert not change.is_new
        domain.refresh_from_db()
        assert (domain.max_expires, domain.enabled, domain.version) == (7200, False, 3)

    def test_without_settings_nothing_changes(self, domain):
        change_domain("example.org", {})
        domain.refresh_from_db()
        assert domain.version == 1

    def test_aliases_are_added_and_removed(self, domain):
        change_domain("example.org", {"alias": "a.example,b.example"})
        change_domain("example.org", {"alias": "-a.example,c.example"})
        assert set(domain.aliases.values_list("name", flat=True)) == {"b.example", "c.example"}

    def test_ring_time_can_be_inherited_again(self, domain):
        change_domain("example.org", {"ring_time": "20"})
        assert own_policy(domain) == ("inherit", 20)
        change_domain("example.org", {"ring_time": "inherit"})
        assert not DeliveryPolicy.objects.exists()

    def test_unknown_key_lists_the_keys(self):
        found = errors(change_domain, "example.org", {"colour": "red"})
        assert "auth_register" in found["colour"]
        assert "ring_time" in found["colour"]
        assert not Domain.objects.exists()

    @pytest.mark.parametrize(
        ("key", "value"),
        [
            ("auth_call", "maybe"),
            ("min_expires", "-1"),
            ("min_expires", "1.5"),
            ("max_contacts", "0"),
            ("path_without_support", "drop"),
            ("digest_algorithms", "md5"),
            ("expires_jitter", "51"),
            ("contact_limit", "explode"),
            ("max_expires", "99999999999"),
            ("policy", "shout"),
            ("policy", "refuse:200"),
            ("ring_time", "0"),
            ("ring_time", "soon"),
            ("alias", "not a name"),
            ("default_expires", "100000"),
        ],
    )
    def test_bad_values_change_nothing(self, key, value):
        assert list(errors(change_domain, "example.org", {key: value, "description": "x"})) == [key]
        assert not Domain.objects.exists()

    @pytest.mark.parametrize("name", ["", "no spaces", "a@b", "example.org:5060", "-x", "ex_ample"])
    def test_bad_names(self, name):
        assert errors(change_domain, name, {})

    def test_names_and_aliases_do_not_collide(self, domain):
        save_domain("other.example", aliases=["example.net"])
        assert "already an alias" in errors(change_domain, "example.net", {})["name"]
        assert "already a domain" in errors(change_domain, "example.org", {"alias": "other.example"})["alias"]
        assert errors(change_domain, "example.org", {"alias": "example.net"})["alias"]
        assert DomainAlias.objects.count() == 1

    def test_a_new_realm_warns(self, domain):
        save_user(domain, "alice", password="secret")
        (warning,) = change_domain("example.org", {"realm": "phones"}).warnings
        assert "1 user" in warning
        assert change_domain("example.org", {"realm": "phones"}).warnings == []

    def test_may_create(self):
        assert "no domain" in errors(save_domain, "example.org", may_create=False)["name"]


class TestRedirections:
    def test_lists_are_kept_in_one_spelling(self, domain):
        change_domain(
            "example.org",
            {"follow_redirects": "3", "followed_domains": "Other.Example, example.org", "redirected_methods": "invite"},
        )
        domain.refresh_from_db()
        assert (domain.follow_redirects, domain.followed_domains) == (3, "other.example example.org")
        assert domain.redirected_methods == "INVITE"

    def test_what_makes_no_sense_is_refused(self, domain):
        assert list(errors(change_domain, "example.org", {"follow_redirects": "3"})) == ["followed_domains"]
        assert list(errors(change_domain, "example.org", {"follow_redirects": "6", "followed_domains": "*"})) == [
            "follow_redirects"
        ]
        assert list(errors(change_domain, "example.org", {"redirected_methods": "BYE"})) == ["redirected_methods"]


class TestSaveUser:
    def test_it_works(self, domain):
        user, is_new = save_user(
            domain, "alice", password="s3cret", display_name="Alice", aliases=["100"], policy="redirect", ring_time=15
        )
        assert is_new
        assert user.ha1_md5 == ha1("MD5", "alice", "example.org", "s3cret")
        assert user.ha1_sha256 == ha1("SHA-256", "alice", "example.org", "s3cret")
        assert own_policy(user) == ("redirect", 15)
        assert Alias.objects.get().user == user

    def test_the_realm_is_in_the_hash(self):
        domain = save_domain("example.org", realm="phones").domain
        user, _ = save_user(domain, "alice", password="s3cret")
        assert user.ha1_md5 == ha1("MD5", "alice", "phones", "s3cret")

    def test_a_change_keeps_the_rest(self, domain):
        before, _ = save_user(domain, "alice", password="s3cret", aliases=["100"])
        user, is_new = save_user(domain, "alice", display_name="Alice")
        assert not is_new
        assert (user.ha1_md5, user.version, user.aliases.count()) == (before.ha1_md5, 2, 1)

    def test_given_ha1_values_replace_all(self, domain):
        save_user(domain, "alice", password="s3cret")
        user, _ = save_user(domain, "alice", ha1_md5="A" * 32)
        assert (user.ha1_md5, user.ha1_sha256, user.ha1_sha512_256) == ("a" * 32, "", "")

    @pytest.mark.parametrize(
        ("field", "values"),
        [
            ("password", {"password": ""}),
            ("password", {"password": "x", "ha1_md5": "a" * 32}),
            ("ha1_md5", {"ha1_md5": "a" * 31}),
            ("ha1_sha256", {"ha1_sha256": "g" * 64}),
            ("max_contacts", {"max_contacts": 0}),
            ("policy", {"policy": "shout"}),
            ("ring_time", {"ring_time": 0}),
            ("aliases", {"aliases": ["not a name"]}),
            ("aliases", {"aliases": ["bob"]}),
            ("aliases", {"aliases": ["200"]}),
            ("aliases", {"aliases": ["2\x00"]}),
        ],
    )
    def test_refusals_change_nothing(self, domain, field, values):
        save_user(domain, "bob", password="x", aliases=["200"])
        assert list(errors(save_user, domain, "alice", **values)) == [field]
        assert SipUser.objects.count() == 1

    @pytest.mark.threat(23)
    @pytest.mark.parametrize("name", ["", "a b", "a@b", "a:b", "a;b", "x" * 129, "a\x00", "%", "../x", "<b>"])
    def test_bad_names(self, domain, name):
        assert "username" in errors(save_user, domain, name, password="x")

    @pytest.mark.threat(23)
    @pytest.mark.parametrize("name", ["a'b", "x'--", "{{7*7}}", "$(id)"])
    def test_odd_names_are_names(self, domain, name):
        save_user(domain, name, password="x")
        assert [user.username for user in SipUser.objects.filter(username=name)] == [name]

    def test_an_alias_is_no_user_name(self, domain):
        save_user(domain, "bob", password="x", aliases=["200"])
        assert "already an alias" in errors(save_user, domain, "200", password="x")["username"]

    def test_may_create(self, domain):
        assert "no user" in errors(save_user, domain, "alice", may_create=False)["username"]


class TestForwarding:
    """Where the calls of a user go."""

    def test_addresses_are_kept_as_uris(self, domain):
        user, _ = save_user(domain, "bob", do_not_disturb=True, forward_busy="carol", forward_no_answer="+15550100")
        user.refresh_from_db()
        assert (user.do_not_disturb, user.forward_always) == (True, "")
        assert (user.forward_busy, user.forward_no_answer) == ("sip:carol@example.org", "sip:+15550100@example.org")

    @pytest.mark.parametrize("field", ["forward_always", "forward_busy", "forward_no_answer"])
    @pytest.mark.parametrize("target", ["two words", "bob", "sip:bob@example.org", "sip:x@y?subject=z", "sip:"])
    def test_what_is_no_address_or_himself_is_refused(self, domain, field, target):
        assert list(errors(save_user, domain, "bob", **{field: target})) == [field]

    def test_a_circle_is_refused_and_shown(self, domain):
        save_user(domain, "bob", forward_always="carol", aliases=["200"])
        save_user(domain, "carol", forward_always="dave")
        sentence = errors(save_user, domain, "dave", forward_always="200")["forward_always"]
        assert sentence == "dave to bob to carol to dave: calls would go round in circles"

    def test_a_chain_that_is_too_long_is_refused(self, domain):
        for number in range(5):
            save_user(domain, f"u{number}", forward_always=f"u{number - 1}" if number else "elsewhere")
        save_user(domain, "last", forward_busy="u4")
        assert "5 times at most" in errors(save_user, domain, "last", forward_always="u4")["forward_always"]

    def test_it_may_leave_the_house(self, domain):
        save_user(domain, "bob", forward_always="sip:bob@mobile.example")
        save_user(domain, "alice", forward_always="bob")


class TestSetPolicy:
    @pytest.mark.parametrize(
        "text",
        ["proxy", "proxy-parallel", "proxy-sequential", "redirect", "redirect-301", "forward:sip:desk@example.org",
         "refuse:486"],
    )  # fmt: skip
    def test_every_policy_everywhere(self, domain, text):
        user, _ = save_user(domain, "alice", password="x")
        for owner in (None, domain, user):
            set_policy(owner, text)
            assert own_policy(owner) == (text, None)
        assert DeliveryPolicy.objects.count() == 3

    def test_inherit_removes_the_row(self, domain):
        set_policy(domain, "redirect")
        set_policy(domain, "inherit")
        assert own_policy(domain) == ("inherit", None)
        assert not DeliveryPolicy.objects.exists()

    def test_the_server_inherits_from_nobody(self):
        assert own_policy(None) == ("proxy", None)
        assert "nothing to inherit" in errors(set_policy, None, "inherit")["policy"]

    def test_a_part_keeps_the_other(self, domain):
        set_policy(domain, "redirect", 20)
        set_policy(domain, ring_time=30)
        assert own_policy(domain) == ("redirect", 30)
        set_policy(domain, "proxy")
        assert own_policy(domain) == ("proxy", 30)


@pytest.mark.threat(23)
def test_no_domain_holds_a_zero_byte(db):
    assert errors(save_domain, "a\x00.example") == {"name": "a name cannot hold a zero byte"}
    assert errors(save_domain, "a.example", aliases=["b\x00.example"]) == {"alias": "a name cannot hold a zero byte"}
    assert not Domain.objects.exists()
