"""The demo's domain in the database: filled, renewed, removed, and never somebody else's."""

import pytest

from proxy.models import CallAttempt, DeliveryPolicy
from registrar.models import Domain, SipUser, ThirdPartyRule
from sip.auth.digest import ha1
from sipadmin.demo.accounts import NotOurs, fill, remove
from sipadmin.demo.cast import KINDS, desks, people

pytestmark = pytest.mark.django_db
NAME = "demo.example.org"


class TestFill:
    def test_it_works(self) -> None:
        passwords = fill(NAME)
        users = {user.username: user for user in SipUser.objects.filter(domain__name=NAME)}
        assert len(users) == 20
        assert users.keys() == passwords.keys()
        assert users["bob"].ha1_sha256 == ha1("SHA-256", "bob", NAME, passwords["bob"])
        assert all("Demo" in user.display_name for user in users.values())
        assert DeliveryPolicy.objects.get(user=users["mona"]).policy == f"forward:sip:bob@{NAME}"
        rule = ThirdPartyRule.objects.get()
        assert (rule.actor, rule.target) == (users["assistant"], users["boss"])

    def test_second_run_renews_every_password_and_nothing_else(self) -> None:
        first, second = fill(NAME), fill(NAME)
        assert SipUser.objects.count() == 20
        assert ThirdPartyRule.objects.count() == 1
        assert not set(first.values()) & set(second.values())

    def test_domain_of_somebody_else_is_left_alone(self) -> None:
        Domain.objects.create(name=NAME)
        with pytest.raises(NotOurs):
            fill(NAME)
        assert SipUser.objects.count() == 0


class TestRemove:
    def test_it_works(self) -> None:
        fill(NAME)
        assert remove(NAME) == 20
        assert not Domain.objects.exists()
        assert not SipUser.objects.exists()
        assert not CallAttempt.objects.exists()

    def test_nothing_to_remove(self) -> None:
        assert remove(NAME) is None

    def test_domain_of_somebody_else_is_left_alone(self) -> None:
        Domain.objects.create(name=NAME)
        with pytest.raises(NotOurs):
            remove(NAME)
        assert Domain.objects.exists()


class TestCast:
    """What the issue asks for: twenty users, twelve phones, and calls between people who exist."""

    def test_numbers(self) -> None:
        assert (len(people(NAME)), len(desks(1.0))) == (20, 12)

    def test_every_phone_and_caller_is_a_user(self) -> None:
        names = {person.username for person in people(NAME)}
        phones = {desk.name: desk.username for desk in desks(1.0)}
        assert set(phones.values()) <= names
        assert {kind.caller for kind in KINDS} <= phones.keys()
        assert {kind.answered_by for kind in KINDS} - {""} <= phones.keys()
        assert {kind.callee for kind in KINDS} - names == {"zoe"}
