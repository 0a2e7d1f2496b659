"""Every change of the configuration leaves a notice in its own transaction."""

import pytest
from django.db import transaction

from proxy.models import DeliveryPolicy
from registrar.models import Alias, Domain, DomainAlias, SipUser, ThirdPartyRule
from sipadmin import bus, changes
from sipadmin.models import ConfigChange

pytestmark = pytest.mark.django_db


@pytest.fixture
def domain():
    return Domain.objects.create(name="example.org")


@pytest.fixture
def alice(domain):
    return SipUser.objects.create(domain=domain, username="alice")


@pytest.fixture
def bob(domain):
    return SipUser.objects.create(domain=domain, username="bob")


def notices():
    found = list(ConfigChange.objects.values_list("kind", "object_id"))
    ConfigChange.objects.all().delete()
    return found


def test_each_model(domain, alice, bob):
    notices()
    domain.save()
    assert notices() == [("domain", domain.pk)]
    alias = DomainAlias.objects.create(domain=domain, name="example.net")
    assert notices() == [("domain", domain.pk)]
    alias.delete()
    assert notices() == [("domain", domain.pk)]
    alice.save()
    assert notices() == [("user", alice.pk)]
    Alias.objects.create(domain=domain, name="100", user=alice)
    assert notices() == [("user", alice.pk)]
    rule = ThirdPartyRule.objects.create(actor=alice, target=bob)
    assert notices() == [("rule", rule.pk)]
    DeliveryPolicy.objects.create(user=alice, policy="redirect")
    assert notices() == [("policy", None)]
    key = bob.pk
    bob.delete()
    assert ("user", key) in notices()


def test_a_domain_falls_with_one_notice(domain, alice, bob):
    DeliveryPolicy.objects.create(user=alice, policy="redirect")
    key = domain.pk
    notices()
    domain.delete()
    assert notices() == [("domain", key)]


def test_a_rolled_back_change_leaves_none(domain):
    notices()
    with transaction.atomic():
        domain.save()
        transaction.set_rollback(True)
    assert notices() == []


def test_many_objects_are_one_reload():
    changes.record_changes("user", list(range(1, 4)))
    assert sorted(notices()) == [("user", 1), ("user", 2), ("user", 3)]
    changes.record_changes("user", list(range(1, 5003)))
    assert notices() == [("all", None)]
    changes.record_changes("user", [])
    assert notices() == []


def test_one_poke_a_transaction_after_its_commit(django_capture_on_commit_callbacks, monkeypatch):
    pokes = []
    monkeypatch.setattr(bus, "engine_command", lambda name, timeout: pokes.append(name))
    with django_capture_on_commit_callbacks(execute=True) as callbacks:
        for name in ("a.example", "b.example"):
            Domain.objects.create(name=name)
        assert pokes == []
    assert pokes == ["poll_changes"]
    assert len(callbacks) == 1


def test_no_engine_is_no_failure(tmp_path, settings):
    settings.DATA_DIR = tmp_path
    changes.poke_engine()
