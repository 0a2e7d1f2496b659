"""Routing rules in the console."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.utils import timezone

from proxy.models import RoutingRule
from tests.console import HOSTILE, attempt

pytestmark = pytest.mark.django_db
NIGHT = {
    "priority": "20", "description": "night", "enabled": "on", "domain": "", "user_pattern": "00*", "method": "INVITE",
    "source_cidr": "", "caller": "", "action": "proxy", "fork": "by-q",
    "targets": "sip:gw1.example.net\r\n\r\n <sip:gw2.example.net>;q=0.5 ", "reject_code": "",
}  # fmt: skip


def a_rule(priority=10, **facts):
    values = {"action": "reject", "reject_code": 603, "priority": priority, **facts}
    return RoutingRule.objects.create(**values)


def test_it_works(admin_page, domain, engine):
    page = admin_page.post("/routing/rules/new/", {**NIGHT, "domain": domain.pk}, follow=True)
    text = page.content.decode()
    assert "Rule 20 &#x27;night&#x27; is there. Active now on the engine." in text
    rule = RoutingRule.objects.get()
    assert (rule.domain, rule.targets) == (domain, ["sip:gw1.example.net", "<sip:gw2.example.net>;q=0.5"])
    assert "user <code>00*</code>" in text
    assert "sip:gw1.example.net" in text


def test_a_new_rule_comes_last(admin_page):
    a_rule(35)
    assert 'value="45"' in admin_page.get("/routing/rules/new/").content.decode()


def test_change(admin_page, engine):
    rule = a_rule()
    place = f"/routing/rules/{rule.pk}/"
    assert 'value="603"' in admin_page.get(place).content.decode()
    admin_page.post(place, NIGHT)
    rule.refresh_from_db()
    assert (rule.action, rule.priority, rule.version) == ("proxy", 20, 2)
    assert "sip:gw1.example.net\n&lt;sip:gw2" in admin_page.get(place).content.decode()


@pytest.mark.parametrize(
    ("entered", "sentence"),
    [
        ({"action": "forward"}, "needs one target"),
        ({"action": "reject", "targets": ""}, "needs a status code from 400 to 699"),
        ({"targets": "tel:+1"}, "is no SIP URI"),
        ({"user_pattern": "a b"}, "holds white space"),
        ({"source_cidr": "here"}, "is no network"),
        ({"priority": "soon"}, "Enter a whole number"),
        ({"action": "forward", "targets": "sip:a", "fork": "serial"}, "only a rule that rings"),
    ],
)
def test_refusals(admin_page, entered, sentence):
    response = admin_page.post("/routing/rules/new/", {**NIGHT, **entered})
    assert response.status_code == 422
    assert sentence in response.content.decode()
    assert not RoutingRule.objects.exists()


def test_a_refused_change_changes_nothing(admin_page):
    rule = a_rule()
    assert admin_page.post(f"/routing/rules/{rule.pk}/", {**NIGHT, "targets": "x"}).status_code == 422
    rule.refresh_from_db()
    assert (rule.action, rule.version) == ("reject", 1)


@pytest.mark.parametrize(
    ("priorities", "moved", "to", "order"),
    [
        ([10, 20, 30], 1, "up", [(10, 1), (20, 0), (30, 2)]),
        ([10, 20, 30], 1, "down", [(10, 0), (20, 2), (30, 1)]),
        ([10, 20], 0, "up", [(10, 0), (20, 1)]),
        ([10, 20], 1, "down", [(10, 0), (20, 1)]),
        ([5, 5, 5], 2, "up", [(5, 0), (6, 2), (7, 1)]),
    ],
)
def test_order(admin_page, engine, priorities, moved, to, order):
    rules = [a_rule(priority) for priority in priorities]
    admin_page.post(f"/routing/rules/{rules[moved].pk}/move/", {"to": to})
    assert [(row.priority, rules.index(row)) for row in RoutingRule.objects.all()] == order


def test_delete(admin_page, engine):
    rule = a_rule()
    admin_page.post(f"/routing/rules/{rule.pk}/delete/")
    assert not RoutingRule.objects.exists()
    assert admin_page.post(f"/routing/rules/{rule.pk}/move/", {"to": "up"}).status_code == 302


def test_effect(admin_page, django_assert_max_num_queries):
    a_rule(20, description="night")
    a_rule(30)
    for number, origin in enumerate(["rule 20 'night'", "rule 20 'night'", "server default", "rule 99"]):
        attempt(number, branches=0, policy_origin=origin)
    attempt(9, branches=0, policy_origin="rule 30", started_at=timezone.now() - timedelta(days=2))
    with django_assert_max_num_queries(12):
        text = admin_page.get("/routing/").content.decode()
    assert re.findall(r'<td class="number" data-label="Calls in a day">(\d+)</td>', text) == ["2", "0"]


def test_operators_read(operator_page):
    rule = a_rule(description="night")
    text = operator_page.get("/routing/").content.decode()
    assert "night" in text
    assert "Add a rule" not in text
    assert "disabled" in operator_page.get(f"/routing/rules/{rule.pk}/").content.decode()
    for place in ("new/", f"{rule.pk}/", f"{rule.pk}/move/", f"{rule.pk}/delete/"):
        assert operator_page.post(f"/routing/rules/{place}", NIGHT).status_code == 403
    assert RoutingRule.objects.count() == 1


def test_hostile_text(admin_page):
    rule = a_rule(description=HOSTILE[:100], user_pattern="<script>*", targets=["sip:<script>"])
    for place in ("/routing/", f"/routing/rules/{rule.pk}/"):
        assert "<script>" not in admin_page.get(place).content.decode().replace("<script src", "")
