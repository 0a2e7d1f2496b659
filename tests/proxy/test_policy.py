import pytest

from proxy.choices import parse_policy
from proxy.core.facts import DEFAULT_RING_TIME
from proxy.models import DeliveryPolicy
from proxy.policy import PolicyAt, PolicySnapshot, effective_for, load_snapshot
from registrar.models import Domain, SipUser


def at(policy, ring_time=None, name=""):
    return PolicyAt(None if policy is None else parse_policy(policy), ring_time, name)


class TestSnapshot:
    def test_nothing_set_is_proxy_from_the_server(self):
        effective = PolicySnapshot().effective(1, 1)
        assert (str(effective.policy), effective.ring_time) == ("proxy", DEFAULT_RING_TIME)
        assert effective.origin_text == "server default"

    def test_user_over_domain_over_server(self):
        snapshot = PolicySnapshot(
            at("refuse:480"),
            {1: at("redirect", name="example.org")},
            {7: at("forward:sip:x@example.net", name="bob@example.org")},
        )
        found = [snapshot.effective(*key) for key in [(7, 1), (8, 1), (None, 1), (8, 2), (None, None)]]
        assert [(str(one.policy), one.origin_text) for one in found] == [
            ("forward:sip:x@example.net", "user bob@example.org"),
            ("redirect", "domain example.org"),
            ("redirect", "domain example.org"),
            ("refuse:480", "server default"),
            ("refuse:480", "server default"),
        ]

    def test_ring_time_is_inherited_on_its_own(self):
        snapshot = PolicySnapshot(at("proxy", 20.0), {1: at(None, 15.0)}, {7: at("redirect"), 8: at(None, 5.0)})
        assert [snapshot.effective(user, 1).ring_time for user in (7, 8, 9)] == [15.0, 5.0, 15.0]
        assert snapshot.effective(8, 1).origin == "server"


@pytest.mark.django_db
class TestStore:
    @pytest.fixture
    def bob(self):
        domain = Domain.objects.create(name="example.org")
        return SipUser.objects.create(domain=domain, username="bob")

    def test_it_is_what_the_database_says(self, bob):
        DeliveryPolicy.objects.create(is_server=True, policy="proxy-parallel", ring_time=12)
        DeliveryPolicy.objects.create(domain=bob.domain, policy="inherit", ring_time=40)
        DeliveryPolicy.objects.create(user=bob, policy="redirect-301")
        effective = load_snapshot().effective(bob.pk, bob.domain_id)
        assert (str(effective.policy), effective.ring_time) == ("redirect-301", 40.0)
        assert effective.origin_text == "user bob@example.org"

    def test_pages_see_the_same_in_one_query(self, bob, django_assert_num_queries):
        other = SipUser.objects.create(domain=bob.domain, username="carol")
        DeliveryPolicy.objects.create(domain=bob.domain, policy="redirect")
        DeliveryPolicy.objects.create(user=other, policy="refuse:486")
        with django_assert_num_queries(1):
            found = effective_for(bob)
        assert found == load_snapshot().effective(bob.pk, bob.domain_id)
        assert found.origin_text == "domain example.org"

    def test_a_row_that_makes_no_sense_inherits(self, bob):
        DeliveryPolicy.objects.create(user=bob, policy="dance")
        assert str(effective_for(bob).policy) == "proxy"
