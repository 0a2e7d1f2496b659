"""The simulator in the console, and a rule tried before it is saved."""

from __future__ import annotations

import pytest

from proxy.models import RoutingRule
from tests.console import HOSTILE, bind
from tests.proxy.web.test_rules import NIGHT

pytestmark = pytest.mark.django_db
PLACE = "/routing/simulate/"


@pytest.fixture
def phone(bob):
    return bind(bob, 20, user_agent=HOSTILE)


class TestPage:
    def test_it_works(self, admin_page, alice, phone, simulated):
        assert "What would happen?" in admin_page.get(PLACE).content.decode()
        text = admin_page.get(PLACE, {"caller": "alice@example.org", "callee": "bob@example.org"}).content.decode()
        assert "1 target of bob would be tried" in text
        assert "sip:bob@192.0.2.20:5060" in text
        assert "Nothing was sent" in text
        assert "<script>alert" not in text

    def test_a_banned_source(self, admin_page, alice, phone, simulated):
        asked = {"callee": "bob@example.org", "source": "203.0.113.66"}
        assert "This source is banned" in admin_page.get(PLACE, asked).content.decode()
        asked["source"] = "203.0.113.65"
        assert "This source is banned" not in admin_page.get(PLACE, asked).content.decode()

    def test_operators_ask_too(self, operator_page, alice, phone, simulated):
        assert "would be tried" in operator_page.get(PLACE, {"callee": "bob@example.org"}).content.decode()

    @pytest.mark.parametrize(
        ("what_if", "sentence"),
        [
            ({"what_if": "user", "policy_action": "refuse", "policy_argument": "486"}, "486 by policy"),
            ({"what_if": "domain", "policy_action": "redirect"}, "The caller was sent to bob&#x27;s contact (302)"),
            ({"what_if": "server", "policy_action": "proxy-sequential"}, "proxy-sequential"),
            ({"what_if": "arranged", "do_not_disturb": "on"}, "does not want to be disturbed"),
            ({"what_if": "arranged", "forward_always": "carol"}, "carol is not a user"),
        ],
    )
    def test_before_and_after(self, admin_page, alice, phone, simulated, what_if, sentence):
        text = admin_page.get(PLACE, {"callee": "bob@example.org", "source": "192.0.2.77", **what_if}).content.decode()
        assert "With this edit" in text
        assert sentence in text

    @pytest.mark.parametrize(
        ("asked", "sentence"),
        [
            ({"callee": ""}, "This field is required"),
            ({"callee": "sip:%%"}, "The callee is no URI"),
            ({"callee": "bob@example.org", "source": "x"}, "Enter a valid IPv4 or IPv6 address"),
            ({"callee": "bob@example.org", "method": "REGISTER"}, "not routed by policy"),
            ({"callee": "bob@example.org", "at": "soon"}, "Enter a valid date"),
            ({"callee": "nobody@example.org", "what_if": "user", "policy_action": "proxy"}, "There is no user"),
            ({"callee": "b@example.org", "what_if": "user", "policy_action": "refuse"}, "refuse needs a status code"),
        ],
    )
    def test_refusals(self, admin_page, alice, phone, simulated, asked, sentence):
        response = admin_page.get(PLACE, asked)
        assert response.status_code == 422
        assert sentence in response.content.decode()

    def test_the_engine_is_down(self, admin_page, bob):
        response = admin_page.get(PLACE, {"callee": "bob@example.org"})
        assert response.status_code == 422
        assert "not running" in response.content.decode()

    def test_strangers_log_in(self, client):
        assert client.get(PLACE).status_code == 302


class TestTryingARule:
    TRY = {
        "try": "1",
        "ask-callee": "0049301234@example.org",
        "ask-caller": "alice@example.org",
        "ask-method": "INVITE",
    }

    def test_a_new_one(self, admin_page, alice, simulated):
        text = admin_page.post("/routing/rules/new/", {**NIGHT, **self.TRY}).content.decode()
        assert "0049301234 is not a user of example.org: 404" in text
        assert "target of rule 20 &#x27;night&#x27;" in text
        assert "With this edit" in text
        assert 'value="00*"' in text  # the form is as it was
        assert not RoutingRule.objects.exists()

    def test_a_changed_one(self, admin_page, alice, simulated):
        rule = RoutingRule.objects.create(priority=10, action="reject", reject_code=603)
        text = admin_page.post(f"/routing/rules/{rule.pk}/", {**NIGHT, **self.TRY}).content.decode()
        assert "603 by policy" in text
        assert "target of rule 20" in text
        rule.refresh_from_db()
        assert (rule.action, rule.version) == ("reject", 1)

    @pytest.mark.parametrize(
        ("entered", "sentence"),
        [({"ask-callee": ""}, "This field is required"), ({"action": "forward"}, "needs one target")],
    )
    def test_refusals(self, admin_page, simulated, entered, sentence):
        response = admin_page.post("/routing/rules/new/", {**NIGHT, **self.TRY, **entered})
        assert response.status_code == 422
        assert sentence in response.content.decode()

    def test_not_for_operators(self, operator_page, simulated):
        assert operator_page.post("/routing/rules/new/", {**NIGHT, **self.TRY}).status_code == 403
