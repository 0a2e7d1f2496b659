"""POST /api/v1/routing/simulate/"""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from proxy.models import RoutingRule
from registrar.models import ThirdPartyRule
from sipadmin.models import AuditEntry, ConfigChange
from sipadmin.provisioning import set_policy
from tests.console import bind

pytestmark = pytest.mark.django_db
JSON = "application/json"
PLACE = "/api/v1/routing/simulate/"


def ask(client, **parts):
    return client.post(PLACE, {"from": "alice@example.org", "to": "bob@example.org", **parts}, JSON)


def answered(client, **parts):
    response = ask(client, **parts)
    assert response.status_code == 200, response.content
    return response.json()


@pytest.fixture
def phone(bob):
    return bind(bob, 20)


class TestSimulate:
    def test_it_works(self, admin_page, alice, phone, simulated):
        facts = answered(admin_page)
        assert facts["decision"] == "proxy"
        assert facts["targets"][0]["uri"] == phone.contact
        assert facts["answer"] is None
        assert facts["after"] is None
        assert any("The caller is alice" in step["text"] for step in facts["steps"])

    def test_operators_may_ask(self, operator_page, alice, phone, simulated):
        assert answered(operator_page)["decision"] == "proxy"

    def test_only_the_callee_is_needed(self, admin_page, phone, simulated):
        assert admin_page.post(PLACE, {"to": "sip:bob@example.org"}, JSON).json()["decision"] == "proxy"

    def test_at_another_time(self, admin_page, alice, phone, simulated):
        later = (timezone.now() + timedelta(hours=2)).isoformat()
        assert answered(admin_page, at=later)["answer"]["status"] == 480

    def test_stored_rules_and_policies(self, admin_page, alice, bob, phone, simulated):
        set_policy(bob, "redirect")
        assert answered(admin_page, source="192.0.2.77")["policy_origin"] == "user bob@example.org"
        RoutingRule.objects.create(priority=5, description="no", action="reject", reject_code=603)
        facts = answered(admin_page)
        assert (facts["policy"], facts["policy_origin"]) == ("refuse:603", "rule 5 'no'")

    @pytest.mark.parametrize(
        ("parts", "pointer"),
        [
            ({"to": None}, "#/to"),
            ({"to": "sip:%%"}, "#"),
            ({"method": "REGISTER"}, "#"),
            ({"source": "here"}, "#/source"),
            ({"protocol": "smoke"}, "#/protocol"),
            ({"protocol": "wss"}, "#"),
            ({"at": "soon"}, "#/at"),
            ({"bogus": 1}, "#/bogus"),
            ({"draft": {}}, "#/draft"),
            ({"draft": {"policy": {"policy": "explode"}}}, "#/draft/policy/policy"),
            ({"draft": {"policy": {"policy": "proxy", "user": "nobody@example.org"}}}, "#"),
            ({"draft": {"policy": {"policy": "proxy", "domain": "nowhere.example"}}}, "#"),
            ({"draft": {"user": {"aor": "nobody@example.org"}}}, "#"),
            ({"draft": {"rule": {"id": 999}}}, "#/draft/rule/id"),
            ({"draft": {"rule": {"is_deleted": True}}}, "#/draft/rule/id"),
            ({"draft": {"rule": {"rule": {"priority": 1, "action": "forward"}}}}, "#/draft/rule/rule/targets"),
        ],
    )
    def test_refusals(self, admin_page, alice, phone, simulated, parts, pointer):
        response = ask(admin_page, **parts)
        assert response.status_code == 400, response.content
        assert pointer in {error["pointer"] for error in response.json()["errors"]}

    def test_the_engine_is_down(self, admin_page, alice):
        assert ask(admin_page).status_code == 503


class TestDrafts:
    def after(self, client, draft):
        facts = answered(client, draft=draft)
        assert facts["decision"] == "proxy"  # what is now
        return facts["after"]

    def test_policy_of_the_user(self, admin_page, alice, phone, simulated):
        after = self.after(admin_page, {"policy": {"user": "bob@example.org", "policy": "refuse:486"}})
        assert (after["answer"]["status"], after["policy_origin"]) == (486, "user bob@example.org")

    def test_policy_of_the_domain(self, admin_page, alice, phone, simulated):
        after = self.after(admin_page, {"policy": {"domain": "example.org", "policy": "redirect", "ring_time": 7}})
        assert after["policy_origin"] == "domain example.org"

    def test_policy_of_the_server(self, admin_page, alice, phone, simulated):
        after = self.after(admin_page, {"policy": {"policy": "proxy-sequential", "ring_time": 7}})
        assert (after["policy"], after["ring_time"]) == ("proxy-sequential", 7.0)

    def test_inherit(self, admin_page, alice, bob, phone, simulated):
        set_policy(bob, "proxy-parallel")
        after = self.after(admin_page, {"policy": {"user": "bob@example.org", "policy": "inherit"}})
        assert after["policy_origin"] == "server default"

    def test_user_settings(self, admin_page, alice, phone, simulated):
        after = self.after(admin_page, {"user": {"aor": "bob@example.org", "do_not_disturb": True}})
        assert after["answer"]["status"] == 480
        after = self.after(admin_page, {"user": {"aor": "sip:bob@example.org", "enabled": False}})
        assert "switched off" in after["sentence"]

    def test_a_new_rule(self, admin_page, alice, phone, simulated):
        rule = {"priority": 1, "action": "reject", "reject_code": 603, "match": {"domain": "example.org"}}
        after = self.after(admin_page, {"rule": {"rule": rule}})
        assert (after["answer"]["status"], after["policy_origin"]) == (603, "rule 1")

    def test_a_changed_rule(self, admin_page, alice, phone, simulated):
        rule = RoutingRule.objects.create(priority=5, user_pattern="x*", action="reject", reject_code=603)
        after = self.after(admin_page, {"rule": {"id": rule.pk, "rule": {"match": {"user_pattern": "b*"}}}})
        assert after["answer"]["status"] == 603

    def test_a_rule_switched_off_or_deleted(self, admin_page, alice, phone, simulated):
        rule = RoutingRule.objects.create(priority=5, action="reject", reject_code=603)
        for draft in ({"is_deleted": True}, {"rule": {"enabled": False}}):
            facts = answered(admin_page, draft={"rule": {"id": rule.pk, **draft}})
            assert facts["answer"]["status"] == 603
            assert facts["after"]["decision"] == "proxy"

    def test_nothing_is_written(self, admin_page, alice, bob, phone, simulated):
        before = (ConfigChange.objects.count(), AuditEntry.objects.count())
        self.after(admin_page, {"rule": {"rule": {"priority": 1, "action": "reject", "reject_code": 603}}})
        self.after(admin_page, {"user": {"aor": "bob@example.org", "do_not_disturb": True}})
        self.after(admin_page, {"policy": {"user": "bob@example.org", "policy": "refuse:486"}})
        assert RoutingRule.objects.count() == ThirdPartyRule.objects.count() == 0
        bob.refresh_from_db()
        assert not bob.do_not_disturb
        assert (ConfigChange.objects.count(), AuditEntry.objects.count()) == before
