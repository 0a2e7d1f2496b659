"""/api/v1/routing-rules/"""

from __future__ import annotations

import pytest

from proxy.models import RoutingRule
from proxy.rule_rows import load_rules
from sipadmin.models import ConfigChange

pytestmark = pytest.mark.django_db
JSON = "application/json"
PLACE = "/api/v1/routing-rules/"
NIGHT = {
    "priority": 20,
    "description": "night",
    "match": {
        "domain": "example.org", "user_pattern": "00*", "method": "INVITE", "source_cidr": "192.0.2.0/24",
        "caller": "*@example.org",
    },
    "action": "proxy",
    "fork": "serial",
    "targets": ["sip:gw1.example.net", "<sip:gw2.example.net>;q=0.5"],
}  # fmt: skip


def pointers(response):
    assert response.status_code == 400, response.content
    return {error["pointer"] for error in response.json()["errors"]}


class TestRules:
    def test_it_works(self, admin_page, domain):
        created = admin_page.post(PLACE, NIGHT, JSON)
        assert created.status_code == 201, created.content
        facts = created.json()
        assert facts["match"] == NIGHT["match"]
        assert facts["targets"] == NIGHT["targets"]
        assert (facts["enabled"], facts["reject_code"], facts["version"]) == (True, None, 1)
        assert created["ETag"] == f'"{facts["id"]}-1"'
        assert admin_page.get(f"{PLACE}{facts['id']}/").json() == facts
        assert admin_page.get(PLACE).json()["results"] == [facts]
        assert ConfigChange.objects.filter(kind="policy").exists()
        [rule] = load_rules().rules
        assert (rule.name, str(rule.policy), len(rule.targets)) == ("20 'night'", "proxy-sequential", 2)

    def test_patch_changes_what_it_names(self, admin_page, domain):
        place = f"{PLACE}{admin_page.post(PLACE, NIGHT, JSON).json()['id']}/"
        facts = admin_page.patch(place, {"enabled": False, "match": {"user_pattern": "01*"}}, JSON).json()
        assert (facts["enabled"], facts["version"], facts["description"]) == (False, 2, "night")
        assert facts["match"] == {**NIGHT["match"], "user_pattern": "01*"}
        assert len(load_rules()) == 0

    def test_put_replaces(self, admin_page, domain):
        place = f"{PLACE}{admin_page.post(PLACE, NIGHT, JSON).json()['id']}/"
        facts = admin_page.put(place, {"priority": 5, "action": "reject", "reject_code": 603}, JSON).json()
        assert (facts["priority"], facts["action"], facts["reject_code"]) == (5, "reject", 603)
        assert (facts["description"], facts["targets"], facts["fork"]) == ("", [], "by-q")
        assert facts["match"] == {"domain": None, "user_pattern": "", "method": "", "source_cidr": "", "caller": ""}

    def test_delete(self, admin_page, domain):
        place = f"{PLACE}{admin_page.post(PLACE, NIGHT, JSON).json()['id']}/"
        assert admin_page.delete(place).status_code == 204
        assert RoutingRule.objects.count() == 0

    def test_if_match(self, admin_page, domain):
        place = f"{PLACE}{admin_page.post(PLACE, NIGHT, JSON).json()['id']}/"
        assert admin_page.patch(place, {"priority": 1}, JSON, headers={"If-Match": '"0-0"'}).status_code == 412

    @pytest.mark.parametrize(
        ("change", "pointer"),
        [
            ({"priority": None}, "#/priority"),
            ({"priority": -1}, "#/priority"),
            ({"action": "explode"}, "#/action"),
            ({"action": "forward"}, "#/targets"),
            ({"action": "reject"}, "#/fork"),
            ({"action": "reject", "fork": "by-q"}, "#/reject_code"),
            ({"reject_code": 200}, "#/reject_code"),
            ({"targets": ["tel:+1"]}, "#/targets"),
            ({"targets": ["sip:a"] * 11}, "#/targets"),
            ({"targets": "sip:a"}, "#/targets"),
            ({"match": {"domain": "nowhere.example"}}, "#/match/domain"),
            ({"match": {"user_pattern": "a b"}}, "#/match/user_pattern"),
            ({"match": {"user_pattern": "*" * 9}}, "#/match/user_pattern"),
            ({"match": {"method": "IN/VITE"}}, "#/match/method"),
            ({"match": {"source_cidr": "192.0.2.1/24"}}, "#/match/source_cidr"),
            ({"match": {"caller": "\x00"}}, "#/match/caller"),
            ({"match": {"sender": "x"}}, "#/match/sender"),
            ({"bogus": 1}, "#/bogus"),
        ],
    )
    def test_refusals(self, admin_page, domain, change, pointer):
        assert pointer in pointers(admin_page.post(PLACE, {**NIGHT, **change}, JSON))
        assert RoutingRule.objects.count() == 0

    def test_a_patch_is_judged_as_a_whole(self, admin_page, domain):
        place = f"{PLACE}{admin_page.post(PLACE, NIGHT, JSON).json()['id']}/"
        assert pointers(admin_page.patch(place, {"action": "forward"}, JSON)) == {"#/fork", "#/targets"}

    def test_no_more_than_may_be_in_force(self, admin_page, domain, monkeypatch):
        monkeypatch.setattr("proxy.rule_rows.MOST_RULES", 1)
        assert admin_page.post(PLACE, NIGHT, JSON).status_code == 201
        assert pointers(admin_page.post(PLACE, NIGHT, JSON)) == {"#/enabled"}
        assert admin_page.post(PLACE, {**NIGHT, "enabled": False}, JSON).status_code == 201

    @pytest.mark.parametrize(
        ("query", "count"),
        [("", 2), ("?domain=EXAMPLE.org", 1), ("?action=reject", 1), ("?enabled=false", 0), ("?q=NIG", 1)],
    )
    def test_filters(self, admin_page, domain, query, count):
        admin_page.post(PLACE, NIGHT, JSON)
        admin_page.post(PLACE, {"priority": 1, "action": "reject", "reject_code": 410}, JSON)
        assert admin_page.get(f"{PLACE}{query}").json()["count"] == count


class TestRows:
    def test_a_row_that_cannot_be_read_does_not_stop_the_start(self, domain, caplog):
        RoutingRule.objects.create(priority=1, action="forward", targets=[])
        RoutingRule.objects.create(priority=2, action="proxy", targets={"no": "list"})
        RoutingRule.objects.create(priority=3, action="reject", reject_code=603)
        assert [rule.priority for rule in load_rules().rules] == [3]
        assert "left out: targets: a rule that forwards needs one target" in caplog.text

    def test_too_many_rows(self, domain, caplog, monkeypatch):
        monkeypatch.setattr("proxy.rule_rows.MOST_RULES", 1)
        for number in range(2):
            RoutingRule.objects.create(priority=number, action="reject", reject_code=603)
        load_rules()
        assert "only the first 1 routing rules" in caplog.text
